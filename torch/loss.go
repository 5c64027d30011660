package torch

/*
#include "gotorch.h"
*/
import "C"

// LossReduction is what becomes of a loss's elements; the zero value is PyTorch's default.
type LossReduction int

const (
	MeanLoss     LossReduction = iota // their mean, 0-dim
	SumLoss                           // their sum, 0-dim
	UnsummedLoss                      // they stay. PyTorch: reduction="none"
)

func (r LossReduction) code() C.int {
	switch r {
	case SumLoss:
		return C.GT_SUM
	case UnsummedLoss:
		return C.GT_NONE
	}
	return C.GT_MEAN
}

// MSELoss is (t-target)^2.
func (t Tensor) MSELoss(target Tensor, r LossReduction) Tensor {
	s := join("mse_loss", t, target)
	return s.made("mse_loss", C.gt_mse_loss(s.h, t.h, target.h, r.code()), t, target)
}

// L1Loss is |t-target|.
func (t Tensor) L1Loss(target Tensor, r LossReduction) Tensor {
	s := join("l1_loss", t, target)
	return s.made("l1_loss", C.gt_l1_loss(s.h, t.h, target.h, r.code()), t, target)
}

// BCEWithLogits is -target*log(sigmoid(t)) - (1-target)*log(1-sigmoid(t)). PyTorch:
// torch.nn.functional.binary_cross_entropy_with_logits.
func (t Tensor) BCEWithLogits(target Tensor, r LossReduction) Tensor {
	s := join("binary_cross_entropy_with_logits", t, target)
	return s.made("binary_cross_entropy_with_logits", C.gt_bce_with_logits(s.h, t.h, target.h, r.code()), t, target)
}

// CrossEntropy is -log softmax(t) at the classes that target says: t [N,K,...] of logits, target int64 [N,...], or
// probabilities of t's shape. smoothing, in [0,1], moves that much of the target to all classes alike.
func (t Tensor) CrossEntropy(target Tensor, smoothing float64, r LossReduction) Tensor {
	s := join("cross_entropy", t, target)
	return s.made("cross_entropy", C.gt_cross_entropy(s.h, t.h, target.h, r.code(), C.double(smoothing)), t, target)
}
