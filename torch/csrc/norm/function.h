// function.h: batch normalisation and rectifier in one, as the binding calls them. norm.h has the method.
#pragma once

#include <ATen/ATen.h>

namespace gt::norm {

// Layer is what a batch normalisation has besides its input; [c] each.
struct Layer {
  at::Tensor weight, bias; // undefined: there is none. Or [n,c], of each sample, both
  at::Tensor mean, var;    // running statistics; undefined: there are none
  double momentum, eps;
};

// Batch normalisation of x [n,c,h,w] and then a leaky rectifier, slope 0 for torch.relu: the values of PyTorch's two ops,
// differentiable twice, and the same change of the running statistics. An undefined tensor for what this folder does not
// compute, which is all but float32 on the CPU with channels innermost and the layer complete. The processor must have
// AVX2 and FMA.
at::Tensor batch_norm_act(const at::Tensor &x, const Layer &layer, bool training, double slope);

}  // namespace gt::norm
