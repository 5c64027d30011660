package trainer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forger/data"
	"forger/internal/machine"
	"forger/torch"
	"forger/vision"

	"github.com/goccy/go-yaml"
)

// Resolved is what a run decided where its settings left it open.
type Resolved struct {
	Size      vision.Size `yaml:"size" json:"size"`
	Channels  int         `yaml:"channels" json:"channels"`
	Points    int         `yaml:"points,omitempty" json:"points,omitempty"` // numbers of a point; 0: images
	Device    string      `yaml:"device" json:"device"`
	Precision string      `yaml:"precision" json:"precision"`
	Layout    string      `yaml:"layout" json:"layout"`
	Conv      string      `yaml:"conv" json:"conv"` // who computes convolutions: stock, avx2 or avx512
	Graph     string      `yaml:"graph" json:"graph"`
	Threads   int         `yaml:"threads" json:"threads"`
	Workers   int         `yaml:"workers" json:"workers"`
	Libtorch  string      `yaml:"libtorch" json:"libtorch"`
	Decoder   string      `yaml:"decoder" json:"decoder"`
	Images    int         `yaml:"images" json:"images"`                       // of an epoch
	Classes   []string    `yaml:"classes,omitempty" json:"classes,omitempty"` // of the labels that are learnt; none: none are
	Data      string      `yaml:"data,omitempty" json:"data,omitempty"`       // the spec with its path from the root; "": it has no path
}

// ParseResolved reads what stands under `resolved:` in a run's config.yaml.
func ParseResolved(text string) (*Resolved, error) {
	r := new(Resolved)
	if err := yaml.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("resolved: %w", err)
	}
	return r, nil
}

// resolvedOf reads it from the settings that a checkpoint keeps.
func resolvedOf(config string) (*Resolved, error) {
	var head struct{ Resolved *Resolved }
	if err := json.Unmarshal([]byte(config), &head); err != nil {
		return nil, fmt.Errorf("its config is damaged: %w", err)
	}
	return head.Resolved, nil
}

// Shape is the shape of the data that was trained on.
func (r Resolved) Shape() data.Shape {
	return data.Shape{Height: r.Size.Height, Width: r.Size.Width, Channels: r.Channels, Points: r.Points, Classes: len(r.Classes)}
}

// ResolvedOf is what the run decided whose checkpoint has these settings.
func ResolvedOf(config string) (Resolved, error) {
	r, err := resolvedOf(config)
	if err != nil {
		return Resolved{}, err
	}
	if r == nil {
		return Resolved{}, fmt.Errorf("its config is damaged: nothing is resolved")
	}
	return *r, nil
}

// defaultLayout is the one that nothing is measured for.
const defaultLayout = "channels_last"

// resolve decides what the job left open, or takes up what was decided before, and sets what holds for the whole process.
func (p *setup) resolve() (err error) {
	was, shape := p.was(), p.ds.Shape()
	r := &p.resolved
	*r = Resolved{
		Size: shape.Size(), Channels: shape.Channels, Points: shape.Points, Device: p.dev.String(), Precision: p.job.Precision, Layout: p.job.Layout,
		Threads: p.job.Threads, Workers: p.job.Workers, Libtorch: torch.Version(), Decoder: vision.Decoder, Images: p.ds.Len(),
		Data: data.Absolute(p.job.Data.Spec),
	}
	if p.job.Method.Model.IsConditional() {
		r.Classes = p.ds.Classes()
	}
	if was != nil {
		if err := p.compare(*was); err != nil {
			return err
		}
		p.takeUp(*was)
	}
	if r.Graph, err = p.graph(); err != nil {
		return err
	}
	p.choosePrecision()
	r.Conv = p.convolutions(r.Conv)
	if _, err := torch.SetMath(torch.Math{TF32: r.Precision != "fp32", Deterministic: p.job.Deterministic, Autotune: true}); err != nil {
		return err
	}
	if r.Threads == 0 {
		if r.Threads, err = p.threads(); err != nil {
			return err
		}
	}
	if r.Workers == 0 {
		r.Workers = max(1, machine.CPUs()/p.job.Meeting.Local())
	}
	if r.Layout == "auto" {
		r.Layout, err = p.common("layout", p.chooseLayout)
	}
	return err
}

