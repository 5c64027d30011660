package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Result is what a measure found.
type Result struct {
	Value float64 // the headline; NaN: there is none, and Note says why
	Note  string
	More  []Field // what belongs to it, in the order of a report
}

// Field is a further figure of a result: a float64, an int, a []float64 (one a dimension), a bool, a []bool or a word.
type Field struct {
	Name  string
	Value any
}

// nothing is the result of what could not be measured.
func nothing(why string, args ...any) Result {
	return Result{Value: math.NaN(), Note: fmt.Sprintf(why, args...)}
}

// Figure is the further figure of a name; false: there is none, or it is no number.
func (r Result) Figure(name string) (float64, bool) {
	if name == "value" {
		return r.Value, !math.IsNaN(r.Value)
	}
	for _, f := range r.More {
		if f.Name != name {
			continue
		}
		switch v := f.Value.(type) {
		case float64:
			return v, !math.IsNaN(v)
		case int:
			return float64(v), true
		}
	}
	return 0, false
}

// Text is the further word of a name; "": there is none.
func (r Result) Text(name string) string {
	for _, f := range r.More {
		if text, ok := f.Value.(string); ok && f.Name == name {
			return text
		}
	}
	return ""
}

// MarshalJSON writes value, note where there is one, and the further figures beside them. What is no number is null.
func (r Result) MarshalJSON() ([]byte, error) {
	fields := []Field{{"value", r.Value}}
	if r.Note != "" {
		fields = append(fields, Field{"note", r.Note})
	}
	var b bytes.Buffer
	for i, f := range append(fields, r.More...) {
		text, err := json.Marshal(finite(f.Value))
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, "%q:%s", f.Name, text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// finite is a value as JSON can hold it.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []float64:
		all := make([]any, len(v))
		for i, x := range v {
			all[i] = finite(x)
		}
		return all
	}
	return v
}
