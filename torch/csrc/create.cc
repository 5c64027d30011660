// create.cc: where tensors are born, copied and read back.
#include <cstring>

#include "scope.h"
#include "zeros.h"

using gt::get;

static at::IntArrayRef shape_of(const int64_t *shape, int dims) { return {shape, static_cast<size_t>(dims)}; }

static at::MemoryFormat layout(int format) {
  switch (format) {
    case GT_CONTIGUOUS: return at::MemoryFormat::Contiguous;
    case GT_CHANNELS_LAST: return at::MemoryFormat::ChannelsLast;
    default: return at::MemoryFormat::Preserve;
  }
}

static at::TensorOptions on(const gt_scope *s, int dtype) {
  return at::TensorOptions().dtype(gt::dtype(dtype)).device(s->device);
}

GT_EXPORT gt_tensor *gt_full(gt_scope *s, const int64_t *shape, int dims, double value, int dtype) {
  return gt::result(s, [&] { return at::full(shape_of(shape, dims), value, on(s, dtype)); });
}

GT_EXPORT gt_tensor *gt_zeros_like(gt_scope *s, gt_tensor *t) {
  return gt::result(s, [&] { return at::zeros_like(get(t)); });
}

GT_EXPORT gt_tensor *gt_randn(gt_scope *s, gt_generator *g, const int64_t *shape, int dims, int dtype) {
  return gt::result(s, [&] { return at::randn(shape_of(shape, dims), g->value, on(s, dtype)); });
}

GT_EXPORT gt_tensor *gt_rand(gt_scope *s, gt_generator *g, const int64_t *shape, int dims, int dtype) {
  return gt::result(s, [&] { return at::rand(shape_of(shape, dims), g->value, on(s, dtype)); });
}

GT_EXPORT int gt_normal_(gt_scope *s, gt_tensor *t, gt_generator *g, double mean, double std) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet; // filling a parameter is no operation on it
    get(t).normal_(mean, std, g->value);
  });
}

GT_EXPORT int gt_uniform_(gt_scope *s, gt_tensor *t, gt_generator *g, double from, double to) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    get(t).uniform_(from, to, g->value);
  });
}

// The bytes of data as a tensor of their own on the scope's device. Pinned memory comes from libtorch's caching host
// allocator, which hands a block out again only when the copies that read it are done.
static at::Tensor upload(const gt_scope *s, const void *data, size_t size, at::IntArrayRef shape, at::ScalarType type) {
  gt::need_no_capture(s, "a copy from the host"); // a replay would find other bytes there, or none
  bool cuda = s->device.is_cuda();
  at::Tensor host = at::empty(shape, at::TensorOptions().dtype(type).pinned_memory(cuda));
  if (host.nbytes() != size)
    throw gt::Error(GT_FAILED, std::to_string(size) + " bytes for a shape of " + std::to_string(host.nbytes()));
  std::memcpy(host.data_ptr(), data, size);
  return cuda ? host.to(s->device, /*non_blocking=*/true) : host;
}

GT_EXPORT gt_tensor *gt_from_bytes(gt_scope *s, const void *data, size_t size, const int64_t *shape, int dims,
                                   int dtype) {
  return gt::result(s, [&] { return upload(s, data, size, shape_of(shape, dims), gt::dtype(dtype)); });
}

GT_EXPORT int gt_to_bytes(gt_scope *s, gt_tensor *t, void *data, size_t size) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "a copy to the host");
    at::Tensor host = gt::solid(get(t).detach()).to(at::kCPU).contiguous();
    if (host.nbytes() != size)
      throw gt::Error(GT_FAILED, "the buffer has " + std::to_string(size) + " bytes, the tensor " +
                                     std::to_string(host.nbytes()));
    std::memcpy(data, host.data_ptr(), size);
  });
}

