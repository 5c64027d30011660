package gan

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forger/gan/metric"
	"forger/internal/atomicfile"
	"forger/vision"
)

// The files of a comparison.
const (
	compareText    = "compare.md"
	compareNumbers = "compare.json"
	comparePicture = "compare.png"
)

// write writes the files of the comparison into its folder.
func (t *comparing) write() error {
	text, err := json.MarshalIndent(t.Comparison, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{compareNumbers: append(text, '\n'), compareText: []byte(t.Markdown())} {
		if err := atomicfile.WriteBytes(filepath.Join(t.Out, name), content); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(t.Out, name), atomicfile.Bare(err))
		}
	}
	return vision.SavePNG(filepath.Join(t.Out, comparePicture), t.picture())
}

// Markdown is the comparison as tables, and the picture.
func (c Comparison) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Comparison\n\n![real data, then a column each: %s](%s)\n\nColumns: real data", strings.Join(c.names(), ", "), comparePicture)
	for _, name := range c.names() {
		fmt.Fprintf(&b, ", %s", name)
	}
	b.WriteString(".\n\n")
	rows := [][]string{}
	for _, m := range c.Models {
		rows = append(rows, []string{
			m.Name, m.Method, m.Model, fmt.Sprint(m.Parameters), fmt.Sprint(m.Drawing), fmt.Sprint(m.Images),
			time.Duration(m.Seconds * float64(time.Second)).Round(time.Second).String(), m.TrainedOn, fmt.Sprintf("%.4g", m.ImagesPerSecond),
		})
	}
	table(&b, []string{"model", "method", "networks", "parameters", "that draw", "trained on images", "in", "device", "draws a second"}, rows)
	for _, m := range c.Models {
		if m.Labels != "" {
			fmt.Fprintf(&b, "\n%s learnt labels: it draws %s.\n", m.Name, m.Labels)
		}
	}
	for _, l := range c.Likelihoods {
		c.likelihood(&b, l)
	}
	for _, t := range c.Tables {
		c.evaluated(&b, t)
	}
	return b.String()
}

func (c Comparison) names() (all []string) {
	for _, m := range c.Models {
		all = append(all, m.Name)
	}
	return all
}

func (c Comparison) likelihood(b *strings.Builder, l Likelihood) {
	fmt.Fprintf(b, "\n## Likelihood: %s\n\nNegative, of real images: nats an image and bits a dimension. A bound is none of an exact value's kind: the estimate by importance samples is nearer to it.\n\n", l.Of)
	var rows [][]string
	for _, name := range c.names() {
		r, ok := l.Models[name]
		if !ok {
			rows = append(rows, []string{name, "-", "-", "-", "-", "-"})
			continue
		}
		kind := "exact"
		if n, ok := r.Figure("samples"); ok {
			kind = fmt.Sprintf("estimate, %.0f samples", n)
		}
		rows = append(rows, []string{name, cell(r, "value"), cell(r, "se"), cell(r, "bits_per_dim"), kind, cell(r, "bound")})
	}
	table(b, []string{"model", "nats", "standard error", "bits a dimension", "which is", "bound, nats"}, rows)
}

func (c Comparison) evaluated(b *strings.Builder, t Evaluated) {
	p := t.Protocol
	fmt.Fprintf(b, "\n## By %s\n\n%d samples against %d of %s, %s, seed %d.\n\n", p.Features, p.N, p.NReal, p.Real, p.Shape, p.Seed)
	header := []string{"model"}
	var of [][2]string // measure, figure
	for _, name := range t.names {
		if name == "prdc" {
			for _, figure := range []string{"precision", "recall", "density", "coverage"} {
				header, of = append(header, figure), append(of, [2]string{name, figure})
			}
			continue
		}
		header, of = append(header, name), append(of, [2]string{name, "value"})
	}
	var rows [][]string
	for _, name := range c.names() {
		row := []string{name}
		for _, figure := range of {
			row = append(row, cell(t.Metrics[name][figure[0]], figure[1]))
		}
		rows = append(rows, row)
	}
	table(b, header, rows)
	if slices.Contains(t.names, "prdc") {
		if v, ok := t.Metrics[c.names()[0]]["prdc"].Figure("floor_precision"); ok {
			fmt.Fprintf(b, "\nAs many real images have precision %.4g here.\n", v)
		}
	}
}

func cell(r metric.Result, figure string) string {
	v, ok := r.Figure(figure)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.5g", v)
}

// table writes a table of Markdown.
func table(b *strings.Builder, header []string, rows [][]string) {
	line := func(cells []string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", "\\|")
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	line(header)
	fmt.Fprintf(b, "|%s\n", strings.Repeat("---|", len(header)))
	for _, row := range rows {
		line(row)
	}
}
