package method

import "forger/torch"

// Objective is a GAN loss on the discriminator's logits [N]. Each function yields a 0-dim tensor.
type Objective struct {
	Doc string
	// Probabilities: sigmoid(logit) is D(x), so meters and exports show probabilities.
	Probabilities bool
	Real          func(logits torch.Tensor) torch.Tensor // the discriminator's, on real images
	Fake          func(logits torch.Tensor) torch.Tensor // the discriminator's, on generated images
	Generator     func(logits torch.Tensor) torch.Tensor
}

// objectives is where a loss is added: one line here, one golden.
//
// Goodfellow et al. 2014: D maximises E log D(x) + E log(1-D(G(z))), and with D = sigmoid(l), -log D = softplus(-l) and
// -log(1-D) = softplus(l).
var objectives = map[string]Objective{
	"minimax": {
		"log(1-D(G(z))), the value function of the 2014 paper", true, realBCE, fakeBCE,
		func(l torch.Tensor) torch.Tensor { return l.Softplus().Mean().Neg() },
	},
	"nonsaturating": {
		"-log D(G(z)) for the generator; the official DCGAN's", true, realBCE, fakeBCE, realBCE,
	},
}

func realBCE(l torch.Tensor) torch.Tensor { return l.Neg().Softplus().Mean() }
func fakeBCE(l torch.Tensor) torch.Tensor { return l.Softplus().Mean() }

// score is what the meters show for logits [N]: the mean probability, or the mean raw score.
func (o Objective) score(logits torch.Tensor) torch.Tensor {
	if o.Probabilities {
		return logits.Sigmoid().Mean()
	}
	return logits.Mean()
}
