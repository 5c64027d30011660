// shape.h: the sizes of one convolution k4 s2 p1, and of its tiles.
#pragma once

#include <stdint.h>

namespace gt::conv {

// x [n][h][w][c] and weights [k][4][4][c] make y [n][oh][ow][k]; all float32 and dense, channels innermost.
struct Shape {
  int64_t n, h, w, c, k;
  int64_t oh, ow;

  // Tiles of 4x4 outputs; those at the lower and right rim may be partial.
  int64_t down() const { return (oh + 3) / 4; }
  int64_t across() const { return (ow + 3) / 4; }
  int64_t tiles() const { return n * down() * across(); }
};

constexpr int POINTS = 25; // products a tile: 5 interpolation points each way
constexpr int PHASES = 4;  // parities of the input: row, column
constexpr int DEPTH = 128; // longest run of a sum kept in one accumulator, which bounds the rounding error
constexpr int ROW = 144;   // floats from a row of DEPTH values to the next: an odd number of cache lines

// Rounds up to a multiple.
constexpr int64_t up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace gt::conv
