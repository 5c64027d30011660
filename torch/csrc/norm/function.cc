// function.cc: the op as autograd sees it.
#include "function.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <cmath>

#include "../node.h"
#include "../zeros.h"
#include "norm.h"

namespace gt::norm {
namespace {

using at::Tensor;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

const at::MemoryFormat last = at::MemoryFormat::ChannelsLast;

Batch batch_of(const Tensor &x, int64_t groups = 1) {
  static const Parallel threads = [](int64_t units, const Task &task) { at::parallel_for(0, units, 1, task); };
  return {threads, x.numel() / x.size(1), x.size(1), groups};
}

const float *data(const Tensor &t) { return t.const_data_ptr<float>(); }

// Constants are what backward needs of statistics and weights: float32.
struct Constants {
  Tensor of_batch; // [3][c]
  Tensor affine;   // scale and shift: [2][groups][c]

  int64_t groups() const { return affine.size(1); }
};

enum Constant { MEAN, INVERSE, REST, CONSTANTS }; // INVERSE: of the deviation; REST: of the mean, rounded

const float *of_batch(const Constants &k, Constant which) { return data(k.of_batch) + which * k.of_batch.size(1); }

Affine affine(const Constants &k) {
  const float *scale = data(k.affine);
  return {of_batch(k, MEAN), scale, scale + k.affine.numel() / 2};
}

// mean and var may be of any floating type.
template <class T>
Constants constants_of(const T *mean, const T *var, const Tensor &weight, const Tensor &bias, double eps) {
  const int64_t c = weight.size(-1), groups = weight.numel() / c;
  const auto options = weight.options().requires_grad(false);
  const Constants made{at::empty({CONSTANTS, c}, options), at::empty({2, groups, c}, options)};
  std::vector<double> inverse(c), rest(c);
  float *to = made.of_batch.mutable_data_ptr<float>();
  for (int64_t i = 0; i < c; i++) {
    const float rounded = float(mean[i]);
    inverse[i] = 1 / std::sqrt(var[i] + eps), rest[i] = mean[i] - rounded;
    to[MEAN * c + i] = rounded;
    to[INVERSE * c + i] = float(inverse[i]);
    to[REST * c + i] = float(rest[i]);
  }
  const float *w = data(weight), *b = data(bias);
  float *scale = made.affine.mutable_data_ptr<float>(), *shift = scale + groups * c;
  for (int64_t g = 0; g < groups; g++, w += c, b += c, scale += c, shift += c) {
    for (int64_t i = 0; i < c; i++) {
      scale[i] = float(w[i] * inverse[i]);
      shift[i] = float(b[i] - rest[i] * w[i] * inverse[i]);
    }
  }
  return made;
}

Tensor applied(const Tensor &x, const Constants &constants, float slope) {
  Tensor y = at::empty_like(x);
  apply(batch_of(x, constants.groups()), data(x), affine(constants), slope, y.mutable_data_ptr<float>());
  return y;
}

// As PyTorch: in float64, with the variance of a sample.
void update(const Tensor &running, const std::vector<double> &of, double momentum) {
  float *to = running.mutable_data_ptr<float>();
  for (size_t i = 0; i < of.size(); i++) to[i] = float(momentum * of[i] + (1 - momentum) * to[i]);
}

Constants constants_of_batch(const Tensor &x, const Layer &layer) {
  const Batch b = batch_of(x);
  auto [mean, var] = moments(b, data(x));
  std::vector<double> unbiased = var;
  for (int64_t i = 0; i < b.c; i++) {
    unbiased[i] /= double(b.rows - 1);
    var[i] /= double(b.rows);
  }
  Constants constants = constants_of(mean.data(), var.data(), layer.weight, layer.bias, layer.eps);
  update(layer.mean, mean, layer.momentum);
  update(layer.var, unbiased, layer.momentum);
  return constants;
}

// Nobody else can see t, so that it may be written over.
bool ours_alone(const Tensor &t) { return t.use_count() == 1 && t.storage().use_count() == 1; }

// The gradients of x, weight and bias; that of x only where it is asked for, and in the memory of gy where that is free.
variable_list gradients(const Tensor &x, at::IntArrayRef of_weight, const Constants &constants, Tensor gy, float slope, bool need_x) {
  const Batch b = batch_of(x, constants.groups());
  const Affine of = affine(constants);
  const float *inverse = of_batch(constants, INVERSE), *rest = of_batch(constants, REST);
  const auto [sum, product] = sums(b, data(x), data(gy), of, slope);
  Tensor gw = at::empty(of_weight, constants.affine.options()), gb = at::empty_like(gw);
  float *weight = gw.mutable_data_ptr<float>(), *bias = gb.mutable_data_ptr<float>();
  std::vector<double> tilt(b.c), rise(b.c);
  for (int64_t g = 0, at = 0; g < b.groups; g++) {
    for (int64_t i = 0; i < b.c; i++, at++) {
      const double about_mean = product[at] - rest[i] * sum[at], scale = double(of.scale[at]) / double(b.rows);
      weight[at] = float(about_mean * inverse[i]);
      bias[at] = float(sum[at]);
      tilt[i] += scale * inverse[i] * inverse[i] * about_mean;
      rise[i] += scale * sum[at];
    }
  }
  if (!need_x) return {Tensor(), gw, gb};
  std::vector<float> slant(b.c), level(b.c);
  for (int64_t i = 0; i < b.c; i++) {
    slant[i] = float(tilt[i]);
    level[i] = float(rise[i] - tilt[i] * rest[i]);
  }
  Tensor gx = ours_alone(gy) ? gy : at::empty_like(x);
  gradient(b, data(x), data(gy), of, {slant.data(), level.data()}, slope, gx.mutable_data_ptr<float>());
  return {gx, gw, gb};
}

// The same by PyTorch's ops, which autograd follows.
variable_list differentiable_gradients(const Tensor &x, const Tensor &weight, const Constants &constants,
                                     const Tensor &gy, double eps, float slope) {
  Tensor falls = applied(x.detach(), constants, slope) <= 0;
  const Tensor g = at::where(falls, gy * slope, gy), mean = constants.of_batch[MEAN], inverse = constants.of_batch[INVERSE];
  if (weight.dim() == 1) {
    auto [gx, gw, gb] = at::native_batch_norm_backward(g, x, weight, {}, {}, mean, inverse, true, eps, {true, true, true});
    return {gx, gw, gb};
  }
  const Tensor normal = std::get<0>(at::native_batch_norm(x, {}, {}, {}, {}, true, 0, eps));
  auto [gx, none, neither] = at::native_batch_norm_backward(g * weight.view({x.size(0), x.size(1), 1, 1}), x, {}, {}, {},
                                                            mean, inverse, true, eps, {true, false, false});
  return {gx, (g * normal).sum({2, 3}), g.sum({2, 3})};
}

// A node of its own and not a torch::autograd::Function, which keeps a second reference to gy while it is used.
struct Backward : torch::autograd::Node {
  SavedVariable x, weight;
  Constants constants;
  double eps;
  float slope;
  c10::VariableVersion result; // of y, which is not kept
  uint32_t result_was = 0;

