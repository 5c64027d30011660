package setting

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ResolvedKey heads the part of a run's settings that says what the run decided where they left it open.
const ResolvedKey = "resolved"

// Line is a setting of a YAML file.
type Line struct {
	Name   string
	Values []string
	Line   int
}

// ReadFile reads the settings of a YAML file, keys are their names, and what stands under `resolved:` as YAML text ("":
// nothing). A key that is none of s is a *UsageError that names its line.
func (s Set) ReadFile(path string) (lines []Line, resolved string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("--config: %w: name a file that can be read", err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, "", Usagef("--config %s: not YAML: %s", path, firstLine(err))
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		pairs, err := mapping(doc.Body)
		if err != nil {
			return nil, "", Usagef("--config %s: %v", path, err)
		}
		for _, p := range pairs {
			if p.Key.String() == ResolvedKey {
				resolved = p.Value.String()
				continue
			}
			line, err := s.line(p)
			if err != nil {
				return nil, "", Usagef("--config %s: line %d: %v", path, p.Key.GetToken().Position.Line, err)
			}
			lines = append(lines, line)
		}
	}
	return lines, resolved, nil
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

// line is what a pair of the file says.
func (s Set) line(p *ast.MappingValueNode) (Line, error) {
	l := Line{Name: p.Key.String(), Line: p.Key.GetToken().Position.Line}
	row, ok := s.Find(l.Name)
	if !ok {
		return l, fmt.Errorf("unknown key %q%s", l.Name, DidYouMean(l.Name, s.Names(), ""))
	}
	values := []ast.Node{p.Value}
	_, repeatable := row.Value.(*[]string)
	repeatable = repeatable || row.Joint != ""
	if list, ok := p.Value.(*ast.SequenceNode); ok && repeatable {
		values = list.Values
	}
	for _, v := range values {
		scalar, ok := v.(ast.ScalarNode)
		if !ok || scalar.GetValue() == nil {
			return l, fmt.Errorf("%s: one value is wanted", l.Name)
		}
		l.Values = append(l.Values, fmt.Sprint(scalar.GetValue()))
	}
	return l, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// YAML is the text of a run's config.yaml: what was asked, and what the run decided.
func (s Set) YAML(resolved any) ([]byte, error) {
	lines := yaml.MapSlice{}
	for _, r := range s.without(Once) {
		if r.Is(Auto) && r.Zero() {
			continue
		}
		lines = append(lines, yaml.MapItem{Key: r.Name, Value: r.Get()})
	}
	return yaml.Marshal(append(lines, yaml.MapItem{Key: ResolvedKey, Value: resolved}))
}

// Map is the settings of a run by name, as a checkpoint keeps them.
func (s Set) Map() map[string]any {
	all := map[string]any{}
	for _, r := range s.without(Once) {
		all[r.Name] = r.Get()
	}
	return all
}

// ReadJSON takes the settings that a checkpoint keeps, and leaves what it does not mention, but as AsBefore has it. One that is none of s is an
// error: the run depends on what this program does not know.
func (s Set) ReadJSON(text string) error {
	var saved map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return fmt.Errorf("its config is damaged: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		if name == ResolvedKey {
			continue
		}
		r, ok := s.Find(name)
		if !ok {
			return fmt.Errorf("its config sets %q, which this program does not know: use the forger that wrote it, or a newer one", name)
		}
		if err := json.Unmarshal(saved[name], r.Value); err != nil {
			return fmt.Errorf("its config is damaged: %s: %w", name, err)
		}
	}
	s.AsBefore(func(name string) bool { _, ok := saved[name]; return ok })
	return nil
}
