package data

import (
	"encoding/binary"
	"errors"
	"iter"
)

// names is a list of file names and sizes in a few bytes each. Names that follow each other mostly begin alike, so each
// is kept as what it shares with the one before and the rest (front coding), from the start again every block.
type names struct {
	n      int
	blob   []byte // each entry: shared, length of the rest, the rest, size of the file
	starts []int  // of each block in blob
	last   []byte // the name added last
}

// namesBlock is how many entries are decoded to reach one, at most.
const namesBlock = 16

func (l *names) add(name string, size int64) {
	shared := 0
	if l.n%namesBlock == 0 {
		l.starts = append(l.starts, len(l.blob))
	} else {
		for shared < min(len(l.last), len(name)) && l.last[shared] == name[shared] {
			shared++
		}
	}
	l.blob = binary.AppendUvarint(l.blob, uint64(shared))
	l.blob = binary.AppendUvarint(l.blob, uint64(len(name)-shared))
	l.blob = append(l.blob, name[shared:]...)
	l.blob = binary.AppendUvarint(l.blob, uint64(size))
	l.last = append(l.last[:0], name...)
	l.n++
}

// at is the name and size of entry i.
func (l *names) at(i int) (string, int64) {
	name, size := l.read(nil, i)
	return string(name), size
}

// read is at into room, which grows where it is too small.
func (l *names) read(room []byte, i int) ([]byte, int64) {
	name, size, in := room[:0], int64(0), l.blob[l.starts[i/namesBlock]:]
	for range i%namesBlock + 1 {
		name, size, in, _ = nextName(name, in)
	}
	return name, size
}

// all yields the names in their order.
func (l *names) all() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		var name []byte
		in := l.blob
		for i := range l.n {
			name, _, in, _ = nextName(name, in)
			if !yield(i, string(name)) {
				return
			}
		}
	}
}

// nextName decodes the entry at the head of in, given the name before it.
func nextName(before, in []byte) (name []byte, size int64, rest []byte, ok bool) {
	var v [2]uint64
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(in); n <= 0 {
			return before, 0, nil, false
		}
		in = in[n:]
	}
	shared, more := v[0], v[1]
	if shared > uint64(len(before)) || more > uint64(len(in)) {
		return before, 0, nil, false
	}
	name, in = append(before[:shared], in[:more]...), in[more:]
	bytes, n := binary.Uvarint(in)
	if n <= 0 {
		return name, 0, nil, false
	}
	return name, int64(bytes), in[n:], true
}

var errNames = errors.New("a list of names that is damaged")

// parseNames takes what another names kept in n and blob.
func parseNames(n int, blob []byte) (names, error) {
	l := names{n: n, blob: blob}
	var name []byte
	in := blob
	for i := range n {
		if i%namesBlock == 0 {
			l.starts = append(l.starts, len(blob)-len(in))
			name = name[:0]
		}
		ok := false
		if name, _, in, ok = nextName(name, in); !ok {
			return names{}, errNames
		}
	}
	if len(in) != 0 {
		return names{}, errNames
	}
	return l, nil
}
