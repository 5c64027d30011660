package gan

import (
	"fmt"
	"slices"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/internal/setting"
	"forger/torch"
)

// open opens what is compared.
func (j *judge) open() (err error) {
	real := data.Settings{Spec: j.Against, Size: j.Size, Cache: "none"}
	if j.Checkpoint != "" {
		if j.drawer, err = openDrawer(j.ctx, j.Checkpoint, j.Average, j.Device); err != nil {
			return err
		}
		j.root, j.shape = j.drawer.Root, j.drawer.Shape
		if real, err = j.trainedOn(); err != nil {
			return err
		}
	}
	if j.known() {
		if j.stats, err = feature.ReadStatistics(j.Against); err != nil {
			return fmt.Errorf("--against: %w", err)
		}
	} else {
		if j.real, err = real.Open(j.Seed, 0); err != nil {
			return err
		}
		j.shape = j.real.Shape()
	}
	if j.Images != "" {
		if err := j.openImages(); err != nil {
			return err
		}
	}
	if j.root == nil {
		dev, _, err := torch.OpenDevice(j.Device)
		if err != nil {
			return err
		}
		if _, err := torch.SetMath(torch.Math{}); err != nil {
			return err
		}
		if j.root, err = torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval); err != nil {
			return err
		}
	}
	return j.openFeatures()
}

// openImages opens what is judged, in the form that the real data has.
func (j *judge) openImages() (err error) {
	other := data.Settings{Spec: j.Images, Size: j.Size, Cache: "none"}
	if j.real != nil && !j.shape.IsPoints() {
		other.Channels = j.shape.Channels
	}
	if j.other, err = other.Open(j.Seed, 0); err != nil {
		return err
	}
	if j.real != nil && j.other.Shape() != j.shape {
		return fmt.Errorf("--images %s: %s, and --against %s: %s: they must be alike: bring images to one side with --size",
			j.Images, j.other.Shape(), j.Against, j.shape)
	}
	j.shape = j.other.Shape()
	return nil
}

// trainedOn is the real data in the form that the checkpoint's network makes.
func (j *judge) trainedOn() (data.Settings, error) {
	s := j.drawer.data
	if j.Against != "" {
		s = data.Settings{Spec: j.Against}
	}
	s.Cache, s.Flip = "none", false
	if !j.shape.IsPoints() {
		if !j.Size.IsZero() && j.Size != j.shape.Size() {
			return s, setting.Usagef("--size %s: the checkpoint's images are of %s: leave it out", j.Size, j.shape.Size())
		}
		s.Size, s.Channels = j.shape.Size(), j.shape.Channels
	}
	return s, nil
}

func (j *judge) openFeatures() (err error) {
	if j.Features == "" {
		j.Features = "random"
		if j.shape.IsPoints() || j.allPlain() {
			j.Features = "pixels"
		}
		if err := feature.Check(j.Features, j.Feature); err != nil {
			return err
		}
	}
	if len(j.Metrics) == 0 {
		j.Metrics = j.suitable()
	}
	j.scope = j.root.Child()
	j.extractor, err = feature.Open(j.Features, feature.From{Context: j.ctx, Scope: j.scope, Shape: j.shape, Options: j.Feature, Tell: j.Tell})
	if err != nil {
		return err
	}
	if made := j.extractor.Width; j.stats != nil && len(j.stats.Mean) != made {
		return fmt.Errorf("--against %s: statistics of %d features, and --features %s are %d: name those that they were taken by",
			j.Against, len(j.stats.Mean), j.Features, made)
	}
	return nil
}

// allPlain reports whether all that is asked for takes the data themselves.
func (j *judge) allPlain() bool {
	features := func(name string) bool { return !metric.Table[name].Plain() }
	return len(j.Metrics) > 0 && !slices.ContainsFunc(j.Metrics, features)
}

// suitable are the measures where none were asked for.
func (j *judge) suitable() []string {
	switch {
	case j.stats != nil:
		return []string{"fid"}
	case !j.judges():
		return nil
	case !j.shape.IsPoints():
		return imageMetrics
	case j.answer() != nil:
		return append(slices.Clone(pointMetrics), "modes")
	}
	return pointMetrics
}
