// conv.h: the CPU's convolutions of a DCGAN by minimal filtering.
//
// A DCGAN is made of convolutions k4 s2 p1 and their transposes. Split x by the parities of row and column: the four
// phases x_p[i][j] = x[2i + p0 - 1][2j + p1 - 1], and with the filter split alike,
//
//   y[i][j] = sum over phases p, channels and a, b in {0, 1} of  x_p[i + a][j + b] w_p[a][b]
//
// so it is a convolution 2x2 with stride 1 over 4 c channels. Winograd (Arithmetic Complexity of Computations, 1980)
// showed that m outputs of a filter of r taps, F(m, r), need m + r - 1 products; Lavin and Gray (Fast Algorithms for
// Convolutional Neural Networks, 2016) nested it for two dimensions and turned the sum over channels into matrix products,
// one for each point. Here it is F(4x4, 2x2): 25 products where the direct form has 64, 2.56 times fewer. The points
// are 0, 1, -1, 1/2 and infinity (Toom, Cook). With B, G and A of one dimension (transforms.inc), for each tile of 4x4
// outputs, phase and pair of channels
//
//   V = Bt x B    U = G w Gt    Y = A gy At      points [5][5] of input, weights and gradient of the output
//
// and, with products point by point,
//
//   y  = At (sum over 4 c of V U) A              output                   V [tiles][4c]  x U [4c][k]
//   gx = B  (sum over k of Y U)  Bt              gradient of the input    Y [tiles][k]   x Ut [k][4c]
//   gw = Gt (sum over tiles of Y V) G            gradient of the weights  Yt [k][tiles]  x V [tiles][4c]
//
// These three are one trilinear form <y, conv(x, w)> seen from each of its tensors. So they share their transforms; a
// transposed convolution is the second (its weight [in][out][4][4] lies as the convolution's); and the derivative of
// each is made of the other two, which is how gradients of gradients come about (function.cc). Neighbouring tiles of gx
// overlap by a pixel of each phase, and are added up in the order of the tiles.
//
// Rounding: the transforms enlarge the error of a product a few times; sums are kept short (DEPTH) to win that back.
// Against float64 the relative error (l2) is 1e-6 where the direct form's is .3e-6 to 1.6e-6.
//
// That is said of images whose pixels are of one size. The error is a share of the largest of the values that a tile is
// made from: a pixel 1,000 times the rest moves outputs of its tile that do not see it by some thousandths of their size,
// and an infinite or undefined one makes all outputs of its tile undefined. The direct form does neither. Networks whose
// activations have such outliers are better off with GT_CONV_STOCK.
//
// Order of summation: a value is one sum in one order, whatever thread computes it and however many there are. Hence the
// same bits every run.
//
// Memory: a call shares at most 40 MB of transformed tiles and weights, or what 16 tiles need where that is more, and
// each thread has at most a few MB. It is gone after the call; nothing is static.
//
// Three other shapes are not filtered. Where the input is 1x1, or the output, a convolution is a matrix product and is
// computed as one, and so is one whose kernel is 1x1 where channels are few: its gradients gain by it. Where the image
// has 1 to 4 channels, its gradient is a product and a sum of patches (thin.cc).
//
//   conv.h, function.cc         what the binding calls; differentiation
//   choice.*                    the processor, the switch, where filtering wins
//   filter.h, product.*, weight_gradient.cc, thin.cc     schedules: what is computed when, by which thread, from where
//   kernels.h, kernels*, *.inc  transforms and the product of small blocks, compiled for each instruction set
#pragma once

#include <ATen/ATen.h>

namespace gt::conv {

// PyTorch's conv2d and conv_transpose2d without bias for what this folder computes; an undefined tensor for the rest.
// `mode` is a gt_conv of gotorch.h.
at::Tensor conv2d(int mode, const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding,
                  at::IntArrayRef dilation, int64_t groups);
// A convolution 1x1 of so few channels that its tensors weigh more than its sums, as a product of matrices; an undefined
// tensor for another.
at::Tensor pointwise(int mode, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                     at::IntArrayRef stride, at::IntArrayRef padding, int64_t groups);
at::Tensor conv_transpose2d(int mode, const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef stride,
                            at::IntArrayRef padding, at::IntArrayRef output_padding, at::IntArrayRef dilation,
                            int64_t groups);

}  // namespace gt::conv
