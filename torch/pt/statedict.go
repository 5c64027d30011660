package pt

import (
	"fmt"
	"slices"
	"strings"
)

// Param is a tensor that a network expects: its name in the state dict and its shape.
type Param struct {
	Name  string
	Shape []int
}

// MismatchError lists why a state dict does not fit a network.
type MismatchError struct {
	Missing    []string // expected, not there
	Unexpected []string // there, not expected
	Misshapen  []string // "name: has [4 3], needs [4 1]"
}

// Error names the first few keys of each kind, on one line.
func (e *MismatchError) Error() string {
	var parts []string
	for _, kind := range []struct {
		name string
		keys []string
	}{{"missing", e.Missing}, {"unexpected", e.Unexpected}, {"misshapen", e.Misshapen}} {
		if len(kind.keys) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%s)", len(kind.keys), kind.name, firstFew(kind.keys)))
		}
	}
	return "the state dict does not fit: " + strings.Join(parts, ", ")
}

func firstFew(keys []string) string {
	const few = 4
	shown := make([]string, 0, few)
	for _, k := range keys[:min(few, len(keys))] {
		shown = append(shown, quote(k))
	}
	if len(keys) > few {
		shown = append(shown, "...")
	}
	return strings.Join(shown, ", ")
}

// Match compares a state dict with what a network expects, as load_state_dict(strict=True) does, and returns a
// *MismatchError or nil. Dtypes are not compared: PyTorch converts.
func Match(have *Dict, want []Param) error {
	var e MismatchError
	expected := make(map[any]bool, len(want))
	for _, p := range want {
		expected[p.Name] = true
		v, ok := have.Get(p.Name)
		t, isTensor := v.(*Tensor)
		switch {
		case !ok:
			e.Missing = append(e.Missing, p.Name)
		case !isTensor:
			e.Misshapen = append(e.Misshapen, fmt.Sprintf("%s: is %s, needs %v", p.Name, typeName(v), p.Shape))
		case !slices.Equal(t.Shape, p.Shape):
			e.Misshapen = append(e.Misshapen, fmt.Sprintf("%s: has %v, needs %v", p.Name, t.Shape, p.Shape))
		}
	}
	for k := range have.All() {
		if !expected[k] {
			e.Unexpected = append(e.Unexpected, fmt.Sprint(k))
		}
	}
	if len(e.Missing)+len(e.Unexpected)+len(e.Misshapen) == 0 {
		return nil
	}
	return &e
}

// StateDict finds a network's state dict in what a file holds: the root itself when all it holds are tensors (with some that
// are not read, which Match names), else the first of keys (then "state_dict", which many trainers write) with such a dict under it. The prefix "module." of
// DataParallel is taken off.
func StateDict(root any, keys ...string) (*Dict, error) {
	d, ok := root.(*Dict)
	if !ok {
		return nil, fmt.Errorf("pt: state dict: the file holds %s, not a state dict: save net.state_dict()", typeName(root))
	}
	if isStateDict(d) {
		return TrimPrefix(d, "module."), nil
	}
	for _, k := range append(slices.Clone(keys), "state_dict") {
		v, _ := d.Get(k)
		if inner, ok := v.(*Dict); ok && isStateDict(inner) {
			return TrimPrefix(inner, "module."), nil
		}
	}
	var have []string
	for k := range d.All() {
		have = append(have, fmt.Sprint(k))
	}
	return nil, fmt.Errorf("pt: state dict: no tensors under %s: the file has %s: save net.state_dict()",
		strings.Join(append(slices.Clone(keys), "state_dict"), " or "), firstFew(have))
}

func isStateDict(d *Dict) bool {
	found := false
	for k, v := range d.All() {
		_, named := k.(string)
		_, tensor := v.(*Tensor)
		_, unread := v.(*opaque)
		if !named || !tensor && !unread {
			return false
		}
		found = found || tensor
	}
	return found
}

// TrimPrefix takes a prefix off the names when every one of them has it; otherwise it returns d as it is.
func TrimPrefix(d *Dict, prefix string) *Dict {
	for k := range d.All() {
		if name, ok := k.(string); !ok || !strings.HasPrefix(name, prefix) {
			return d
		}
	}
	trimmed := &Dict{Ordered: d.Ordered}
	for k, v := range d.All() {
		trimmed.Set(strings.TrimPrefix(k.(string), prefix), v)
	}
	return trimmed
}

// At walks down a tree by keys (string for a dict's names, int for its numbers and for places in lists and tuples) and
// returns the value it finds there, which must be a T: At[float64](root, "optimizer_g", "param_groups", 0, "lr").
func At[T any](root any, path ...any) (T, error) {
	var none T
	at := make([]string, 0, len(path))
	v := root
	for _, key := range path {
		at = append(at, fmt.Sprint(key))
		next, ok := child(v, key)
		if !ok {
			return none, fmt.Errorf("pt: %s: not there", strings.Join(at, "."))
		}
		v = next
	}
	found, ok := v.(T)
	if !ok {
		return none, fmt.Errorf("pt: %s: is %s, not %s", strings.Join(at, "."), typeName(v), typeName(any(none)))
	}
	return found, nil
}

func child(v, key any) (any, bool) {
	switch v := v.(type) {
	case *Dict:
		if i, ok := key.(int); ok {
			return v.getInt(int64(i))
		}
		return v.get(key)
	case []any:
		return item(v, key)
	case Tuple:
		return item(v, key)
	}
	return nil, false
}

func item(items []any, key any) (any, bool) {
	i, ok := key.(int)
	if !ok || i < 0 || i >= len(items) {
		return nil, false
	}
	return items[i], true
}
