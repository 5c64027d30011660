// norm.cc: passes over chunks, and merging what they yield.
#include "norm.h"

#include <algorithm>

namespace gt::norm {
namespace {

constexpr int64_t CHUNK = 16384; // values: with sums and constants they fit the second level of any cache

// The chunks of a batch, which its size alone decides.
struct Chunks {
  int64_t rows, each, number;

  // At most 256 rows, to keep sums in float32 short; at least 16, because each chunk has sums of its own to merge.
  explicit Chunks(const Batch &b)
      : rows(b.rows), each(std::clamp<int64_t>(CHUNK / b.c, 16, 256)), number((b.rows + each - 1) / each) {}

  int64_t begin(int64_t chunk) const { return chunk * each; }
  int64_t size(int64_t chunk) const { return std::min(each, rows - begin(chunk)); }
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
  const Chunks chunks(b);
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
  each_chunk(b, Chunks(b), true, [&](int64_t, int64_t at, int64_t rows) {
    kernels::apply(x + at, rows, b.c, of, slope, y + at);
  });
}

Pair sums(const Batch &b, const float *x, const float *gy, const Affine &of, float slope) {
  const Chunks chunks(b);
  std::vector<float> parts(chunks.number * 2 * b.c);
  each_chunk(b, chunks, false, [&](int64_t chunk, int64_t at, int64_t rows) {
    float *part = &parts[chunk * 2 * b.c];
    kernels::sums(x + at, gy + at, rows, b.c, of, slope, part, part + b.c);
  });
  Pair all{std::vector<double>(b.c), std::vector<double>(b.c)};
  for (int64_t chunk = 0; chunk < chunks.number; chunk++) {
    const float *sum = &parts[chunk * 2 * b.c], *product = sum + b.c;
    for (int64_t i = 0; i < b.c; i++) {
      all.first[i] += sum[i];
      all.second[i] += product[i];
    }
  }
  return all;
}

void gradient(const Batch &b, const float *x, const float *gy, const Affine &of, const Plane &less, float slope,
              float *gx) {
  each_chunk(b, Chunks(b), true, [&](int64_t, int64_t at, int64_t rows) {
    kernels::gradient(x + at, gy + at, rows, b.c, of, less, slope, gx + at);
  });
}

}  // namespace gt::norm
