// function.cc: the op as autograd sees it.
#include "function.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "../node.h"
#include "../zeros.h"
#include "bend.h"

namespace gt::bend {
namespace {

using at::Tensor;
using torch::autograd::variable_list;
using Ways = std::vector<Way>; // an image each

bool dense(const Tensor &t, at::ScalarType type) {
  return t.device().is_cpu() && t.scalar_type() == type && t.layout() == at::kStrided && !t._is_zerotensor();
}

bool suits(const Tensor &x, const Bend &by) {
  const auto is = [](const Tensor &t, at::ScalarType type) { return !t.defined() || (dense(t, type) && !t.requires_grad()); };
  return dense(x, at::kFloat) && is(by.color, at::kFloat) && is(by.move, at::kLong) && is(by.cut, at::kLong);
}

// Calls set with each way and its image's numbers of a table.
template <class T, class F>
void each(Ways &ways, const Tensor &table, const F &set) {
  if (!table.defined()) return;
  const Tensor rows = table.contiguous();
  const T *numbers = rows.const_data_ptr<T>();
  for (size_t i = 0; i < ways.size(); i++) set(ways[i], numbers + i * rows.size(1));
}

// Numbers beyond the image are as good as those at its edge.
Ways ways_of(const Tensor &x, const Bend &by) {
  Ways ways(x.size(0));
  const int64_t h = x.size(2), w = x.size(3);
  each<float>(ways, by.color, [](Way &to, const float *n) { to.own = n[0], to.pixel = n[1], to.whole = n[2], to.add = n[3]; });
  each<int64_t>(ways, by.move, [=](Way &to, const int64_t *n) { to.down = std::clamp(n[0], -h, h), to.right = std::clamp(n[1], -w, w); });
  each<int64_t>(ways, by.cut, [&](Way &to, const int64_t *n) {
    to.top = std::clamp(n[0], -by.height, h), to.bottom = to.top + by.height;
    to.left = std::clamp(n[1], -by.width, w), to.end = to.left + by.width;
  });
  return ways;
}

Tensor passed(const Tensor &x, const Ways &ways, bool gradient) {
  Tensor y = at::empty_like(x);
  const Size size{x.size(1), x.size(2), x.size(3), !x.is_contiguous()};
  const int64_t image = size.c * size.h * size.w;
  const float *from = x.const_data_ptr<float>();
  float *to = y.mutable_data_ptr<float>();
  at::parallel_for(0, x.size(0), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) (gradient ? back : forward)(size, ways[i], from + i * image, to + i * image);
  });
  return y;
}

Tensor differentiable(Tensor x, const std::shared_ptr<const Ways> &ways, bool gradient);

// The gradient of the op, and of its gradient: one the other's.
struct Backward : torch::autograd::Node {
  std::shared_ptr<const Ways> ways; // without what they add
  bool gradient;                    // of the gradient

  variable_list apply(variable_list &&grads) override {
    if (!grads[0].defined()) return variable_list(1);
    return {differentiable(solid(grads[0]), ways, !gradient)};
  }

  std::string name() const override { return "BendBackward"; }
};

Tensor differentiable(Tensor x, const std::shared_ptr<const Ways> &ways, bool gradient) {
  if (!x.is_contiguous(x.suggest_memory_format())) x = x.contiguous(x.suggest_memory_format());
  Tensor y;
  {
    at::AutoDispatchBelowADInplaceOrView quiet;
    y = passed(x, *ways, gradient);
  }
  if (!torch::autograd::compute_requires_grad(x)) return y;
  auto linear = std::make_shared<Ways>(*ways);
  for (Way &way : *linear) way.add = 0;
  const auto node = make_node<Backward>();
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  node->ways = std::move(linear);
  node->gradient = gradient;
  torch::autograd::set_history(y, node);
  return y;
}

// A number of each image, to be broadcast over it.
Tensor number(const Tensor &table, int64_t i) { return table.select(1, i).reshape({-1, 1, 1, 1}); }

// 0, 1, ... along a dim of images.
Tensor places(const Tensor &x, int64_t dim) {
  std::vector<int64_t> shape(4, 1);
  shape[dim] = x.size(dim);
  return at::arange(x.size(dim), x.options().dtype(at::kLong).requires_grad(false)).reshape(shape);
}

Tensor recoloured(const Tensor &x, const Tensor &color) {
  const Tensor pixel = x.mean(1, true), whole = pixel.mean({2, 3}, true);
  return x * number(color, 0) + (pixel * number(color, 1) + (whole * number(color, 2) + number(color, 3)));
}

// By a border of zeros, from which comes what is not in the image.
Tensor moved(const Tensor &x, const Tensor &move) {
  const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  const auto from = [&](int64_t i, int64_t side) {
    return (places(x, 2 + i) + number(move, i).clamp(-side, side)).clamp(-1, side) + 1;
  };
  const Tensor index = (from(0, h) * (w + 2) + from(1, w)).reshape({n, 1, h * w}).expand({n, c, h * w});
  const Tensor wide = at::constant_pad_nd(x, {1, 1, 1, 1}, 0).reshape({n, c, (h + 2) * (w + 2)});
  return wide.gather(2, index).reshape(x.sizes()).contiguous(x.suggest_memory_format());
}

Tensor cut(const Tensor &x, const Bend &by) {
  const auto within = [&](int64_t i, int64_t side, int64_t size) {
    const Tensor behind = places(x, 2 + i) - number(by.cut, i).clamp(-size, side);
    return behind.ge(0).logical_and(behind.lt(size));
  };
  return x * within(0, x.size(2), by.height).logical_and(within(1, x.size(3), by.width)).logical_not().to(x.scalar_type());
}

}  // namespace

Tensor bent(const Tensor &x, const Bend &by, bool ours) {
  if (ours && suits(x, by)) return differentiable(x, std::make_shared<const Ways>(ways_of(x, by)), false);
  Tensor y = by.color.defined() ? recoloured(x, by.color) : x;
  if (by.move.defined()) y = moved(y, by.move);
  return by.cut.defined() ? cut(y, by) : y;
}

}  // namespace gt::bend
