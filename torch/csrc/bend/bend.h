// bend.h: images that are recoloured, moved and cut, each by numbers of its own, in one pass over memory.
//
//   y[i,j] = own x[s] + pixel (mean of x[s] over the channels) + whole (mean of the image) + add,  s = (i + down, j + right)
//
// where s is in the image and (i,j) is not in what is cut; elsewhere y is 0. But for `add` that is linear in x. Its gradient is
// the same with the places the other way round: x[s] is then what [i,j] was, and a mean is a sum of those that s has come to.
// So it can be differentiated as often as one likes.
//
//   function.cc        what the binding calls; differentiation
//   bend.h, bend.cc    one image, on memory
#pragma once

#include <stdint.h>

namespace gt::bend {

// Size is of an image; channels lie innermost, or each by itself.
struct Size {
  int64_t c, h, w;
  bool last;
};

// Way is how an image is bent. top <= bottom, left <= end.
struct Way {
  float own = 1, pixel = 0, whole = 0, add = 0;
  int64_t down = 0, right = 0;                      // at most a side
  int64_t top = 0, bottom = 0, left = 0, end = 0;   // what is cut: rows and columns from, to
};

void forward(const Size &of, const Way &by, const float *x, float *y);

// The gradient of x, of that of y.
void back(const Size &of, const Way &by, const float *gy, float *gx);

}  // namespace gt::bend
