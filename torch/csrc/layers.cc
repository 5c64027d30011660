// layers.cc: the ops with weights.
#include "conv/choice.h"
#include "conv/conv.h"
#include "scope.h"

using gt::get;
using gt::maybe;

static at::IntArrayRef pair(const int64_t *hw) { return {hw, 2}; }

static at::Tensor with_bias(const at::Tensor &y, gt_tensor *bias) {
  return bias ? y + get(bias).view({1, -1, 1, 1}) : y;
}

GT_EXPORT int gt_conv_best(void) { return gt::conv::best(); }

GT_EXPORT gt_tensor *gt_linear(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias) {
  return gt::result(s, [&] { return at::linear(get(x), get(weight), maybe(bias)); });
}

GT_EXPORT gt_tensor *gt_conv2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, const int64_t *stride,
                               const int64_t *padding, const int64_t *dilation, int64_t groups) {
  return gt::result(s, [&] {
    at::Tensor fast = gt::conv::conv2d(s->conv, get(x), get(weight), pair(stride), pair(padding), pair(dilation), groups);
    if (fast.defined()) return with_bias(fast, bias);
    return at::conv2d(get(x), get(weight), maybe(bias), pair(stride), pair(padding), pair(dilation), groups);
  });
}

GT_EXPORT gt_tensor *gt_conv_transpose2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias,
                                         const int64_t *stride, const int64_t *padding, const int64_t *output_padding,
                                         const int64_t *dilation, int64_t groups) {
  return gt::result(s, [&] {
    at::Tensor fast = gt::conv::conv_transpose2d(s->conv, get(x), get(weight), pair(stride), pair(padding),
                                                 pair(output_padding), pair(dilation), groups);
    if (fast.defined()) return with_bias(fast, bias);
    return at::conv_transpose2d(get(x), get(weight), maybe(bias), pair(stride), pair(padding), pair(output_padding),
                                groups, pair(dilation));
  });
}

GT_EXPORT gt_tensor *gt_batch_norm(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, gt_tensor *mean,
                                   gt_tensor *var, gt_tensor *tracked, int training, double momentum, double eps) {
  return gt::result(s, [&] {
    const at::Tensor &in = get(x);
    // torch.nn refuses this in Python, above at::batch_norm: one value a channel has no variance.
    if (training && in.numel() == in.size(1))
      throw gt::Error(GT_FAILED, "expected more than 1 value per channel when training");
    at::Tensor out = at::batch_norm(in, maybe(weight), maybe(bias), maybe(mean), maybe(var), training != 0, momentum,
                                    eps, at::globalContext().userEnabledCuDNN());
    if (training && tracked) get(tracked).add_(1);
    return out;
  });
}
