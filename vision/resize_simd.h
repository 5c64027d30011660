// resize_simd.h: see resize_simd.c.
#pragma once
#include <stdint.h>

// axis is a kernel of kernel.go: for each of count outputs its first input and their number, and its weights.
struct axis {
  const long *bounds;
  const int32_t *weights;
  long ksize, count;
};

// forger_across resizes rows of c channels, stride bytes apart; end is the end of the picture's memory.
void forger_across(uint8_t *out, const uint8_t *in, long stride, long rows, const struct axis *a, int c, const uint8_t *end);
// forger_down resizes columns of rows of stride bytes each; in begins at the first row that is read.
void forger_down(uint8_t *out, const uint8_t *in, long stride, const struct axis *a);
