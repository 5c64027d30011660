package report

import (
	"encoding/binary"
	"math"

	"forger/data"
	"forger/gan/method"
	"forger/torch"
	"forger/vision"
	"forger/vision/plots"
)

// Samples is what a picture shows: samples as data lies on the host, and what is known of points.
type Samples struct {
	Real, Generated []byte        // uint8 [N,H,W,C] or float32 [N,D]; either may be empty
	Mixture         *data.Mixture // that the real ones are drawn from; nil: it is not known

	Scope   *torch.Scope   // where the networks are asked; nil: there are none
	Sampler method.Sampler // of the generated ones; its map is drawn where it has one
	Judge   method.Net     // its scores are drawn where it takes such points
}

// HasPicture tells data that have a picture: images, and points of one or two dimensions.
func HasPicture(of data.Shape) bool { return of.Points <= 2 }

// Plot is the picture of points of a shape that has one.
func (s Samples) Plot(of data.Shape) vision.Image {
	real, generated := floats(s.Real), floats(s.Generated)
	if of.Points == 2 {
		return plots.Scatter{Real: real, Generated: generated, Score: s.score(of)}.Draw()
	}
	h := plots.Histogram{Real: real, Generated: generated}
	if s.Mixture != nil {
		h.Density = s.Mixture.Density
	}
	if s.Scope != nil && s.Sampler.HasMap() {
		h.Map = s.learned()
	}
	if s.Judge.Probabilities {
		h.Judge = s.probability(of)
	}
	return h.Draw()
}

func (s Samples) score(of data.Shape) func(points []float32) []float32 {
	if s.Scope == nil || !s.Judge.TakesPoints(of.Points) {
		return nil
	}
	return func(points []float32) []float32 { return s.Judge.Scores(s.Scope, points) }
}

// probability is the scores' sigmoid.
func (s Samples) probability(of data.Shape) func(points []float32) []float32 {
	score := s.score(of)
	if score == nil {
		return nil
	}
	return func(points []float32) []float32 {
		all := score(points)
		for i, v := range all {
			all[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
		return all
	}
}

// places is how many latents the picture of a map has.
const places = 200

// learned is the map, beside the exact one where the data are one mode of a known distribution.
func (s Samples) learned() *plots.Map {
	shares := make([]float64, places)
	for i := range shares {
		shares[i] = (float64(i) + .5) / places
	}
	m := &plots.Map{}
	m.Latents, m.Values = s.Sampler.Map(s.Scope, shares)
	if s.Mixture == nil || len(s.Mixture.Means) > 1 {
		return m
	}
	rises := m.Values[places-1] > m.Values[0] // both ways round have the same distribution
	for _, share := range shares {
		if !rises {
			share = 1 - share
		}
		m.Exact = append(m.Exact, s.Mixture.Quantile(share))
	}
	return m
}

func floats(of []byte) []float32 {
	all := make([]float32, len(of)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(of[4*i:]))
	}
	return all
}
