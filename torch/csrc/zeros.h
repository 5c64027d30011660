// zeros.h: autograd hands out tensors of zeros that have no memory, which libtorch's ops know and a pointer does not.
#pragma once

#include <ATen/ATen.h>

namespace gt {

// solid is t, with memory.
inline at::Tensor solid(const at::Tensor &t) { return t._is_zerotensor() ? t.clone() : t; }

}  // namespace gt
