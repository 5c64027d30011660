package gan

import (
	"encoding/json"

	"forger/gan/metric"
	"forger/internal/release"
	"forger/torch"
	"forger/vision"
)

// Protocol is all that figures depend on: those of two protocols are not to be compared.
type Protocol struct {
	Features  string  `json:"features"`
	Real      string  `json:"real"`
	Contents  string  `json:"fingerprint"` // of the real data
	Generated string  `json:"generated"`
	Labels    string  `json:"labels,omitempty"` // of the generated, where the network learnt labels
	NReal     int     `json:"n_real"`           // 0: statistics of so many as their file does not say
	N         int     `json:"n"`                // generated
	Shape     string  `json:"shape"`
	Decoder   string  `json:"decoder"`
	Seed      uint64  `json:"seed"`
	Bins      int     `json:"bins"`
	Permuted  int     `json:"permutations"`
	Alpha     float64 `json:"alpha"`
	Program   string  `json:"program"`
	Libtorch  string  `json:"libtorch"`
}

// Evaluation is what measures found, in the order they were asked for.
type Evaluation struct {
	Protocol Protocol
	Names    []string
	Metrics  map[string]metric.Result
	Classes  []ClassFigures // where they were asked for
}

// MarshalJSON is the contract's form: protocol, and metrics by name.
func (e Evaluation) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Protocol Protocol                 `json:"protocol"`
		Metrics  map[string]metric.Result `json:"metrics"`
		Classes  []ClassFigures           `json:"classes,omitempty"`
	}{e.Protocol, e.Metrics, e.Classes})
}

// protocol is that of an evaluation of these samples.
func (j *judge) protocol(of compared) Protocol {
	p := Protocol{
		Features: j.extractor.Protocol, Real: j.Against, NReal: of.real.N(), Shape: j.shape.String(),
		Decoder: vision.Decoder, Seed: j.Seed, Bins: j.Measures.Bins, Permuted: j.Measures.Permutations, Alpha: j.Measures.Alpha,
		Program: release.Version(), Libtorch: torch.Version(),
	}
	if j.real != nil {
		p.Real, p.Contents = j.real.Spec(), j.real.Fingerprint()
	}
	if j.judges() {
		p.N = of.fake.N()
	}
	switch {
	case j.drawer != nil:
		p.Generated = j.Checkpoint
		if j.Average {
			p.Generated += " (average)"
		}
		p.Labels = j.drawer.labelsFor(j.real)
	case j.other != nil:
		p.Generated = j.other.Spec()
	case j.Self:
		p.Generated = "another half of the real data"
	}
	return p
}
