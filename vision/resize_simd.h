// resize_simd.h: see resize_simd.c.
#pragma once
#include <stddef.h>
#include <stdint.h>

// axis is a kernel of kernel.go: for each of count outputs its first input and how many there are, and ksize weights. Go's
// int is a ptrdiff_t wherever Go runs.
struct axis {
  const ptrdiff_t *bounds;
  const int32_t *weights;
  ptrdiff_t ksize, count;
};

// forger_across resizes rows of c channels, stride bytes apart; end is the end of the picture's memory.
void forger_across(uint8_t *out, const uint8_t *in, ptrdiff_t stride, ptrdiff_t rows, const struct axis *a, int c,
                   const uint8_t *end);
// forger_down resizes columns of rows of stride bytes each; in begins at the first row that is read.
void forger_down(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const struct axis *a);

// The same for Go, which hands over no pointers to pointers.
static inline void forger_across_flat(uint8_t *out, const uint8_t *in, ptrdiff_t stride, ptrdiff_t rows,
                                      const ptrdiff_t *bounds, const int32_t *weights, ptrdiff_t ksize, ptrdiff_t count,
                                      int c, ptrdiff_t size) {
  struct axis a = {bounds, weights, ksize, count};
  forger_across(out, in, stride, rows, &a, c, in + size);
}
static inline void forger_down_flat(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const ptrdiff_t *bounds,
                                    const int32_t *weights, ptrdiff_t ksize, ptrdiff_t count) {
  struct axis a = {bounds, weights, ksize, count};
  forger_down(out, in, stride, &a);
}