// was is what was decided before: by the run that goes on, or by the one whose config.yaml is repeated.
func (p *setup) was() *Resolved {
	if p.from.resolved != nil {
		return p.from.resolved
	}
	return p.job.Repeat
}

// compare tells what this machine has otherwise than the one that decided.
func (p *setup) compare(was Resolved) error {
	r := p.resolved
	if p.from.resolved != nil && !slices.Equal(was.Classes, r.Classes) {
		return fmt.Errorf("data %s: the run learnt the classes %s, and these are %s: name the data it was trained on with --data", p.ds.Spec(),
			strings.Join(was.Classes, ", "), strings.Join(r.Classes, ", "))
	}
	if was.Decoder != r.Decoder && p.from.resolved != nil {
		return fmt.Errorf("the images were decoded by %s, and this program has %s: resume with a program that has the former", was.Decoder, r.Decoder)
	}
	if was.Decoder != r.Decoder {
		p.note("the run that is repeated decoded its images by %s, this program by %s: pixels may differ", was.Decoder, r.Decoder)
	}
	if was.Device != r.Device || was.Libtorch != r.Libtorch {
		p.note("trained on %s with libtorch %s, goes on on %s with %s: bits may differ", was.Device, was.Libtorch, r.Device, r.Libtorch)
	}
	return nil
}

// takeUp takes what was decided, but for what the user gives otherwise.
func (p *setup) takeUp(was Resolved) {
	r := &p.resolved
	if !p.job.Given.Has("precision") || p.job.Precision == "" {
		r.Precision = was.Precision
	}
	if r.Threads == 0 {
		r.Threads = was.Threads
	}
	if _, known := layouts[was.Layout]; known && r.Layout == "auto" {
		r.Layout = was.Layout
	}
	if p.job.Conv != "stock" {
		r.Conv = was.Conv
	}
}

// choosePrecision decides where nothing was asked, and keeps a CPU from what it has not.
func (p *setup) choosePrecision() {
	r := &p.resolved
	switch {
	case r.Precision == "" && p.dev.CUDA:
		r.Precision = "tf32"
	case r.Precision == "":
		r.Precision = "fp32"
	case r.Precision == "tf32" && !p.dev.CUDA:
		r.Precision = "fp32"
		p.note("precision tf32: a CPU has none: trains in fp32")
	}
}

// convolutions is who computes them: whoever did before, or else the best that this processor has.
func (p *setup) convolutions(before string) string {
	best := torch.BestConv()
	if p.dev.CUDA || p.resolved.Precision != "fp32" || p.job.Conv == "stock" {
		return torch.ConvStock.String()
	}
	was, ok := torch.ConvKernelsNamed(before)
	if ok && was == torch.ConvStock && p.was().Device != p.resolved.Device {
		ok = false // another device had no kernels of ours: that decided nothing for this one
	}
	if ok && was <= best {
		return before
	}
	if ok {
		p.note("trained with %s convolutions, which this processor has not: bits may differ", was)
	}
	if p.job.Conv == "fast" && best == torch.ConvStock {
		p.note("--conv fast: this processor has neither AVX-512 nor AVX2: libtorch computes the convolutions")
	}
	return best.String()
}

// threads is how many a run takes by itself, or as a rank of several on this host.
func (p *setup) threads() (int, error) {
	text, err := p.common("threads", func() (string, error) {
		return p.chooseThreads(max(1, torch.DefaultThreads()/p.job.Meeting.Local()))
	})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// graph decides whether the step is to be captured.
func (p *setup) graph() (string, error) {
	switch {
	case p.dev.CUDA && p.job.Graph != "off":
		return "on", nil
	case p.job.Graph == "on" && p.from.resolved == nil: // a run that goes on elsewhere goes on without
		return "", fmt.Errorf("--graph on: it needs a CUDA device, and this is %s: use --graph auto", p.dev)
	}
	return "off", nil
}
