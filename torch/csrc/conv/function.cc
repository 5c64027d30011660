// function.cc: the convolution as autograd sees it.
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "choice.h"
#include "conv.h"
#include "../zeros.h"
#include "filter.h"

namespace gt::conv {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

const at::MemoryFormat last = at::MemoryFormat::ChannelsLast;

void parallel(int64_t units, const Task &task) { at::parallel_for(0, units, 1, task); }

// Sizes of x [n,c,h,w], w [k,c,4,4] and y [n,k,oh,ow]; two of the three are given, and the height and width of x.
Shape shape_of(Role role, const Tensor &a, const Tensor &b, int64_t h, int64_t w) {
  const Tensor &channels = role == Role::weight ? a : b;
  const int64_t k = role == Role::weight ? b.size(1) : b.size(0);
  return {a.size(0), h, w, channels.size(1), k, h / 2, w / 2};
}

Tensor by_stock(Role role, const Tensor &a, const Tensor &b, const Shape &s) {
  if (role == Role::output) return at::conv2d(a, b, {}, 2, 1);
  if (role == Role::input) return at::conv_transpose2d(a, b, {}, 2, 1, {s.h % 2, s.w % 2});
  Tensor weight = at::empty({s.k, s.c, 4, 4}, a.options(), last); // its sizes alone matter
  return std::get<1>(at::convolution_backward(b, a, weight, c10::nullopt, {2, 2}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                                              {false, true, false}));
}

Tensor by_filter(const Kernels &kernels, Role role, const Tensor &a, const Tensor &b, const Shape &s) {
  static const Parallel threads = parallel;
  const Engine e{kernels, threads};
  const float *left = a.const_data_ptr<float>(), *right = b.const_data_ptr<float>();
  if (role == Role::output) {
    Tensor y = at::empty({s.n, s.k, s.oh, s.ow}, a.options(), last);
    forward(e, s, left, right, y.mutable_data_ptr<float>());
    return y;
  }
  if (role == Role::input) {
    Tensor x = at::empty({s.n, s.c, s.h, s.w}, a.options(), last);
    (s.c <= THIN ? thin_input_gradient : input_gradient)(e, s, left, right, x.mutable_data_ptr<float>());
    return x;
  }
  Tensor w = at::empty({s.k, s.c, 4, 4}, a.options(), last);
  weight_gradient(e, s, left, right, w.mutable_data_ptr<float>());
  return w;
}

Tensor compute(int mode, Role role, const Tensor &left, const Tensor &right, int64_t h, int64_t w) {
  const Tensor a = solid(left), b = solid(right);
  const Shape s = shape_of(role, a, b, h, w);
  const Kernels *kernels = kernels_for(mode, role, s);
  if (!kernels) return by_stock(role, a, b, s);
  return by_filter(*kernels, role, a.contiguous(last), b.contiguous(last), s);
}

// One tensor of the trilinear form <y, conv(x, w)> from the other two, in the order x, y, w without the missing one
// (but y before w): output of (x, w), input of (y, w), weight of (x, y).
struct Form : torch::autograd::Function<Form> {
  static Tensor forward(AutogradContext *ctx, const Tensor &a, const Tensor &b, int64_t mode, int64_t role, int64_t h, int64_t w) {
    ctx->save_for_backward({a, b});
    ctx->saved_data["mode"] = mode;
    ctx->saved_data["role"] = role;
    ctx->saved_data["h"] = h;
    ctx->saved_data["w"] = w;
    return compute(static_cast<int>(mode), static_cast<Role>(role), a, b, h, w);
  }

