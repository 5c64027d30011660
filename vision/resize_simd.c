//go:build turbojpeg && cgo

// resize_simd.c: the two passes of a resize, to the bit those of resize.go, four or eight channels at a time where the
// processor has SSE4.1 and AVX2. With -DFORGER_PLAIN it is what other processors run: CGO_CFLAGS=-DFORGER_PLAIN go test ./vision
#include "resize_simd.h"

#include <string.h>

enum { precision = 32 - 8 - 2, half = 1 << (precision - 1) };

static uint8_t clamp(int32_t sum) {
  int32_t v = sum >> precision;
  return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

// row_plain makes a row of the horizontal pass.
static void row_plain(uint8_t *out, const uint8_t *in, const struct axis *a, int c) {
  for (ptrdiff_t o = 0; o < a->count; o++) {
    const uint8_t *p = in + a->bounds[2 * o] * c;
    const int32_t *w = a->weights + o * a->ksize;
    for (int k = 0; k < c; k++) {
      int32_t sum = half;
      for (ptrdiff_t i = 0; i < a->bounds[2 * o + 1]; i++) sum += p[i * c + k] * w[i];
      out[o * c + k] = clamp(sum);
    }
  }
}

// column_plain makes a row of the vertical pass, from byte `from` on, of n rows of in.
static void column_plain(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const int32_t *w, ptrdiff_t n,
                         ptrdiff_t from) {
  for (ptrdiff_t x = from; x < stride; x++) {
    int32_t sum = half;
    for (ptrdiff_t i = 0; i < n; i++) sum += in[i * stride + x] * w[i];
    out[x] = clamp(sum);
  }
}

#if defined(__x86_64__) && !defined(FORGER_PLAIN)
#include <immintrin.h>

// The pixel at p as four 32-bit lanes; the fourth is the next pixel's and is not used.
__attribute__((target("sse4.1"))) static inline __m128i pixel(const uint8_t *p) {
  int32_t four;
  memcpy(&four, p, 4);
  return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}

// The sums as bytes, each within 0 and 255.
__attribute__((target("sse4.1"))) static inline int32_t packed(__m128i sum) {
  __m128i v = _mm_srai_epi32(sum, precision);
  v = _mm_packs_epi32(v, v);
  return _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
}

// row_rgb is row_plain for three channels. A pixel's load takes a byte more than it has, so the last ones of the picture are left to row_plain.
__attribute__((target("sse4.1"))) static void row_rgb(uint8_t *out, const uint8_t *in, const struct axis *a, const uint8_t *end) {
  for (ptrdiff_t o = 0; o < a->count; o++) {
    const uint8_t *p = in + 3 * a->bounds[2 * o];
    ptrdiff_t n = a->bounds[2 * o + 1];
    const int32_t *w = a->weights + o * a->ksize;
    __m128i sum = _mm_set1_epi32(half), more = _mm_setzero_si128();
    if (end - p < 3 * n + 1) {
      struct axis one = {a->bounds + 2 * o, w, a->ksize, 1};
      row_plain(out + 3 * o, in, &one, 3);
      continue;
    }
    ptrdiff_t i = 0;
    for (; i + 2 <= n; i += 2) { // two sums: a product waits for no other
      sum = _mm_add_epi32(sum, _mm_mullo_epi32(pixel(p + 3 * i), _mm_set1_epi32(w[i])));
      more = _mm_add_epi32(more, _mm_mullo_epi32(pixel(p + 3 * i + 3), _mm_set1_epi32(w[i + 1])));
    }
    if (i < n) sum = _mm_add_epi32(sum, _mm_mullo_epi32(pixel(p + 3 * i), _mm_set1_epi32(w[i])));
    int32_t rgb = packed(_mm_add_epi32(sum, more));
    memcpy(out + 3 * o, &rgb, 3);
  }
}

// column_avx2 is column_plain for whole eights of bytes; it says how many bytes it made.
__attribute__((target("avx2"))) static ptrdiff_t column_avx2(uint8_t *out, const uint8_t *in, ptrdiff_t stride,
                                                             const int32_t *w, ptrdiff_t n) {
  ptrdiff_t x = 0;
  for (; x + 8 <= stride; x += 8) {
    __m256i sum = _mm256_set1_epi32(half);
    for (ptrdiff_t i = 0; i < n; i++) {
      __m256i eight = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(in + i * stride + x)));
      sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(eight, _mm256_set1_epi32(w[i])));
    }
    __m256i v = _mm256_srai_epi32(sum, precision);
    v = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, v), 0x08);
    _mm_storel_epi64((__m128i *)(out + x), _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_castsi256_si128(v)));
  }
  return x;
}

static int has_sse41(void) { return __builtin_cpu_supports("sse4.1"); }
static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
static void row_rgb(uint8_t *out, const uint8_t *in, const struct axis *a, const uint8_t *end) {
  row_plain(out, in, a, 3);
}
static ptrdiff_t column_avx2(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const int32_t *w, ptrdiff_t n) {
  return 0;
}
static int has_sse41(void) { return 0; }
static int has_avx2(void) { return 0; }
#endif

void forger_across(uint8_t *out, const uint8_t *in, ptrdiff_t stride, ptrdiff_t rows, const struct axis *a, int c,
                   const uint8_t *end) {
  int fast = c == 3 && has_sse41();
  for (ptrdiff_t y = 0; y < rows; y++) {
    if (fast)
      row_rgb(out + y * a->count * c, in + y * stride, a, end);
    else
      row_plain(out + y * a->count * c, in + y * stride, a, c);
  }
}

void forger_down(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const struct axis *a) {
  int fast = has_avx2();
  for (ptrdiff_t y = 0; y < a->count; y++) {
    const uint8_t *first = in + (a->bounds[2 * y] - a->bounds[0]) * stride;
    const int32_t *w = a->weights + y * a->ksize;
    ptrdiff_t n = a->bounds[2 * y + 1], done = 0;
    if (fast) done = column_avx2(out + y * stride, first, stride, w, n);
    column_plain(out + y * stride, first, stride, w, n, done);
  }
}
