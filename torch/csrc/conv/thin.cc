// thin.cc: the input gradient of a convolution from an image of 1 to 4 channels (transposed: the last layer of a
// generator). Filtering gains nothing where so few channels share a transform. Instead: one product a row of gy,
// [ow][k] by [k][16 c], whose 4x4 patches are added up while they lie in the first level of the cache.
#include <algorithm>

#include "filter.h"
#include "workspace.h"

namespace gt::conv {
namespace {

struct Thin {
  const Engine &e;
  const Shape &s;
  const float *gy;
  int64_t columns, panels, runs, stride; // of patches; stride: floats from a pixel's patch to the next

  Thin(const Engine &e, const Shape &s, const float *gy)
      : e(e), s(s), gy(gy), columns(16 * s.c), panels((columns + e.kernels.panel - 1) / e.kernels.panel),
        runs((s.k + DEPTH - 1) / DEPTH), stride(panels * e.kernels.panel) {}

  // w [k][16 c] as panels [panel][k][panel].
  void pack(const float *w, float *u) const {
    const int64_t panel = e.kernels.panel;
    for (int64_t j = 0; j < panels; j++) {
      for (int64_t k = 0; k < s.k; k++) {
        float *to = u + (j * s.k + k) * panel;
        const int64_t n = std::min(panel, columns - j * panel);
        std::copy_n(w + k * columns + j * panel, n, to);
        std::fill(to + n, to + panel, 0.f);
      }
    }
  }

  // The patches [ow][stride] of row `row` of an image; `rows` is room for the left operand.
  void patches(int64_t image, int64_t row, const float *u, float *rows, float *out) const {
    const Kernels &k = e.kernels;
    const float *from = gy + (image * s.oh + row) * s.ow * s.k;
    for (int64_t x = 0; x < s.ow; x++) {
      for (int64_t d = 0; d < s.k; d += DEPTH)
        std::copy_n(from + x * s.k + d, std::min<int64_t>(DEPTH, s.k - d), rows + (d / DEPTH * s.ow + x) * ROW);
    }
    for (int64_t j = 0; j < panels; j++) {
      const int vectors = columns - j * k.panel > k.lanes ? 2 : 1;
      for (int64_t d = 0; d < s.k; d += DEPTH)
        k.product(s.ow, std::min<int64_t>(DEPTH, s.k - d), rows + d / DEPTH * s.ow * ROW,
                  u + (j * s.k + d) * k.panel, out + j * k.panel, stride, vectors, d > 0, rows, u);
    }
  }

  // Rows of gx that the patches of two rows of gy meet in: 2 row - 1 and 2 row. A row that is not there is null.
  void add_up(int64_t image, int64_t row, const float *above, const float *below, float *gx) const {
    for (int64_t i = 0; i < 2; i++) {
      const int64_t line = 2 * row - 1 + i;
      if (line < 0 || line >= s.h) continue;
      float *out = gx + (image * s.h + line) * s.w * s.c;
      std::fill_n(out, s.w * s.c, 0.f);
      if (above) spread_row(above + (2 + i) * 4 * s.c, out);
      if (below) spread_row(below + i * 4 * s.c, out);
    }
  }

  // Adds the lines of 4 pixels of each patch to a row of gx.
  void spread_row(const float *line, float *out) const {
    const int64_t c = s.c, width = s.w * c;
    for (int64_t x = 0; x < s.ow; x++, line += stride) {
      const int64_t at = (2 * x - 1) * c;
      const int64_t first = std::max<int64_t>(0, -at), last = std::min(4 * c, width - at);
      for (int64_t q = first; q < last; q++) out[at + q] += line[q];
    }
  }
};

}  // namespace

void thin_input_gradient(const Engine &e, const Shape &s, const float *gy, const float *w, float *gx) {
  const Thin t(e, s, gy);
  Workspace shared(t.stride * s.k);
  t.pack(w, shared.data());
  e.parallel(s.n, [&](int64_t first, int64_t last) {
    const int64_t patch = s.ow * t.stride, rows = t.runs * s.ow * ROW;
    Workspace own(rows + 2 * patch);
    float *both = own.data() + rows;
    for (int64_t image = first; image < last; image++) {
      for (int64_t row = 0; row <= s.oh; row++) {
        float *above = row > 0 ? both + (row - 1) % 2 * patch : nullptr;
        float *below = row < s.oh ? both + row % 2 * patch : nullptr;
        if (below) t.patches(image, row, shared.data(), own.data(), below);
        t.add_up(image, row, above, below, gx);
      }
    }
  });
}

}  // namespace gt::conv
