// workspace.cc: a list of free buffers behind a mutex. A call takes and returns a handful of them.
#include "workspace.h"

#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <new>

#include "shape.h"

namespace gt::conv {
namespace {

struct Pool {
  std::mutex lock;
  std::multimap<int64_t, float *> free; // by size
  int64_t idle = 0, used = 0;
};

// Never destroyed: a thread may return a buffer while the process ends.
Pool &pool() {
  static Pool *p = new Pool;
  return *p;
}

// Sizes are rounded up to a quarter of a power of two, so that layers of similar size share buffers.
int64_t rounded(int64_t bytes) {
  int64_t grain = 4096;
  while (grain * 8 < bytes) grain *= 2;
  return up(bytes, grain);
}

}  // namespace

Workspace::Workspace(int64_t floats) : data_(nullptr), bytes_(rounded(floats * int64_t(sizeof(float)))) {
  Pool &p = pool();
  {
    std::lock_guard<std::mutex> hold(p.lock);
    auto found = p.free.lower_bound(bytes_);
    if (found != p.free.end() && found->first <= 2 * bytes_) {
      bytes_ = found->first;
      data_ = found->second;
      p.idle -= bytes_;
      p.free.erase(found);
    }
    p.used += bytes_;
  }
  if (data_) return;
  data_ = static_cast<float *>(std::aligned_alloc(4096, bytes_));
  if (data_) return;
  std::lock_guard<std::mutex> hold(p.lock);
  p.used -= bytes_;
  throw std::bad_alloc();
}

Workspace::~Workspace() {
  Pool &p = pool();
  std::multimap<int64_t, float *> surplus;
  {
    std::lock_guard<std::mutex> hold(p.lock);
    p.used -= bytes_;
    try {
      p.free.emplace(bytes_, data_);
      p.idle += bytes_;
    } catch (const std::bad_alloc &) {
      std::free(data_);
    }
    while (p.idle > POOL) { // the largest go first
      auto last = std::prev(p.free.end());
      p.idle -= last->first;
      surplus.insert(p.free.extract(last));
    }
  }
  for (auto &[bytes, data] : surplus) std::free(data);
}

void pool_state(int64_t *idle, int64_t *used) {
  Pool &p = pool();
  std::lock_guard<std::mutex> hold(p.lock);
  *idle = p.idle;
  *used = p.used;
}

}  // namespace gt::conv
