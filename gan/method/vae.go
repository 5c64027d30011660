package method

import (
	"math"

	"forger/torch"
	"forger/torch/nn"
)

// vae is the training of a variational autoencoder (Kingma and Welling 2014): an encoder that tells the latents of an image, a
// decoder that tells the image of latents.
type vae struct {
	autoencoder
	parts    Parts
	opt      learner
	sums     torch.Tensor // {loss, -log p(x|z), divergence of the latents}
	averages []*average
	normal   source // of the latents
	uniform  source // of the binarisation
	beta     torch.Tensor
	freeBits float64
	samples  int // of the importance-weighted bound; 1: the plain one
}

// autoencoder is the two networks, and what the decoder's numbers mean.
type autoencoder struct {
	encoder, decoder nn.Module
	pixels           pixels
	latent           int
}

// Keys of the networks in a checkpoint.
const (
	keyEncoder        = "encoder"
	keyDecoder        = "decoder"
	keyAverageEncoder = "encoder_ema"
	keyAverageDecoder = "decoder_ema"
)

// The parts of a step, in the order of a report.
const (
	phaseForward = "forward"
	phaseLearn   = "backward"
	phaseStep    = "update"
)

func (v *vae) Parts() *Parts     { return &v.parts }
func (v *vae) Batches() int      { return 1 }
func (v *vae) Variant(int64) int { return 0 }

// Step is an update of both networks.
func (v *vae) Step(s *torch.Scope, batches []Batch, _ int) {
	c := s.Child(torch.Part(batches[0].Share))
	defer c.Close()
	v.parts.At(phaseForward)
	b := batches[0].In(c)
	loss, values := v.loss(b.of(v.pixels.seen(b.X, v.uniform)))
	v.parts.At(phaseLearn)
	v.opt.learn(loss)
	v.parts.At(phaseStep)
	meter(c, v.sums, values...)
	v.opt.meet(c)
	v.opt.Step()
	for _, a := range v.averages {
		a.follow(c)
	}
}

// loss is the negative bound of images as they are seen, nats an image, and what the meter shows of it.
func (v *vae) loss(b Batch) (loss torch.Tensor, values []torch.Tensor) {
	p := v.encode(b)
	divergence := p.divergence()
	log, noise, z := v.weigh(b, p, v.samples, v.normal)
	if v.samples > 1 {
		loss = logMean(log.Add(latentWeights(p, noise, z))).Mean().Neg()
	} else {
		loss = v.held(divergence).Mul(v.beta).Sub(log.Mean())
	}
	return loss, []torch.Tensor{loss.Detach(), log.Detach().Mean().Neg(), divergence.Detach().SumOver(rows).Mean()}
}

// held is the divergence [N,Z] as the loss has it, 0-dim: of each latent's mean over the batch at least the free bits (Kingma et
// al. 2016, equation 15).
func (v *vae) held(divergence torch.Tensor) torch.Tensor {
	if v.freeBits == 0 {
		return divergence.SumOver(rows).Mean()
	}
	each := ofBatch(divergence.MeanOver(torch.Reduction{Dims: []int{0}}))
	return each.Maximum(each.Scope().Full(v.freeBits)).Sum()
}

// posterior is what an encoder says of the latents of N images: independent normal distributions, [N,Z] each.
type posterior struct{ mean, logVar torch.Tensor }

func (a autoencoder) encode(b Batch) posterior {
	both := full(nn.ForwardFor(a.encoder, b.X, b.Labels))
	return posterior{both.Narrow(1, 0, a.latent), both.Narrow(1, a.latent, a.latent)}
}

// divergence is KL(q(z|x) || N(0,1)) of each latent, [N,Z].
func (p posterior) divergence() torch.Tensor {
	return p.mean.Pow(2).Add(p.logVar.Exp()).Sub(p.logVar).Affine(.5, -.5)
}

