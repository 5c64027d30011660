// op.h: how an op of one line is written.
#pragma once

#include "scope.h"

#define UNARY(name, expression) \
  GT_EXPORT gt_tensor *name(gt_scope *s, gt_tensor *a) { return gt::result(s, [&] { return expression; }); }
#define BINARY(name, expression) \
  GT_EXPORT gt_tensor *name(gt_scope *s, gt_tensor *a, gt_tensor *b) { return gt::result(s, [&] { return expression; }); }

namespace gt {

inline at::IntArrayRef ints(const int64_t *values, int n) { return {values, static_cast<size_t>(n)}; }

// The dims of a reduction; none of them: all.
inline at::OptionalIntArrayRef over_dims(const int64_t *over, int dims) {
  if (dims == 0) return std::nullopt;
  return ints(over, dims);
}

// Runs f and keeps the two tensors that it yields.
template <class F>
int results(gt_scope *s, gt_tensor **out, F &&f) noexcept {
  return run(s, [&] {
    auto [first, second] = f();
    out[0] = s->keep(std::move(first));
    out[1] = s->keep(std::move(second));
  });
}

}  // namespace gt
