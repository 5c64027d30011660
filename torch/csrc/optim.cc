// optim.cc: a whole optimizer step in one call, over fused or foreach kernels. State is as torch.optim keeps it.
#include "scope.h"
#include "zeros.h"

#include <cmath>
#include <limits>

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
    return grad.strides() == p.strides() ? gt::solid(grad) : at::empty_like(p).copy_(grad);
  }
  // A tensor a parameter, alike in all; the kernels do not ask.
  std::vector<Tensor> state(gt_tensor *const *handles) const {
    return pick(handles, [](const Tensor &t, const Tensor &p) {
      return t.sizes() == p.sizes() && t.strides() == p.strides() && t.dtype() == p.dtype() && t.device() == p.device();
    });
  }
  // How many steps each parameter has seen.
  std::vector<Tensor> counts(gt_tensor *const *handles) const {
    return pick(handles, [](const Tensor &t, const Tensor &p) {
      return t.numel() == 1 && t.scalar_type() == at::kFloat && t.device() == p.device();
    });
  }
  template <class F>
  std::vector<Tensor> pick(gt_tensor *const *handles, F &&fits) const {
    std::vector<Tensor> picked;
    picked.reserve(at.size());
    for (size_t i = 0; i < at.size(); i++) {
      const Tensor &t = get(handles[at[i]]);
      if (!fits(t, params[i]))
        throw gt::Error(GT_FAILED, "the state of parameter " + std::to_string(at[i]) + " is not of its kind: " + t.toString() +
                                       c10::str(t.sizes()) + " for " + params[i].toString() + c10::str(params[i].sizes()));
      picked.push_back(t);
    }
    return picked;
  }
  void drop_grads() {
    for (Tensor &p : params) p.mutable_grad().reset();
  }
};

const Tensor &number(gt_tensor *t) {
  if (get(t).numel() != 1) throw gt::Error(GT_FAILED, "a rate of " + c10::str(get(t).sizes()) + ", not of one number");
  return get(t);
}

// Calls f with two of a step's numbers; either may be NULL. On the CPU they are read, and f gets doubles. Elsewhere f gets
// tensors of the type that its kernels want: to read would be to wait for the device, and cannot be captured.
template <class F>
void with_numbers(const gt_scope *s, at::ScalarType type, gt_tensor *a, gt_tensor *b, F &&f) {
  auto read = [](gt_tensor *t) { return t ? number(t).item<double>() : 0.; };
  auto keep = [&](gt_tensor *t) { return t ? number(t).to(type) : Tensor(); };
  if (s->device.is_cpu() && !s->root->capturing)
    f(read(a), read(b));
  else
    f(keep(a), keep(b));
}

// params -= rate * steps
void descend(at::TensorList params, at::TensorList steps, double rate) { at::_foreach_add_(params, steps, -rate); }
void descend(at::TensorList params, at::TensorList steps, const Tensor &rate) {
  at::_foreach_sub_(params, at::_foreach_mul(steps, rate));
}

// params -= rate * over / under
void descend(at::TensorList params, at::TensorList over, at::TensorList under, double rate) {
  at::_foreach_addcdiv_(params, over, under, -rate);
}
void descend(at::TensorList params, at::TensorList over, at::TensorList under, const Tensor &rate) {
  descend(params, at::_foreach_div(over, under), rate);
}

// A fused step takes a momentum that was read, and no other: this is the foreach form of one that was not.
void sgd(const Work &work, std::vector<Tensor> buffers, double lr, double momentum, double weight_decay, bool nesterov) {
  at::_fused_sgd_(work.params, work.grads, buffers, weight_decay, momentum, lr, /*dampening=*/0, nesterov,
                  /*maximize=*/false, /*is_first_step=*/false);
}
void sgd(const Work &work, std::vector<Tensor> buffers, const Tensor &lr, const Tensor &momentum, double weight_decay,
         bool nesterov) {
  std::vector<Tensor> grads = work.grads;
  if (weight_decay != 0) grads = at::_foreach_add(grads, work.params, weight_decay);
  at::_foreach_mul_(buffers, momentum);
  at::_foreach_add_(buffers, grads);
  descend(work.params, nesterov ? at::_foreach_add(grads, at::_foreach_mul(buffers, momentum)) : buffers, lr);
}

} // namespace

GT_EXPORT int gt_adam_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *exp_avg,
                           gt_tensor *const *exp_avg_sq, gt_tensor *const *max_exp_avg_sq, gt_tensor *const *steps, int n,
                           gt_tensor *lr, double beta1, double beta2, double eps, double weight_decay, int decoupled) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    std::vector<Tensor> counts = work.counts(steps);
    at::_foreach_add_(counts, 1);
    with_numbers(s, at::kFloat, lr, nullptr, [&](const auto &rate, const auto &) {
      std::vector<Tensor> largest;
      if (max_exp_avg_sq) largest = work.state(max_exp_avg_sq);
      auto step = [&](auto kernel) {
        kernel(work.params, work.grads, work.state(exp_avg), work.state(exp_avg_sq), largest, counts, rate, beta1, beta2,
               weight_decay, eps, /*amsgrad=*/max_exp_avg_sq != nullptr, /*maximize=*/false);
      };
      if (decoupled)
        step([](auto &&...a) { at::_fused_adamw_(a...); });
      else
        step([](auto &&...a) { at::_fused_adam_(a...); });
    });
    work.drop_grads();
  });
}

