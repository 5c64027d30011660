// choice.h: which kernels this processor runs, and which shapes they win.
#pragma once

#include <string>

#include "kernels.h"

namespace gt::conv {

// The three tensors of a convolution. Each is a bilinear function of the other two.
enum class Role { output, input, weight };

// Takes "auto" (where they win), "fast" (wherever they are right), "stock" (nowhere), or the name of a set of kernels,
// which is auto with that set. False: the mode is unknown, or the processor cannot run that set.
bool set_mode(const std::string &mode);

// What auto comes to on this processor: "avx512", "avx2" or "stock".
const char *best_kernels();

// The kernels for that tensor of that shape, or null: stock.
const Kernels *kernels_for(Role role, const Shape &s);

// Whether there are kernels for any of the three.
bool any_kernels(const Shape &s);

// Whether anything but stock may run.
bool enabled();

}  // namespace gt::conv
