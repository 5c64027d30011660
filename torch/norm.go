package torch

/*
#include "gotorch.h"
*/
import "C"

// BatchNormLeakyReLU is BatchNorm and then LeakyReLU with that slope, or ReLU where it is 0: what BatchNorm followed by
// the activation in place gives, t [N,C,...] untouched. Kernels of ours compute it with fewer passes over memory where t
// is float32 [N,C,H,W] on the CPU, channels last, and n complete; the values differ from libtorch's in the last bits. A
// scope whose convolutions are stock has it from libtorch.
func (t Tensor) BatchNormLeakyReLU(n Norm, training bool, slope float64) Tensor {
	s := joinAll("batch_norm_leaky_relu", []Tensor{t}, n.Weight, n.Bias, n.Mean, n.Var, n.Tracked)
	return s.made("batch_norm_leaky_relu", C.gt_batch_norm_act(s.h, t.h, n.Weight.h, n.Bias.h, n.Mean.h, n.Var.h, n.Tracked.h,
		cbool(training), C.double(n.Momentum), C.double(n.Eps), C.double(slope)), t, n.Weight)
}
