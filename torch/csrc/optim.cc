// optim.cc: a whole optimizer step in one call, over fused or foreach kernels. State is as torch.optim keeps it.
#include "scope.h"

using at::Tensor;
using gt::get;

namespace {

// The parameters that have a gradient, their gradients, and their places in the arrays the caller gave.
struct Work {
  std::vector<Tensor> params, grads;
  std::vector<int> at;

  Work(gt_tensor *const *handles, int n) {
    for (int i = 0; i < n; i++) {
      Tensor &p = get(handles[i]);
      if (!p.grad().defined()) continue;
      params.push_back(p);
      grads.push_back(beside(p, p.grad()));
      at.push_back(i);
    }
  }
  // The fused kernels go through a parameter, its gradient and its state side by side in memory, whatever their strides.
  static Tensor beside(const Tensor &p, const Tensor &grad) {
    return grad.strides() == p.strides() ? grad : at::empty_like(p).copy_(grad);
  }
  std::vector<Tensor> pick(gt_tensor *const *handles) const {
    std::vector<Tensor> picked;
    picked.reserve(at.size());
    if (handles)
      for (int i : at) picked.push_back(get(handles[i]));
    return picked;
  }
  void drop_grads() {
    for (Tensor &p : params) p.mutable_grad().reset();
  }
};

} // namespace

GT_EXPORT int gt_adam_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *exp_avg,
                           gt_tensor *const *exp_avg_sq, gt_tensor *const *steps, int n, double lr, double beta1,
                           double beta2, double eps, double weight_decay) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    std::vector<Tensor> counts = work.pick(steps);
    at::_foreach_add_(counts, 1);
    at::_fused_adam_(work.params, work.grads, work.pick(exp_avg), work.pick(exp_avg_sq), {}, counts, lr, beta1, beta2,
                     weight_decay, eps, /*amsgrad=*/false, /*maximize=*/false);
    work.drop_grads();
  });
}

GT_EXPORT int gt_sgd_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *momentum_buffer, int n, double lr,
                          double momentum, double weight_decay) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    at::_fused_sgd_(work.params, work.grads, work.pick(momentum_buffer), weight_decay, momentum, lr, /*dampening=*/0,
                    /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false);
    work.drop_grads();
  });
}

// torch.optim has no fused RMSprop: this is its foreach form (torch/optim/rmsprop.py, not centered).
GT_EXPORT int gt_rmsprop_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *square_avg,
                              gt_tensor *const *momentum_buffer, gt_tensor *const *steps, int n, double lr,
                              double alpha, double eps, double momentum, double weight_decay) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    std::vector<Tensor> squares = work.pick(square_avg), grads = work.grads;
    at::_foreach_add_(work.pick(steps), 1);
    if (weight_decay != 0) grads = at::_foreach_add(grads, work.params, weight_decay);
    at::_foreach_mul_(squares, alpha);
    at::_foreach_addcmul_(squares, grads, grads, 1 - alpha);
    std::vector<Tensor> scale = at::_foreach_sqrt(squares);
    at::_foreach_add_(scale, eps);
    if (momentum > 0) {
      std::vector<Tensor> buffers = work.pick(momentum_buffer);
      at::_foreach_mul_(buffers, momentum);
      at::_foreach_addcdiv_(buffers, grads, scale);
      at::_foreach_add_(work.params, buffers, -lr);
    } else {
      at::_foreach_addcdiv_(work.params, grads, scale, -lr);
    }
    work.drop_grads();
  });
}

GT_EXPORT int gt_average(gt_scope *s, gt_tensor *const *avg, gt_tensor *const *of, int n, double decay,
                         gt_tensor *const *copies, gt_tensor *const *of_copies, int m) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    if (n > 0) at::_foreach_lerp_(gt::list(avg, n), gt::list(of, n), 1 - decay);
    if (m > 0) at::_foreach_copy_(gt::list(copies, m), gt::list(of_copies, m));
  });
}

GT_EXPORT int gt_meter_add(gt_scope *s, gt_tensor *sums, gt_tensor *const *values, int n) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Tensor &all = get(sums);
    Tensor now = at::stack(gt::list(values, n)).to(all.scalar_type());
    all.narrow(0, 0, n).add_(now);
    Tensor count = all[n].add_(1), bad = all[n + 1];
    bad.copy_(at::where(bad.eq(0).logical_and_(at::isfinite(now).all().logical_not_()), count, bad));
  });
}
