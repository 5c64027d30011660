// conv.cc: the convolutions of a DCGAN, oneDNN's (as libtorch calls it) and ours in turn: medians of milliseconds, their
// ratio, and the rate in GFLOP/s of the direct form.
//   conv-bench [ROUNDS] [BATCH] [KERNELS] [WIDTH]
//   conv-bench sweep [KERNELS]     from which sizes on it pays: choice.cc is made from this
// Every measurement of ours follows one of oneDNN's, so that neither finds its operands in the cache.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "filter.h"
#include "timing.h"

using namespace gt::conv;
using gt::Parallel;
using gt::Task;

struct Layer {
  const char *name;
  int64_t c, k, side; // side of x; a transposed layer is the input gradient
};

static void compare(const Layer &l, const Shape &s, const char *direction, int rounds,
                    const std::vector<std::function<void()>> &ways) {
  std::vector<std::vector<double>> took(ways.size());
  for (const auto &way : ways) way();
  for (int i = 0; i < rounds; i++) {
    for (size_t w = 1; w < ways.size(); w++) {
      took[0].push_back(once(ways[0]));
      took[w].push_back(once(ways[w]));
    }
  }
  const double flop = 32. * s.n * s.oh * s.ow * s.c * s.k;
  std::printf("%-13s %-16s", l.name, direction);
  const double stock = median(took[0]);
  for (const auto &t : took) std::printf("  %7.2f ms %5.0f GFLOP/s %5.2fx", median(t), flop / median(t) / 1e6, stock / median(t));
  std::printf("\n");
}

static void run(const Layer &l, int64_t batch, int rounds, const Kernels &kernels) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const Shape s{batch, l.side, l.side, l.c, l.k, l.side / 2, l.side / 2};
  at::Tensor x = at::randn({s.n, s.c, s.h, s.w}).contiguous(last), w = at::randn({s.k, s.c, 4, 4}).contiguous(last);
  at::Tensor y = at::randn({s.n, s.k, s.oh, s.ow}).contiguous(last);
  at::Tensor ox = at::empty_like(x), oy = at::empty_like(y), ow = at::empty_like(w);
  const Parallel threads = [](int64_t units, const Task &task) { at::parallel_for(0, units, 1, task); };
  const Engine by_tiles{kernels, threads, Schedule::tiles}, by_columns{kernels, threads, Schedule::columns};
  const Engine e{kernels, threads};
  auto p = [](at::Tensor &t) { return t.data_ptr<float>(); };
  auto backward = [&](std::array<bool, 3> mask) {
    at::convolution_backward(y, x, w, c10::nullopt, {2, 2}, {1, 1}, {1, 1}, false, {0, 0}, 1, mask);
  };
  const bool thin = l.c <= THIN;
  const bool all = std::getenv("SCHEDULES") != nullptr && !thin;
  std::vector<std::function<void()>> ways{[&] { at::conv2d(x, w, {}, 2, 1); }};
  auto add = [&](auto f) {
    ways.push_back([&, f] { f(e); });
    if (all) ways.push_back([&, f] { f(by_tiles); });
    if (all) ways.push_back([&, f] { f(by_columns); });
  };
  if (!thin) {
    add([&](const Engine &e) { forward(e, s, p(x), p(w), p(oy)); });
    compare(l, s, "forward", rounds, ways);
  }
  ways = {[&] { backward({true, false, false}); }};
  if (thin)
    ways.push_back([&] { thin_input_gradient(e, s, p(y), p(w), p(ox)); });
  else
    add([&](const Engine &e) { input_gradient(e, s, p(y), p(w), p(ox)); });
  compare(l, s, "input gradient", rounds, ways);
  if (thin) return;
  ways = {[&] { backward({false, true, false}); }, [&] { weight_gradient(e, s, p(x), p(y), p(ow)); }};
  compare(l, s, "weight gradient", rounds, ways);
}

static void sweep(const Kernels &kernels) {
  for (int64_t side : {4, 8, 10, 12, 14, 16, 32, 64}) {
    for (int64_t batch : {1, 4, 16, 64}) {
      for (auto [c, k] : {std::pair{16, 16}, {16, 32}, {32, 32}, {24, 48}, {32, 64}, {64, 64}, {64, 128}, {128, 256}}) {
        if (batch * side * side * c * k > int64_t(1) << 29) continue;
        char name[64];
        std::snprintf(name, sizeof name, "%d>%d @%ld n%ld", c, k, side, batch);
        run({name, c, k, side}, batch, 5, kernels);
      }
    }
  }
}

int main(int argc, char **argv) {
  at::NoGradGuard quiet;
  if (argc > 1 && std::strcmp(argv[1], "sweep") == 0) {
    sweep(argc > 2 && std::strcmp(argv[2], "avx2") == 0 ? avx2_kernels : avx512_kernels);
    return 0;
  }
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const int64_t batch = argc > 2 ? std::atoi(argv[2]) : 64;
  const char *name = argc > 3 ? argv[3] : "avx512";
  const int64_t f = argc > 4 ? std::atoi(argv[4]) : 64;
  const Kernels &kernels = std::strcmp(name, "avx2") == 0 ? avx2_kernels : avx512_kernels;
  std::printf("%s, batch %ld, %d threads: oneDNN | ours\n", kernels.name, batch, at::get_num_threads());
  const Layer layers[] = {{"3>64 @64", 3, f, 64}, {"64>128 @32", f, 2 * f, 32}, {"128>256 @16", 2 * f, 4 * f, 16}, {"256>512 @8", 4 * f, 8 * f, 8}};
  for (const Layer &l : layers) run(l, batch, rounds, kernels);
}
