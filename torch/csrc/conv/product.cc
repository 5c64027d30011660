// product.cc: the schedules of forward and input gradient.
//
// By tiles: all weights are transformed once and shared; a thread takes a few images at a time, keeps their points and
// their products to itself, and sums them up. For many tiles and few channels.
//
// By columns: the tiles are transformed once and shared; a thread takes one panel of output channels at a time and
// transforms its weights in runs of DEPTH, which stay in its cache from there to the product. For few tiles and so many
// channels that all transformed weights would go through memory.
//
// Either way each value is the same sum in the same order, whoever computes it.
#include "product.h"

#include <algorithm>

#include "workspace.h"

namespace gt::conv {
namespace {

// Bounds of the shared memory, in floats. Beyond the first, threads would fetch the weights from far for every block.
constexpr int64_t SHARED_WEIGHTS = int64_t(1) << 20, SHARED_TILES = int64_t(6) << 20;

// Tiles that a thread works on at a time.
constexpr int64_t BLOCK = 32;

// Pads what lies between points by an odd number of lines, or a tile's 25 values would all fall into one set of the cache.
int64_t spread(int64_t floats) { return up(floats, 16) + 80; }

int64_t runs(int64_t depth) { return (depth + DEPTH - 1) / DEPTH; }

// The columns of one panel: m += left right, for each point.
void multiply(const Product &p, int64_t rows, int64_t depth, int64_t first_run, const float *v, int64_t v_point,
              const float *u, int64_t u_point, int64_t panel, float *m, int64_t m_point) {
  const Kernels &k = p.kernels;
  const int vectors = p.vectors(panel);
  for (int q = 0; q < POINTS; q++) {
    for (int64_t d = 0; d < depth; d += DEPTH) {
      const int64_t run = first_run + d / DEPTH;
      const float *left = v + q * v_point + run * rows * ROW;
      const float *next = d + DEPTH < depth ? left + rows * ROW : v + (q + 1) * v_point + first_run * rows * ROW;
      const float *right = u + q * u_point + d * k.panel;
      const float *next_right = d + DEPTH < depth ? right + DEPTH * k.panel : u + (q + 1) * u_point;
      k.product(rows, std::min<int64_t>(DEPTH, depth - d), left, right, m + q * m_point, k.panel, vectors, run > 0, next, next_right);
    }
  }
}

// A block: whole images, or some rows of tiles of one.
struct Blocks {
  int64_t image, images, strips, strip; // tiles an image; images a block; blocks an image; tiles of those
  explicit Blocks(const Shape &s)
      : image(s.down() * s.across()), images(std::max<int64_t>(1, BLOCK / image)) {
    const int64_t rows = std::clamp<int64_t>(BLOCK / s.across(), 1, s.down());
    strips = (s.down() + rows - 1) / rows;
    strip = rows * s.across();
  }
  int64_t most() const { return strips > 1 ? strip : images * image; }
};

void by_tiles(const Engine &e, const Product &p) {
  const Kernels &k = p.kernels;
  const Shape &s = p.shape;
  const Blocks blocks(s);
  const int64_t depth = p.depth(), panels = p.panels(), most = blocks.most();
  const int64_t u_panel = depth * k.panel, u_point = spread(panels * u_panel);
  const int64_t v_point = spread(runs(depth) * most * ROW), m_point = spread(most * k.panel);

  Workspace shared(POINTS * u_point);
  e.parallel(panels, [&](int64_t first, int64_t last) {
    for (int64_t j = first; j < last; j++) p.right(j, 0, depth, shared.data() + j * u_panel, u_point);
  });
  e.parallel((s.n + blocks.images - 1) / blocks.images, [&](int64_t first, int64_t last) {
    Workspace own(POINTS * (v_point + m_point));
    float *v = own.data(), *m = v + POINTS * v_point;
    for (int64_t unit = first; unit < last; unit++) {
      const int64_t begin = unit * blocks.images * blocks.image;
      const int64_t end = std::min(begin + blocks.images * blocks.image, s.tiles());
      for (int64_t tile = begin; tile < end; tile += most) { // in order: an image's tiles overlap
        const int64_t stop = std::min(tile + most, end);
        const Span at{tile, stop, tile, stop - tile};
        p.left(at, v, v_point);
        for (int64_t j = 0; j < panels; j++) {
          multiply(p, at.rows, depth, 0, v, v_point, shared.data() + j * u_panel, u_point, j, m, m_point);
          p.sum(m, m_point, at, j);
        }
      }
    }
  });
}

void by_columns(const Engine &e, const Product &p) {
  const Kernels &k = p.kernels;
  const int64_t depth = p.depth(), tiles = p.shape.tiles();
  const int64_t most = std::min(tiles, std::clamp<int64_t>(SHARED_TILES / (POINTS * runs(depth) * ROW), 16, 128));
  const int64_t v_point = spread(runs(depth) * most * ROW);
  const int64_t u_point = spread(DEPTH * k.panel), m_point = spread(most * k.panel);

  Workspace shared(POINTS * v_point);
  for (int64_t begin = 0; begin < tiles; begin += most) {
    const int64_t end = std::min(begin + most, tiles);
    const Span all{begin, end, begin, end - begin};
    e.parallel(all.rows, [&](int64_t first, int64_t last) {
      p.left({begin + first, begin + last, begin, all.rows}, shared.data(), v_point);
    });
    e.parallel(p.panels(), [&](int64_t first, int64_t last) {
      Workspace own(POINTS * (u_point + m_point));
      float *u = own.data(), *m = u + POINTS * u_point;
      for (int64_t j = first; j < last; j++) {
        for (int64_t d = 0; d < depth; d += DEPTH) {
          const int64_t to = std::min<int64_t>(d + DEPTH, depth);
          p.right(j, d, to, u, u_point);
          multiply(p, all.rows, to - d, d / DEPTH, shared.data(), v_point, u, u_point, j, m, m_point);
        }
        p.sum(m, m_point, all, j);
      }
    });
  }
}

class Forward : public Product {
 public:
  const float *x, *w;
  float *y;
  Forward(const Kernels &kernels, const Shape &s, const float *x, const float *w, float *y)
      : Product(kernels, s), x(x), w(w), y(y) {}

