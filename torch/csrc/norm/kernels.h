// kernels.h: the loops over values. Rows are the N H W pixels of a batch, c values each; a channel is a column. They
// need AVX2 and FMA. (Twice as wide vectors gain nothing: memory is what they wait for.)
#pragma once

#include <stdint.h>

namespace gt::norm {

// Affine is the constants of y = act((x - mean) * scale + shift), one a channel; outside of a chunk, where rows are in groups,
// scale and shift are a channel's of each group.
struct Affine {
  const float *mean, *scale, *shift;
};

// Plane is those of what its gradient lacks: gx = scale * act'(y) * gy - (x - mean) * slant - level.
struct Plane {
  const float *slant, *level;
};

namespace kernels {

// Of each column: its mean, rounded, and the sums of what is left of a value without it, and of the squares of that.
void moments(const float *x, int64_t rows, int64_t c, float *mean, float *rest, float *square);

void apply(const float *x, int64_t rows, int64_t c, const Affine &of, float slope, float *y);

// Of each column, with g = act'(y) * gy: the sums of g and of g * (x - mean).
void sums(const float *x, const float *gy, int64_t rows, int64_t c, const Affine &of, float slope, float *sum,
          float *product);

// gx may be gy.
void gradient(const float *x, const float *gy, int64_t rows, int64_t c, const Affine &of, const Plane &less, float slope,
              float *gx);

}  // namespace kernels
}  // namespace gt::norm
