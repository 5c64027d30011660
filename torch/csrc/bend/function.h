// function.h: images bent, as the binding calls it. bend.h has the method.
#pragma once

#include <ATen/ATen.h>

namespace gt::bend {

// How n images are bent; undefined tensors: not in this respect.
struct Bend {
  at::Tensor color; // float [n,4]: own, pixel, whole, add
  at::Tensor move;  // int64 [n,2]: how far down and to the right of a place is what comes to it
  at::Tensor cut;   // int64 [n,2]: first row and column of what is cut
  int64_t height, width; // of what is cut
};

// x [n,c,h,w] bent, differentiable by x as often as one likes; of float32 on the CPU by this folder's passes, where `ours`,
// and by PyTorch's ops elsewhere.
at::Tensor bent(const at::Tensor &x, const Bend &by, bool ours);

}  // namespace gt::bend
