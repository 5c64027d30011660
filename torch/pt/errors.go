package pt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// pathError says where in the tree an error was found.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// under prefixes a key to the place of an error: "state.0.step: ...".
func under(key string, err error) error {
	var pe *pathError
	if errors.As(err, &pe) {
		return &pathError{key + "." + pe.path, pe.err}
	}
	return &pathError{key, err}
}

// quote shows a text that came out of a file: bounded, and escaped unless it is an ordinary name.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if plain {
		return s
	}
	return strconv.Quote(s)
}

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *list, []any:
		return "a list"
	case Tuple:
		return "a tuple"
	case *Dict:
		return "a dict"
	case *Tensor:
		return "a tensor"
	case string:
		return "a string"
	case bool:
		return "a bool"
	case int64, uint64:
		return "an int"
	case float64:
		return "a float"
	case *opaque:
		return v.what
	case *class:
		return v.name
	case *storage:
		return "a storage"
	case DType:
		return "a dtype"
	}
	return fmt.Sprintf("a %T", v)
}
