// kernels.h: what is written once and compiled for each instruction set: the transforms and the product.
//
// Two layouts hold what lies between them. `lanes` is the width of a vector and a panel is two of them wide.
//   rows    [point][depth / DEPTH][row][ROW]     the left operand of a product; depth is contiguous
//   panels  [point][columns / panel][row][panel] the right operand, and the result
// A stride between points is given, because it is padded. Channels of a phase are padded to whole vectors with zeros.
#pragma once

#include "shape.h"

namespace gt::conv {

// Where tiles [first, last) go: place 0 of a buffer of `rows` places is that of tile `base`.
struct Span {
  int64_t first, last, base, rows;
};

struct Kernels {
  const char *name;
  int64_t lanes, panel;

  // V = Bt x B of every phase: depth is (phase, channel) in rows, and columns are (phase, panel of channels) in panels.
  void (*input_rows)(const Shape &s, const float *x, Span at, float *v, int64_t point);
  void (*input_panels)(const Shape &s, const float *x, Span at, float *v, int64_t point);

  // Y = A gy At.
  void (*gradient_rows)(const Shape &s, const float *gy, Span at, float *y, int64_t point);
  void (*gradient_panels)(const Shape &s, const float *gy, Span at, float *y, int64_t point);

  // U = G w Gt of panel `panel` of the k outputs, for depths (phase, channel) [from, to): [point][to - from][panel].
  void (*weights)(const Shape &s, const float *w, int64_t panel, int64_t from, int64_t to, float *u, int64_t point);

  // Its transpose: panel `panel` of the (phase, channel) columns, for outputs [from, to): [point][to - from][panel].
  void (*weights_transposed)(const Shape &s, const float *w, int64_t panel, int64_t from, int64_t to, float *u,
                             int64_t point);

  // out [rows][stride] = a b, or += where `add`: a in rows, b one panel of `vectors` vectors. `next` is the left operand
  // of the next call, or any other address.
  void (*product)(int64_t rows, int64_t depth, const float *a, const float *b, float *out, int64_t stride, int vectors,
                  bool add, const float *next, const float *next_right);

  // The same with a as a panel too, whose columns are the rows of out.
  void (*product_transposed)(int64_t rows, int64_t depth, const float *a, const float *b, float *out, int64_t stride,
                             int vectors, bool add, const float *next, const float *next_right);

  // y = At m A, of panel `panel` of the k outputs; m is [point][place][panel].
  void (*sum_output)(const Shape &s, const float *m, int64_t point, Span at, int64_t panel, float *y);

  // gx += B m Bt, of panel `panel` of the (phase, channel) columns. Tiles of an image must come in order.
  void (*sum_input)(const Shape &s, const float *m, int64_t point, Span at, int64_t panel, float *gx);

  // gw = Gt m G, or += where `add`, of outputs [from, to) and panel `panel` of the (phase, channel) columns.
  void (*sum_weights)(const Shape &s, const float *m, int64_t point, int64_t from, int64_t to, int64_t panel, float *gw,
                      bool add);
};

// The sets this build has; whether the processor can run one is for choice.h.
extern const Kernels avx512_kernels, avx2_kernels;

}  // namespace gt::conv
