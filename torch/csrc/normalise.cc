// normalise.cc: normalisations without running statistics.
#include "op.h"

using gt::get;
using gt::maybe;
using gt::result;

static bool cudnn() { return at::globalContext().userEnabledCuDNN(); }

GT_EXPORT gt_tensor *gt_layer_norm(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims, gt_tensor *weight,
                                   gt_tensor *bias, double eps) {
  return result(s, [&] { return at::layer_norm(get(a), gt::ints(shape, dims), maybe(weight), maybe(bias), eps, cudnn()); });
}

GT_EXPORT gt_tensor *gt_group_norm(gt_scope *s, gt_tensor *a, int64_t groups, gt_tensor *weight, gt_tensor *bias,
                                   double eps) {
  return result(s, [&] { return at::group_norm(get(a), groups, maybe(weight), maybe(bias), eps, cudnn()); });
}

// torch.nn refuses one value a channel in Python, above at::instance_norm.
GT_EXPORT gt_tensor *gt_instance_norm(gt_scope *s, gt_tensor *a, gt_tensor *weight, gt_tensor *bias, double eps) {
  return result(s, [&] {
    const at::Tensor &x = get(a);
    if (x.dim() > 2 && x.numel() == x.size(0) * x.size(1))
      throw gt::Error(GT_FAILED, "expected more than 1 value per channel");
    return at::instance_norm(x, maybe(weight), maybe(bias), {}, {}, /*use_input_stats=*/true, /*momentum=*/0, eps, cudnn());
  });
}
