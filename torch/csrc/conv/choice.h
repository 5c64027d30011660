// choice.h: which kernels this processor runs, and which shapes they win.
#pragma once

#include "../../gotorch.h"
#include "kernels.h"

namespace gt::conv {

// The three tensors of a convolution. Each is a bilinear function of the other two.
enum class Role { output, input, weight };

// A mode is a gt_conv of gotorch.h.

// The best set of kernels that this processor runs and ATEN_CPU_CAPABILITY allows.
int best();

// The kernels for that tensor of that shape, or null: stock.
const Kernels *kernels_for(int mode, Role role, const Shape &s);

// Whether there are kernels for any of the three.
bool any_kernels(int mode, const Shape &s);

}  // namespace gt::conv
