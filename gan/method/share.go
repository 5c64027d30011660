package method

import (
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// learner is an optimizer and what it trains. Losses are means over the rows that this process has of a batch, and the
// gradients that it steps by are those of the mean over the whole.
type learner struct {
	optim.Optimizer
	params []torch.Tensor
}

// learn accumulates the gradients of a loss.
func (l learner) learn(loss torch.Tensor) { l.Accumulate(weighed(loss)) }

// meet has the gradients be those of the whole batch; once, before they are used.
func (l learner) meet(c *torch.Scope) {
	if among := c.Share().Among; among != nil {
		among.SumGradients(l.params, 1)
	}
}

// weighed is what a mean over a share adds to the mean over the batch.
func weighed(mean torch.Tensor) torch.Tensor {
	p := mean.Scope().Share()
	if p.Of == 0 {
		return mean
	}
	return mean.MulScalar(p.Weight())
}

// ofBatch is the mean over the whole batch, on each process, whose rows here have this mean. It is differentiable.
func ofBatch(mean torch.Tensor) torch.Tensor {
	among := mean.Scope().Share().Among
	if among == nil {
		return mean
	}
	return among.Total(weighed(mean))
}

// varOfBatch is the variance of all numbers of the batch that x has rows of.
func varOfBatch(x torch.Tensor) torch.Tensor {
	if x.Scope().Share().Among == nil {
		return x.VarOver(torch.Reduction{})
	}
	off := x.Sub(ofBatch(x.Mean()))
	return ofBatch(off.Mul(off).Mean())
}

// Join has networks that are to be trained normalise over the whole batch, where that is asked for.
func (o Options) Join(nets []Net) {
	if !o.SyncBN {
		return
	}
	for _, n := range nets {
		nn.SyncBatchNorm(n.Module)
	}
}

// meter adds means over this process's rows: summed over all, a meter's sums are those of the whole batches.
func meter(c *torch.Scope, sums torch.Tensor, means ...torch.Tensor) {
	for i, m := range means {
		means[i] = weighed(m)
	}
	c.MeterAdd(sums, means...)
}
