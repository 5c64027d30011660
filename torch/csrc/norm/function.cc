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

Batch batch_of(const Tensor &x) {
  static const Parallel threads = [](int64_t units, const Task &task) { at::parallel_for(0, units, 1, task); };
  return {threads, x.numel() / x.size(1), x.size(1)};
}

const float *data(const Tensor &t) { return t.const_data_ptr<float>(); }

// Constants are what backward needs of the statistics: float32 [5][c].
enum Constant { MEAN, SCALE, SHIFT, INVERSE, REST, CONSTANTS }; // INVERSE: of the deviation; REST: of the mean, rounded

Affine affine(const Tensor &constants) {
  const int64_t c = constants.size(1);
  const float *at = data(constants);
  return {at + MEAN * c, at + SCALE * c, at + SHIFT * c};
}

// mean and var may be of any floating type.
template <class T>
Tensor constants_of(const T *mean, const T *var, const Tensor &weight, const Tensor &bias, double eps) {
  const int64_t c = weight.numel();
  Tensor constants = at::empty({CONSTANTS, c}, weight.options().requires_grad(false));
  float *to = constants.mutable_data_ptr<float>();
  const float *w = data(weight), *b = data(bias);
  for (int64_t i = 0; i < c; i++) {
    const float rounded = float(mean[i]);
    const double inverse = 1 / std::sqrt(var[i] + eps), rest = mean[i] - rounded;
    to[MEAN * c + i] = rounded;
    to[SCALE * c + i] = float(w[i] * inverse);
    to[SHIFT * c + i] = float(b[i] - rest * w[i] * inverse);
    to[INVERSE * c + i] = float(inverse);
    to[REST * c + i] = float(rest);
  }
  return constants;
}

Tensor applied(const Tensor &x, const Tensor &constants, float slope) {
  Tensor y = at::empty_like(x);
  apply(batch_of(x), data(x), affine(constants), slope, y.mutable_data_ptr<float>());
  return y;
}

// As PyTorch: in float64, with the variance of a sample.
void update(const Tensor &running, const std::vector<double> &of, double momentum) {
  float *to = running.mutable_data_ptr<float>();
  for (size_t i = 0; i < of.size(); i++) to[i] = float(momentum * of[i] + (1 - momentum) * to[i]);
}

Tensor constants_of_batch(const Tensor &x, const Layer &layer) {
  const Batch b = batch_of(x);
  auto [mean, var] = moments(b, data(x));
  std::vector<double> unbiased = var;
  for (int64_t i = 0; i < b.c; i++) {
    unbiased[i] /= double(b.rows - 1);
    var[i] /= double(b.rows);
  }
  Tensor constants = constants_of(mean.data(), var.data(), layer.weight, layer.bias, layer.eps);
  update(layer.mean, mean, layer.momentum);
  update(layer.var, unbiased, layer.momentum);
  return constants;
}

// Nobody else can see t, so that it may be written over.
bool ours_alone(const Tensor &t) { return t.use_count() == 1 && t.storage().use_count() == 1; }

// The gradients of x, weight and bias; that of x only where it is asked for, and in the memory of gy where that is free.
variable_list gradients(const Tensor &x, const Tensor &constants, Tensor gy, float slope, bool need_x) {
  const Batch b = batch_of(x);
  const Affine of = affine(constants);
  const float *inverse = data(constants) + INVERSE * b.c, *rest = data(constants) + REST * b.c;
  const auto [sum, product] = sums(b, data(x), data(gy), of, slope);
  Tensor gw = at::empty({b.c}, constants.options()), gb = at::empty_like(gw), less = at::empty({2, b.c}, gw.options());
  float *weight = gw.mutable_data_ptr<float>(), *bias = gb.mutable_data_ptr<float>();
  float *slant = less.mutable_data_ptr<float>(), *level = slant + b.c;
  for (int64_t i = 0; i < b.c; i++) {
    const double about_mean = product[i] - rest[i] * sum[i], scale = double(of.scale[i]) / double(b.rows);
    weight[i] = float(about_mean * inverse[i]);
    bias[i] = float(sum[i]);
    const double tilt = scale * inverse[i] * inverse[i] * about_mean;
    slant[i] = float(tilt);
    level[i] = float(scale * sum[i] - tilt * rest[i]);
  }
  if (!need_x) return {Tensor(), gw, gb};
  Tensor gx = ours_alone(gy) ? gy : at::empty_like(x);
  gradient(b, data(x), data(gy), of, {slant, level}, slope, gx.mutable_data_ptr<float>());
  return {gx, gw, gb};
}

// The same by PyTorch's ops, which autograd follows.
variable_list differentiable_gradients(const Tensor &x, const Tensor &weight, const Tensor &constants,
                                     const Tensor &gy, double eps, float slope) {
  Tensor falls = applied(x.detach(), constants, slope) <= 0;
  auto [gx, gw, gb] = at::native_batch_norm_backward(at::where(falls, gy * slope, gy), x, weight, {}, {}, constants[MEAN],
                                                     constants[INVERSE], true, eps, {true, true, true});
  return {gx, gw, gb};
}

// A node of its own and not a torch::autograd::Function, which keeps a second reference to gy while it is used.
struct Backward : torch::autograd::Node {
  SavedVariable x, weight;
  Tensor constants;
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
    return gradients(in, constants, std::move(gy), slope, task_should_compute_output(0));
  }

  void release_variables() override {
    std::lock_guard<std::mutex> hold(mutex_);
    x.reset_data();
    weight.reset_data();
  }

  std::string name() const override { return "BatchNormLeakyReluBackward"; }
};

Tensor trained(const Tensor &x, const Layer &layer, float slope) {
  Tensor constants, y;
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
  for (const Tensor *t : {&layer.weight, &layer.bias, &layer.mean, &layer.var})
    if (!dense(*t) || t->dim() != 1 || t->size(0) != x.size(1) || !t->is_contiguous()) return false;
  return !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

Tensor batch_norm_act(const Tensor &x, const Layer &layer, bool training, double slope) {
  if (!(slope >= 0) || !suits(x, layer)) return {};
  if (training) return trained(x, layer, float(slope));
  if (torch::autograd::compute_requires_grad(x, layer.weight, layer.bias)) return {};
  const Tensor constants = constants_of(data(layer.mean), data(layer.var), layer.weight, layer.bias, layer.eps);
  return applied(x, constants, float(slope));
}

}  // namespace gt::norm
