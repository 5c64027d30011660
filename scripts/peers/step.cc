// step.cc: Forger's training step at 64x64 in plain C++ on libtorch, with the same operations in the same order. What
// `forger bench --synthetic` takes longer than this is the price of Go and the border.
//   gotorch-step [STEPS [WARMUP [BATCH [WIDTH [CHANNELS]]]]]   prints images a second of ten windows, and their median
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

namespace {

using at::Tensor;

struct Layer {
  Tensor conv, weight, bias, mean, var, tracked; // the last five only where a BatchNorm follows
  bool normed = false;
};

struct Net {
  std::vector<Layer> layers;
  std::vector<Tensor> params;
  std::vector<Tensor> avg, sq, steps;

  void add(std::vector<int64_t> shape, int64_t channels, bool normed) {
    Layer l;
    l.conv = at::randn(shape).mul_(.02).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
    params.push_back(l.conv);
    if ((l.normed = normed)) {
      l.weight = at::ones({channels}).requires_grad_();
      l.bias = at::zeros({channels}).requires_grad_();
      l.mean = at::zeros({channels});
      l.var = at::ones({channels});
      l.tracked = at::zeros({}, at::kLong);
      params.push_back(l.weight);
      params.push_back(l.bias);
    }
    layers.push_back(l);
  }
  void ready() {
    for (const Tensor &p : params) {
      avg.push_back(at::zeros_like(p));
      sq.push_back(at::zeros_like(p));
      steps.push_back(at::zeros({}));
    }
  }
  void accumulate(const Tensor &loss) {
    torch::autograd::backward({loss}, {}, std::nullopt, false, params);
  }
  void update() {
    at::NoGradGuard quiet;
    std::vector<Tensor> grads;
    for (Tensor &p : params) grads.push_back(p.grad());
    at::_foreach_add_(steps, 1);
    at::_fused_adam_(params, grads, avg, sq, {}, steps, 2e-4, .5, .999, 0, 1e-8, false, false);
    for (Tensor &p : params) p.mutable_grad().reset();
  }
};

Tensor norm(Layer &l, const Tensor &x) {
  return at::batch_norm(x, l.weight, l.bias, l.mean, l.var, true, .1, 1e-5, true);
}

void count(Net &net) {
  std::vector<Tensor> tracked;
  for (Layer &l : net.layers)
    if (l.normed) tracked.push_back(l.tracked);
  at::_foreach_add_(tracked, 1);
}

Tensor generate(Net &g, Tensor x) {
  for (size_t i = 0; i < g.layers.size(); i++) {
    Layer &l = g.layers[i];
    int64_t stride = i ? 2 : 1, padding = i ? 1 : 0;
    x = at::conv_transpose2d(x, l.conv, {}, {stride, stride}, {padding, padding});
    if (l.normed) at::relu_(x = norm(l, x));
  }
  count(g);
  return x.tanh_();
}

Tensor judge(Net &d, Tensor x) {
  for (size_t i = 0; i < d.layers.size(); i++) {
    Layer &l = d.layers[i];
    bool last = i + 1 == d.layers.size();
    int64_t stride = last ? 1 : 2, padding = last ? 0 : 1;
    x = at::conv2d(x, l.conv, {}, {stride, stride}, {padding, padding});
    if (l.normed) x = norm(l, x);
    if (!last) at::leaky_relu_(x, .2);
  }
  count(d);
  return x.reshape(-1);
}

void meter(Tensor &sums, const std::vector<Tensor> &values) {
  at::NoGradGuard quiet;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  int64_t n = static_cast<int64_t>(values.size());
  Tensor total = sums.narrow(0, 0, n);
  total.add_(at::stack(values));
  sums.narrow(0, n, 2).add_(1);
  sums[n + 1].add_(at::linalg_vector_norm(total, infinity).lt(infinity), -1);
}

} // namespace

int main(int argc, char **argv) {
  auto arg = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  // As gt_keep_memory, which is no part of the border's price.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 1);
  int64_t steps = arg(1, 50), warmup = arg(2, 10), batch = arg(3, 64), width = arg(4, 64), channels = arg(5, 3);
  Net g, d;
  int64_t in = 100;
  for (int64_t m : {8, 4, 2, 1}) {
    g.add({in, width * m, 4, 4}, width * m, true);
    in = width * m;
  }
  g.add({in, channels, 4, 4}, 0, false);
  d.add({width, channels, 4, 4}, 0, false);
  for (int64_t m : {1, 2, 4}) d.add({2 * m * width, m * width, 4, 4}, 2 * m * width, true);
  d.add({1, 8 * width, 4, 4}, 0, false);
  g.ready();
  d.ready();
  Tensor real = at::rand({batch, channels, 64, 64}).mul_(2).sub_(1).contiguous(at::MemoryFormat::ChannelsLast);
  Tensor sums_d = at::zeros({5}, at::kDouble), sums_g = at::zeros({3}, at::kDouble);
  at::Generator noise = at::make_generator<at::CPUGeneratorImpl>();
  auto score = [](const Tensor &logits) { return logits.detach().sigmoid().mean(); };

  auto step = [&] {
    Tensor fake = generate(g, at::randn({batch, 100, 1, 1}, noise));
    Tensor out = judge(d, real);
    Tensor on_real = at::softplus(out.neg()).mean();
    d.accumulate(on_real);
    Tensor seen_real = score(out);
    out = judge(d, fake.detach());
    Tensor on_fake = at::softplus(out).mean();
    d.accumulate(on_fake);
    Tensor seen_fake = score(out);
    out = Tensor();
    meter(sums_d, {on_real.detach() + on_fake.detach(), seen_real, seen_fake});
    d.update();
    Tensor loss = at::softplus(judge(d, fake).neg()).mean();
    g.accumulate(loss);
    meter(sums_g, {loss.detach()});
    g.update();
  };

  for (int64_t i = 0; i < warmup; i++) step();
  std::vector<double> windows;
  int64_t n = std::min<int64_t>(10, steps);
  for (int64_t w = 0; w < n; w++) {
    int64_t count = steps * (w + 1) / n - steps * w / n;
    auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < count; i++) step();
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    windows.push_back(static_cast<double>(batch * count) / took.count());
  }
  std::sort(windows.begin(), windows.end());
  std::printf("{\"images_per_second\": %.2f, \"windows\": [", (windows[(n - 1) / 2] + windows[n / 2]) / 2);
  for (int64_t w = 0; w < n; w++) std::printf("%s%.2f", w ? ", " : "", windows[static_cast<size_t>(w)]);
  std::printf("], \"loss_finite\": %s}\n", sums_d[4].item<double>() == 0 ? "true" : "false");
}
