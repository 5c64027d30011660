package method

import (
	"fmt"
	"slices"
	"strings"

	"forger/data"
	"forger/gan/model"
	"forger/internal/setting"
)

// Check tells what the options show to be wrong together. Errors are *setting.UsageError.
func (o Options) Check() error {
	needs := func() error { return o.Entry().Needs(o.Model) }
	for _, check := range []func() error{needs, o.checkMean, o.checkHeld, o.checkSeen, o.checkTold, o.checkUpdates, o.checkBound, o.Model.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkMean refuses a beginning at the mean of a network that has no biases for it.
func (o Options) checkMean() error {
	if o.Model.FromMean && o.Entry().Likelihood == nil && !model.Table[o.Model.Name].Means {
		return setting.Usagef("--init-mean: the generator of %s has no biases of its pixels: use --model mlp, or leave it out", o.Model.Name)
	}
	return nil
}

// checkHeld refuses what holds the discriminator twice, or not at all.
func (o Options) checkHeld() error {
	var terms []string
	clips := ""
	for _, a := range o.penalties() {
		if a.Of != nil {
			terms = append(terms, a.name)
		} else {
			clips = a.name
		}
	}
	switch {
	case clips != "" && len(terms) > 0:
		return setting.Usagef("--penalty %s with --penalty %s: clipped weights cannot reach the gradients that are asked of them: use one of them", clips, terms[0])
	case clips != "" && o.SpectralNorm:
		return setting.Usagef("--penalty %s with --spectral-norm: it undoes the scale that the clipping sets: use one of them", clips)
	case o.SpectralNorm && model.Table[o.Model.Name].Zeros:
		return setting.Usagef("--spectral-norm: some weights of %s begin at 0, and have no norm to be divided by: use --penalty r1, or another model", o.Model.Name)
	case o.PenaltyEvery > 1 && len(terms) == 0:
		return setting.Usagef("--penalty-every %d: there is no penalty of gradients to leave out: add one, as --penalty r1", o.PenaltyEvery)
	}
	return nil
}

// checkSeen refuses labels where there are none.
func (o Options) checkSeen() error {
	if o.Pack > 1 && o.Model.IsConditional() {
		return setting.Usagef("--pack %d: --conditional %s: samples that are judged at once would have several labels: use one of the two", o.Pack, o.Model.Conditional)
	}
	if o.LabelSmoothing > 0 && !objectives[o.Loss].Labels {
		return setting.Usagef("--label-smoothing %v: --loss %s has no labels to smooth: use it with %s", o.LabelSmoothing, o.Loss, strings.Join(labelled(), ", "))
	}
	return nil
}

// checkTold refuses a way to learn the labels that the method has no network for.
func (o Options) checkTold() error {
	if o.Model.JudgesClasses() && o.Entry().Likelihood != nil {
		return setting.Usagef("--conditional %s: it is a discriminator's, and --method %s has none: use --conditional concat", o.Model.Conditional, o.Method)
	}
	return nil
}

func labelled() []string {
	return slices.DeleteFunc(setting.Keys(objectives), func(name string) bool { return !objectives[name].Labels })
}

// checkUpdates refuses ends without a way to them.
func (o Options) checkUpdates() error {
	switch {
	case o.Momentum != 0 && o.Optim == "adam":
		return setting.Usagef("--momentum %v: adam has none: use --beta1, or --optim sgd or rmsprop", o.Momentum)
	case o.MomentumEnd != 0 && o.Momentum == 0:
		return setting.Usagef("--momentum-end %v: there is no momentum to begin with: add --momentum", o.MomentumEnd)
	case o.LREnd != 0 && o.Schedule == "constant":
		return setting.Usagef("--lr-end %v: --schedule constant never gets there: use linear, cosine or exponential", o.LREnd)
	case o.LREnd == 0 && o.Schedule == "exponential":
		return setting.Usagef("--schedule exponential: it never gets to 0: add --lr-end, as .01")
	case o.EMAWarmup > 0 && o.EMA == 0:
		return setting.Usagef("--ema-warmup %d: there is no average to warm up: add --ema", o.EMAWarmup)
	}
	return nil
}

// checkBound refuses a bound of importance samples that is not one.
func (o Options) checkBound() error {
	switch {
	case o.IWSamples > 1 && o.Beta != 1:
		return setting.Usagef("--iw-samples %d --beta %v: the importance-weighted bound has no divergence to weigh: use one of them", o.IWSamples, o.Beta)
	case o.IWSamples > 1 && o.FreeBits > 0:
		return setting.Usagef("--iw-samples %d --free-bits %v: the importance-weighted bound has no divergence to leave free: use one of them", o.IWSamples, o.FreeBits)
	}
	return nil
}

// CheckShape refuses data that the method or its model is not made for.
func (o Options) CheckShape(of data.Shape) error {
	if err := o.Entry().Needs(o.Model); err != nil {
		return err
	}
	if of.IsPoints() && o.Augment != "" {
		return fmt.Errorf("--augment %s: it changes images, and the data are points: leave it out", o.Augment)
	}
	if err := o.Model.CheckShape(of); err != nil {
		return err
	}
	switch {
	case o.Entry().Likelihood == nil:
		return nil
	case of.IsPoints():
		return fmt.Errorf("--method %s: it learns images, and the data are points of %s: use --method gan", o.Method, of)
	case o.pixels(of).binary && of.Channels != 1:
		return fmt.Errorf("--binarize %s: black and white is of gray images, and these have %d channels: use --channels 1, or --binarize none", o.Binarize, of.Channels)
	}
	return nil
}

// CheckBatch refuses a batch that the discriminator cannot be shown. Errors are *setting.UsageError.
func (o Options) CheckBatch(n int) error {
	if n%o.Pack == 0 {
		return nil
	}
	return setting.Usagef("--pack %d: it does not divide --batch %d: use --batch %d", o.Pack, n, (n/o.Pack+1)*o.Pack)
}

// CheckLast refuses an epoch whose last batch it cannot be shown.
func (o Options) CheckLast(n int) error {
	if n%o.Pack == 0 {
		return nil
	}
	return fmt.Errorf("--pack %d: it does not divide the last batch of an epoch, which has %d: add --drop-last", o.Pack, n)
}

// notes are what people may want, and should know of.
func (o Options) notes() []string {
	if o.Loss == "wasserstein" && len(o.penalties()) == 0 && !o.SpectralNorm {
		return []string{"--loss wasserstein: nothing holds the discriminator, and its loss has no bound: add --penalty gp, --penalty clip or --spectral-norm"}
	}
	return nil
}
