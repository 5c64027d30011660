package setting

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Check tells what is wrong with a setting's value by itself: a *UsageError that names flag, reason and remedy.
type Check func(Row) error

// OneOf wants one of these words, or of a repeatable setting only these; "" among them stands for the run's own choice.
func OneOf(words ...string) Check {
	return func(r Row) error {
		values, repeatable := []string{}, false
		switch v := r.Get().(type) {
		case string:
			values = append(values, v)
		case []string:
			values, repeatable = v, true
		}
		for _, v := range values {
			if !slices.Contains(words, v) || repeatable && v == "" {
				have := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
				return Usagef("--%s %q: unknown: have %s", r.Name, v, strings.Join(have, ", "))
			}
		}
		return nil
	}
}

// KeyOf is OneOf for the words of a table.
func KeyOf[V any](table map[string]V) Check { return OneOf(Keys(table)...) }

// Keys are the words of a table in their order.
func Keys[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

// AtLeast wants a whole number that is not below least.
func AtLeast(least int64) Check {
	return func(r Row) error {
		if n := r.whole(); n < least {
			return Usagef("--%s %d: too small: use %d or more", r.Name, n, least)
		}
		return nil
	}
}

// Between wants a whole number from least to most.
func Between(least, most int64) Check {
	return func(r Row) error {
		if n := r.whole(); n > most {
			return Usagef("--%s %d: too large: use %d at most", r.Name, n, most)
		}
		return AtLeast(least)(r)
	}
}

func (r Row) whole() int64 {
	switch v := r.Get().(type) {
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

// Above0 wants a number that is not 0, negative or NaN.
func Above0(r Row) error { return inside(r, false, math.Inf(1)) }

// NotNegative wants a number of 0 or more.
func NotNegative(r Row) error { return inside(r, true, math.Inf(1)) }

// Share wants a number from 0 to below 1.
func Share(r Row) error { return inside(r, true, 1) }

func inside(r Row, zero bool, below float64) error {
	v, _ := r.Get().(float64)
	if (v > 0 || zero && v == 0) && v < below {
		return nil
	}
	return Usagef("--%s %v: out of range: use a number %s", r.Name, v, rangeOf(zero, below))
}

func rangeOf(zero bool, below float64) string {
	switch {
	case !math.IsInf(below, 1):
		return fmt.Sprintf("from 0 to below %v", below)
	case zero:
		return "of 0 or more"
	}
	return "above 0"
}

// Words lists a table as what a setting may be.
func Words[V any](table map[string]V, doc func(V) string) []Word {
	var all []Word
	for _, word := range Keys(table) {
		all = append(all, Word{word, doc(table[word])})
	}
	return all
}

// Alternatives is "16, 32 or 64".
func Alternatives(of []int) string {
	var b strings.Builder
	for i, n := range of {
		switch {
		case i == len(of)-1 && i > 0:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}
