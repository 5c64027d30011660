package method

import (
	"testing"

	"forger/internal/setting"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatContradictsItselfIsRefused(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		"--penalty clip with --penalty gp: clipped weights cannot reach the gradients that are asked of them: use one of them":     func(o *Options) { o.Penalties = []string{"gp", "clip"} },
		"--penalty clip with --spectral-norm: it undoes the scale that the clipping sets: use one of them":                         func(o *Options) { o.Penalties, o.SpectralNorm = []string{"clip"}, true },
		"--spectral-norm: some weights of r3gan begin at 0, and have no norm to be divided by: use --penalty r1, or another model": func(o *Options) { o.Model.Name, o.SpectralNorm = "r3gan", true },
		"--penalty-every 4: there is no penalty of gradients to leave out: add one, as --penalty r1":                               func(o *Options) { o.Penalties, o.PenaltyEvery = []string{"clip"}, 4 },
		"--label-smoothing 0.1: --loss hinge has no labels to smooth: use it with lsgan, minimax, nonsaturating":                   func(o *Options) { o.Loss, o.LabelSmoothing = "hinge", .1 },
		"--momentum 0.9: adam has none: use --beta1, or --optim sgd or rmsprop":                                                    func(o *Options) { o.Momentum = .9 },
		"--momentum-end 0.9: there is no momentum to begin with: add --momentum":                                                   func(o *Options) { o.MomentumEnd = .9 },
		"--lr-end 0.1: --schedule constant never gets there: use linear, cosine or exponential":                                    func(o *Options) { o.LREnd = .1 },
		"--schedule exponential: it never gets to 0: add --lr-end, as .01":                                                         func(o *Options) { o.Schedule = "exponential" },
		"--ema-warmup 5: there is no average to warm up: add --ema":                                                                func(o *Options) { o.EMAWarmup = 5 },
	} {
		var o Options
		o.Settings().Reset()
		change(&o)
		require.NoError(t, o.Settings().Check())
		err := o.Check()
		var usage *setting.UsageError
		require.ErrorAs(t, err, &usage, want)
		assert.EqualError(t, err, want)
	}
	var o Options
	o.Settings().Reset()
	o.Pack = 3
	assert.NoError(t, o.CheckBatch(9))
	assert.EqualError(t, o.CheckBatch(64), "--pack 3: it does not divide --batch 64: use --batch 66")
	assert.EqualError(t, o.CheckLast(32), "--pack 3: it does not divide the last batch of an epoch, which has 32: add --drop-last")
	// What people may want is told alone.
	o.Loss = "wasserstein"
	assert.NoError(t, o.Check())
	assert.Len(t, o.notes(), 1)
	o.SpectralNorm = true
	assert.Empty(t, o.notes())
}
