package model

import (
	"math"

	"forger/torch"
)

// StartAtMean has the bias of a last layer begin at the mean of the data, where that is known: of each number, or of each
// channel where the bias is a channel's. to is what a bias is at a mean from -1 to 1.
func (b *Builder) StartAtMean(bias torch.Tensor, to func(mean float64) float64) {
	if !b.drawn || b.Mean == nil {
		return
	}
	values := make([]float32, bias.Shape()[0])
	each := len(b.Mean) / len(values)
	for i := range values {
		sum := 0.
		for _, mean := range b.Mean[i*each : (i+1)*each] {
			sum += float64(mean)
		}
		values[i] = float32(to(sum / float64(each)))
	}
	c := b.Scope.Child(torch.NoGrad)
	defer c.Close()
	c.Use(bias).CopyFrom(c.FromFloats(values, len(values)))
}

// Logit is the number whose sigmoid is the share of white that a mean from -1 to 1 stands for, at least edge and at most 1-edge.
func Logit(mean, edge float64) float64 {
	share := min(max((mean+1)/2, edge), 1-edge)
	return math.Log(share / (1 - share))
}
