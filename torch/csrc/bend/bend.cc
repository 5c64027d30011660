// bend.cc: one image.
#include "bend.h"

#include <algorithm>

namespace gt::bend {
namespace {

// Segments are the columns of a row that have something to read: [first,second) and [third,fourth).
struct Segments {
  int64_t first, second, third, fourth;
};

Segments segments(const Size &of, const Way &by, int64_t row) {
  if (row + by.down < 0 || row + by.down >= of.h) return {0, 0, of.w, of.w};
  const int64_t from = std::max<int64_t>(0, -by.right), to = of.w - std::max<int64_t>(0, by.right);
  if (row < by.top || row >= by.bottom) return {from, to, to, to};
  return {from, std::clamp(by.left, from, to), std::clamp(by.end, from, to), to};
}

double sum(const float *x, int64_t n) {
  float lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int k = 0; k < 16; k++) lanes[k] += x[i + k];
  double all = 0;
  for (; i < n; i++) all += x[i];
  for (float lane : lanes) all += lane;
  return all;
}

// The sum of a row's columns [from,to).
double sum_of_row(const Size &of, const float *x, int64_t row, int64_t from, int64_t to) {
  if (of.last) return sum(x + (row * of.w + from) * of.c, (to - from) * of.c);
  double all = 0;
  for (int64_t k = 0; k < of.c; k++) all += sum(x + (k * of.h + row) * of.w + from, to - from);
  return all;
}

// Mixes n pixels; C channels, 0 for any number of them.
template <int C, bool LAST>
void mix(const Size &of, const float *__restrict x, int64_t n, float own, float pixel, float level, float *__restrict y) {
  const int64_t c = C ? C : of.c, across = LAST ? 1 : of.h * of.w, along = LAST ? c : 1;
  pixel /= float(c);
  for (int64_t j = 0; j < n; j++) {
    float all = 0;
    for (int64_t k = 0; k < c; k++) all += x[j * along + k * across];
    const float more = all * pixel + level;
    for (int64_t k = 0; k < c; k++) y[j * along + k * across] = x[j * along + k * across] * own + more;
  }
}

void fill(const Size &of, float *y, int64_t n, float value) {
  if (of.last) {
    std::fill_n(y, n * of.c, value);
    return;
  }
  for (int64_t k = 0; k < of.c; k++) std::fill_n(y + k * of.h * of.w, n, value);
}

// y where there is something to read of x: own x + pixel (mean over the channels) + level; elsewhere `nothing`.
template <int C, bool LAST>
void pass(const Size &of, const Way &by, const float *x, float level, float nothing, float *y) {
  const int64_t step = LAST ? of.c : 1;
  for (int64_t row = 0; row < of.h; row++) {
    const Segments s = segments(of, by, row);
    const float *from = x + ((row + by.down) * of.w + by.right) * step;
    float *to = y + row * of.w * step;
    fill(of, to, s.first, nothing);
    mix<C, LAST>(of, from + s.first * step, s.second - s.first, by.own, by.pixel, level, to + s.first * step);
    fill(of, to + s.second * step, s.third - s.second, nothing);
    mix<C, LAST>(of, from + s.third * step, s.fourth - s.third, by.own, by.pixel, level, to + s.third * step);
    fill(of, to + s.fourth * step, of.w - s.fourth, nothing);
  }
}

void any_pass(const Size &of, const Way &by, const float *x, float level, float nothing, float *y) {
  if (of.c == 1)
    pass<1, false>(of, by, x, level, nothing, y);
  else if (of.c == 3)
    (of.last ? pass<3, true> : pass<3, false>)(of, by, x, level, nothing, y);
  else
    (of.last ? pass<0, true> : pass<0, false>)(of, by, x, level, nothing, y);
}

}  // namespace

void forward(const Size &of, const Way &by, const float *x, float *y) {
  double all = 0;
  if (by.whole != 0)
    for (int64_t row = 0; row < of.h; row++) all += sum_of_row(of, x, row, 0, of.w);
  any_pass(of, by, x, float(by.add + by.whole * all / double(of.c * of.h * of.w)), 0, y);
}

void back(const Size &of, const Way &by, const float *gy, float *gx) {
  double all = 0;
  for (int64_t row = 0; by.whole != 0 && row < of.h; row++) {
    const Segments s = segments(of, by, row);
    all += sum_of_row(of, gy, row, s.first, s.second) + sum_of_row(of, gy, row, s.third, s.fourth);
  }
  Way other = by;
  other.down = -by.down, other.right = -by.right;
  other.top += by.down, other.bottom += by.down, other.left += by.right, other.end += by.right;
  const float level = float(by.whole * all / double(of.c * of.h * of.w));
  any_pass(of, other, gy, level, level, gx);
}

}  // namespace gt::bend
