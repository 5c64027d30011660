package metric

import (
	"math"

	"forger/torch"
)

// scoreSplits of the Inception score.
const scoreSplits = 10

// inceptionScore is exp E KL(p(y|x) || p(y)) of a classifier's answers to the generated samples, the mean over ten parts of
// them in a seeded order (Salimans et al. 2016), and std over the parts.
func inceptionScore(_ *torch.Scope, p Pair, o Options) Result {
	logits := p.Fake.Logits.To(torch.Float64)
	n := logits.Shape()[0]
	if n < scoreSplits {
		return nothing("%d samples: it takes %d", n, scoreSplits)
	}
	logits = pick(logits, shuffled(o.Seed, drawScore, n))
	values := make([]float64, scoreSplits)
	for i := range values {
		values[i] = scoreOf(logits.Slice(0, i*n/scoreSplits, (i+1)*n/scoreSplits, 1))
	}
	mean, se := meanAndSE(values)
	return Result{Value: mean, More: []Field{{"std", se * math.Sqrt(scoreSplits)}, {"splits", scoreSplits}}}
}

func scoreOf(logits torch.Tensor) float64 {
	logs := logits.LogSoftmax(1)
	probs := logs.Exp()
	marginal := probs.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true})
	kl := probs.Mul(logs.Sub(marginal.Log())).SumOver(torch.Reduction{Dims: []int{1}})
	return math.Exp(kl.Mean().Item())
}

// stacked counts the classes that a classifier finds among the generated samples, and KL(generated || real) of their
// frequencies (Metz et al. 2017; PacGAN), nats; infinite where a class was generated that the real sample has not.
func stacked(_ *torch.Scope, p Pair, _ Options) Result {
	classes := p.Fake.Logits.Shape()[1]
	q, r := frequencies(p.Fake.Logits), frequencies(p.Real.Logits)
	found := 0
	for _, v := range q {
		if v > 0 {
			found++
		}
	}
	return Result{Value: float64(found), More: []Field{{"found", found}, {"of", classes}, {"kl", relativeEntropy(q, r)}}}
}

// frequencies are the shares of the classes that rows of logits are for.
func frequencies(logits torch.Tensor) []float64 {
	n, k := logits.Shape()[0], logits.Shape()[1]
	values, share := logits.Doubles(), make([]float64, k)
	for i := range n {
		best := 0
		for j := range k {
			if values[i*k+j] > values[i*k+best] {
				best = j
			}
		}
		share[best] += 1 / float64(n)
	}
	return share
}
