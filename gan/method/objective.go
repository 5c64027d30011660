package method

import "forger/torch"

// Objective is a GAN loss on the discriminator's logits [N]. Each function yields a 0-dim tensor.
type Objective struct {
	Doc string
	// Probabilities: sigmoid(logit) is D(x), so meters and exports show probabilities.
	Probabilities bool
	// Value: the discriminator's loss is -V, the value function of Goodfellow et al. 2014, equation 1.
	Value bool
	// Labels: the discriminator is told what is real by a number, which --label-smoothing lowers.
	Labels bool

	// Real and Fake are the discriminator's, a graph each. label is what reals are called: 1, or less where they are smoothed.
	Real func(logits torch.Tensor, label float64) torch.Tensor
	Fake func(logits torch.Tensor) torch.Tensor
	// Pair takes the place of both where the loss needs reals and fakes at once.
	Pair func(real, fake torch.Tensor) torch.Tensor
	// Generator is the generator's on its fakes; real are logits of reals without a graph, the zero Tensor unless there is Pair.
	Generator func(fake, real torch.Tensor) torch.Tensor
}

// objectives is where a loss is added: one file, one line here, one golden.
var objectives = map[string]Objective{
	"minimax":       minimax,
	"nonsaturating": nonsaturating,
	"lsgan":         lsgan,
	"wasserstein":   wasserstein,
	"hinge":         hinge,
	"relativistic":  relativistic,
}

// score is what the meters show for logits [N]: the mean probability, or the mean raw score.
func (o Objective) score(logits torch.Tensor) torch.Tensor {
	if o.Probabilities {
		return logits.Sigmoid().Mean()
	}
	return logits.Mean()
}
