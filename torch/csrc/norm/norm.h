// norm.h: batch normalisation and the rectifier behind it as one op of the CPU, channels innermost.
//
// A batch is a matrix of M = N H W rows and C columns. Training normalises each column by its own mean and variance:
//
//   y = act(z),  z = (x - mean) scale + shift,  scale = weight / sqrt(var + eps),  act(z) = z > 0 ? z : slope z
//
// weight and bias are a channel's, or a channel's of each sample: then all that hangs on them is of a group of rows, a sample's
// H W, and the statistics are of the whole batch as ever.
//
// Computed op by op that is four passes over memory forward and three backward, some over two tensors; and memory is
// all it costs, because a value takes a few instructions. Here it is two and two:
//
//   statistics   reads x
//   result       reads x, writes y
//   sums         reads x and gy:  S = sum of g,  P = sum of g (x - mean),  with g = act'(z) gy
//   gradient     reads x and gy, writes gx = scale g - sum of scale S / M - (x - mean) sum of scale P / (M (var + eps))
//
// The sums of S and P are over the groups. The gradients of weight and bias are P / sqrt(var + eps) and S. z is computed again where its sign is needed, from
// the same numbers by the same instructions, so x and five numbers a channel are all that is kept between forward and
// backward. gx is written over gy where nobody else can see that. The second of two passes goes through the chunks from
// the last to the first: what was read last is still in the cache.
//
// Rounding: rows come in chunks of fixed size. A chunk yields for each column its mean in float32, and the sums of what
// is left of x without it and of that squared; as the chunk lies in the cache, that it is read twice is no pass over
// memory. Sums of chunks are merged in float64 (Chan, Golub, LeVeque: Algorithms for Computing the Sample Variance,
// 1983). So an offset that is large beside the deviation costs nothing; nor does it in z, where the mean is subtracted
// first and what rounding took from it is in `shift`.
//
// Order of summation: down the rows of a chunk, then over the chunks from first to last. Neither depends on the number
// of threads, and a column has its sum to itself, however wide vectors are. Hence the same bits every run.
//
//   function.cc                 what the binding calls; differentiation
//   norm.h, norm.cc             passes over chunks by several threads, on memory; merging
//   kernels.h, kernels.cc       one chunk
#pragma once

#include <vector>

#include "../parallel.h"
#include "kernels.h"

namespace gt::norm {

// Batch is the size of x, y, gy and gx, and who does the work. Groups divide the rows evenly, and each has its own `scale` and
// `shift`, [groups][c].
struct Batch {
  const Parallel &parallel;
  int64_t rows, c, groups;
};

// Pair is two values a channel, or a channel of each group.
struct Pair {
  std::vector<double> first, second;
};

// The mean of each column, and the sum of squared distances from it, whatever the groups.
Pair moments(const Batch &b, const float *x);

void apply(const Batch &b, const float *x, const Affine &of, float slope, float *y);

// S and P of each column of each group, P with `of.mean` for the mean.
Pair sums(const Batch &b, const float *x, const float *gy, const Affine &of, float slope);

// gx may be gy.
void gradient(const Batch &b, const float *x, const float *gy, const Affine &of, const Plane &less, float slope,
              float *gx);

}  // namespace gt::norm
