package gan

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/metric"
	"forger/gan/rundir"
	"forger/internal/atomicfile"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// CompareOptions say which checkpoints to set side by side, and by what. Of Eval's options, which are all of one protocol, the
// checkpoint and the images are compare's own to set.
type CompareOptions struct {
	EvalOptions
	Checkpoints []string // files, or directories of runs: the newest
	Out         string   // the folder of compare.md, compare.json and compare.png
}

// Comparison is what was found, in the order of the checkpoints.
type Comparison struct {
	Models      []Compared   `json:"models"`
	Tables      []Evaluated  `json:"tables"`      // of samples: a table a protocol
	Likelihoods []Likelihood `json:"likelihoods"` // a table for each way to take images
}

// Compared is a model by itself.
type Compared struct {
	Name            string  `json:"name"`
	Checkpoint      string  `json:"checkpoint"`
	Method          string  `json:"method"`
	Model           string  `json:"model"`
	Parameters      int     `json:"parameters"` // trained
	Drawing         int     `json:"drawing"`    // of them, those of the network that draws
	Images          int64   `json:"images"`     // trained on
	Seconds         float64 `json:"seconds"`    // of training
	TrainedOn       string  `json:"trained_on"` // device
	ImagesPerSecond float64 `json:"images_per_second"`
	Labels          string  `json:"labels,omitempty"` // of the samples, where the network learnt labels

	drawn []byte // uint8 [N,H,W,C], for the picture
}

// Evaluated is the samples of all models under one protocol.
type Evaluated struct {
	Protocol Protocol                            `json:"protocol"`
	Metrics  map[string]map[string]metric.Result `json:"metrics"` // by model, by measure

	names []string
}

// Likelihood is that of the models which take images for the same distribution.
type Likelihood struct {
	Of     string                   `json:"of"`
	Models map[string]metric.Result `json:"models"`
}

// pictured is how many images a column of the picture has.
const pictured = 10

// plan is what is measured by some features.
type plan struct {
	features string
	metrics  []string
}

// plans are those asked for, or else quality by two kinds of features and Parzen's estimate in pixels.
func (o CompareOptions) plans(labelled bool) []plan {
	measures := slices.DeleteFunc(slices.Clone(o.Metrics), func(name string) bool { return name == nll })
	if len(measures) > 0 || o.Features != "" {
		if len(measures) == 0 {
			measures = imageMetrics
		}
		return []plan{{o.Features, measures}}
	}
	all := []plan{{"random", []string{"fid", "prdc", "c2st-knn"}}}
	if labelled {
		all = append(all, plan{"classifier:" + o.Against, []string{"fid", "prdc", "c2st-knn", "stacked"}})
	}
	return append(all, plan{"pixels", []string{"parzen"}})
}

// Compare measures several checkpoints by one protocol after the other, and writes what it found.
func Compare(ctx context.Context, o CompareOptions) (c Comparison, err error) {
	defer torch.Catch(&err)
	if len(o.Checkpoints) < 2 {
		return c, setting.Usagef("%d checkpoints: name two or more, or the directories of their runs", len(o.Checkpoints))
	}
	if o.Against == "" {
		return c, setting.Usagef("--against is needed: name the real data, such as mnist:DIR")
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return c, fmt.Errorf("--out %s: %w: name a folder that can be written", o.Out, atomicfile.Bare(err))
	}
	work, err := os.MkdirTemp(o.Out, ".compare-")
	if err != nil {
		return c, fmt.Errorf("--out %s: %w: name a folder that can be written", o.Out, atomicfile.Bare(err))
	}
	defer os.RemoveAll(work)
	t := &comparing{CompareOptions: o, ctx: ctx, work: work}
	defer func() {
		if t.real != nil {
			t.real.Close()
		}
	}()
	for i := range o.Checkpoints {
		if err := t.draw(i); err != nil {
			return c, err
		}
	}
	if err := t.measure(); err != nil {
		return c, err
	}
	if err := t.likelihoods(); err != nil {
		return c, err
	}
	return t.Comparison, t.write()
}

// comparing is a comparison at work.
type comparing struct {
	CompareOptions
	Comparison
	ctx   context.Context
	work  string // a folder for what the models draw
	shape data.Shape
	real  data.Dataset
	shown []byte // of it, for the picture
}

func (t *comparing) samples(i int) string {
	return filepath.Join(t.work, fmt.Sprintf("%d.npy", i))
}

func (t *comparing) tell(format string, args ...any) {
	if t.Tell != nil {
		t.Tell(fmt.Sprintf(format, args...))
	}
}

// open takes the real data in the form of the first model's images, which is that of all.
func (t *comparing) open(shape data.Shape, path string) (err error) {
	shape.Classes = 0 // labels are learnt or not: the images are the same
	switch {
	case shape.IsPoints():
		return fmt.Errorf("%s: it makes points: compare is of images: use forger eval", path)
	case t.real == nil:
		t.shape = shape
		t.real, err = data.Settings{Spec: t.Against, Size: shape.Size(), Channels: shape.Channels, Cache: "none"}.Open(t.Seed, 0)
	case shape != t.shape:
		return fmt.Errorf("%s: images %s, those of %s are %s: figures of one are none of the other: compare models of one size", path, shape, t.Checkpoints[0], t.shape)
	}
	return err
}