GT_EXPORT int gt_sgd_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *momentum_buffer, int n,
                          gt_tensor *lr, gt_tensor *momentum, double weight_decay, int nesterov) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    if (momentum) {
      with_numbers(s, work.params[0].scalar_type(), lr, momentum, [&](const auto &rate, const auto &m) {
        sgd(work, work.state(momentum_buffer), rate, m, weight_decay, nesterov != 0);
      });
    } else {
      if (nesterov) throw gt::Error(GT_FAILED, "Nesterov needs a momentum");
      with_numbers(s, at::kFloat, lr, nullptr, [&](const auto &rate, const auto &) {
        at::_fused_sgd_(work.params, work.grads, {}, weight_decay, /*momentum=*/0, rate, /*dampening=*/0,
                        /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false);
      });
    }
    work.drop_grads();
  });
}

// torch.nn.utils.clip_grad_norm_, norm for norm: a factor that is 1 is multiplied by as well, so that nothing is read.
GT_EXPORT gt_tensor *gt_clip_grad_norm(gt_scope *s, gt_tensor *const *params, int n, double max_norm) {
  return gt::result(s, [&] {
    at::NoGradGuard quiet;
    std::vector<Tensor> grads;
    for (int i = 0; i < n; i++)
      if (const Tensor &grad = get(params[i]).grad(); grad.defined()) grads.push_back(grad);
    if (grads.empty()) return at::zeros({}, s->device);
    Tensor total = at::linalg_vector_norm(at::stack(at::_foreach_norm(grads, 2)), 2);
    if (std::isfinite(max_norm)) at::_foreach_mul_(grads, (max_norm / (total + 1e-6)).clamp_max(1));
    return total;
  });
}

// torch.optim has no fused RMSprop: this is its foreach form (torch/optim/rmsprop.py, not centered).
GT_EXPORT int gt_rmsprop_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *square_avg,
                              gt_tensor *const *momentum_buffer, gt_tensor *const *steps, int n, gt_tensor *lr,
                              double alpha, double eps, gt_tensor *momentum, double weight_decay) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Work work(params, n);
    if (work.at.empty()) return;
    std::vector<Tensor> squares = work.state(square_avg), grads = work.grads;
    at::_foreach_add_(work.counts(steps), 1);
    if (weight_decay != 0) grads = at::_foreach_add(grads, work.params, weight_decay);
    at::_foreach_mul_(squares, alpha);
    at::_foreach_addcmul_(squares, grads, grads, 1 - alpha);
    std::vector<Tensor> scale = at::_foreach_sqrt(squares);
    at::_foreach_add_(scale, eps);
    with_numbers(s, work.params[0].scalar_type(), lr, momentum, [&](const auto &rate, const auto &m) {
      if (!momentum) return descend(work.params, grads, scale, rate);
      std::vector<Tensor> buffers = work.state(momentum_buffer);
      at::_foreach_mul_(buffers, m);
      at::_foreach_addcdiv_(buffers, grads, scale);
      descend(work.params, buffers, rate);
    });
    work.drop_grads();
  });
}

// lerp: what decay*avg + (1-decay)*of would round, it rounds alike in each step, and the average would never arrive.
static void approach(at::TensorList avg, at::TensorList of, double decay) { at::_foreach_lerp_(avg, of, 1 - decay); }
static void approach(at::TensorList avg, at::TensorList of, const Tensor &decay) {
  descend(avg, at::_foreach_sub(avg, of), (1 - decay).to(avg[0].scalar_type()));
}

GT_EXPORT int gt_average(gt_scope *s, gt_tensor *const *avg, gt_tensor *const *of, int n, gt_tensor *decay,
                         gt_tensor *const *copies, gt_tensor *const *of_copies, int m) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    if (n > 0)
      with_numbers(s, at::kDouble, decay, nullptr, [&](const auto &d, const auto &) {
        approach(gt::list(avg, n), gt::list(of, n), d);
      });
    if (m > 0) at::_foreach_copy_(gt::list(copies, m), gt::list(of_copies, m));
  });
}

GT_EXPORT int gt_meter_add(gt_scope *s, gt_tensor *sums, gt_tensor *const *values, int n) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    // Each of these is a kernel. What was once not finite stays so in its sum, and so in the largest of them.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Tensor total = get(sums).narrow(0, 0, n);
    total.add_(at::stack(gt::list(values, n)));
    get(sums).narrow(0, n, 2).add_(1);
    get(sums)[n + 1].add_(at::linalg_vector_norm(total, infinity).lt(infinity), -1);
  });
}