// uint8 [N,H,W,C] as [-1,1] [N,C,H,W]. Seen as [N,C,H,W] these bytes already lie in channels_last order, and the conversion
// keeps what it is not asked to change.
at::Tensor gt::scaled(const at::Tensor &bytes, int format) {
  return bytes.permute({0, 3, 1, 2}).to(at::kFloat, false, false, layout(format)).mul_(1 / 127.5).sub_(1);
}

GT_EXPORT gt_tensor *gt_images(gt_scope *s, const void *data, int64_t n, int64_t h, int64_t w, int64_t c, int format) {
  return gt::result(s, [&] {
    return gt::scaled(upload(s, data, static_cast<size_t>(n * h * w * c), {n, h, w, c}, at::kByte), format);
  });
}

// The indices, on the device. There a wrong one would be an assertion that ends all work; so they are looked at here.
static at::Tensor rows(const gt_scope *s, const at::Tensor &store, const int64_t *index, int64_t n) {
  const int64_t size = store.size(0);
  for (int64_t i = 0; i < n; i++)
    if (index[i] < 0 || index[i] >= size)
      throw gt::Error(GT_FAILED, "index " + std::to_string(index[i]) + " of " + std::to_string(size) + " rows");
  return upload(s, index, static_cast<size_t>(n) * sizeof(int64_t), {n}, at::kLong);
}

GT_EXPORT gt_tensor *gt_gather_images(gt_scope *s, gt_tensor *store, const int64_t *index, const uint8_t *flip, int64_t n,
                                      int format) {
  return gt::result(s, [&] {
    at::Tensor picked = get(store).index_select(0, rows(s, get(store), index, n));
    if (flip) {
      at::Tensor mirror = upload(s, flip, static_cast<size_t>(n), {n}, at::kByte).to(at::kBool).view({n, 1, 1, 1});
      picked = at::where(mirror, picked.flip(2), picked);
    }
    return gt::scaled(picked, format);
  });
}

GT_EXPORT gt_tensor *gt_gather_points(gt_scope *s, gt_tensor *store, const int64_t *index, int64_t n) {
  return gt::result(s, [&] {
    return get(store).index_select(0, rows(s, get(store), index, n)).view(at::kFloat);
  });
}

GT_EXPORT int gt_fill_rows(gt_scope *s, gt_tensor *store, int64_t first, int64_t n, const void *data, size_t size) {
  return gt::run(s, [&] {
    at::Tensor rows = get(store).narrow(0, first, n);
    rows.copy_(upload(s, data, size, rows.sizes(), at::kByte));
  });
}

GT_EXPORT gt_tensor *gt_to_uint8(gt_scope *s, gt_tensor *t) {
  return gt::result(s, [&] {
    at::Tensor x = get(t).detach().to(at::kFloat).permute({0, 2, 3, 1});
    return x.add(1).mul_(127.5).round_().clamp_(0, 255).to(at::kByte).contiguous();
  });
}

GT_EXPORT gt_tensor *gt_to(gt_scope *s, gt_tensor *t, int device, int index, int dtype, int format) {
  return gt::result(s, [&] {
    auto where = device == GT_CUDA ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index)) : at::Device(at::kCPU);
    return get(t).to(where, gt::dtype(dtype), /*non_blocking=*/false, /*copy=*/false, layout(format));
  });
}

GT_EXPORT gt_tensor *gt_clone(gt_scope *s, gt_tensor *t) {
  return gt::result(s, [&] { return get(t).clone(); });
}

GT_EXPORT gt_tensor *gt_detach(gt_scope *s, gt_tensor *t) {
  return gt::result(s, [&] { return get(t).detach(); });
}

GT_EXPORT int gt_copy_(gt_scope *s, gt_tensor *dst, gt_tensor *src) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    get(dst).copy_(get(src));
  });
}

GT_EXPORT int gt_fill_(gt_scope *s, gt_tensor *t, double value) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    get(t).fill_(value);
  });
}

GT_EXPORT int gt_add_(gt_scope *s, gt_tensor *t, gt_tensor *u, double alpha) {
  return gt::run(s, [&] { get(t).add_(get(u), alpha); });
}
