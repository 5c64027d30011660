package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// labelled is the part of a dataset that knows its labels.
type labelled struct {
	labels  []int32
	classes []string
}

func (l labelled) Label(i int) int {
	if l.labels == nil {
		return -1
	}
	return int(l.labels[i])
}

func (l labelled) Classes() []string { return l.classes }

// labelsFile lies beside the images and names their labels: lines `path,label`, paths from where it lies, with or
// without that heading.
const labelsFile = "labels.csv"

// given is what a labels file says.
type given struct {
	dir   string // where it lies, from the top of the source, "" or with a slash at the end
	lines map[string]givenLabel
}

type givenLabel struct {
	label string
	line  int
}

func parseLabels(dir string, file []byte) (*given, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord = 2
	r.ReuseRecord = true
	g := &given{dir: dir, lines: map[string]givenLabel{}}
	for first := true; ; first = false {
		record, err := r.Read()
		if err == io.EOF {
			return g, nil
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := r.FieldPos(0)
		name, label := strings.TrimSpace(record[0]), strings.TrimSpace(record[1])
		if first && strings.EqualFold(name, "path") && strings.EqualFold(label, "label") {
			continue
		}
		if name == "" || label == "" {
			return nil, fmt.Errorf("line %d: no %s: write path,label", line, missing(name))
		}
		name = path.Clean(name)
		if other, twice := g.lines[name]; twice {
			return nil, fmt.Errorf("line %d: %s has a label in line %d: give it one", line, name, other.line)
		}
		g.lines[strings.Clone(name)] = givenLabel{strings.Clone(label), line}
	}
}

func missing(name string) string {
	if name == "" {
		return "path"
	}
	return "label"
}

func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d: %w: write path,label", p.Line, p.Err)
	}
	return err
}

// assign labels files by the first folder of their names below root, and as g, which may be nil, has it. Files that lie
// in no folder and are not in g have no label. Classes are in byte order, as torchvision's ImageFolder has them.
func assign(files *names, root string, g *given) (labelled, error) {
	number := map[string]int32{}
	labels := make([]int32, files.n)
	used := 0
	for i, name := range files.all() {
		class, _, ok := strings.Cut(strings.TrimPrefix(name, root), "/")
		if g != nil {
			if l, listed := g.lines[strings.TrimPrefix(name, g.dir)]; listed {
				class, ok = l.label, true
				used++
			}
		}
		labels[i] = -1
		if !ok {
			continue
		}
		labels[i] = numbered(number, className(class))
	}
	if g != nil && used < len(g.lines) {
		return labelled{}, g.unused(files)
	}
	if len(number) == 0 {
		return labelled{}, nil
	}
	return inOrder(labels, number, strings.Compare), nil
}

// className is a class as checkpoints and JSON can hold it.
func className(class string) string {
	if utf8.ValidString(class) {
		return class
	}
	class = printable(class)
	return class[1 : len(class)-1]
}

// numbered is the number of a class, which may be a new one.
func numbered(number map[string]int32, class string) int32 {
	n, known := number[class]
	if !known {
		n = int32(len(number))
		number[strings.Clone(class)] = n
	}
	return n
}

// inOrder numbers the classes anew, by their names.
func inOrder(labels []int32, number map[string]int32, compare func(a, b string) int) labelled {
	l := labelled{labels: labels}
	for class := range number {
		l.classes = append(l.classes, class)
	}
	slices.SortFunc(l.classes, compare)
	renumber := make([]int32, len(number))
	for i, class := range l.classes {
		renumber[number[class]] = int32(i)
	}
	for i, n := range labels {
		if n >= 0 {
			labels[i] = renumber[n]
		}
	}
	return l
}

// unused names the first line that belongs to no image.
func (g *given) unused(files *names) error {
	for _, name := range files.all() {
		delete(g.lines, strings.TrimPrefix(name, g.dir))
	}
	first := ""
	for name, l := range g.lines {
		if first == "" || l.line < g.lines[first].line {
			first = name
		}
	}
	return fmt.Errorf("line %d: %s: no such image: correct the path, which starts where %s lies, or remove the line",
		g.lines[first].line, first, labelsFile)
}
