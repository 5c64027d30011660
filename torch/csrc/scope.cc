#include "scope.h"

#include <ATen/autocast_mode.h>

#include "cuda_table.h"

void gt_scope::fail(int why, std::string text) noexcept {
  code = why;
  message = std::move(text);
}

namespace gt {

Autocast::Autocast(at::DeviceType device)
    : device_(device),
      enabled_before_(at::autocast::is_autocast_enabled(device)),
      cache_before_(at::autocast::is_autocast_cache_enabled()),
      type_before_(at::autocast::get_autocast_dtype(device)) {
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
  // The cache is keyed by tensor and never sees an update in place, so an optimizer step would leave it stale.
  at::autocast::set_autocast_cache_enabled(false);
}

Autocast::~Autocast() {
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_dtype(device_, type_before_);
  at::autocast::set_autocast_cache_enabled(cache_before_);
}

// The CPU allocator reports exhaustion as a plain error, so it is told by its text.
static int code_of(const std::string &text) {
  for (const char *sign : {"can't allocate memory", "not enough memory", "Storage size calculation overflowed",
                           "out of memory"})
    if (text.find(sign) != std::string::npos) return GT_OUT_OF_MEMORY;
  return GT_FAILED;
}

void caught(gt_scope *s) noexcept {
  try {
    try {
      throw;
    } catch (const Error &e) {
      s->fail(e.code, e.what());
    } catch (const c10::OutOfMemoryError &e) {
      s->fail(GT_OUT_OF_MEMORY, e.what_without_backtrace());
    } catch (const c10::Error &e) {
      s->fail(code_of(e.what_without_backtrace()), e.what_without_backtrace());
    } catch (const std::bad_alloc &) {
      s->fail(GT_OUT_OF_MEMORY, "the host is out of memory");
    } catch (const std::exception &e) {
      s->fail(code_of(e.what()), e.what());
    } catch (...) {
      s->fail(GT_FAILED, "an exception of unknown type");
    }
  } catch (...) { // no memory left even for the text
    s->fail(GT_OUT_OF_MEMORY, std::string());
  }
}

at::ScalarType dtype(int code) {
  switch (code) {
    case GT_FLOAT32: return at::kFloat;
    case GT_FLOAT64: return at::kDouble;
    case GT_UINT8: return at::kByte;
    case GT_INT64: return at::kLong;
    case GT_BOOL: return at::kBool;
    case GT_BFLOAT16: return at::kBFloat16;
    case GT_FLOAT16: return at::kHalf;
    case GT_INT32: return at::kInt;
  }
  throw Error(GT_FAILED, "unknown dtype " + std::to_string(code));
}

static int dtype_code(at::ScalarType type) {
  for (int code : {GT_FLOAT32, GT_FLOAT64, GT_UINT8, GT_INT64, GT_BOOL, GT_BFLOAT16, GT_FLOAT16, GT_INT32})
    if (dtype(code) == type) return code;
  throw Error(GT_FAILED, std::string("a dtype forger has no name for: ") + c10::toString(type));
}

}  // namespace gt

GT_EXPORT gt_scope *gt_scope_new(gt_scope *parent, int device, int index, int grad, int bf16, int conv, int threads) {
  if (parent && !parent->here()) return nullptr;
  try {
    auto where = device == GT_CUDA ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index)) : at::Device(at::kCPU);
    auto *s = new gt_scope(where, grad != 0, bf16 != 0, conv, threads);
    if (parent) {
      s->root = parent->root;
      s->stream = parent->stream;
    }
    return s;
  } catch (...) {
    return nullptr;
  }
}

GT_EXPORT int gt_scope_own_stream(gt_scope *s) {
  return gt::run(s, [&] { s->stream = gt::cuda()->stream(s->device.index()); });
}

GT_EXPORT int gt_scope_close(gt_scope *s) {
  if (!s->here()) return GT_WRONG_THREAD;
  s->root->tree_live -= s->live;
  gt::Metered metered(s);
  delete s;
  return GT_OK;
}

GT_EXPORT int64_t gt_scope_live(gt_scope *s) {
  return s->here() ? s->root->tree_live : -1;
}

GT_EXPORT int gt_scope_code(gt_scope *s) {
  return s->here() ? s->code : GT_WRONG_THREAD;
}

GT_EXPORT const char *gt_scope_error(gt_scope *s) { return s->message.c_str(); }

GT_EXPORT int gt_scope_threads(gt_scope *s, int *n) {
  return gt::run(s, [&] { *n = at::get_num_threads(); });
}

GT_EXPORT gt_tensor *gt_use(gt_scope *s, gt_scope *owner, gt_tensor *t) {
  return gt::result(s, [&] {
    if (!owner->here()) throw gt::Error(GT_WRONG_THREAD, "the tensor belongs to another goroutine");
    return gt::get(t);
  });
}

GT_EXPORT int gt_release(gt_scope *s, gt_tensor *t) {
  return gt::run(s, [&] {
    gt::get(t).reset();
    --s->live;
    --s->root->tree_live;
  });
}

GT_EXPORT int gt_describe(gt_scope *s, gt_tensor *t, gt_info *out) {
  return gt::run(s, [&] {
    const at::Tensor &x = gt::get(t);
    if (x.dim() > GT_MAX_DIMS) throw gt::Error(GT_FAILED, "more than 8 dimensions");
    out->dtype = gt::dtype_code(x.scalar_type());
    out->device = x.is_cuda() ? GT_CUDA : GT_CPU;
    out->device_index = x.is_cuda() ? x.get_device() : 0;
    out->dims = static_cast<int32_t>(x.dim());
    for (int i = 0; i < x.dim(); i++) out->shape[i] = x.size(i);
    out->requires_grad = x.requires_grad();
    out->channels_last = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
  });
}
