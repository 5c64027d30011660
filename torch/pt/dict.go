package pt

import (
	"iter"
	"slices"
)

// Dict is a Python dict: a map from string or int64 that keeps the order of insertion.
type Dict struct {
	// Ordered makes it a collections.OrderedDict, as state dicts of modules are; else it is a plain dict, as those of
	// optimizers are.
	Ordered bool

	keys   []any
	values []any
	index  map[any]int
}

// Tuple is a Python tuple.
type Tuple []any

// NewDict makes an empty plain dict.
func NewDict() *Dict { return &Dict{} }

// NewOrderedDict makes an empty collections.OrderedDict.
func NewOrderedDict() *Dict { return &Dict{Ordered: true} }

// Set stores v under a name; one that is there already keeps its place.
func (d *Dict) Set(name string, v any) { d.set(name, v) }

// SetInt stores v under an integer, as an optimizer's state dict numbers its parameters.
func (d *Dict) SetInt(i int64, v any) { d.set(i, v) }

func (d *Dict) set(key, v any) {
	if i, ok := d.index[key]; ok {
		d.values[i] = v
		return
	}
	if d.index == nil {
		d.index = map[any]int{}
	}
	d.index[key] = len(d.keys)
	d.keys = append(d.keys, key)
	d.values = append(d.values, v)
}

// Get finds the value under a name.
func (d *Dict) Get(name string) (any, bool) { return d.get(name) }

// getInt finds the value under an integer.
func (d *Dict) getInt(i int64) (any, bool) { return d.get(i) }

func (d *Dict) get(key any) (any, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Keys lists the keys in order, each a string, an int64 or, in a file of PyTorch's, what fmt names and Get does not find.
func (d *Dict) Keys() []any { return slices.Clone(d.keys) }

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// All yields keys (as Keys lists them) and values in order.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		for i, k := range d.keys {
			if !yield(k, d.values[i]) {
				return
			}
		}
	}
}
