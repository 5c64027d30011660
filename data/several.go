package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// joint is between the specs of a mixture: "folder:a + zip:b.zip".
const joint = " + "

// parts are the specs of a mixture, one of a spec that is none. A joint is one only before a source's name, so that paths
// may hold it.
func parts(spec string) []string {
	var all []string
	for from := 0; ; {
		at := strings.Index(spec[from:], joint)
		if at < 0 {
			return append(all, spec)
		}
		at += from
		name, _, _ := strings.Cut(spec[at+len(joint):], ":")
		name, _, _ = strings.Cut(name, joint)
		if _, ok := Sources[name]; !ok {
			from = at + len(joint)
			continue
		}
		all, spec, from = append(all, spec[:at]), spec[at+len(joint):], 0
	}
}

// parseWeights reads Options.Weights for n parts: nil where there are none. Errors are *SpecError.
func parseWeights(text string, n int) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	if n == 1 {
		return nil, &SpecError{fmt.Sprintf("data-weights %s: there is one source: give several, or leave it out", text)}
	}
	words := strings.Split(text, ",")
	if len(words) != n {
		return nil, &SpecError{fmt.Sprintf("data-weights %s: %d weights for %d sources: give one for each", text, len(words), n)}
	}
	weights := make([]float64, n)
	for i, word := range words {
		w, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || !(w > 0) || math.IsInf(w, 1) {
			return nil, &SpecError{fmt.Sprintf("data-weights %s: %q: no weight: use numbers above 0 with commas between", text, word)}
		}
		weights[i] = w
	}
	return weights, nil
}

// mixed is several datasets as one. An epoch shows each of their elements once, or with weights at least once: those of a
// dataset that has more weight than elements come again, as often as it takes, the last time a choice of them.
type mixed struct {
	parts   []Dataset
	ends    []int // of each part's places in an epoch
	orders  []order
	labels  [][]int32 // of each part's classes
	classes []string
	print   string
}

// maxMixed bounds an epoch, which weights might make as long as they like.
const maxMixed = math.MaxInt32

func openMixture(specs []string, o Options) (Dataset, error) {
	weights, err := parseWeights(o.Weights, len(specs))
	if err != nil {
		return nil, err
	}
	m := &mixed{}
	if err := m.open(specs, o); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if err := m.divide(weights, o.Seed); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.unite()
	return m, nil
}

// open opens the parts, in one form.
func (m *mixed) open(specs []string, o Options) error {
	if o.Channels == 0 {
		for _, spec := range specs {
			name, _, _ := strings.Cut(spec, ":")
			o.Channels = max(o.Channels, Sources[name].Channels)
		}
	}
	for _, spec := range specs {
		ds, err := openSource(spec, o)
		if err != nil {
			return err
		}
		m.parts = append(m.parts, ds)
		first, shape := m.parts[0], ds.Shape()
		if shape != first.Shape() {
			return fmt.Errorf("data: %s has elements of %s, %s of %s: give them one form with --size and --channels", first.Spec(), first.Shape(), spec, shape)
		}
		if o.Size.IsZero() && o.DefaultSize.IsZero() {
			o.DefaultSize = shape.Size()
		}
	}
	return nil
}

// divide gives each part its places in an epoch.
func (m *mixed) divide(weights []float64, seed uint64) error {
	longest := 0. // the length of the epoch for each part's weight
	for i, w := range weights {
		longest = max(longest, float64(m.parts[i].Len())/w)
	}
	var prints []string
	total := 0
	for i, p := range m.parts {
		n := float64(p.Len())
		if weights != nil {
			n = max(n, math.Round(longest*weights[i]))
		}
		if float64(total)+n > maxMixed {
			return &SpecError{"data-weights: an epoch in which every image of the others is shown once would be too long: use weights that differ less"}
		}
		total += int(n)
		m.ends = append(m.ends, total)
		m.orders = append(m.orders, newOrder(mix(seed^0x4D697865)+uint64(i), 0, p.Len()))
		prints = append(prints, fmt.Sprintf("%d of (%s)", int(n), p.Fingerprint()))
	}
	m.print = "mixture of " + strings.Join(prints, joint)
	if weights != nil {
		m.print += fmt.Sprintf(" seed %d", seed)
	}
	return nil
}

// unite makes one list of the parts' classes.
func (m *mixed) unite() {
	number := map[string]int32{}
	for _, p := range m.parts {
		for _, class := range p.Classes() {
			numbered(number, class)
		}
	}
	if len(number) == 0 {
		return
	}
	all := inOrder(nil, number, byNumber(number))
	m.classes = all.classes
	for _, p := range m.parts {
		var labels []int32
		for _, class := range p.Classes() {
			labels = append(labels, int32(slices.Index(all.classes, class)))
		}
		m.labels = append(m.labels, labels)
	}
}

// at is the part that place i of an epoch belongs to, the element there and the how-manieth time it comes.
func (m *mixed) at(i int) (part, element, round int) {
	part, _ = slices.BinarySearch(m.ends, i+1)
	first := 0
	if part > 0 {
		first = m.ends[part-1]
	}
	n := m.parts[part].Len()
	j := i - first
	element, round = j%n, j/n
	if rest := (m.ends[part] - first) % n; rest > 0 && round == m.rounds(part)-1 {
		element = m.orders[part].at(element)
	}
	return part, element, round
}

// rounds is how often some elements of a part come in an epoch.
func (m *mixed) rounds(part int) int {
	first := 0
	if part > 0 {
		first = m.ends[part-1]
	}
	n := m.parts[part].Len()
	return (m.ends[part] - first + n - 1) / n
}

func (m *mixed) Read(epoch, i int, dst []byte) error {
	part, element, round := m.at(i)
	return m.parts[part].Read(epoch*m.rounds(part)+round, element, dst)
}

func (m *mixed) Label(i int) int {
	part, element, _ := m.at(i)
	label := m.parts[part].Label(element)
	if label < 0 {
		return -1
	}
	return int(m.labels[part][label])
}

func (m *mixed) Spec() string {
	var all []string
	for _, p := range m.parts {
		all = append(all, p.Spec())
	}
	return strings.Join(all, joint)
}

func (m *mixed) Len() int            { return m.ends[len(m.ends)-1] }
func (m *mixed) Shape() Shape        { return m.parts[0].Shape() }
func (m *mixed) Classes() []string   { return m.classes }
func (m *mixed) Fingerprint() string { return m.print }

func (m *mixed) Close() error {
	var err error
	for _, p := range m.parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

func (m *mixed) passedOver() passed {
	var all passed
	for _, p := range m.parts {
		for sort, n := range passedBy(p) {
			for range n {
				all.count(sort)
			}
		}
	}
	return all
}
