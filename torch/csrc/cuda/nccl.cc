// nccl.cc: tensors on CUDA devices over processes, by NCCL. The library is the one that libtorch was linked with, or the
// system's; the few functions are declared here, as nccl.h of NCCL 2.4 and newer has them, since libtorch's set has no nccl.h
// where it is slim, and libtorch's own wrapper has no way to end a wait.
//
// Work is queued on the calling thread's current stream and can be captured. Nothing here waits for the device: a peer that
// is lost stops the device's work, which check tells and abort ends.
#include "nccl.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "../scope.h"

namespace {

struct UniqueId {
  char bytes[128];
};
struct Communicator; // ncclComm

constexpr int success = 0, in_progress = 7, sum_of = 0; // ncclSuccess, ncclInProgress, ncclSum
constexpr int oldest = 20400;                           // abort and async errors came with 2.4

// The functions of nccl.h that are used.
struct Library {
  int (*ncclGetVersion)(int *version);
  const char *(*ncclGetErrorString)(int result);
  int (*ncclGetUniqueId)(UniqueId *id);
  int (*ncclCommInitRank)(Communicator **comm, int ranks, UniqueId id, int rank);
  int (*ncclCommDestroy)(Communicator *comm);
  int (*ncclCommAbort)(Communicator *comm);
  int (*ncclCommGetAsyncError)(Communicator *comm, int *result);
  int (*ncclAllReduce)(const void *from, void *to, size_t count, int dtype, int op, Communicator *comm, cudaStream_t stream);
  int (*ncclBroadcast)(const void *from, void *to, size_t count, int dtype, int root, Communicator *comm, cudaStream_t stream);

  Library() {
    handle_ = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle_) throw gt::Error(GT_FAILED, std::string("NCCL cannot be opened: ") + dlerror());
    take(ncclGetVersion, "ncclGetVersion");
    take(ncclGetErrorString, "ncclGetErrorString");
    take(ncclGetUniqueId, "ncclGetUniqueId");
    take(ncclCommInitRank, "ncclCommInitRank");
    take(ncclCommDestroy, "ncclCommDestroy");
    take(ncclCommAbort, "ncclCommAbort");
    take(ncclCommGetAsyncError, "ncclCommGetAsyncError");
    take(ncclAllReduce, "ncclAllReduce");
    take(ncclBroadcast, "ncclBroadcast");
    int version = 0;
    need(ncclGetVersion(&version));
    if (version < oldest)
      throw gt::Error(GT_FAILED, "NCCL is of version " + std::to_string(version) + ": it takes 2.4 or newer");
  }

  void need(int result, int code = GT_FAILED) const {
    if (result != success && result != in_progress) throw gt::Error(code, std::string("NCCL: ") + ncclGetErrorString(result));
  }

 private:
  void *handle_; // never closed: NCCL has threads of its own

  template <class F>
  void take(F &function, const char *name) {
    function = reinterpret_cast<F>(dlsym(handle_, name));
    if (!function) throw gt::Error(GT_FAILED, std::string("NCCL has no ") + name);
  }
};

int dtype_of(const at::Tensor &t) {
  switch (t.scalar_type()) {
    case at::kByte: return 1;
    case at::kInt: return 2;
    case at::kLong: return 4;
    case at::kHalf: return 6;
    case at::kFloat: return 7;
    case at::kDouble: return 8;
    case at::kBFloat16: return 9;
    default: throw gt::Error(GT_FAILED, std::string("NCCL does not carry ") + c10::toString(t.scalar_type()));
  }
}

class Nccl final : public gt::Peers {
 public:
  Nccl(int index, int rank, int size, std::chrono::milliseconds timeout)
      : index_(static_cast<c10::DeviceIndex>(index)), rank_(rank), size_(size), timeout_(timeout) {}

  ~Nccl() override {
    if (Communicator *comm = comm_) library_.ncclCommDestroy(comm);
  }

  std::string word() override {
    if (rank_ != 0) return {};
    UniqueId id;
    library_.need(library_.ncclGetUniqueId(&id));
    return {id.bytes, sizeof id.bytes};
  }

  // NCCL waits for ever for a rank that does not come, so it waits on a thread of its own. One that came to nothing is left
  // behind: the process is to end.
  void join(const std::vector<std::string_view> &words) override {
    UniqueId id;
    if (words[0].size() != sizeof id.bytes) throw gt::Error(GT_FAILED, "rank 0 gave no id of NCCL's");
    words[0].copy(id.bytes, sizeof id.bytes);
    struct Made {
      int result;
      Communicator *comm;
    };
    std::packaged_task<Made()> make([library = library_, index = index_, rank = rank_, size = size_, id] {
      c10::cuda::CUDAGuard guard(index);
      Made made{};
      made.result = library.ncclCommInitRank(&made.comm, size, id, rank);
      return made;
    });
    std::future<Made> coming = make.get_future();
    std::thread(std::move(make)).detach();
    if (coming.wait_for(timeout_) != std::future_status::ready)
      throw gt::Error(GT_PEER, "NCCL waited " + std::to_string(timeout_.count()) + " ms for all ranks to join");
    const Made made = coming.get();
    library_.need(made.result, GT_PEER);
    comm_ = made.comm;
  }

  void sum(const at::Tensor &t) override {
    queue(t, [&](void *data, int dtype, cudaStream_t stream) {
      return library_.ncclAllReduce(data, data, t.numel(), dtype, sum_of, comm_, stream);
    });
  }

  void broadcast(const at::Tensor &t, int root) override {
    queue(t, [&](void *data, int dtype, cudaStream_t stream) {
      return library_.ncclBroadcast(data, data, t.numel(), dtype, root, comm_, stream);
    });
  }

  void check() override {
    std::lock_guard<std::mutex> hold(mutex_);
    need_peers();
    int result = success;
    library_.need(library_.ncclCommGetAsyncError(comm_, &result), GT_PEER);
    library_.need(result, GT_PEER);
  }

  void abort() noexcept override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Communicator *comm = comm_.exchange(nullptr)) library_.ncclCommAbort(comm);
  }

 private:
  void need_peers() const {
    if (!comm_) throw gt::Error(GT_PEER, "it was given up, or never joined");
  }

  template <class F>
  void queue(const at::Tensor &t, F &&f) {
    if (!t.is_cuda() || t.get_device() != index_)
      throw gt::Error(GT_FAILED, "NCCL carries tensors of cuda:" + std::to_string(index_) + ": this one is on " + t.device().str());
    const int dtype = dtype_of(t);
    c10::cuda::CUDAGuard guard(index_);
    need_peers();
    library_.need(f(t.mutable_data_ptr(), dtype, c10::cuda::getCurrentCUDAStream(index_)), GT_PEER);
  }

  Library library_;
  c10::DeviceIndex index_;
  int rank_, size_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_; // of check and abort, which other threads call
  std::atomic<Communicator *> comm_ = nullptr;
};

}  // namespace

std::shared_ptr<gt::Peers> new_nccl(int index, int rank, int size, std::chrono::milliseconds timeout) {
  return std::make_shared<Nccl>(index, rank, size, timeout);
}