// draw opens a checkpoint, and has it draw once for all protocols.
func (t *comparing) draw(i int) (err error) {
	defer torch.Catch(&err)
	path, err := rundir.Newest(t.Checkpoints[i])
	if err != nil {
		return err
	}
	d, err := openDrawer(t.ctx, path, t.Average, t.Device)
	if err != nil {
		return err
	}
	defer d.Root.Close()
	if err := t.open(d.Shape, path); err != nil {
		return err
	}
	m := Compared{Name: t.name(i), Checkpoint: path, Method: d.Options.Method, Model: d.Options.Model.Name}
	m.Parameters, m.Drawing = d.Parameters()
	info, err := checkpoint.ReadInfo(path)
	if err != nil {
		return err
	}
	m.Images, m.Seconds, m.TrainedOn = info.Images, info.Seconds, info.Meta["device"]
	t.tell("%s: draws %d images", m.Name, t.N)
	d.n = t.N
	if err := d.chosen(SampleOptions{Seed: t.Seed}); err != nil {
		return err
	}
	if m.ImagesPerSecond, err = d.rate(); err != nil {
		return err
	}
	m.Labels, d.sampler = d.labelsFor(t.real), d.samplerFor(t.real, t.N)
	err = data.WriteNPY(t.samples(i), "|u1", []int{t.N, t.shape.Height, t.shape.Width, t.shape.Channels}, func(w io.Writer) error {
		_, err := io.Copy(io.MultiWriter(w, &head{&m.drawn, pictured * t.shape.Bytes()}), d)
		return err
	})
	t.Models = append(t.Models, m)
	return err
}

// head keeps the first bytes of what is written.
type head struct {
	kept *[]byte
	most int
}

func (h *head) Write(p []byte) (int, error) {
	*h.kept = append(*h.kept, p[:min(len(p), h.most-len(*h.kept))]...)
	return len(p), nil
}

// rate is how many images a second are drawn, in batches of sampleBatch; a first one pays for what is made once.
func (d *drawer) rate() (perSecond float64, err error) {
	defer torch.Catch(&err)
	const enough = time.Second / 2
	g, n := d.Root.NewGenerator(seed.Of(0, "rate")), 0
	var began time.Time
	for batches := 0; batches < 2 || time.Since(began) < enough; batches++ {
		if batches == 1 {
			began, n = time.Now(), 0
		}
		s := d.Root.Child()
		d.sampler.Sample(d.sampler.Noise(s, g, sampleBatch), d.sampler.Labels(s, 0, sampleBatch)).Pixels() // waits for the device
		s.Close()
		n += sampleBatch
		if err := d.ctx.Err(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// name is what a model is called: its run's directory, or its file, with a number where another has that name.
func (t *comparing) name(i int) string {
	path := filepath.Clean(t.Checkpoints[i])
	if dir := filepath.Dir(path); filepath.Base(dir) == "checkpoints" {
		path = filepath.Dir(dir)
	}
	name := strings.TrimSuffix(filepath.Base(path), ".pt")
	if slices.ContainsFunc(t.Models, func(m Compared) bool { return m.Name == name }) {
		name = fmt.Sprintf("%s (%d)", name, i+1)
	}
	return name
}

// measure evaluates what was drawn, by one kind of features after the other.
func (t *comparing) measure() (err error) {
	labelled := len(t.real.Classes()) > 1 && t.real.Label(0) >= 0
	_, order := seed.Data(t.Seed)
	if t.shown, _, err = data.Preview(t.ctx, t.real, pictured, order); err != nil {
		return err
	}
	for _, p := range t.plans(labelled) {
		table := Evaluated{Metrics: map[string]map[string]metric.Result{}, names: p.metrics}
		for i, m := range t.Models {
			t.tell("%s: %s by %s", m.Name, strings.Join(p.metrics, ", "), p.features)
			o := t.EvalOptions
			o.Images, o.Features, o.Metrics, o.Size = "npy:"+t.samples(i), p.features, p.metrics, t.shape.Size()
			e, err := Eval(t.ctx, o)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			table.Protocol = e.Protocol
			table.Protocol.Generated = "each model's samples as 8-bit images"
			table.Metrics[m.Name] = e.Metrics
		}
		t.Tables = append(t.Tables, table)
	}
	return nil
}

// likelihoods asks the models that know one: a table for each way to take images, since figures of two are not of one thing.
func (t *comparing) likelihoods() error {
	if len(t.Metrics) > 0 && !slices.Contains(t.Metrics, nll) {
		return nil
	}
	for _, m := range t.Models {
		o := t.EvalOptions
		o.Checkpoint, o.Metrics = m.Checkpoint, []string{nll}
		t.tell("%s: nll", m.Name)
		e, err := Eval(t.ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		r := e.Metrics[nll]
		of := r.Text("likelihood")
		if of == "" {
			t.tell("%s: nll: %s", m.Name, r.Note)
			continue
		}
		i := slices.IndexFunc(t.Likelihoods, func(l Likelihood) bool { return l.Of == of })
		if i < 0 {
			i = len(t.Likelihoods)
			t.Likelihoods = append(t.Likelihoods, Likelihood{of, map[string]metric.Result{}})
		}
		t.Likelihoods[i].Models[m.Name] = r
	}
	return nil
}

// picture is the real data and each model, a column each.
func (t *comparing) picture() vision.Image {
	each := t.shape.Bytes()
	rows := len(t.shown) / each
	var all []byte
	for row := range rows {
		all = append(all, t.shown[row*each:(row+1)*each]...)
		for _, m := range t.Models {
			all = append(all, m.drawn[row*each:(row+1)*each]...)
		}
	}
	columns := 1 + len(t.Models)
	return vision.Grid(all, rows*columns, t.shape.Height, t.shape.Width, t.shape.Channels, columns)
}
