package report

import (
	"bytes"
	"fmt"
	"image"
	_ "image/png" // what pictures are
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/gan/report/figure"
	"forger/gan/report/tfevents"
	"forger/internal/atomicfile"
)

// TensorBoard writes what TensorBoard shows of a run: its figures, its grids and its settings. A nil one writes nothing.
type TensorBoard struct{ w *tfevents.Writer }

// Described is what TensorBoard shows of a run beside its progress.
type Described struct {
	Settings map[string]any // by name
	YAML     string         // config.yaml
	Figures  []string       // names of the lines' figures that the method and the evaluations have
}

// OpenTensorBoard begins an event file in the directory of a run that stands at step: what earlier files have of later
// steps is no more shown.
func OpenTensorBoard(dir string, step int64, of Described) (*TensorBoard, error) {
	w, err := tfevents.Create(dir, step)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: it must be writable, or leave the file out with --tensorboard=false", dir, atomicfile.Bare(err))
	}
	t := &TensorBoard{w}
	if err := t.describe(step, of); err != nil {
		w.Close()
		return nil, err
	}
	return t, nil
}

func (t *TensorBoard) describe(step int64, of Described) error {
	if err := t.w.Text(step, "settings", code(of.YAML)); err != nil {
		return err
	}
	var compared []string
	var charts []tfevents.Chart
	for _, name := range of.Figures {
		f := figure.Of(name)
		if f.Group == "loss" || f.Group == "eval" {
			compared = append(compared, f.Tag())
		}
		i := slices.IndexFunc(charts, func(c tfevents.Chart) bool { return c.Title == f.Group })
		if i < 0 {
			i, charts = len(charts), append(charts, tfevents.Chart{Title: f.Group})
		}
		charts[i].Tags = append(charts[i].Tags, f.Tag())
	}
	if err := t.w.HParams(of.Settings, compared); err != nil {
		return err
	}
	return t.w.Layout("training", charts...)
}

// code is text as Markdown that shows it as it is.
func code(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// Logged writes a line's figures.
func (t *TensorBoard) Logged(l Line) error {
	if t == nil {
		return nil
	}
	var all []tfevents.Scalar
	for _, m := range l.figures() {
		if f := figure.Of(m.Name); f.Group != "" {
			all = append(all, tfevents.Scalar{Tag: f.Tag(), Value: m.Value})
		}
	}
	return t.w.Scalars(l.Step, all...)
}

// Picture writes the PNG file at path as the picture of a step; another kind of file is none.
func (t *TensorBoard) Picture(step int64, tag, path string) error {
	if t == nil || filepath.Ext(path) != ".png" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return t.w.Image(step, tfevents.Image{Tag: tag, Height: size.Height, Width: size.Width, Channels: channels(text), PNG: text})
}

// channels is how many a PNG file has, by its header: gray, or what readers make RGB of.
func channels(png []byte) int {
	const colourType = 25
	if png[colourType] == 0 {
		return 1
	}
	return 3
}

// Warned writes what a run warned of.
func (t *TensorBoard) Warned(step int64, text string) error {
	if t == nil {
		return nil
	}
	return t.w.Text(step, "alerts", code(text))
}

// GoOn says that the run was set back to step.
func (t *TensorBoard) GoOn(step int64) error {
	if t == nil {
		return nil
	}
	return t.w.GoOn(step)
}

// Done says that the run has reached its end.
func (t *TensorBoard) Done() error {
	if t == nil {
		return nil
	}
	return t.w.Done()
}

// Close closes the file.
func (t *TensorBoard) Close() error {
	if t == nil {
		return nil
	}
	return t.w.Close()
}
