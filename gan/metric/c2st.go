package metric

import (
	"math"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"

	"gonum.org/v1/gonum/stat/distuv"
)

// The network of c2st-nn and its training, as Lopez-Paz and Oquab 2017 have them; batch and rate are Keras' and PyTorch's
// habits.
const (
	c2stHidden = 20
	c2stEpochs = 100
	c2stBatch  = 64
	c2stRate   = 1e-3
)

// split is both samples in halves, real labelled 0 and generated 1: what a classifier learns from, and what it is asked.
type split struct {
	train, test   torch.Tensor // float64 [N,D]
	asked, taught []float64    // labels
}

// halves splits both samples by a seeded choice.
func halves(p Pair, o Options) split {
	n, _ := p.Real.size()
	m, _ := p.Fake.size()
	a, b := shuffled(o.Seed, drawSplit, n), shuffled(o.Seed, drawSplit+1, m)
	part := func(a, b []int64) (torch.Tensor, []float64) {
		labels := make([]float64, len(a)+len(b))
		for i := range b {
			labels[len(a)+i] = 1
		}
		return torch.Cat(0, pick(p.Real.X.To(torch.Float64), a), pick(p.Fake.X.To(torch.Float64), b)), labels
	}
	var h split
	h.train, h.taught = part(a[:n/2], b[:m/2])
	h.test, h.asked = part(a[n/2:], b[m/2:])
	return h
}

// verdict is the accuracy and the probability of one as high where the samples are alike: then it is N(1/2, 1/(4n)).
func (h split) verdict(answers []bool, o Options) Result {
	right := 0
	for i, generated := range answers {
		if generated == (h.asked[i] == 1) {
			right++
		}
	}
	n := float64(len(answers))
	accuracy := float64(right) / n
	return tested(accuracy, distuv.UnitNormal.Survival((accuracy-.5)*math.Sqrt(4*n)), o)
}

// c2stKNN is the verdict of the nearest neighbours.
func c2stKNN(s *torch.Scope, p Pair, o Options) Result { return halves(p, o).nearest(s, o) }

// nearest asks the floor(sqrt n) nearest of the n that it learnt from; a tie is for the real.
func (h split) nearest(s *torch.Scope, o Options) Result {
	k := int(math.Sqrt(float64(len(h.taught))))
	var answers []bool
	squares(s, h.test, h.train, func(_ *torch.Scope, _ int, block torch.Tensor) {
		_, near := block.TopK(k, 1, false)
		rows := near.Ints()
		for i := range block.Shape()[0] {
			votes := 0.
			for _, of := range rows[i*k : (i+1)*k] {
				votes += h.taught[of]
			}
			answers = append(answers, votes > float64(k)/2)
		}
	})
	r := h.verdict(answers, o)
	r.More = append(r.More, Field{"k", k})
	return r
}

// c2stNN asks a network of one hidden layer, trained by Adam on dimensions that were brought to mean 0 and deviation 1.
func c2stNN(s *torch.Scope, p Pair, o Options) Result {
	h := halves(p, o)
	over := torch.Reduction{Dims: []int{0}, Keep: true}
	mean := h.train.MeanOver(over)
	scale := h.train.VarOver(over).Sqrt().AddScalar(1e-12)
	x, asked := h.train.Sub(mean).Div(scale).To(torch.Float32), h.test.Sub(mean).Div(scale).To(torch.Float32)
	n, d := x.Shape()[0], x.Shape()[1]

	learning := s.Child(torch.WithGrad, torch.Of(torch.Float32))
	defer learning.Close()
	g := learning.NewGenerator(o.Seed + drawSplit)
	net := nn.Sequential{nn.NewLinear(learning, g, d, c2stHidden, false), nn.ReLU(), nn.NewLinear(learning, g, c2stHidden, 1, false)}
	adam := optim.NewAdam(learning, nn.Parameters(net), torch.AdamOptions{LR: learning.FullOf(torch.Float64, c2stRate), Beta1: .9, Beta2: .999, Eps: 1e-8})
	labels := learning.FromDoubles(h.taught, n, 1).To(torch.Float32)
	for epoch := range c2stEpochs {
		order := shuffled(o.Seed, drawSplit+2+epoch, n)
		for first := 0; first < n; first += c2stBatch {
			c := learning.Child()
			rows := order[first:min(first+c2stBatch, n)]
			logits, want := net.Forward(pick(c.Use(x), rows)), pick(c.Use(labels), rows)
			// Binary cross entropy on logits: softplus(l) - l y.
			adam.Accumulate(logits.Softplus().Sub(logits.Mul(want)).Mean())
			adam.Step()
			c.Close()
		}
	}
	answers := make([]bool, 0, len(h.asked))
	quiet := learning.Child(torch.NoGrad)
	defer quiet.Close()
	for _, logit := range net.Forward(quiet.Use(asked)).Floats() {
		answers = append(answers, logit > 0)
	}
	return h.verdict(answers, o)
}
