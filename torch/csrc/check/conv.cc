// conv.cc: the schedules and kernels without libtorch, under a sanitizer: random shapes with both schedules on 1, 2 and
// 3 threads against sums in float64, then many calls at once. std::thread and not OpenMP, whose library ThreadSanitizer
// cannot see into. Operands lie in vectors of their exact size, so that AddressSanitizer sees a step beyond them.
//   conv-check-address | conv-check-thread [SHAPES]
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "../conv/filter.h"
#include "threads.h"

using namespace gt::conv;
using gt::Parallel;
using Floats = std::vector<float>;

static Floats random(std::mt19937 &g, int64_t n) {
  std::normal_distribution<float> d;
  Floats v(n);
  for (float &f : v) f = d(g);
  return v;
}

// Calls f with the places in x, w and y of each product of the direct form.
template <class F>
static void each_product(const Shape &s, F &&f) {
  for (int64_t n = 0; n < s.n; n++)
    for (int64_t oy = 0; oy < s.oh; oy++)
      for (int64_t ox = 0; ox < s.ow; ox++)
        for (int64_t i = 0; i < 4; i++)
          for (int64_t j = 0; j < 4; j++) {
            const int64_t row = 2 * oy - 1 + i, column = 2 * ox - 1 + j;
            if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
            for (int64_t k = 0; k < s.k; k++)
              for (int64_t c = 0; c < s.c; c++)
                f(((n * s.h + row) * s.w + column) * s.c + c, ((k * 4 + i) * 4 + j) * s.c + c,
                  ((n * s.oh + oy) * s.ow + ox) * s.k + k);
          }
}

struct Case {
  Shape s;
  Floats x, w, y;
  std::vector<double> want[3];

  Case(const Shape &s, unsigned seed) : s(s) {
    std::mt19937 g(seed);
    x = random(g, s.n * s.h * s.w * s.c), w = random(g, 16 * s.k * s.c), y = random(g, s.n * s.oh * s.ow * s.k);
    want[0].resize(y.size()), want[1].resize(x.size()), want[2].resize(w.size());
    each_product(s, [&](int64_t a, int64_t b, int64_t c) {
      want[0][c] += double(x[a]) * w[b];
      want[1][a] += double(y[c]) * w[b];
      want[2][b] += double(x[a]) * y[c];
    });
  }

  Floats compute(int direction, const Engine &e) const {
    Floats out(want[direction].size());
    if (direction == 0) forward(e, s, x.data(), w.data(), out.data());
    if (direction == 1) (s.c <= THIN ? thin_input_gradient : input_gradient)(e, s, y.data(), w.data(), out.data());
    if (direction == 2) weight_gradient(e, s, x.data(), y.data(), out.data());
    return out;
  }
};

static double distance(const std::vector<double> &want, const Floats &got) {
  double d = 0, n = 1e-30;
  for (size_t i = 0; i < want.size(); i++) d += (got[i] - want[i]) * (got[i] - want[i]), n += want[i] * want[i];
  return std::sqrt(d / n);
}

static std::atomic<int> wrong{0};

static void check(const Case &c, const Kernels &k) {
  for (int direction = 0; direction < 3; direction++) {
    Floats first;
    for (Schedule schedule : {Schedule::tiles, Schedule::columns}) {
      for (int threads = 1; threads <= 3; threads++) {
        const Parallel parallel = on(threads);
        const Floats got = c.compute(direction, {k, parallel, schedule});
        if (first.empty()) first = got;
        const double off = distance(c.want[direction], got);
        const bool same = std::memcmp(first.data(), got.data(), got.size() * sizeof(float)) == 0;
        if (off < 1e-5 && same) continue;
        std::printf("wrong: %s direction %d, %d threads, n %ld %ldx%ld %ld>%ld: off by %g, bits %s\n", k.name, direction,
                    threads, c.s.n, c.s.h, c.s.w, c.s.c, c.s.k, off, same ? "the same" : "differ");
        wrong++;
      }
    }
  }
}

int main(int argc, char **argv) {
  const int shapes = argc > 1 ? std::atoi(argv[1]) : 40;
  std::vector<const Kernels *> sets;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&avx2_kernels);
  if (__builtin_cpu_supports("avx512f")) sets.push_back(&avx512_kernels);
  std::mt19937 g(5);
  auto upto = [&](int n) { return int64_t(1 + g() % n); };
  std::vector<Case> cases;
  for (int i = 0; i < shapes; i++) {
    const bool large = i % 5 == 0; // enough tiles for several runs of the sum over them
    const int side = large ? 90 : 20, width = large ? 20 : 70;
    const int64_t h = 1 + upto(side), w = 1 + upto(side);
    cases.emplace_back(Shape{upto(3), h, w, i % 4 ? upto(width) : upto(4), upto(width), h / 2, w / 2}, i);
  }
  for (const Kernels *k : sets) {
    for (const Case &c : cases) check(c, *k);
    std::vector<std::thread> callers; // all at once
    for (size_t t = 0; t < 3; t++)
      callers.emplace_back([&, t] {
        for (size_t i = t; i < cases.size(); i += 2) check(cases[i], *k);
      });
    for (std::thread &t : callers) t.join();
  }
  std::printf("%d shapes, %zu sets of kernels: %d wrong\n", shapes, sets.size(), wrong.load());
  return wrong != 0 || sets.empty();
}