// weigh is log p(x|z) [K,N] of K latents of each image, with the noise that they were drawn by and themselves, [K,N,Z].
func (a autoencoder) weigh(b Batch, p posterior, samples int, normal source) (log, noise, z torch.Tensor) {
	n := b.X.Shape()[0]
	noise = normal(b.X.Scope(), samples, n, a.latent)
	z = noise.Mul(p.logVar.MulScalar(.5).Exp()).Add(p.mean)
	log = a.log(z.Reshape(samples*n, a.latent, 1, 1), b.repeated(samples)).Reshape(samples, n)
	return log, noise, z
}

// log is log p(x|z) [N] of images given a latent [N,Z,1,1] each.
func (a autoencoder) log(z torch.Tensor, b Batch) torch.Tensor {
	said := full(nn.ForwardFor(a.decoder, z, b.Labels))
	if a.pixels.binary {
		return bernoulli(said, b.X)
	}
	return logistic(said, b.X.Scope().Use(scaleOf(a.decoder)), b.X)
}

// latentWeights is log p(z) - log q(z|x) [K,N].
func latentWeights(p posterior, noise, z torch.Tensor) torch.Tensor {
	return noise.Pow(2).Add(p.logVar).Sub(z.Pow(2)).SumOver(torch.Reduction{Dims: []int{2}}).MulScalar(.5)
}

// logMean is the logarithm of the mean of e^x over the first dim: [K,N] to [N].
func logMean(x torch.Tensor) torch.Tensor {
	over := torch.Reduction{Dims: []int{0}}
	most := x.Detach().Amax(over)
	return x.Sub(most).Exp().MeanOver(over).Log().Add(most)
}

// decoded are the pictures of latents [N,Z,1,1]: the mean of each pixel, [N,C,H,W] in [-1,1].
func (a autoencoder) decoded(z, labels torch.Tensor) torch.Tensor {
	said := full(nn.ForwardFor(a.decoder, z, labels))
	if a.pixels.binary {
		return said.Sigmoid().Affine(2, -1)
	}
	return said.Clamp(-1, 1)
}

// Reconstruct is images [N,C,H,W] as they are seen, and as they are decoded from the means of their latents.
func (v *vae) Reconstruct(b Batch) (seen, again torch.Tensor) {
	seen = v.pixels.shown(b.X)
	return seen, v.decoded(v.encode(b.of(seen)).mean.Reshape(-1, v.latent, 1, 1), b.Labels)
}

// measure is the bound and the importance-weighted estimate of -log p(x) (Burda et al. 2016, equation 8).
func (a autoencoder) measure(b Batch, normal source, samples int) (bound, estimate []float64) {
	p := a.encode(b)
	n := b.X.Shape()[0]
	bound, sums := make([]float64, n), make([]logSum, n)
	for done := 0; done < samples; {
		c := b.X.Scope().Child()
		k := min(samples-done, max(1, atOnce/n))
		here := posterior{c.Use(p.mean), c.Use(p.logVar)}
		log, noise, z := a.weigh(b.In(c), here, k, normal)
		for i, w := range log.Add(latentWeights(here, noise, z)).Doubles() {
			bound[i%n] -= w / float64(samples)
			sums[i%n].add(w)
		}
		c.Close()
		done += k
	}
	for _, sum := range sums {
		estimate = append(estimate, math.Log(float64(samples))-sum.value())
	}
	return bound, estimate
}

// atOnce is how many images are decoded at once for a likelihood; it bounds the memory.
const atOnce = 4096

// logSum adds numbers of which the logarithms are known.
type logSum struct{ most, rest float64 } // e^most * rest

func (l *logSum) add(log float64) {
	switch {
	case l.rest == 0:
		l.most, l.rest = log, 1
	case log > l.most:
		l.most, l.rest = log, l.rest*math.Exp(l.most-log)+1
	default:
		l.rest += math.Exp(log - l.most)
	}
}

func (l *logSum) value() float64 { return l.most + math.Log(l.rest) }
