package gan

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Setting is a line of a config file.
type Setting struct {
	Name, Value string
	Line        int
}

// resolvedKey heads the part of a run's config.yaml that says what `auto` became; it is not read back.
const resolvedKey = "resolved"

// ReadConfig reads the settings of a YAML file: keys are the names of the flags. An unknown key is a *UsageError that
// names its line.
func ReadConfig(path string) ([]Setting, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w: name a file that can be read", err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, usagef("--config %s: not YAML: %s", path, firstLine(err))
	}
	var settings []Setting
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		pairs, err := mapping(doc.Body)
		if err != nil {
			return nil, usagef("--config %s: %v", path, err)
		}
		for _, p := range pairs {
			name, line := p.Key.String(), p.Key.GetToken().Position.Line
			if name == resolvedKey {
				continue
			}
			scalar, ok := p.Value.(ast.ScalarNode)
			ok = ok && scalar.GetValue() != nil
			switch {
			case !slices.Contains(fieldNames(), name):
				return nil, usagef("--config %s: line %d: unknown key %q: did you mean %q?", path, line, name, Nearest(name, fieldNames()))
			case !ok:
				return nil, usagef("--config %s: line %d: %s: one value is wanted", path, line, name)
			}
			settings = append(settings, Setting{name, fmt.Sprint(scalar.GetValue()), line})
		}
	}
	return settings, nil
}

func mapping(n ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	}
	return nil, fmt.Errorf("line %d: a list of `name: value` is wanted", n.GetToken().Position.Line)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func fieldNames() []string {
	var all []string
	for _, f := range new(Config).Fields() {
		all = append(all, f.Name)
	}
	return all
}

// Nearest is the name with the smallest edit distance from word, for "did you mean".
func Nearest(word string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(word, a) - distance(word, b) })
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Resolved is what the run decided where the config left it open.
type Resolved struct {
	Size      int    `yaml:"size" json:"size"`
	Channels  int    `yaml:"channels" json:"channels"`
	Device    string `yaml:"device" json:"device"`
	Precision string `yaml:"precision" json:"precision"`
	Layout    string `yaml:"layout" json:"layout"`
	Conv      string `yaml:"conv" json:"conv"` // who computes convolutions: stock, avx2 or avx512
	Graph     string `yaml:"graph" json:"graph"`
	Threads   int    `yaml:"threads" json:"threads"`
	Workers   int    `yaml:"workers" json:"workers"`
	Libtorch  string `yaml:"libtorch" json:"libtorch"`
	Decoder   string `yaml:"decoder" json:"decoder"`
	Images    int    `yaml:"images" json:"images"` // of an epoch
}

// yaml is the text of a run's config.yaml.
func (c Config) yaml(r Resolved) ([]byte, error) {
	lines := yaml.MapSlice{}
	for _, f := range c.Fields() {
		if notOfTheRun[f.Name] || auto[f.Name] && reflect.ValueOf(f.Value).Elem().IsZero() {
			continue
		}
		lines = append(lines, yaml.MapItem{Key: f.Name, Value: f.value()})
	}
	return yaml.Marshal(append(lines, yaml.MapItem{Key: resolvedKey, Value: r}))
}

// settings is the config as a checkpoint keeps it: the settings of the run by name.
func (c Config) settings() map[string]any {
	all := map[string]any{}
	for _, f := range c.Fields() {
		if !notOfTheRun[f.Name] {
			all[f.Name] = f.value()
		}
	}
	return all
}

// value is the setting itself.
func (f Field) value() any { return reflect.ValueOf(f.Value).Elem().Interface() }

func (f Field) set(value any) { reflect.ValueOf(f.Value).Elem().Set(reflect.ValueOf(value)) }

// savedConfig reads the settings that a checkpoint keeps, and what the run decided where they left it open.
func savedConfig(text string) (Config, *Resolved, error) {
	cfg, resolved := DefaultConfig(), new(Resolved)
	var saved map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return cfg, nil, fmt.Errorf("its config is damaged: %w", err)
	}
	parts := append(cfg.Fields(), Field{Name: resolvedKey, Value: resolved})
	for _, f := range parts {
		if raw, ok := saved[f.Name]; ok {
			if err := json.Unmarshal(raw, f.Value); err != nil {
				return cfg, nil, fmt.Errorf("its config is damaged: %s: %w", f.Name, err)
			}
		}
	}
	return cfg, resolved, cfg.Validate()
}
