package trainer

import (
	"math"

	"forger/torch"
)

// spread is how far the elements of a batch [N,...] lie from each other: the mean distance of two of them, and the mean
// distance of each to its nearest other. A generator that makes one thing has neither, one that makes a few has not the
// second.
type spread struct{ apart, nearest float64 }

// spreadOf waits for the device.
func spreadOf(s *torch.Scope, x torch.Tensor) spread {
	c := s.Child(torch.NoGrad)
	defer c.Close()
	n := x.Shape()[0]
	x = c.Use(x).Reshape(n, -1).To(torch.Float64)
	x = x.Sub(x.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true})) // products of what lies far from 0 lose digits
	products := x.MatMul(x.Permute(1, 0)).Doubles()
	var r spread
	for i := range n {
		near := math.Inf(1)
		for k := range n {
			if k != i {
				d := math.Sqrt(max(0, products[i*n+i]+products[k*n+k]-2*products[i*n+k]))
				near, r.apart = min(near, d), r.apart+d
			}
		}
		r.nearest += near
	}
	r.apart /= float64(n * (n - 1))
	r.nearest /= float64(n)
	return r
}

// compared is how many elements the spread is taken of.
const compared = 64

// learnSpread takes the spread of the n real elements that pictures show. Where they are all alike, or it takes a while to draw
// a sample, or a likelihood tells how the training goes, nothing is compared with them.
func (r *run) learnSpread(n int) (err error) {
	defer torch.Catch(&err)
	n = min(n, compared)
	if n < 2 || r.sampler.Slow || r.job.Method.Entry().Likelihood != nil {
		return nil
	}
	c := r.root.Child(torch.NoGrad)
	defer c.Close()
	of := r.ds.Shape()
	if s := spreadOf(c, upload(c, r.real[:n*of.Bytes()], n, of)); s.nearest > 0 {
		r.Trainer.real = s
	}
	return nil
}

// drawn are the first n of the pictures' samples.
func (t *Trainer) drawn(s *torch.Scope, n int) torch.Tensor {
	labels := t.labels
	if labels.Valid() {
		labels = s.Use(labels).Narrow(0, 0, min(n, labels.Shape()[0]))
	}
	return t.sampler.Sample(s.Use(t.fixed).Narrow(0, 0, min(n, t.fixed.Shape()[0])), labels)
}

// diversity is the share of the real data's spread that the fixed samples have: the smaller of the two shares.
func (t *Trainer) diversity() float64 {
	c := t.root.Child(torch.NoGrad, torch.Eval)
	defer c.Close()
	made := spreadOf(c, t.drawn(c, compared))
	return min(made.apart/t.real.apart, made.nearest/t.real.nearest)
}
