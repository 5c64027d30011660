package trainer

import (
	"fmt"
	"math"
	"slices"
)

// sentinel watches a training from one log to the next for what cannot be seen in a loss: a generator that has lost its
// diversity, a discriminator that no longer teaches, an oscillation that grows. It is a function of the readings alone, and
// its state is part of a checkpoint.
type sentinel struct {
	Past  []reading `json:"past"`  // the last ones, oldest first
	Best  float64   `json:"best"`  // the highest diversity so far
	Usual float64   `json:"usual"` // the generator's gradient as it was when all was well
	State string    `json:"state"` // that was told of; "": healthy
}

// reading is what a log shows of a training's health. What a method has not is NaN.
type reading struct {
	Step      int64   `json:"step"`
	Diversity float64 `json:"diversity"`
	Real      float64 `json:"real"`     // D(x), where the objective makes it a probability
	Fake      float64 `json:"fake"`     // D(G(z))
	Loss      float64 `json:"loss"`     // the generator's
	Gradient  float64 `json:"gradient"` // the norm of the generator's; 0: not measured
	Gap       float64 `json:"gap"`      // log 4 + V, where the discriminator's loss is -V: below 0 it knows less than a coin
}

// The states that are told of.
const (
	collapsed   = "collapsed"
	saturated   = "saturated"
	oscillating = "oscillating"
)

// What is taken for ill: judgement, mended where healthy runs were called ill; no study of many runs.
const (
	watched      = 40   // readings that are kept
	inARow       = 3    // readings that must agree
	noDiversity  = .05  // of the real data's
	lostOfBest   = .2   // of the highest diversity so far
	startingUp   = 100  // steps in which a generator may have no diversity yet
	onItsFeet    = .25  // of the real data's diversity: a generator that had it has started
	certain      = .99  // D of what it is sure of
	fooled       = .02  // by so much D takes samples for more real than the data
	vanished     = 1e-3 // of the usual gradient
	growth       = 3    // of an oscillation, from the first half of what is kept to the second
	wide         = .25  // of the mean: what swings less is at rest
	enoughOfWave = 8    // crossings of the mean that make an oscillation
	misled       = .1   // nats by which the discriminator does worse than a coin
)

// alert is a state that begins or ends.
type alert struct {
	State, Text string
	Over        bool // it ends
}

// look takes a reading, and returns what is to be told of: nil, or a change of state.
func (s *sentinel) look(r reading) *alert {
	s.Past = append(s.Past, r)
	if len(s.Past) > watched {
		s.Past = slices.Delete(s.Past, 0, len(s.Past)-watched)
	}
	state, text := s.judge()
	if r.Diversity > s.Best {
		s.Best = r.Diversity
	}
	if state == "" {
		s.Usual = s.gradient()
	}
	if state == s.State {
		return nil
	}
	was := s.State
	s.State = state
	if state == "" {
		return &alert{was, fmt.Sprintf("step %d: no longer %s", r.Step, was), true}
	}
	return &alert{State: state, Text: fmt.Sprintf("step %d: %s: %s", r.Step, state, text)}
}

// lastGood is the step of the last reading before those that made the state; 0: there is none.
func (s *sentinel) lastGood() int64 {
	if n := len(s.Past) - inARow; n > 0 {
		return s.Past[n-1].Step
	}
	return 0
}

// judge names the state of the last readings, and why.
func (s *sentinel) judge() (state, why string) {
	if len(s.Past) < inARow {
		return "", ""
	}
	last := s.Past[len(s.Past)-inARow:]
	all := func(ill func(reading) bool) bool {
		return !slices.ContainsFunc(last, func(r reading) bool { return !ill(r) })
	}
	now := last[inARow-1]
	gap := median(last, func(r reading) float64 { return r.Gap })
	switch {
	case now.Diversity <= s.Best && all(func(r reading) bool { // one that is still finding its feet gains with every reading
		return (r.Step > startingUp || s.Best > onItsFeet) && (r.Diversity < noDiversity || r.Diversity < lostOfBest*s.Best)
	}):
		return collapsed, fmt.Sprintf("samples have %.1f %% of the real data's diversity (%.0f %% at best): lower the rates, or add --penalty r1 or --pack", 100*now.Diversity, 100*s.Best)
	case all(func(r reading) bool { return r.Real > certain && r.Fake < 1-certain }):
		return saturated, fmt.Sprintf("D(x) %.4f, D(G(z)) %.4f: the discriminator is sure of everything and teaches nothing: lower --disc-lr, or add --penalty r1 or --instance-noise", now.Real, now.Fake)
	case all(func(r reading) bool { return r.Fake > certain }):
		return saturated, fmt.Sprintf("D(G(z)) %.4f: the discriminator takes everything for real: raise --disc-lr or --disc-steps", now.Fake)
	case all(func(r reading) bool { return r.Fake > r.Real+fooled }):
		return saturated, fmt.Sprintf("D(G(z)) %.4f, D(x) %.4f: the discriminator takes samples for more real than the data: raise --disc-lr or --disc-steps", now.Fake, now.Real)
	case all(func(r reading) bool { return r.Gradient > 0 && r.Gradient < vanished*s.Usual }):
		return saturated, fmt.Sprintf("the generator's gradient is %.2g, and was %.2g: the discriminator teaches nothing: lower --disc-lr, or add --penalty r1 or --instance-noise", now.Gradient, s.Usual)
	case now.Step > startingUp && gap < -misled:
		return oscillating, fmt.Sprintf("the discriminator's loss is %.2f, and a coin's is log 4 = 1.39: the steps overshoot: lower the rates", math.Log(4)-gap)
	case s.grows():
		return oscillating, "the generator's loss swings wider and wider: lower the rates"
	}
	return "", ""
}

// gradient is the median of the generator's, where it was measured.
func (s *sentinel) gradient() float64 {
	measured := slices.DeleteFunc(slices.Clone(s.Past), func(r reading) bool { return r.Gradient <= 0 })
	if len(measured) == 0 {
		return s.Usual
	}
	return median(measured, func(r reading) float64 { return r.Gradient })
}

// median is that of a figure of readings: of one at least.
func median(of []reading, figure func(reading) float64) float64 {
	all := make([]float64, len(of))
	for i, r := range of {
		all[i] = figure(r)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// grows reports whether the generator's loss swings around its mean, and wider than it did.
func (s *sentinel) grows() bool {
	if len(s.Past) < watched {
		return false
	}
	half := watched / 2
	_, before, beforeCrossings := swing(s.Past[:half])
	mean, now, crossings := swing(s.Past[half:])
	return min(beforeCrossings, crossings) >= enoughOfWave/2 && now > growth*before && before > 0 && now > wide*math.Abs(mean)
}

// swing is the mean and the standard deviation of the loss, and how often it crosses the former.
func swing(of []reading) (mean, deviation float64, crossings int) {
	for _, r := range of {
		mean += r.Loss / float64(len(of))
	}
	for i, r := range of {
		deviation += (r.Loss - mean) * (r.Loss - mean) / float64(len(of))
		if i > 0 && (r.Loss > mean) != (of[i-1].Loss > mean) {
			crossings++
		}
	}
	return mean, math.Sqrt(deviation), crossings
}