  int64_t depth() const override { return PHASES * up(shape.c, kernels.lanes); }
  int64_t panels() const override { return (shape.k + kernels.panel - 1) / kernels.panel; }
  int vectors(int64_t panel) const override { return vectors_of(shape.k, panel); }
  void left(Span at, float *to, int64_t point) const override { kernels.input_rows(shape, x, at, to, point); }
  void right(int64_t panel, int64_t from, int64_t to, float *u, int64_t point) const override {
    kernels.weights(shape, w, panel, from, to, u, point);
  }
  void sum(const float *m, int64_t point, Span at, int64_t panel) const override {
    kernels.sum_output(shape, m, point, at, panel, y);
  }
};

class InputGradient : public Product {
 public:
  const float *gy, *w;
  float *gx;
  InputGradient(const Kernels &kernels, const Shape &s, const float *gy, const float *w, float *gx)
      : Product(kernels, s), gy(gy), w(w), gx(gx) {}

  int64_t phase_panels() const { return (shape.c + kernels.panel - 1) / kernels.panel; }
  int64_t depth() const override { return shape.k; }
  int64_t panels() const override { return PHASES * phase_panels(); }
  int vectors(int64_t panel) const override { return vectors_of(shape.c, panel % phase_panels()); }
  void left(Span at, float *to, int64_t point) const override { kernels.gradient_rows(shape, gy, at, to, point); }
  void right(int64_t panel, int64_t from, int64_t to, float *u, int64_t point) const override {
    kernels.weights_transposed(shape, w, panel, from, to, u, point);
  }
  void sum(const float *m, int64_t point, Span at, int64_t panel) const override {
    kernels.sum_input(shape, m, point, at, panel, gx);
  }
};

}  // namespace

void run(const Engine &e, const Product &p) {
  const int64_t transformed = POINTS * p.depth() * p.panels() * p.kernels.panel;
  const bool fits = transformed <= SHARED_WEIGHTS;
  const bool tiles = e.schedule == Schedule::automatic ? fits && p.shape.tiles() > 128 : e.schedule == Schedule::tiles;
  tiles ? by_tiles(e, p) : by_columns(e, p);
}

void forward(const Engine &e, const Shape &s, const float *x, const float *w, float *y) {
  run(e, Forward(e.kernels, s, x, w, y));
}

void input_gradient(const Engine &e, const Shape &s, const float *gy, const float *w, float *gx) {
  run(e, InputGradient(e.kernels, s, gy, w, gx));
}

}  // namespace gt::conv
