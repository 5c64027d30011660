// autograd.cc: differentiation. A graph is freed as it is walked, unless it is asked to stay.
#include <torch/csrc/autograd/autograd.h>

#include "scope.h"

using gt::get;

GT_EXPORT int gt_set_requires_grad(gt_scope *s, gt_tensor *t, int on) {
  return gt::run(s, [&] { get(t).set_requires_grad(on != 0); });
}

GT_EXPORT int gt_gradient(gt_scope *s, gt_tensor *t, gt_tensor **out) {
  return gt::run(s, [&] {
    const at::Tensor &grad = get(t).grad();
    *out = grad.defined() ? s->keep(grad) : nullptr;
  });
}

GT_EXPORT int gt_backward(gt_scope *s, gt_tensor *root, gt_tensor *const *leaves, int n, int retain_graph) {
  return gt::run(s, [&] {
    // With leaves named, the engine computes what leads to them and nothing else: no weight gradients of the others.
    torch::autograd::backward({get(root)}, {}, retain_graph != 0, /*create_graph=*/false, gt::list(leaves, n));
  });
}

GT_EXPORT int gt_grad(gt_scope *s, gt_tensor *root, gt_tensor *const *inputs, int n, int create_graph,
                      gt_tensor **out) {
  return gt::run(s, [&] {
    std::vector<at::Tensor> in = gt::list(inputs, n);
    at::Tensor ones = at::ones_like(get(root));
    auto grads = torch::autograd::grad({get(root)}, in, {ones}, /*retain_graph=*/create_graph != 0, create_graph != 0,
                                       /*allow_unused=*/true);
    for (int i = 0; i < n; i++) {
      if (!grads[i].defined()) grads[i] = at::zeros_like(in[i]);
    }
    for (int i = 0; i < n; i++) out[i] = s->keep(std::move(grads[i]));
  });
}

GT_EXPORT int gt_zero_grad(gt_scope *s, gt_tensor *const *params, int n) {
  return gt::run(s, [&] {
    for (int i = 0; i < n; i++) get(params[i]).mutable_grad().reset();
  });
}
