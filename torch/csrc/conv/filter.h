// filter.h: the three directions of a convolution k4 s2 p1, on memory. The page on the method is conv.h.
#pragma once

#include "../parallel.h"
#include "kernels.h"

namespace gt::conv {

// The schedules. They yield the same bits.
enum class Schedule { automatic, tiles, columns };

struct Engine {
  const Kernels &kernels;
  const Parallel &parallel;
  Schedule schedule = Schedule::automatic;
};

// y [n][oh][ow][k] of x [n][h][w][c] and w [k][4][4][c].
void forward(const Engine &e, const Shape &s, const float *x, const float *w, float *y);

// gx of gy and w: the convolution transposed.
void input_gradient(const Engine &e, const Shape &s, const float *gy, const float *w, float *gx);

// gw of x and gy.
void weight_gradient(const Engine &e, const Shape &s, const float *x, const float *gy, float *gw);

// gx where c is so small (at most THIN) that all 16 c products of a pixel fit a few vectors.
constexpr int64_t THIN = 4;
void thin_input_gradient(const Engine &e, const Shape &s, const float *gy, const float *w, float *gx);

}  // namespace gt::conv
