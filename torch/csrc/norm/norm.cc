// norm.cc: passes over chunks, and merging what they yield.
#include "norm.h"

#include <algorithm>

namespace gt::norm {
namespace {

constexpr int64_t CHUNK = 16384; // values: with sums and constants they fit the second level of any cache

// The chunks of a batch, which its size alone decides; those of a group in a row.
struct Chunks {
  int64_t rows, each, of_group, number;

  // At most 256 rows, to keep sums in float32 short; at least 16, because each chunk has sums of its own to merge.
  Chunks(const Batch &b, int64_t groups)
      : rows(b.rows / groups), each(std::clamp<int64_t>(CHUNK / b.c, 16, 256)), of_group((rows + each - 1) / each),
        number(groups * of_group) {}

  int64_t group(int64_t chunk) const { return chunk / of_group; }
  int64_t within(int64_t chunk) const { return chunk % of_group * each; }
  int64_t begin(int64_t chunk) const { return group(chunk) * rows + within(chunk); }
  int64_t size(int64_t chunk) const { return std::min(each, rows - within(chunk)); }
  Affine of(const Affine &all, int64_t c, int64_t chunk) const {
    return {all.mean, all.scale + group(chunk) * c, all.shift + group(chunk) * c};
  }
};

// Calls f(chunk, its first value, its rows) for each chunk, from the last of a thread's to its first where `back`.
template <class F>
void each_chunk(const Batch &b, const Chunks &chunks, bool back, const F &f) {
  b.parallel(chunks.number, [&](int64_t first, int64_t last) {
    for (int64_t u = first; u < last; u++) {
      const int64_t chunk = back ? first + last - 1 - u : u;
      f(chunk, chunks.begin(chunk) * b.c, chunks.size(chunk));
    }
  });
}

}  // namespace

Pair moments(const Batch &b, const float *x) {
  const Chunks chunks(b, 1);
  std::vector<float> parts(chunks.number * 3 * b.c);
  each_chunk(b, chunks, false, [&](int64_t chunk, int64_t at, int64_t rows) {
    float *part = &parts[chunk * 3 * b.c];
    kernels::moments(x + at, rows, b.c, part, part + b.c, part + 2 * b.c);
  });
  Pair all{std::vector<double>(b.c), std::vector<double>(b.c)};
  for (int64_t chunk = 0; chunk < chunks.number; chunk++) {
    const double n = chunks.size(chunk), share = n / (chunks.begin(chunk) + n), both = chunks.begin(chunk) * share;
    const float *mean = &parts[chunk * 3 * b.c], *rest = mean + b.c, *square = rest + b.c;
    for (int64_t i = 0; i < b.c; i++) {
      const double left = rest[i] / n, step = mean[i] + left - all.first[i];
      all.first[i] += step * share;
      all.second[i] += square[i] - rest[i] * left + step * step * both;
    }
  }
  return all;
}

void apply(const Batch &b, const float *x, const Affine &of, float slope, float *y) {
  const Chunks chunks(b, b.groups);
  each_chunk(b, chunks, true, [&](int64_t chunk, int64_t at, int64_t rows) {
    kernels::apply(x + at, rows, b.c, chunks.of(of, b.c, chunk), slope, y + at);
  });
}

Pair sums(const Batch &b, const float *x, const float *gy, const Affine &of, float slope) {
  const Chunks chunks(b, b.groups);
  std::vector<float> parts(chunks.number * 2 * b.c);
  each_chunk(b, chunks, false, [&](int64_t chunk, int64_t at, int64_t rows) {
    float *part = &parts[chunk * 2 * b.c];
    kernels::sums(x + at, gy + at, rows, b.c, chunks.of(of, b.c, chunk), slope, part, part + b.c);
  });
  Pair all{std::vector<double>(b.groups * b.c), std::vector<double>(b.groups * b.c)};
  for (int64_t chunk = 0; chunk < chunks.number; chunk++) {
    const float *sum = &parts[chunk * 2 * b.c], *product = sum + b.c;
    double *first = &all.first[chunks.group(chunk) * b.c], *second = &all.second[chunks.group(chunk) * b.c];
    for (int64_t i = 0; i < b.c; i++) {
      first[i] += sum[i];
      second[i] += product[i];
    }
  }
  return all;
}

void gradient(const Batch &b, const float *x, const float *gy, const Affine &of, const Plane &less, float slope,
              float *gx) {
  const Chunks chunks(b, b.groups);
  each_chunk(b, chunks, true, [&](int64_t chunk, int64_t at, int64_t rows) {
    kernels::gradient(x + at, gy + at, rows, b.c, chunks.of(of, b.c, chunk), less, slope, gx + at);
  });
}

}  // namespace gt::norm
