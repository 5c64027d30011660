// reduce.cc: reductions, orders and running sums along a dim.
#include "op.h"

using gt::get;
using gt::ints;
using gt::result;
using gt::results;

GT_EXPORT gt_tensor *gt_amax(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep) {
  return result(s, [&] { return at::amax(get(a), ints(over, dims), keep != 0); });
}

GT_EXPORT gt_tensor *gt_amin(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep) {
  return result(s, [&] { return at::amin(get(a), ints(over, dims), keep != 0); });
}

GT_EXPORT int gt_max(gt_scope *s, gt_tensor *a, int64_t dim, int keep, gt_tensor **out) {
  return results(s, out, [&] { return at::max(get(a), dim, keep != 0); });
}

GT_EXPORT int gt_min(gt_scope *s, gt_tensor *a, int64_t dim, int keep, gt_tensor **out) {
  return results(s, out, [&] { return at::min(get(a), dim, keep != 0); });
}

GT_EXPORT gt_tensor *gt_norm(gt_scope *s, gt_tensor *a, double p, const int64_t *over, int dims, int keep) {
  return result(s, [&] { return at::linalg_vector_norm(get(a), p, gt::over_dims(over, dims), keep != 0); });
}

GT_EXPORT gt_tensor *gt_cumsum(gt_scope *s, gt_tensor *a, int64_t dim) {
  return result(s, [&] { return at::cumsum(get(a), dim); });
}

GT_EXPORT int gt_sort(gt_scope *s, gt_tensor *a, int64_t dim, int descending, gt_tensor **out) {
  return results(s, out, [&] { return at::sort(get(a), /*stable=*/true, dim, descending != 0); });
}

GT_EXPORT int gt_topk(gt_scope *s, gt_tensor *a, int64_t k, int64_t dim, int largest, gt_tensor **out) {
  return results(s, out, [&] { return at::topk(get(a), k, dim, largest != 0); });
}

GT_EXPORT gt_tensor *gt_softmax(gt_scope *s, gt_tensor *a, int64_t dim) {
  return result(s, [&] { return at::softmax(get(a), dim); });
}

GT_EXPORT gt_tensor *gt_log_softmax(gt_scope *s, gt_tensor *a, int64_t dim) {
  return result(s, [&] { return at::log_softmax(get(a), dim); });
}
