// memory.cc: how much memory a stretch of work takes at most.
#include <c10/core/Allocator.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "cuda_table.h"
#include "scope.h"

namespace {

// On CUDA the caching allocator keeps the peak. The CPU's allocator keeps none, but tells what it gives and takes back;
// autograd may pass this on to its threads.
class Meter final : public c10::MemoryReportingInfoBase {
 public:
  explicit Meter(at::Device device) : device_(device) {
    if (!device_.is_cuda()) return;
    gt::cuda()->reset_peak(device_.index());
    before_ = cuda().allocated;
  }

  bool memoryProfilingEnabled() const override { return device_.is_cpu(); }

  void reportMemoryUsage(void *at, int64_t size, size_t, size_t, at::Device device) override {
    if (device != device_) return;
    std::lock_guard<std::mutex> lock(mutex_);
    auto known = sizes_.find(at);
    if (known != sizes_.end()) {
      live_ -= known->second;
      sizes_.erase(known);
    }
    if (size <= 0) return; // what is not known here was taken before
    sizes_.emplace(at, size);
    live_ += size;
    peak_ = std::max(peak_, live_);
  }

  int64_t peak() { return device_.is_cuda() ? cuda().peak - before_ : peak_; }

 private:
  gt_memory cuda() const {
    gt_memory now;
    gt::cuda()->memory(device_.index(), &now);
    return now;
  }

  const at::Device device_;
  int64_t before_ = 0, live_ = 0, peak_ = 0;
  std::unordered_map<void *, int64_t> sizes_;
  std::mutex mutex_;
};

} // namespace

GT_EXPORT int gt_peak_begin(gt_scope *s) {
  return gt::run(s, [&] {
    if (s->root->meter) throw gt::Error(GT_FAILED, "memory is being measured already");
    // libtorch tells what takes the place of its profiler, and takes it for one.
    if (s->device.is_cpu() && c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::PROFILER_STATE))
      throw gt::Error(GT_FAILED, "a trace is being recorded: measure memory before or after it");
    s->root->meter = std::make_shared<Meter>(s->device);
  });
}

GT_EXPORT int gt_peak_end(gt_scope *s, int64_t *bytes) {
  return gt::run(s, [&] {
    std::shared_ptr<c10::DebugInfoBase> meter = std::move(s->root->meter);
    if (!meter) throw gt::Error(GT_FAILED, "no memory is being measured");
    *bytes = static_cast<Meter &>(*meter).peak();
  });
}
