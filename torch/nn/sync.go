package nn

import (
	"strings"

	"forger/torch"
)

// SyncBatchNorm has each BatchNorm2d within m normalise, in training, by the statistics of a whole batch where its scope's rows
// are a share of one, as torch.nn.SyncBatchNorm.convert_sync_batchnorm does it. Where the scope has the whole it is as before.
// Layers that m's modules do not show by Children are a *torch.Error.
func SyncBatchNorm(m Module) {
	reached := 0
	norms(m, func(b *BatchNorm2d) {
		b.sync = true
		reached++
	})
	for _, e := range Entries(m) {
		if e.Buffer && strings.HasSuffix(e.Name, "running_mean") {
			reached--
		}
	}
	if reached != 0 {
		panic(&torch.Error{Op: "sync_batch_norm", Code: torch.Failed, Msg: "a normalisation cannot be reached: its module needs a Children method"})
	}
}

func norms(m Module, visit func(*BatchNorm2d)) {
	if b, ok := m.(*BatchNorm2d); ok {
		visit(b)
	}
	if p, ok := m.(Parent); ok {
		for _, child := range p.Children() {
			norms(child, visit)
		}
	}
}

// shared reports whether x is normalised together with the rows of other processes.
func (b *BatchNorm2d) shared(x torch.Tensor) bool {
	s := x.Scope()
	return b.sync && s.Training() && s.Share().Among != nil
}

// together normalises x [N,C,H,W], a share of a batch, by the batch's statistics, and folds those into the running ones; it
// does not count the batch. The mean comes first and then the squares of what is off it, so that nothing is lost where the mean
// is large. Both sums are differentiable, twice too.
func (b *BatchNorm2d) together(x torch.Tensor) torch.Tensor {
	s, shape := x.Scope(), x.Shape()
	p := s.Share()
	count := float64(shape[0]*shape[2]*shape[3]) / p.Weight()
	over := torch.Reduction{Dims: []int{0, 2, 3}, Keep: true}
	var steps []torch.Tensor
	then := func(t torch.Tensor) torch.Tensor {
		steps = append(steps, t)
		return t
	}
	defer func() { release(steps) }()
	full := x
	if d := x.Info().DType; d == torch.BFloat16 {
		full = then(x.To(torch.Float32))
	}
	mean := then(p.Among.Total(then(then(full.SumOver(over)).MulScalar(1 / count))))
	off := then(full.Sub(mean))
	variance := then(p.Among.Total(then(then(then(off.Mul(off)).SumOver(over)).MulScalar(1 / count))))
	b.fold(mean, variance, count)
	scale := then(then(variance.AddScalar(b.norm.Eps)).Pow(-.5))
	if b.norm.Weight.Valid() {
		scale = then(scale.Mul(then(then(s.Use(b.norm.Weight)).Reshape(-1, shape[1], 1, 1))))
	}
	y := off.Mul(scale)
	if b.norm.Bias.Valid() {
		steps = append(steps, y)
		y = y.Add(then(then(s.Use(b.norm.Bias)).Reshape(-1, shape[1], 1, 1)))
	}
	if full.Same(x) {
		return y
	}
	steps = append(steps, y)
	return y.To(torch.BFloat16)
}

// fold puts statistics of so many numbers each into the running ones; the variance as that of what they are a sample of.
func (b *BatchNorm2d) fold(mean, variance torch.Tensor, count float64) {
	c := mean.Scope().Child(torch.NoGrad)
	defer c.Close()
	put := func(running, now torch.Tensor, scale float64) {
		of := c.Use(running)
		of.CopyFrom(of.MulScalar(1 - b.norm.Momentum).Add(c.Use(now).Reshape(-1).MulScalar(b.norm.Momentum * scale)))
	}
	put(b.norm.Mean, mean, 1)
	put(b.norm.Var, variance, count/max(1, count-1))
}
