// workspace.h: memory that a convolution works in.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include <memory>
#include <new>

namespace gt::conv {

// A buffer of floats, aligned to a cache line and of any content. It is the process's allocator that keeps it for the next
// one (gt_keep_memory of gotorch.h).
class Workspace {
 public:
  explicit Workspace(int64_t floats)
      : data_(static_cast<float *>(aligned_alloc(LINE, (floats * sizeof(float) + LINE - 1) / LINE * LINE))) {
    if (!data_) throw std::bad_alloc();
  }

  float *data() const { return data_.get(); }

 private:
  static constexpr size_t LINE = 64;
  struct Free {
    void operator()(float *p) const { free(p); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace gt::conv
