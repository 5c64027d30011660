package gan

import (
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
)

// chosen is what the options say of the noise of samples: which, and how far from the middle.
func (d *drawer) chosen(o SampleOptions) error {
	if o.Truncation > 0 && d.sampler.Path == nil {
		return setting.Usagef("--truncation %v: a %s draws from no latents: leave it out", o.Truncation, d.Options.Method)
	}
	limit := float32(o.Truncation)
	if len(o.Seeds) == 0 {
		g := d.Root.NewGenerator(seed.Of(o.Seed, "samples"))
		d.noise = func(s *torch.Scope, _, n int) torch.Tensor { return d.within(s, g, n, limit) }
		return nil
	}
	d.n = len(o.Seeds)
	d.noise = func(s *torch.Scope, first, n int) torch.Tensor {
		values := make([]float32, 0, n*d.sampler.Width)
		for _, of := range o.Seeds[first : first+n] {
			g := d.Root.NewGenerator(seed.Of(of, "samples"))
			values = append(values, d.within(s, g, 1, limit).Floats()...)
		}
		return d.sampler.Given(s, values)
	}
	return nil
}

// within is the noise of n samples from a generator. With a limit above 0, values that are farther from 0 are drawn anew
// until none is (the truncation trick: Brock et al. 2019, "Large scale GAN training", section 3.1).
func (d *drawer) within(s *torch.Scope, g *torch.Generator, n int, limit float32) torch.Tensor {
	noise := d.sampler.Noise(s, g, n)
	if limit == 0 {
		return noise
	}
	values := noise.Floats()
	for outside := true; outside; {
		again := s.Child()
		others := d.sampler.Noise(again, g, n).Floats()
		again.Close()
		outside = false
		for i, v := range values {
			if v > limit || v < -limit {
				values[i] = others[i]
				outside = outside || others[i] > limit || others[i] < -limit
			}
		}
	}
	return d.sampler.Given(s, values)
}
