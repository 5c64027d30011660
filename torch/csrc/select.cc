// select.cc: what picks, compares and rearranges elements.
#include "op.h"

using gt::get;
using gt::result;

#define COMPARISON(name, op)           \
  BINARY(name, at::op(get(a), get(b))) \
  GT_EXPORT gt_tensor *name##_scalar(gt_scope *s, gt_tensor *a, double v) { return result(s, [&] { return at::op(get(a), v); }); }

COMPARISON(gt_eq, eq)
COMPARISON(gt_ne, ne)
COMPARISON(gt_lt, lt)
COMPARISON(gt_le, le)
COMPARISON(gt_gt, gt)
COMPARISON(gt_ge, ge)

BINARY(gt_maximum, at::maximum(get(a), get(b)))
BINARY(gt_minimum, at::minimum(get(a), get(b)))

GT_EXPORT gt_tensor *gt_where(gt_scope *s, gt_tensor *condition, gt_tensor *a, gt_tensor *b) {
  return result(s, [&] { return at::where(get(condition), get(a), get(b)); });
}

GT_EXPORT gt_tensor *gt_index_select(gt_scope *s, gt_tensor *a, int64_t dim, gt_tensor *index) {
  return result(s, [&] { return at::index_select(get(a), dim, get(index)); });
}

GT_EXPORT gt_tensor *gt_gather(gt_scope *s, gt_tensor *a, int64_t dim, gt_tensor *index) {
  return result(s, [&] { return at::gather(get(a), dim, get(index)); });
}

GT_EXPORT gt_tensor *gt_embedding(gt_scope *s, gt_tensor *weight, gt_tensor *index) {
  return result(s, [&] { return at::embedding(get(weight), get(index)); });
}

GT_EXPORT gt_tensor *gt_one_hot(gt_scope *s, gt_tensor *a, int64_t classes) {
  return result(s, [&] { return at::one_hot(get(a), classes); });
}

GT_EXPORT gt_tensor *gt_unsqueeze(gt_scope *s, gt_tensor *a, int64_t dim) {
  return result(s, [&] { return at::unsqueeze(get(a), dim); });
}

GT_EXPORT gt_tensor *gt_squeeze(gt_scope *s, gt_tensor *a, int64_t dim) {
  return result(s, [&] { return at::squeeze(get(a), dim); });
}

GT_EXPORT gt_tensor *gt_expand(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims) {
  return result(s, [&] { return get(a).expand(gt::ints(shape, dims)); });
}

GT_EXPORT gt_tensor *gt_stack(gt_scope *s, gt_tensor *const *parts, int n, int64_t dim) {
  return result(s, [&] { return at::stack(gt::list(parts, n), dim); });
}
