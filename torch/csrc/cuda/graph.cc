// graph.cc: what a stream is given, captured once and repeated by the device (torch/cuda/graphs.py is the model).
//
// Every tensor that is made during a capture lives in a pool of memory that belongs to the graph, so that its addresses
// stay the graph's. Graphs that never work at once, and leave nothing behind in it, may share a pool: it is then as large as
// the largest of them needs. With PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True the pools grow page by page, and less of them
// is lost to fragments; nothing here depends on it.
#include "graph.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#include <torch/version.h>

namespace {

// For steps of a clean-up: the later ones must be tried whatever became of the earlier ones.
template <class F>
void try_to(F &&f) noexcept {
  try {
    f();
  } catch (const std::exception &) {
  }
}

// From some version on, libtorch registers a generator by itself when it is first drawn from.
template <class Graph>
void register_generator(Graph &graph, const at::Generator &generator) {
  if constexpr (requires { graph.register_generator_state(generator); }) graph.register_generator_state(generator);
}

// Opens what libtorch's class keeps for clean-up after a capture that failed, which it leaves to its caller.
struct Captured : at::cuda::CUDAGraph {
  bool ended() const { return capture_ended_; }
};

class CudaGraph final : public gt_graph {
 public:
  CudaGraph(int index, const CudaGraph *beside)
      : index_(static_cast<c10::DeviceIndex>(index)),
        stream_(c10::cuda::getCurrentCUDAStream(index_)),
        pool_(beside ? beside->pool_ : at::cuda::graph_pool_handle()),
        shares_(beside) {}

  ~CudaGraph() override {
    try_to([&] {
      c10::cuda::CUDAStreamGuard guard(stream_);
      if (capturing_) give_up();
      stream_.synchronize(); // a replay in flight works in memory that goes with the graph
    });
  }

  void begin(std::vector<at::Generator> generators) override {
    stream_ = c10::cuda::getCurrentCUDAStream(index_);
    generators_ = std::move(generators);
    generators_.push_back(at::cuda::detail::getDefaultCUDAGenerator(index_)); // libtorch registers it, whoever draws from it
    // The warm-up's memory cannot be the graph's: what of it is not in use goes back to the device.
    c10::cuda::device_synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
    for (const at::Generator &g : generators_) register_generator(graph_, g);
    if (shares_) users_ = c10::cuda::CUDACachingAllocator::getPoolUseCount(index_, pool_); // it knows no pool that was never used
    capturing_ = true;
    // The mode lets other threads, such as autograd's, call what a capture forbids.
    graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
  }

  void end() override {
    graph_.capture_end();
    capturing_ = false;
  }

  void replay() override { graph_.replay(); }

 private:
  // Leaves stream, allocators and generators as if there had been no capture. What libtorch leaves undone after a failed
  // one differs from version to version, so each step is tried.
  void give_up() noexcept {
    namespace allocator = c10::cuda::CUDACachingAllocator;
    capturing_ = false;
    try_to([&] { graph_.capture_end(); }); // also of a capture that an error made invalid: the stream is then free again
    (void)cudaGetLastError();              // the error was told where it came up
    if (graph_.ended()) return;
    try_to([&] { graph_.reset(); });
    try_to([&] { allocator::endAllocateToPool(index_, pool_); });
    try_to([&] {
      if (allocator::getPoolUseCount(index_, pool_) > users_) allocator::releasePool(index_, pool_);
    });
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 11 // older versions begin nothing there
    try_to([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_); });
    try_to([&] { at::getHostAllocator(at::kCUDA)->release_pool(pool_); });
#endif
    for (at::Generator &g : generators_) try_to([&] { renew(g); });
  }

  // A generator's state believes for ever that it is being captured: it gets another that stands where it stood.
  void renew(at::Generator &g) {
    at::Generator fresh = at::cuda::detail::createCUDAGenerator(index_);
    fresh.set_state(g.get_state());
    g.graphsafe_set_state(fresh);
  }

  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
  Captured graph_;
  std::vector<at::Generator> generators_;
  decltype(at::cuda::graph_pool_handle()) pool_;
  bool shares_;
  int users_ = 0; // of the pool, before this one
  bool capturing_ = false;
};

} // namespace

std::unique_ptr<gt_graph> new_cuda_graph(int index, const gt_graph *beside) {
  return std::make_unique<CudaGraph>(index, static_cast<const CudaGraph *>(beside));
}
