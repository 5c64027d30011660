// layers.cc: the ops with weights.
#include "conv/choice.h"
#include "conv/conv.h"
#include "norm/function.h"
#include "scope.h"

using gt::get;
using gt::maybe;
using gt::or_none;

static at::IntArrayRef pair(const int64_t *hw) { return {hw, 2}; }

static at::Tensor with_bias(const at::Tensor &y, gt_tensor *bias) {
  return bias ? y + get(bias).view({1, -1, 1, 1}) : y;
}

// Whether libtorch would take this bias of an output with as many channels as dim `out` of weight has entries.
static bool fits(gt_tensor *bias, const at::Tensor &weight, int64_t out) {
  if (!bias) return true;
  const at::Tensor &b = get(bias);
  return weight.dim() == 4 && b.dim() == 1 && b.size(0) == weight.size(out) && b.scalar_type() == weight.scalar_type() &&
         b.device() == weight.device();
}

GT_EXPORT int gt_conv_best(void) { return gt::conv::best(); }

GT_EXPORT gt_tensor *gt_linear(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias) {
  return gt::result(s, [&] { return at::linear(get(x), get(weight), maybe(bias)); });
}

GT_EXPORT gt_tensor *gt_conv1d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, int64_t stride,
                               int64_t padding, int64_t dilation, int64_t groups) {
  return gt::result(s, [&] { return at::conv1d(get(x), get(weight), maybe(bias), stride, padding, dilation, groups); });
}

GT_EXPORT gt_tensor *gt_conv2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, const int64_t *stride,
                               const int64_t *padding, const int64_t *dilation, int64_t groups) {
  return gt::result(s, [&] {
    at::Tensor fast;
    if (fits(bias, get(weight), 0)) {
      fast = gt::conv::pointwise(s->conv, get(x), get(weight), maybe(bias), pair(stride), pair(padding), groups);
      if (fast.defined()) return fast;
      fast = gt::conv::conv2d(s->conv, get(x), get(weight), pair(stride), pair(padding), pair(dilation), groups);
    }
    if (fast.defined()) return with_bias(fast, bias);
    return at::conv2d(get(x), get(weight), maybe(bias), pair(stride), pair(padding), pair(dilation), groups);
  });
}

GT_EXPORT gt_tensor *gt_conv2d_at(gt_scope *s, gt_tensor *seen, gt_tensor *x, gt_tensor *weight, gt_tensor *bias,
                                  int64_t row, int64_t column) {
  return gt::result(s, [&] {
    const at::Tensor &w = get(weight);
    const int64_t down = w.size(1), across = w.size(2);
    const at::Tensor window = get(seen).narrow(1, row, down).narrow(2, column, across);
    window.select(1, down - 1).select(1, across / 2).copy_(get(x));
    return at::linear(window.flatten(1), w.flatten(1), maybe(bias));
  });
}

GT_EXPORT gt_tensor *gt_conv_transpose2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias,
                                         const int64_t *stride, const int64_t *padding, const int64_t *output_padding,
                                         const int64_t *dilation, int64_t groups) {
  return gt::result(s, [&] {
    at::Tensor fast;
    if (fits(bias, get(weight), 1))
      fast = gt::conv::conv_transpose2d(s->conv, get(x), get(weight), pair(stride), pair(padding), pair(output_padding),
                                        pair(dilation), groups);
    if (fast.defined()) return with_bias(fast, bias);
    return at::conv_transpose2d(get(x), get(weight), maybe(bias), pair(stride), pair(padding), pair(output_padding),
                                groups, pair(dilation));
  });
}

// torch.nn refuses this in Python, above at::batch_norm: one value a channel has no variance.
static void need_variance(const at::Tensor &x) {
  if (x.numel() == x.size(1)) throw gt::Error(GT_FAILED, "expected more than 1 value per channel when training");
}

static at::Tensor plain_norm(const at::Tensor &x, const gt::norm::Layer &l, bool training) {
  return at::batch_norm(x, l.weight, l.bias, l.mean, l.var, training, l.momentum, l.eps,
                        at::globalContext().userEnabledCuDNN());
}

static bool of_each(const at::Tensor &t) { return t.defined() && t.dim() == 2; }

static at::Tensor batch_norm(const at::Tensor &x, gt::norm::Layer l, bool training) {
  if (!of_each(l.weight) && !of_each(l.bias)) return plain_norm(x, l, training);
  const at::Tensor weight = std::exchange(l.weight, {}), bias = std::exchange(l.bias, {});
  if (x.dim() < 2 || !of_each(weight) || weight.sizes() != x.sizes().slice(0, 2) || !bias.defined() || bias.sizes() != weight.sizes())
    throw gt::Error(GT_FAILED, "weight and bias of each sample must both be [N,C], as the input is [N,C,...]");
  std::vector<int64_t> shape(x.dim(), 1);
  shape[0] = x.size(0), shape[1] = x.size(1);
  return plain_norm(x, l, training) * weight.reshape(shape) + bias.reshape(shape);
}

GT_EXPORT gt_tensor *gt_batch_norm(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, gt_tensor *mean,
                                   gt_tensor *var, gt_tensor *tracked, int training, double momentum, double eps) {
  return gt::result(s, [&] {
    if (training) need_variance(get(x));
    at::Tensor out = batch_norm(get(x), {or_none(weight), or_none(bias), or_none(mean), or_none(var), momentum, eps},
                                training != 0);
    if (training && tracked) get(tracked).add_(1);
    return out;
  });
}

GT_EXPORT int gt_count(gt_scope *s, gt_tensor *const *counters, int n) {
  return gt::run(s, [&] { at::_foreach_add_(gt::list(counters, n), 1); });
}

GT_EXPORT gt_tensor *gt_batch_norm_act(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, gt_tensor *mean,
                                       gt_tensor *var, gt_tensor *tracked, int training, double momentum, double eps,
                                       double slope) {
  return gt::result(s, [&] {
    if (training) need_variance(get(x));
    const gt::norm::Layer layer{or_none(weight), or_none(bias), or_none(mean), or_none(var), momentum, eps};
    at::Tensor out;
    if (s->conv != GT_CONV_STOCK) out = gt::norm::batch_norm_act(get(x), layer, training != 0, slope);
    if (!out.defined()) {
      out = batch_norm(get(x), layer, training != 0);
      out = slope == 0 ? at::relu_(out) : at::leaky_relu_(out, slope);
    }
    if (training && tracked) get(tracked).add_(1);
    return out;
  });
}
