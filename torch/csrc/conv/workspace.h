// workspace.h: memory that a convolution works in, kept for the next one.
#pragma once

#include <stdint.h>

namespace gt::conv {

// Bytes that wait in the pool at most; beyond it a returned buffer is freed. They are shared by all threads.
constexpr int64_t POOL = int64_t(64) << 20;

// A buffer of floats, aligned to a page and of any content. It goes back to the pool at the end of its life.
class Workspace {
 public:
  explicit Workspace(int64_t floats);
  ~Workspace();
  Workspace(const Workspace &) = delete;
  Workspace &operator=(const Workspace &) = delete;

  float *data() const { return data_; }

 private:
  float *data_;
  int64_t bytes_;
};

// Bytes in the pool now, and bytes in use now; for tests.
void pool_state(int64_t *idle, int64_t *used);

}  // namespace gt::conv
