// norm.cc: the passes without libtorch, under a sanitizer: random sizes on 1, 2 and 3 threads against float64. Tensors lie in
// vectors of their exact size, so that AddressSanitizer sees a step beyond them. std::thread and not OpenMP, whose library
// ThreadSanitizer cannot see into.
//   norm-check-address | norm-check-thread [SIZES]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "../norm/norm.h"
#include "threads.h"

using namespace gt::norm;
using gt::Parallel;
using Floats = std::vector<float>;

static Floats random(std::mt19937 &g, int64_t n, float mean) {
  std::normal_distribution<float> d(mean);
  Floats v(n);
  for (float &f : v) f = d(g);
  return v;
}

template <class A, class B>
static double distance(const A &want, const B &got) {
  double d = 0, n = 1e-30;
  for (size_t i = 0; i < want.size(); i++) d += (got[i] - want[i]) * (got[i] - want[i]), n += double(want[i]) * want[i];
  return std::sqrt(d / n);
}

struct Values {
  Pair moments, sums;
  Floats y, gx;
};

struct Case {
  int64_t rows, c, groups;
  float slope;
  Floats x, gy, mean, scale, shift, slant, level;

  Case(std::mt19937 &g, int64_t of_group, int64_t c, int64_t groups, float slope, float offset)
      : rows(groups * of_group), c(c), groups(groups), slope(slope), x(random(g, rows * c, offset)),
        gy(random(g, rows * c, 1)), mean(random(g, c, offset)), scale(random(g, groups * c, 1)), shift(random(g, groups * c, 0)),
        slant(random(g, c, 0)), level(random(g, c, 0)) {}

  Values exact() const {
    const std::vector<double> of_all(c), of_each(groups * c);
    Values v{{of_all, of_all}, {of_each, of_each}, x, x};
    for (int64_t i = 0; i < rows * c; i++) v.moments.first[i % c] += double(x[i]) / rows;
    for (int64_t i = 0; i < rows * c; i++) {
      const int64_t k = i % c, part = i / (rows / groups * c) * c + k;
      const double d = double(x[i]) - mean[k], z = d * scale[part] + shift[part], g = z > 0 ? gy[i] : double(slope) * gy[i];
      v.moments.second[k] += std::pow(x[i] - v.moments.first[k], 2);
      v.sums.first[part] += g, v.sums.second[part] += g * d;
      v.y[i] = float(z > 0 ? z : slope * z), v.gx[i] = float(scale[part] * g - d * slant[k] - level[k]);
    }
    return v;
  }

  Values computed(const Parallel &by) const {
    const Batch b{by, rows, c, groups};
    const Affine of{mean.data(), scale.data(), shift.data()};
    Values v{moments(b, x.data()), sums(b, x.data(), gy.data(), of, slope), Floats(x.size()), gy};
    apply(b, x.data(), of, slope, v.y.data());
    const Plane less{slant.data(), level.data()};
    gradient(b, x.data(), v.gx.data(), of, less, slope, v.gx.data()); // in place, as where nobody else sees gy
    Floats apart(x.size());
    gradient(b, x.data(), gy.data(), of, less, slope, apart.data());
    if (apart != v.gx) v.gx.assign(x.size(), NAN);
    return v;
  }
};

static int wrong = 0;

static void check(const Case &c) {
  const Values want = c.exact(), first = c.computed(on(1));
  for (int threads = 1; threads <= 3; threads++) {
    const Values got = c.computed(on(threads));
    const double off = std::max({distance(want.moments.first, got.moments.first), distance(want.moments.second, got.moments.second),
                                 distance(want.sums.first, got.sums.first), distance(want.sums.second, got.sums.second),
                                 distance(want.y, got.y), distance(want.gx, got.gx)});
    const bool same = first.moments.first == got.moments.first && first.moments.second == got.moments.second &&
                      first.sums.first == got.sums.first && first.sums.second == got.sums.second && first.y == got.y &&
                      first.gx == got.gx;
    if (off < 2e-6 && same) continue;
    std::printf("wrong: %ld x %ld, %ld groups, slope %g, %d threads: off by %g, bits %s\n", c.rows, c.c, c.groups, c.slope, threads, off,
                same ? "the same" : "differ");
    wrong++;
  }
}

int main(int argc, char **argv) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    std::printf("this processor has no AVX2\n");
    return 1;
  }
  const int sizes = argc > 1 ? std::atoi(argv[1]) : 60;
  std::mt19937 g(7);
  for (int i = 0; i < sizes; i++) {
    const int64_t c = 1 + g() % (i % 3 ? 40 : 600), rows = 2 + g() % (i % 4 ? 300 : 3000);
    check(Case(g, rows, c, i % 3 == 1 ? 1 + g() % 5 : 1, i % 2 ? .2f : 0, i % 5 ? 0 : 100));
  }
  std::printf("%d sizes: %d wrong\n", sizes, wrong);
  return wrong != 0;
}
