// pool.cc: pooling. Pairs are {height, width}.
#include "op.h"

using gt::get;
using gt::ints;
using gt::result;

GT_EXPORT gt_tensor *gt_avg_pool2d(gt_scope *s, gt_tensor *a, const int64_t *kernel, const int64_t *stride,
                                   const int64_t *padding, int ceil, int count_pad) {
  return result(s, [&] {
    return at::avg_pool2d(get(a), ints(kernel, 2), ints(stride, 2), ints(padding, 2), ceil != 0, count_pad != 0);
  });
}

GT_EXPORT gt_tensor *gt_max_pool2d(gt_scope *s, gt_tensor *a, const int64_t *kernel, const int64_t *stride,
                                   const int64_t *padding, const int64_t *dilation, int ceil) {
  return result(s, [&] {
    return at::max_pool2d(get(a), ints(kernel, 2), ints(stride, 2), ints(padding, 2), ints(dilation, 2), ceil != 0);
  });
}

GT_EXPORT gt_tensor *gt_adaptive_avg_pool2d(gt_scope *s, gt_tensor *a, const int64_t *size) {
  return result(s, [&] { return at::adaptive_avg_pool2d(get(a), ints(size, 2)); });
}
