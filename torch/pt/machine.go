package pt

import (
	"fmt"
	"math"
)

// machine runs the pickle of a torch.save file. It knows the opcodes of protocol 2 and the globals of a fixed table
// (globals.go); whatever else a file asks for is refused by name. Nothing it does can reach outside of it.
type machine struct {
	in   []byte
	pos  int
	done bool

	stack []any
	marks []int // heights of the stack
	memo  map[uint32]any

	archive  *archive
	storages map[string]*storage
	order    []*storage

	memory  int64 // bytes that what the pickle makes may still take
	payload int64 // bytes of tensors that may still be rebuilt
}

// list is a Python list that is being filled: the memo and the stack may both hold it.
type list struct{ items []any }

func newMachine(pickle []byte, a *archive) *machine {
	return &machine{
		in: pickle, memo: map[uint32]any{}, archive: a, storages: map[string]*storage{},
		// A tensor takes 1,040 bytes here, most of them for a moment, and at least 200 and its elements in the file.
		memory: 64<<20 + 6*a.size,
		// Views may overlap and be expanded, but not without end.
		payload: 8*a.size + 1<<20,
	}
}

// run executes the pickle and returns the tree.
func (m *machine) run() (any, error) {
	root, err := m.execute()
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	return root, nil
}

func (m *machine) execute() (any, error) {
	for !m.done {
		if err := m.step(); err != nil {
			return nil, err
		}
	}
	v, err := m.pop()
	if err != nil {
		return nil, err
	}
	budget := 1<<20 + 8*len(m.in)
	return finish(v, 0, &budget)
}

// step executes one opcode.
func (m *machine) step() error {
	at := m.pos
	op, err := m.byte()
	if err != nil {
		return err
	}
	do := opcodes[op]
	if do == nil {
		return fmt.Errorf("opcode 0x%02x at byte %d is not of pickle protocol 2: save it with torch.save's default protocol", op, at)
	}
	if err := do(m); err != nil {
		return fmt.Errorf("byte %d: %w", at, err)
	}
	return nil
}

var errShort = fmt.Errorf("the pickle is cut short")

// take returns the next n bytes.
func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.in)-m.pos {
		return nil, errShort
	}
	b := m.in[m.pos : m.pos+n]
	m.pos += n
	return b, nil
}

func (m *machine) byte() (byte, error) {
	b, err := m.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// number reads n bytes as a little-endian unsigned integer.
func (m *machine) number(n int) (uint32, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var v uint32
	for i, x := range b {
		v |= uint32(x) << (8 * i)
	}
	return v, nil
}

// line reads up to a newline: the operands of GLOBAL.
func (m *machine) line() (string, error) {
	for i := m.pos; i < len(m.in); i++ {
		if m.in[i] == '\n' {
			s := string(m.in[m.pos:i])
			m.pos = i + 1
			return s, nil
		}
	}
	return "", errShort
}

// push puts a new value on the stack.
func (m *machine) push(v any) error {
	if err := m.spend(sizeOf(v)); err != nil {
		return err
	}
	return m.place(v)
}

// place puts a value on the stack that is there already: the memo's.
func (m *machine) place(v any) error {
	if n := len(m.stack); n == cap(m.stack) {
		more := max(n, 64)
		if err := m.spend(slot * more); err != nil {
			return err
		}
		m.stack = append(make([]any, 0, n+more), m.stack...)
	}
	m.stack = append(m.stack, v)
	return nil
}

// floor is the height that the stack must not fall below: the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

var errEmpty = fmt.Errorf("the stack is empty: the file is damaged")

func (m *machine) pop() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errEmpty
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errEmpty
	}
	return m.stack[len(m.stack)-1], nil
}

// popN pops n values; the slice is valid until the next push.
func (m *machine) popN(n int) ([]any, error) {
	if len(m.stack)-m.floor() < n {
		return nil, errEmpty
	}
	items := m.stack[len(m.stack)-n:]
	m.stack = m.stack[:len(m.stack)-n]
	return items, nil
}

// popMark pops everything above the last mark, and the mark; the slice is valid until the next push.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, fmt.Errorf("no mark on the stack: the file is damaged")
	}
	at := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

// finish turns lists into slices, in place, and what is no value into an opaque one: a class that was named but not called,
// a bare storage. It refuses a tree that contains itself or that grows out of all proportion by naming its parts again and
// again.
func finish(v any, depth int, budget *int) (any, error) {
	if *budget--; *budget < 0 {
		return nil, fmt.Errorf("repeats its parts beyond all proportion: not written by torch.save")
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("containers are nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case *list:
		return v.items, finishAll(v.items, depth, budget)
	case []any:
		return v, finishAll(v, depth, budget)
	case Tuple:
		return v, finishAll(v, depth, budget)
	case *Dict:
		return v, finishAll(v.values, depth, budget)
	case nil, bool, int64, uint64, float64, string, DType, *Tensor, *opaque:
		return v, nil
	}
	return &opaque{typeName(v)}, nil
}

func finishAll(items []any, depth int, budget *int) error {
	for i, v := range items {
		done, err := finish(v, depth+1, budget)
		if err != nil {
			return err
		}
		items[i] = done
	}
	return nil
}

// decodeLong reads Python's little-endian two's complement integer.
func decodeLong(b []byte) any {
	if len(b) == 9 && b[8] == 0 && b[7] >= 0x80 {
		return le.Uint64(b)
	}
	if len(b) > 8 {
		return &opaque{fmt.Sprintf("an int of %d bytes", len(b))}
	}
	var u uint64
	for i, x := range b {
		u |= uint64(x) << (8 * i)
	}
	if n := len(b); n > 0 && n < 8 && b[n-1] >= 0x80 {
		u |= math.MaxUint64 << (8 * n)
	}
	return int64(u)
}
