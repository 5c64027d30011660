// norm.cc: batch normalisation and leaky rectifier of a DCGAN, PyTorch's two ops and ours in turn: medians of milliseconds,
// their ratio, and the rate at which ours moves memory (3 tensors forward, 5 backward) beside that of a copy.
//   norm-bench [ROUNDS] [BATCH] [SLOPE]
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "function.h"
#include "timing.h"

using at::Tensor;

const auto last = at::MemoryFormat::ChannelsLast;

// Forward and backward of each way, in turn; x and gy are written anew before each, as by the layers around it. The caller
// keeps gy, so ours cannot write gx over it as it does in a network.
static void compare(const Tensor &from_x, const Tensor &from_gy, int rounds,
                    const std::vector<std::function<Tensor(const Tensor &)>> &ways) {
  std::vector<std::vector<double>> forward(ways.size()), backward(ways.size());
  std::vector<double> copies;
  Tensor x = at::empty_like(from_x).requires_grad_(), gy = at::empty_like(from_gy);
  for (int i = 0; i < rounds; i++) {
    for (size_t w = 0; w < ways.size(); w++) {
      Tensor y;
      x.detach().copy_(from_x);
      forward[w].push_back(once([&] { y = ways[w](x); }));
      copies.push_back(once([&] { gy.copy_(from_gy); }));
      backward[w].push_back(once([&] { torch::autograd::backward({y}, {gy}); }));
      x.mutable_grad().reset();
    }
  }
  const double bytes = double(x.numel()) * 4, copy = 2 * bytes / median(copies) / 1e6;
  const double f0 = median(forward[0]), f1 = median(forward[1]), b0 = median(backward[0]), b1 = median(backward[1]);
  std::printf("[%ld,%ld,%ld,%ld]: forward %6.2f > %6.2f ms %.2fx %5.1f GB/s, backward %6.2f > %6.2f ms %.2fx %5.1f GB/s, copy %.1f GB/s\n",
              x.size(0), x.size(1), x.size(2), x.size(3), f0, f1, f0 / f1, 3 * bytes / f1 / 1e6, b0, b1, b0 / b1,
              5 * bytes / b1 / 1e6, copy);
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 21;
  const int64_t batch = argc > 2 ? std::atoi(argv[2]) : 64;
  const double slope = argc > 3 ? std::atof(argv[3]) : .2;
  for (auto [c, side] : {std::pair<int64_t, int64_t>{64, 32}, {128, 16}, {256, 8}, {512, 4}}) {
    const gt::norm::Layer l{at::rand({c}).requires_grad_(), at::randn({c}).requires_grad_(), at::zeros({c}), at::ones({c}),
                            .1, 1e-5};
    auto stock = [&](const Tensor &x) {
      Tensor y = at::batch_norm(x, l.weight, l.bias, l.mean, l.var, true, l.momentum, l.eps, false);
      return slope == 0 ? at::relu_(y) : at::leaky_relu_(y, slope);
    };
    auto ours = [&](const Tensor &x) { return gt::norm::batch_norm_act(x, l, true, slope); };
    const Tensor x = at::randn({batch, c, side, side}).contiguous(last);
    compare(x, at::randn_like(x), rounds, {stock, ours});
  }
}
