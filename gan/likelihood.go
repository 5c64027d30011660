package gan

import (
	"context"
	"fmt"
	"math"
	"slices"

	"forger/data"
	"forger/gan/method"
	"forger/gan/metric"
	"forger/internal/release"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// nll is the measure that asks the model itself, and no sample of it: how likely it takes the real data to be.
const nll = "nll"

// LikelihoodOptions say how a likelihood is estimated that cannot be had exactly.
type LikelihoodOptions struct {
	Samples int // importance samples of each image
}

// Settings are the options as a user sets them.
func (o *LikelihoodOptions) Settings() setting.Set {
	return setting.Set{
		{Name: "nll-samples", Help: "importance samples of each image for a VAE's nll", Value: &o.Samples, Default: 500, Check: setting.AtLeast(1)},
	}
}

// likelihoodBatch is how many images are asked for at once.
const likelihoodBatch = 64

// evalLikelihood is Eval of nll, and of what else is asked for.
func evalLikelihood(ctx context.Context, o EvalOptions) (e Evaluation, err error) {
	rest := o
	rest.Metrics = slices.DeleteFunc(slices.Clone(o.Metrics), func(name string) bool { return name == nll })
	switch {
	case len(rest.Metrics) > 0:
		e, err = Eval(ctx, rest)
	case o.PerClass || o.Neighbours != "" || o.SaveTo != "":
		err = setting.Usagef("--metrics nll: it draws no samples, which --per-class, --neighbours and --save-stats are about: measure samples too, as --metrics nll,fid")
	default:
		err = o.check()
	}
	if err != nil {
		return e, err
	}
	if err := o.Likelihood.Settings().Check(); err != nil {
		return e, err
	}
	r := metric.Result{Value: math.NaN(), Note: "data tell no likelihood: name a checkpoint"}
	if o.Checkpoint != "" {
		j := &judge{EvalOptions: o, ctx: ctx}
		defer j.close()
		if r, err = j.likelihood(); err != nil {
			return e, fmt.Errorf("nll: %w", err)
		}
		if len(rest.Metrics) == 0 {
			e.Protocol = j.asked()
		}
	}
	e.Names = o.Metrics
	if e.Metrics == nil {
		e.Metrics = map[string]metric.Result{}
	}
	e.Metrics[nll] = r
	return e, nil
}

// asked is the protocol of a likelihood alone.
func (j *judge) asked() Protocol {
	return Protocol{
		Features: "none: the model is asked", Real: j.real.Spec(), Contents: j.real.Fingerprint(), NReal: min(j.N, j.real.Len()), Shape: j.real.Shape().String(),
		Generated: j.Checkpoint, Decoder: vision.Decoder, Seed: j.Seed, Program: release.Version(), Libtorch: torch.Version(),
	}
}

// likelihood measures nll on real elements, a choice by the seed: nats an image, the estimate where there is but a bound.
func (j *judge) likelihood() (r metric.Result, err error) {
	if j.drawer, err = openDrawer(j.ctx, j.Checkpoint, j.Average, j.Device); err != nil {
		return r, err
	}
	j.root, j.shape = j.drawer.Root, j.drawer.Shape
	real, err := j.trainedOn()
	if err != nil {
		return r, err
	}
	if j.real, err = real.Open(j.Seed, 0); err != nil {
		return r, err
	}
	r.Value = math.NaN()
	of, ok := j.drawer.Likelihood()
	if !ok {
		r.Note = fmt.Sprintf("a %s tells no likelihood", j.drawer.Options.Method)
		return r, nil
	}
	if j.drawer.sampler.Classes > 0 && !j.drawer.knows(j.real) {
		r.Note = fmt.Sprintf("the network tells how likely an image is given its class, and not all of %s are of the classes that it learnt (%s): name data that are, with --against",
			j.real.Spec(), names(j.drawer.classes))
		return r, nil
	}
	bounds, estimates, err := j.ask(of)
	if err != nil {
		return r, err
	}
	bits := method.Dimensions(j.real.Shape())
	r.Value = estimates.mean()
	r.More = []metric.Field{
		{Name: "bits_per_dim", Value: r.Value / bits}, {Name: "se", Value: estimates.error()}, {Name: "images", Value: estimates.n},
		{Name: "exact", Value: of.Exact},
	}
	if !of.Exact {
		r.More = append(r.More, metric.Field{Name: "bound", Value: bounds.mean()}, metric.Field{Name: "bound_bits_per_dim", Value: bounds.mean() / bits},
			metric.Field{Name: "samples", Value: j.Likelihood.Samples})
	}
	r.More = append(r.More, metric.Field{Name: "likelihood", Value: of.Of})
	return r, nil
}

// ask takes the likelihoods of the real elements, of networks that learnt labels given their own.
func (j *judge) ask(of method.Likelihood) (bounds, estimates sample, err error) {
	s := j.root.Child(torch.NoGrad, torch.Eval)
	defer s.Close()
	noise := s.NewGenerator(seed.Of(j.Seed, nll))
	_, order := seed.Data(j.Seed)
	err = data.Stream(j.ctx, j.real, data.DumpOptions{N: min(j.N, j.real.Len()), Shuffled: true, Seed: order}, func(bytes []byte, labels []int32) (err error) {
		defer torch.Catch(&err)
		shape := j.real.Shape()
		each := shape.Bytes()
		for first := 0; first < len(labels); first += likelihoodBatch {
			k := min(likelihoodBatch, len(labels)-first)
			c := s.Child()
			b := method.Batch{X: c.Images(bytes[first*each:(first+k)*each], k, shape.Height, shape.Width, shape.Channels)}
			if j.drawer.sampler.Classes > 0 {
				b.Labels = method.Labels(c, labels[first:first+k])
			}
			bound, estimate := of.NLL(b, noise, j.Likelihood.Samples)
			bounds.add(bound)
			estimates.add(estimate)
			c.Close()
		}
		return nil
	})
	return bounds, estimates, err
}

// sample is numbers of which the mean is wanted.
type sample struct {
	n            int
	sum, squares float64
}

func (x *sample) add(values []float64) {
	for _, v := range values {
		x.n, x.sum, x.squares = x.n+1, x.sum+v, x.squares+v*v
	}
}

func (x *sample) mean() float64 { return x.sum / float64(x.n) }

// error is the standard error of the mean.
func (x *sample) error() float64 {
	n := float64(x.n)
	return math.Sqrt(max(0, x.squares/n-x.mean()*x.mean()) / (n - 1))
}
