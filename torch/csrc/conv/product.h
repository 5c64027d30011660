// product.h: forward and input gradient as the same thing: points of a left operand (tiles) times points of the
// weights, and the result's points summed up.
#pragma once

#include "filter.h"

namespace gt::conv {

// Product is one of the two directions.
class Product {
 public:
  const Kernels &kernels;
  const Shape &shape;

  Product(const Kernels &kernels, const Shape &shape) : kernels(kernels), shape(shape) {}
  virtual ~Product() = default;

  virtual int64_t depth() const = 0;   // of the sum
  virtual int64_t panels() const = 0;  // of columns
  virtual int vectors(int64_t panel) const = 0; // in use, of a panel
  virtual void left(Span at, float *to, int64_t point) const = 0;
  virtual void right(int64_t panel, int64_t from, int64_t to, float *u, int64_t point) const = 0;
  virtual void sum(const float *m, int64_t point, Span at, int64_t panel) const = 0;

 protected:
  int vectors_of(int64_t channels, int64_t panel) const {
    return channels - panel * kernels.panel > kernels.lanes ? 2 : 1;
  }
};

// Runs it by the schedule that suits its sizes.
void run(const Engine &e, const Product &p);

}  // namespace gt::conv
