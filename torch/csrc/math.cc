// math.cc: arithmetic, reductions, activations and shapes; a line an op.
#include <cmath>

#include "op.h"

using gt::get;
using gt::over_dims;
using gt::result;
using gt::run;

BINARY(gt_add, at::add(get(a), get(b)))
BINARY(gt_sub, at::sub(get(a), get(b)))
BINARY(gt_mul, at::mul(get(a), get(b)))
BINARY(gt_div, at::div(get(a), get(b)))
BINARY(gt_matmul, at::matmul(get(a), get(b)))

UNARY(gt_abs, at::abs(get(a)))
UNARY(gt_exp, at::exp(get(a)))
UNARY(gt_log, at::log(get(a)))
UNARY(gt_sqrt, at::sqrt(get(a)))
UNARY(gt_relu, at::relu(get(a)))
UNARY(gt_tanh, at::tanh(get(a)))
UNARY(gt_sigmoid, at::sigmoid(get(a)))
UNARY(gt_softplus, at::softplus(get(a)))

// Python tells 2 from 2.0, and integers times an integer stay integers; here a number without a fraction is one.
static bool whole(double v) { return v == std::trunc(v) && std::abs(v) <= 9007199254740992; } // 2^53

GT_EXPORT gt_tensor *gt_affine(gt_scope *s, gt_tensor *a, double scale, double shift) {
  return result(s, [&] {
    const at::Tensor &x = get(a);
    const bool integers = at::isIntegralType(x.scalar_type(), /*includeBool=*/true) && whole(scale) && whole(shift);
    auto scalar = [&](double v) { return integers ? at::Scalar(static_cast<int64_t>(v)) : at::Scalar(v); };
    if (scale == 1) return at::add(x, scalar(shift));
    if (shift == 0) return at::mul(x, scalar(scale));
    return at::mul(x, scalar(scale)).add_(scalar(shift));
  });
}

GT_EXPORT gt_tensor *gt_pow(gt_scope *s, gt_tensor *a, double exponent) {
  return result(s, [&] { return at::pow(get(a), exponent); });
}

GT_EXPORT gt_tensor *gt_clamp(gt_scope *s, gt_tensor *a, double low, double high) {
  return result(s, [&] { return at::clamp(get(a), low, high); });
}

GT_EXPORT gt_tensor *gt_leaky_relu(gt_scope *s, gt_tensor *a, double slope) {
  return result(s, [&] { return at::leaky_relu(get(a), slope); });
}

GT_EXPORT int gt_relu_(gt_scope *s, gt_tensor *a) {
  return run(s, [&] { at::relu_(get(a)); });
}

GT_EXPORT int gt_leaky_relu_(gt_scope *s, gt_tensor *a, double slope) {
  return run(s, [&] { at::leaky_relu_(get(a), slope); });
}

GT_EXPORT int gt_tanh_(gt_scope *s, gt_tensor *a) {
  return run(s, [&] { at::tanh_(get(a)); });
}

GT_EXPORT int gt_sigmoid_(gt_scope *s, gt_tensor *a) {
  return run(s, [&] { at::sigmoid_(get(a)); });
}

// at::dropout takes no generator, so that its numbers would come from a stream nobody named.
GT_EXPORT gt_tensor *gt_dropout(gt_scope *s, gt_tensor *a, gt_generator *g, double p) {
  return result(s, [&] {
    if (!(p >= 0 && p <= 1)) throw gt::Error(GT_FAILED, "the probability " + std::to_string(p) + " is not in [0,1]");
    if (p == 1) return at::mul(get(a), 0);
    at::Tensor kept = at::empty_like(get(a), at::TensorOptions().requires_grad(false));
    kept.bernoulli_(1 - p, g->value).div_(1 - p);
    return at::mul(get(a), kept);
  });
}

GT_EXPORT gt_tensor *gt_sum(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep) {
  return result(s, [&] { return at::sum(get(a), over_dims(over, dims), keep != 0); });
}

GT_EXPORT gt_tensor *gt_mean(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep) {
  return result(s, [&] { return at::mean(get(a), over_dims(over, dims), keep != 0); });
}

GT_EXPORT gt_tensor *gt_var(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int correction, int keep) {
  return result(s, [&] { return at::var(get(a), over_dims(over, dims), at::Scalar(correction), keep != 0); });
}

GT_EXPORT gt_tensor *gt_reshape(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims) {
  return result(s, [&] { return at::reshape(get(a), at::IntArrayRef(shape, static_cast<size_t>(dims))); });
}

GT_EXPORT gt_tensor *gt_permute(gt_scope *s, gt_tensor *a, const int64_t *order, int dims) {
  return result(s, [&] { return at::permute(get(a), at::IntArrayRef(order, static_cast<size_t>(dims))); });
}

GT_EXPORT gt_tensor *gt_slice(gt_scope *s, gt_tensor *a, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return result(s, [&] { return at::slice(get(a), dim, start, end, step); });
}

GT_EXPORT gt_tensor *gt_cat(gt_scope *s, gt_tensor *const *parts, int n, int64_t dim) {
  return result(s, [&] { return at::cat(gt::list(parts, n), dim); });
}
