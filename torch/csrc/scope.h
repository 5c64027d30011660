// scope.h: the arena behind gt_scope, and the one guard through which every entry point runs.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <c10/core/StreamGuard.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <pthread.h>

#include <deque>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../gotorch.h"

#define GT_EXPORT extern "C" __attribute__((visibility("default")))

struct gt_tensor {
  at::Tensor value;
};

struct gt_generator {
  at::Generator value;
};

struct gt_scope {
  gt_scope *root = this;
  pthread_t owner = pthread_self();
  at::Device device;
  bool grad;
  bool bf16;
  int conv; // gt_conv
  int threads;
  std::optional<c10::Stream> stream; // of a tree on CUDA: where its work is queued
  int code = GT_OK;
  std::string message;
  int64_t live = 0;      // tensors held by this scope
  int64_t tree_live = 0; // of the whole tree; kept at the root
  bool capturing = false; // kept at the root
  std::shared_ptr<c10::DebugInfoBase> meter; // of memory, from gt_peak_begin to gt_peak_end; kept at the root
  std::deque<gt_tensor> arena; // a deque, so that handles stay where they are

  gt_scope(at::Device device, bool grad, bool bf16, int conv, int threads)
      : device(device), grad(grad), bf16(bf16), conv(conv), threads(threads) {}

  bool here() const { return pthread_equal(owner, pthread_self()); }

  gt_tensor *keep(at::Tensor t) {
    arena.push_back(gt_tensor{std::move(t)});
    ++live;
    ++root->tree_live;
    return &arena.back();
  }
  void fail(int code, std::string message) noexcept;
};

namespace gt {

// What a call finds wrong itself, with the code Go is to see.
struct Error : std::runtime_error {
  int code;
  Error(int code, const std::string &text) : std::runtime_error(text), code(code) {}
};

// Autocast computes products in bfloat16 for as long as it lives.
class Autocast {
 public:
  explicit Autocast(at::DeviceType device);
  ~Autocast();
  Autocast(const Autocast &) = delete;
  Autocast &operator=(const Autocast &) = delete;

 private:
  at::DeviceType device_;
  bool enabled_before_, cache_before_;
  at::ScalarType type_before_;
};

// Metered has libtorch tell the tree's meter, if there is one, of the memory that tensors take and free.
struct Metered : c10::DebugInfoGuard {
  explicit Metered(const gt_scope *s) : DebugInfoGuard(c10::DebugInfoKind::PROFILER_STATE, s->root->meter) {}
};

// What a capture forbids, by name.
Error forbidden(const std::string &what);

// For calls that would wait for the device, read from it, or bring it something of the host's.
inline void need_no_capture(const gt_scope *s, const char *what) {
  if (s->root->capturing) throw forbidden(what);
}

// Watch notes whether an op of libtorch's asks a CUDA device for a number for as long as it lives, whoever calls the op.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch &) = delete;
  Watch &operator=(const Watch &) = delete;
  void check() const {
    if (!asked.empty()) throw forbidden(asked);
  }

  std::string asked;
  int within = 0; // kernels that read on a CPU alone

 private:
  at::CallbackHandle handle_;
};

// What libtorch was last told on this OS thread, by which OpenMP keeps the number; 0: nothing yet. To ask OpenMP in each call
// would cost more than the rest of its context.
inline constinit thread_local int threads_told = 0;

// Context sets libtorch's thread-local switches from the scope for the length of one call.
struct Context {
  c10::AutoGradMode grad;
  c10::OptionalStreamGuard stream;
  Metered metered;
  std::optional<Autocast> autocast;
  std::optional<Watch> watch;

  explicit Context(const gt_scope *s) : grad(s->grad), stream(s->stream), metered(s) {
    if (threads_told != s->threads) {
      at::set_num_threads(s->threads);
      threads_told = s->threads;
    }
    if (s->bf16) autocast.emplace(s->device.type());
    if (s->root->capturing) watch.emplace();
  }
};

// Writes the exception in flight to the scope.
void caught(gt_scope *s) noexcept;

// Runs f in the scope's context. Nothing f throws passes this line.
template <class F>
int run(gt_scope *s, F &&f) noexcept {
  if (!s->here()) return GT_WRONG_THREAD;
  try {
    Context context(s);
    f();
    if (context.watch) context.watch->check();
    return GT_OK;
  } catch (...) {
    caught(s);
    return s->code;
  }
}

// Runs f and keeps the tensor it yields in the scope.
template <class F>
gt_tensor *result(gt_scope *s, F &&f) noexcept {
  gt_tensor *kept = nullptr;
  run(s, [&] { kept = s->keep(f()); });
  return kept;
}

// The tensor of a handle; none, or a released one, is an error and not an undefined tensor deep inside an op.
inline at::Tensor &get(gt_tensor *t) {
  if (!t) throw Error(GT_NOT_MADE, "the tensor was never made");
  if (!t->value.defined()) throw Error(GT_RELEASED, "the tensor was released before");
  return t->value;
}

inline std::optional<at::Tensor> maybe(gt_tensor *t) {
  if (!t) return std::nullopt;
  return get(t);
}

// maybe, with an undefined tensor for none.
inline at::Tensor or_none(gt_tensor *t) { return t ? get(t) : at::Tensor(); }

inline std::vector<at::Tensor> list(gt_tensor *const *handles, int n) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(n);
  for (int i = 0; i < n; i++) tensors.push_back(get(handles[i]));
  return tensors;
}

at::ScalarType dtype(int code);

// uint8 [N,H,W,C] as float32 [N,C,H,W] in [-1,1], in a gt_format.
at::Tensor scaled(const at::Tensor &bytes, int format);

}  // namespace gt
