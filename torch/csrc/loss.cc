// loss.cc: losses. gt_reduction has libtorch's numbers.
#include <ATen/core/Reduction.h>

#include "op.h"

using gt::get;
using gt::result;

static_assert(GT_NONE == at::Reduction::None && GT_MEAN == at::Reduction::Mean && GT_SUM == at::Reduction::Sum);

GT_EXPORT gt_tensor *gt_mse_loss(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction) {
  return result(s, [&] { return at::mse_loss(get(a), get(target), reduction); });
}

GT_EXPORT gt_tensor *gt_l1_loss(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction) {
  return result(s, [&] { return at::l1_loss(get(a), get(target), reduction); });
}

GT_EXPORT gt_tensor *gt_bce_with_logits(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction) {
  return result(s, [&] { return at::binary_cross_entropy_with_logits(get(a), get(target), {}, {}, reduction); });
}

GT_EXPORT gt_tensor *gt_cross_entropy(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction, double smoothing) {
  return result(s, [&] {
    return at::cross_entropy_loss(get(a), get(target), {}, reduction, /*ignore_index=*/-100, smoothing);
  });
}
