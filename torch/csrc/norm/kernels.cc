// kernels.cc: CMake gives this file flags that not every processor runs, so it includes no header with code in it: a
// function shared with other files could be called where it must not. Loops over channels are the compiler's to
// vectorise; each does several rows at once, to load constants and sums once for all of them.
#include "kernels.h"

namespace gt::norm::kernels {
namespace {

#define INLINE inline __attribute__((always_inline))

// max(z, 0) as torch.relu has it: NaN stays, and there is no -0.
struct Rectifier {
  INLINE float value(float z) const { return z < 0 ? 0 : z; }
  INLINE float gradient(float z, float g) const { return z <= 0 ? 0 : g; }
};

struct Leaky {
  float slope;
  INLINE float value(float z) const {
    const float low = z * slope;
    return z > 0 ? z : low;
  }
  INLINE float gradient(float z, float g) const {
    const float low = g * slope;
    return z > 0 ? g : low;
  }
};

// Calls f with the activation, slope 0 being the rectifier.
template <class F>
INLINE void with_act(float slope, const F &f) {
  if (slope == 0)
    f(Rectifier());
  else
    f(Leaky{slope});
}

template <int N>
struct Rows {
  static constexpr int number = N;
};

// Calls f with the first row of each group of rows, and their number.
template <int MOST, class F>
INLINE void by_rows(int64_t rows, const F &f) {
  int64_t r = 0;
  for (; r + MOST <= rows; r += MOST) f(r, Rows<MOST>());
  for (; r < rows; r++) f(r, Rows<1>());
}

// One expression for all of them, so that forward and backward agree on the sign.
INLINE float affine(float distance, float scale, float shift) { return __builtin_fmaf(distance, scale, shift); }

template <int N>
INLINE void add(const float *__restrict x, int64_t c, float *__restrict sum) {
  for (int64_t i = 0; i < c; i++) {
    float s = sum[i];
    for (int r = 0; r < N; r++) s += x[r * c + i];
    sum[i] = s;
  }
}

template <int N>
INLINE void add_squares(const float *__restrict x, int64_t c, const float *__restrict mean, float *__restrict rest,
                        float *__restrict square) {
  for (int64_t i = 0; i < c; i++) {
    const float m = mean[i];
    float first = rest[i], second = square[i];
    for (int r = 0; r < N; r++) {
      const float d = x[r * c + i] - m;
      first += d;
      second = __builtin_fmaf(d, d, second);
    }
    rest[i] = first;
    square[i] = second;
  }
}

template <int N, class Act>
INLINE void apply_rows(const float *__restrict x, int64_t c, const float *__restrict mean, const float *__restrict scale,
                       const float *__restrict shift, Act act, float *__restrict y) {
  for (int64_t i = 0; i < c; i++) {
    const float m = mean[i], a = scale[i], b = shift[i];
    for (int r = 0; r < N; r++) y[r * c + i] = act.value(affine(x[r * c + i] - m, a, b));
  }
}

template <int N, class Act>
INLINE void add_products(const float *__restrict x, const float *__restrict gy, int64_t c, const float *__restrict mean,
                         const float *__restrict scale, const float *__restrict shift, Act act, float *__restrict sum,
                         float *__restrict product) {
  for (int64_t i = 0; i < c; i++) {
    const float m = mean[i], a = scale[i], b = shift[i];
    float first = sum[i], second = product[i];
    for (int r = 0; r < N; r++) {
      const float d = x[r * c + i] - m;
      const float g = act.gradient(affine(d, a, b), gy[r * c + i]);
      first += g;
      second = __builtin_fmaf(g, d, second);
    }
    sum[i] = first;
    product[i] = second;
  }
}

// gx may be gy: a value is written where it was read, so the loop has no order (ivdep).
template <int N, class Act>
INLINE void gradient_rows(const float *__restrict x, const float *gy, int64_t c, const float *__restrict mean,
                          const float *__restrict scale, const float *__restrict shift, const float *__restrict slant,
                          const float *__restrict level, Act act, float *gx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < c; i++) {
    const float m = mean[i], a = scale[i], b = shift[i], s = slant[i], l = level[i];
    for (int r = 0; r < N; r++) {
      const float d = x[r * c + i] - m;
      const float g = act.gradient(affine(d, a, b), gy[r * c + i]);
      gx[r * c + i] = __builtin_fmaf(a, g, -__builtin_fmaf(d, s, l));
    }
  }
}

}  // namespace

void moments(const float *x, int64_t rows, int64_t c, float *mean, float *rest, float *square) {
  for (int64_t i = 0; i < c; i++) mean[i] = rest[i] = square[i] = 0;
  by_rows<8>(rows, [=](int64_t r, auto n) { add<n.number>(x + r * c, c, mean); });
  for (int64_t i = 0; i < c; i++) mean[i] /= float(rows);
  by_rows<8>(rows, [=](int64_t r, auto n) { add_squares<n.number>(x + r * c, c, mean, rest, square); });
}

void apply(const float *x, int64_t rows, int64_t c, const Affine &of, float slope, float *y) {
  with_act(slope, [=](auto act) {
    by_rows<2>(rows, [=](int64_t r, auto n) {
      apply_rows<n.number>(x + r * c, c, of.mean, of.scale, of.shift, act, y + r * c);
    });
  });
}

void sums(const float *x, const float *gy, int64_t rows, int64_t c, const Affine &of, float slope, float *sum,
          float *product) {
  for (int64_t i = 0; i < c; i++) sum[i] = product[i] = 0;
  with_act(slope, [=](auto act) {
    by_rows<4>(rows, [=](int64_t r, auto n) {
      add_products<n.number>(x + r * c, gy + r * c, c, of.mean, of.scale, of.shift, act, sum, product);
    });
  });
}

void gradient(const float *x, const float *gy, int64_t rows, int64_t c, const Affine &of, const Plane &less, float slope,
              float *gx) {
  with_act(slope, [=](auto act) {
    by_rows<2>(rows, [=](int64_t r, auto n) {
      gradient_rows<n.number>(x + r * c, gy + r * c, c, of.mean, of.scale, of.shift, less.slant, less.level, act, gx + r * c);
    });
  });
}

}  // namespace gt::norm::kernels