  static tensor_list backward(AutogradContext *ctx, tensor_list grads) {
    const tensor_list saved = ctx->get_saved_variables();
    const Tensor &a = saved[0], &b = saved[1], &g = grads[0];
    const int64_t mode = ctx->saved_data["mode"].toInt();
    const int64_t h = ctx->saved_data["h"].toInt(), w = ctx->saved_data["w"].toInt();
    auto of = [&](Role role, const Tensor &a, const Tensor &b) { return apply(a, b, mode, static_cast<int64_t>(role), h, w); };
    Tensor ga, gb;
    const bool need_a = g.defined() && ctx->needs_input_grad(0), need_b = g.defined() && ctx->needs_input_grad(1);
    switch (static_cast<Role>(ctx->saved_data["role"].toInt())) {
      case Role::output: // of x and w
        if (need_a) ga = of(Role::input, g, b);
        if (need_b) gb = of(Role::weight, a, g);
        break;
      case Role::input: // of y and w
        if (need_a) ga = of(Role::output, g, b);
        if (need_b) gb = of(Role::weight, g, a);
        break;
      case Role::weight: // of x and y
        if (need_a) ga = of(Role::input, b, g);
        if (need_b) gb = of(Role::output, a, g);
        break;
    }
    return {ga, gb, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

bool all(at::IntArrayRef pair, int64_t value) { return pair[0] == value && pair[1] == value; }

// Dense float32 on the CPU with channels innermost somewhere, and nothing that changes what an op computes.
bool suits(int mode, const Tensor &x, const Tensor &weight) {
  for (const Tensor *t : {&x, &weight}) {
    if (t->dim() != 4 || !t->device().is_cpu() || t->scalar_type() != at::kFloat || t->layout() != at::kStrided ||
        t->numel() == 0)
      return false;
  }
  return mode != GT_CONV_STOCK && !at::autocast::is_autocast_enabled(at::kCPU) && (x.is_contiguous(last) || weight.is_contiguous(last));
}

// [n,c,h,w] as a matrix [n h w, c]; no copy where channels are innermost. And back.
Tensor pixels(const Tensor &t) { return t.permute({0, 2, 3, 1}).reshape({-1, t.size(1)}); }
Tensor image(const Tensor &pixels, const Tensor &like) {
  return pixels.reshape({like.size(0), like.size(2), like.size(3), -1}).permute({0, 3, 1, 2});
}

// x [n,c,h,w] by w [k,c,1,1], with a bias [k] or none, as a product of matrices.
struct Pointwise : torch::autograd::Function<Pointwise> {
  static Tensor forward(AutogradContext *ctx, const Tensor &x, const Tensor &w, const std::optional<Tensor> &bias) {
    ctx->save_for_backward({x, w});
    ctx->saved_data["bias"] = bias.has_value();
    Tensor y = at::empty({x.size(0), w.size(0), x.size(2), x.size(3)}, x.options(), last), out = pixels(y);
    bias ? at::addmm_out(out, *bias, pixels(x), w.flatten(1).t()) : at::mm_out(out, pixels(x), w.flatten(1).t());
    return y;
  }

  static tensor_list backward(AutogradContext *ctx, tensor_list grads) {
    const tensor_list saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &w = saved[1];
    Tensor gx, gw, gb;
    if (grads[0].defined()) {
      const Tensor g = pixels(grads[0]);
      if (ctx->needs_input_grad(0)) gx = image(g.mm(w.flatten(1)), x);
      if (ctx->needs_input_grad(1)) gw = g.t().mm(pixels(x)).reshape(w.sizes());
      if (ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(2)) gb = g.sum(0);
    }
    return {gx, gw, gb};
  }
};

// [n,c,h,w] as a matrix [n, h w c]; no copy where channels are innermost.
Tensor flat(const Tensor &t) { return t.permute({0, 2, 3, 1}).reshape({t.size(0), -1}); }

}  // namespace

Tensor conv2d(int mode, const Tensor &x, const Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding,
              at::IntArrayRef dilation, int64_t groups) {
  if (groups != 1 || !all(dilation, 1) || !suits(mode, x, weight) || x.size(1) != weight.size(1)) return {};
  const int64_t h = x.size(2), w = x.size(3);
  if (all(padding, 0) && weight.size(2) == h && weight.size(3) == w)
    return at::mm(flat(x), flat(weight).t()).reshape({x.size(0), weight.size(0), 1, 1});
  if (!all(stride, 2) || !all(padding, 1) || weight.size(2) != 4 || weight.size(3) != 4 || h < 2 || w < 2) return {};
  if (!any_kernels(mode, shape_of(Role::output, x, weight, h, w))) return {};
  return Form::apply(x, weight, mode, static_cast<int64_t>(Role::output), h, w);
}

Tensor pointwise(int mode, const Tensor &x, const Tensor &weight, const std::optional<Tensor> &bias, at::IntArrayRef stride,
                 at::IntArrayRef padding, int64_t groups) {
  const int64_t c = x.size(1), k = weight.size(0);
  if (groups != 1 || !all(stride, 1) || !all(padding, 0) || !suits(mode, x, weight) || weight.size(1) != c) return {};
  if (weight.size(2) != 1 || weight.size(3) != 1 || !x.is_contiguous(last) || c < 16 || c * k > 1024) return {};
  return Pointwise::apply(x, weight, bias);
}

Tensor conv_transpose2d(int mode, const Tensor &x, const Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding,
                        at::IntArrayRef output_padding, at::IntArrayRef dilation, int64_t groups) {
  if (groups != 1 || !all(dilation, 1) || !suits(mode, x, weight) || x.size(1) != weight.size(0)) return {};
  const int64_t h = 2 * x.size(2), w = 2 * x.size(3);
  if (all(padding, 0) && all(output_padding, 0) && x.size(2) == 1 && x.size(3) == 1) {
    Tensor y = at::mm(x.reshape({x.size(0), x.size(1)}), flat(weight));
    return y.reshape({x.size(0), weight.size(2), weight.size(3), weight.size(1)}).permute({0, 3, 1, 2});
  }
  if (!all(stride, 2) || !all(padding, 1) || weight.size(2) != 4 || weight.size(3) != 4) return {};
  if (output_padding[0] < 0 || output_padding[0] > 1 || output_padding[1] < 0 || output_padding[1] > 1) return {};
  if (!any_kernels(mode, shape_of(Role::input, x, weight, h, w))) return {};
  return Form::apply(x, weight, mode, static_cast<int64_t>(Role::input), h + output_padding[0], w + output_padding[1]);
}

}  // namespace gt::conv