  variable_list apply(variable_list &&grads) override {
    std::lock_guard<std::mutex> hold(mutex_);
    // The rectifier in place, whose part this has, looks at the signs of y.
    TORCH_CHECK(result.current_version() == result_was, "one of the variables needed for gradient computation has been "
                "modified by an inplace operation: the result of batch_norm_leaky_relu is at version ", result.current_version(),
                "; expected version ", result_was, " instead");
    Tensor gy = std::move(grads[0]);
    if (!gy.defined()) return variable_list(3);
    gy = solid(gy);
    const Tensor in = x.unpack(), scale = weight.unpack();
    if (at::GradMode::is_enabled()) return differentiable_gradients(in, scale, constants, gy, eps, slope);
    if (!gy.is_contiguous(last)) gy = gy.contiguous(last);
    return gradients(in, scale.sizes(), constants, std::move(gy), slope, task_should_compute_output(0));
  }

  void release_variables() override {
    std::lock_guard<std::mutex> hold(mutex_);
    x.reset_data();
    weight.reset_data();
  }

  std::string name() const override { return "BatchNormLeakyReluBackward"; }
};

Tensor trained(const Tensor &x, const Layer &layer, float slope) {
  Constants constants;
  Tensor y;
  {
    at::AutoDispatchBelowADInplaceOrView quiet;
    constants = constants_of_batch(x, layer);
    y = applied(x, constants, slope);
  }
  if (!torch::autograd::compute_requires_grad(x, layer.weight, layer.bias)) return y;
  const auto node = make_node<Backward>();
  node->set_next_edges(torch::autograd::collect_next_edges(x, layer.weight, layer.bias));
  node->x = SavedVariable(x, false);
  node->weight = SavedVariable(layer.weight, false);
  node->constants = constants;
  node->eps = layer.eps;
  node->slope = slope;
  torch::autograd::set_history(y, node);
  node->result = torch::autograd::impl::version_counter(y);
  node->result_was = node->result.current_version();
  return y;
}

bool dense(const Tensor &t) {
  return t.defined() && t.device().is_cpu() && t.scalar_type() == at::kFloat && t.layout() == at::kStrided &&
         !t._is_zerotensor();
}

bool suits(const Tensor &x, const Layer &layer) {
  if (!dense(x) || x.dim() != 4 || x.numel() == 0 || !x.is_contiguous(last)) return false;
  const auto is = [](const Tensor &t, at::IntArrayRef sizes) { return dense(t) && t.sizes() == sizes && t.is_contiguous(); };
  const int64_t n = x.size(0), c = x.size(1);
  if (!is(layer.mean, {c}) || !is(layer.var, {c})) return false;
  const bool of_all = is(layer.weight, {c}) && is(layer.bias, {c}), of_each = is(layer.weight, {n, c}) && is(layer.bias, {n, c});
  if (!of_all && !of_each) return false;
  return !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

Tensor batch_norm_act(const Tensor &x, const Layer &layer, bool training, double slope) {
  if (!(slope >= 0) || !suits(x, layer)) return {};
  if (training) return trained(x, layer, float(slope));
  if (torch::autograd::compute_requires_grad(x, layer.weight, layer.bias)) return {};
  const Constants constants = constants_of(data(layer.mean), data(layer.var), layer.weight, layer.bias, layer.eps);
  return applied(x, constants, float(slope));
}

}  // namespace gt::norm
