// weight_gradient.cc: gw = Gt (Vt Y) G, a sum over tiles. Both operands of a run of DEPTH tiles are transformed and
// shared; a thread takes a square of (k outputs, channels of a phase), multiplies all points of it, and adds what they
// come to onto gw. No two threads add to the same weight, and the runs come in order.
#include <algorithm>

#include "filter.h"
#include "workspace.h"

namespace gt::conv {
namespace {

constexpr int64_t SHARED = int64_t(6) << 20; // floats of transformed tiles
constexpr int64_t SIDE = 2;                  // panels of k outputs a thread works on at a time

int64_t spread(int64_t floats) { return up(floats, 16) + 80; }

// What a run of tiles adds to gw.
struct Run {
  const Engine &e;
  const Shape &s;
  int64_t tiles, v_point, y_point;
  const float *v, *y;
  bool add;

  // Outputs of panels [j, j + SIDE) by panel `panel` of the (phase, channel) columns; m is the caller's.
  void square(int64_t j, int64_t panel, float *m, int64_t m_point, float *gw) const {
    const Kernels &k = e.kernels;
    const int64_t panels = (s.c + k.panel - 1) / k.panel;
    const int vectors = s.c - panel % panels * k.panel > k.lanes ? 2 : 1;
    const int64_t from = j * k.panel, to = std::min(from + SIDE * k.panel, s.k);
    for (int q = 0; q < POINTS; q++) {
      const float *right = v + q * v_point + panel * tiles * k.panel;
      for (int64_t i = from; i < to; i += k.panel) {
        const float *left = y + q * y_point + i * tiles;
        k.product_transposed(std::min(k.panel, to - i), tiles, left, right, m + q * m_point + (i - from) * k.panel,
                             k.panel, vectors, false, left + k.panel * tiles, right + v_point);
      }
    }
    k.sum_weights(s, m, m_point, from, to, panel, gw, add);
  }
};

}  // namespace

void weight_gradient(const Engine &e, const Shape &s, const float *x, const float *gy, float *gw) {
  const Kernels &k = e.kernels;
  const int64_t columns = PHASES * ((s.c + k.panel - 1) / k.panel), outputs = (s.k + k.panel - 1) / k.panel;
  const int64_t tiles = s.tiles();
  const int64_t most = std::min(tiles, std::clamp<int64_t>(SHARED / (POINTS * (columns + outputs) * k.panel), 16, DEPTH));
  const int64_t v_point = spread(columns * most * k.panel), y_point = spread(outputs * most * k.panel);
  const int64_t m_point = spread(SIDE * k.panel * k.panel);

  Workspace shared(POINTS * (v_point + y_point));
  float *v = shared.data(), *y = v + POINTS * v_point;
  for (int64_t begin = 0; begin < tiles; begin += most) {
    const int64_t end = std::min(begin + most, tiles);
    e.parallel(end - begin, [&](int64_t first, int64_t last) {
      const Span at{begin + first, begin + last, begin, end - begin};
      k.input_panels(s, x, at, v, v_point);
      k.gradient_panels(s, gy, at, y, y_point);
    });
    const Run run{e, s, end - begin, v_point, y_point, v, y, begin > 0};
    const int64_t squares = (outputs + SIDE - 1) / SIDE;
    e.parallel(columns * squares, [&](int64_t first, int64_t last) {
      Workspace own(POINTS * m_point);
      for (int64_t unit = first; unit < last; unit++)
        run.square(unit % squares * SIDE, unit / squares, own.data(), m_point, gw);
    });
  }
}

}  // namespace gt::conv
