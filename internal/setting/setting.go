// Package setting holds what a user may set: a row each, from which flags, variables, files, help texts, checkpoints and
// the rules of a resume are made.
package setting

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Row is one setting.
type Row struct {
	Name, Help string
	Value      any // where it is kept: *string, *int, *int64, *uint64, *float64, *bool, a Value or, repeatable, *[]string
	Default    any // of the type that Value points at; nil: its zero
	Before     any // what runs had before there was the setting, which they do not mention; nil: the default
	Check      Check
	Marks      Mark
	Joint      string // of a *string that may be given several times: what joins the values; "": it may not
	Words      []Word // what it may be, where that needs a sentence each
}

// Mark is a property of a setting, or several.
type Mark int

// What holds for a setting.
const (
	Auto   Mark = 1 << iota // its zero means that the run decides: files leave it out then
	Once                    // it says how one start of a run is made, and is not repeated with the run
	Resume                  // a run that goes on may be given another
	Bits                    // it decides the numbers that come out
	Form                    // it decides what a step computes, and so how long that takes
	Bench                   // a measurement takes it too
)

// Value is a setting of a type of its own, which reads itself.
type Value interface{ Set(text string) error }

// Word is a word that a setting takes, and what it means.
type Word struct{ Word, Doc string }

// UsageError is what the command line and the config alone show to be wrong.
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

// Usagef makes a *UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Is reports whether a mark holds.
func (r Row) Is(m Mark) bool { return r.Marks&m != 0 }

// Get is the setting's value.
func (r Row) Get() any { return reflect.ValueOf(r.Value).Elem().Interface() }

// Put overwrites the setting's value with one of its own type.
func (r Row) Put(value any) { reflect.ValueOf(r.Value).Elem().Set(reflect.ValueOf(value)) }

// Zero reports whether the setting was left to the run, or to nobody.
func (r Row) Zero() bool {
	v := reflect.ValueOf(r.Value).Elem()
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// AtDefault reports whether the setting holds its default.
func (r Row) AtDefault() bool {
	if r.Default == nil {
		return r.Zero()
	}
	return reflect.DeepEqual(r.Get(), r.Default)
}

// Same reports whether two rows hold the same.
func (r Row) Same(other Row) bool { return reflect.DeepEqual(r.list(), other.list()) }

// list is the value in a form in which an empty list is like none.
func (r Row) list() any {
	if v, ok := r.Value.(*[]string); ok && len(*v) == 0 {
		return []string(nil)
	}
	return r.Get()
}

// Parse overwrites the setting's value with what text says; several texts are for a repeatable one.
func (r Row) Parse(texts ...string) error {
	if list, ok := r.Value.(*[]string); ok {
		*list = slices.Clone(texts)
		return nil
	}
	if r.Joint != "" && len(texts) > 1 {
		texts = []string{strings.Join(texts, r.Joint)}
	}
	if len(texts) != 1 {
		return fmt.Errorf("one value is wanted")
	}
	text, err := texts[0], error(nil)
	switch v := r.Value.(type) {
	case *string:
		*v = text
		return nil
	case *bool:
		if *v, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		return nil
	case *int:
		*v, err = strconv.Atoi(text)
	case *int64:
		*v, err = strconv.ParseInt(text, 10, 64)
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
	case Value:
		return v.Set(text)
	default:
		panic(fmt.Sprintf("setting %s is kept in a %T", r.Name, r.Value))
	}
	if err != nil {
		return fmt.Errorf("%q is not a number that fits", text)
	}
	return nil
}

// String is "--name value", as a message shows it.
func (r Row) String() string { return fmt.Sprintf("--%s %v", r.Name, r.Get()) }
