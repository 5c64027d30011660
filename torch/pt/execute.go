package pt

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// opcodes is what the machine can do; opcodes that are not in it are refused.
var opcodes = [256]func(*machine) error{
	opProto: (*machine).proto,
	opStop:  func(m *machine) error { m.done = true; return nil },
	opMark:  (*machine).mark,

	opNone:     func(m *machine) error { return m.push(nil) },
	opNewTrue:  func(m *machine) error { return m.push(true) },
	opNewFalse: func(m *machine) error { return m.push(false) },
	opBinInt:   func(m *machine) error { return m.pushInt(4) },
	opBinInt1:  func(m *machine) error { return m.pushInt(1) },
	opBinInt2:  func(m *machine) error { return m.pushInt(2) },
	opLong1:    (*machine).pushLong,
	opBinFloat: (*machine).pushFloat,

	opBinUnicode:     func(m *machine) error { return m.pushString(4) },
	opShortBinString: func(m *machine) error { return m.pushString(1) },

	opEmptyDict:  func(m *machine) error { return m.push(NewDict()) },
	opEmptyList:  func(m *machine) error { return m.push(&list{items: []any{}}) },
	opEmptySet:   func(m *machine) error { return m.push(&opaque{"a set"}) },
	opEmptyTuple: func(m *machine) error { return m.push(Tuple{}) },
	opTuple:      (*machine).tupleMark,
	opTuple1:     func(m *machine) error { return m.tuple(1) },
	opTuple2:     func(m *machine) error { return m.tuple(2) },
	opTuple3:     func(m *machine) error { return m.tuple(3) },
	opAppend:     func(m *machine) error { return m.appendItems(1) },
	opAppends:    (*machine).appendMark,
	opSetItem:    func(m *machine) error { return m.setItems(2) },
	opSetItems:   (*machine).setMark,

	opBinPut:     func(m *machine) error { return m.put(1) },
	opLongBinPut: func(m *machine) error { return m.put(4) },
	opBinGet:     func(m *machine) error { return m.get(1) },
	opLongBinGet: func(m *machine) error { return m.get(4) },

	opGlobal:    (*machine).global,
	opReduce:    (*machine).reduce,
	opNewObj:    (*machine).newObject,
	opBuild:     (*machine).build,
	opBinPersID: (*machine).persistentID,
}

func (m *machine) proto() error {
	v, err := m.byte()
	if err != nil {
		return err
	}
	if v != 2 && v != 3 { // 3 differs in bytes alone, which have opcodes of their own
		return fmt.Errorf("pickle protocol %d: torch.save's default is 2: save it without pickle_protocol", v)
	}
	return nil
}

func (m *machine) mark() error {
	m.marks = append(m.marks, len(m.stack))
	return m.spend(mark)
}

func (m *machine) pushInt(n int) error {
	v, err := m.number(n)
	if err != nil {
		return err
	}
	if n == 4 {
		return m.push(int64(int32(v)))
	}
	return m.push(int64(v))
}

func (m *machine) pushLong() error {
	n, err := m.byte()
	if err != nil {
		return err
	}
	b, err := m.take(int(n))
	if err != nil {
		return err
	}
	return m.push(decodeLong(b))
}

func (m *machine) pushFloat() error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}

func (m *machine) pushString(lenBytes int) error {
	n, err := m.number(lenBytes)
	if err != nil {
		return err
	}
	b, err := m.take(int(n))
	if err != nil {
		return err
	}
	if !utf8.Valid(b) { // half a surrogate pair, from the name of a file
		return m.push(&opaque{"a string that is not UTF-8"})
	}
	return m.push(string(b))
}

func (m *machine) tuple(n int) error {
	items, err := m.popN(n)
	if err != nil {
		return err
	}
	return m.push(append(Tuple{}, items...))
}

func (m *machine) tupleMark() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.push(append(Tuple{}, items...))
}

func (m *machine) appendItems(n int) error {
	items, err := m.popN(n)
	if err != nil {
		return err
	}
	return m.extend(items)
}

func (m *machine) appendMark() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.extend(items)
}

func (m *machine) extend(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	l, ok := v.(*list)
	if !ok {
		return fmt.Errorf("appends to %s: the file is damaged", typeName(v))
	}
	had := cap(l.items)
	l.items = append(l.items, items...)
	return m.spend(slot * (cap(l.items) - had))
}

func (m *machine) setItems(n int) error {
	items, err := m.popN(n)
	if err != nil {
		return err
	}
	return m.update(items)
}

func (m *machine) setMark() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.update(items)
}

// update sets items of the dict on the top: key, value, key, value ...
func (m *machine) update(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	_, unread := v.(*opaque) // a Counter
	if !ok && !unread || len(items)%2 != 0 {
		return fmt.Errorf("sets %d items of %s: the file is damaged", len(items), typeName(v))
	}
	if unread {
		return nil
	}
	for i := 0; i < len(items); i += 2 {
		k, err := keyOf(items[i])
		if err != nil {
			return err
		}
		had := d.Len()
		d.set(k, items[i+1])
		if err := m.spend(dictItem * (d.Len() - had)); err != nil {
			return err
		}
	}
	return nil
}

// keyOf is a dict's key: a string or an int64, anything else that Python can hash as an opaque value.
func keyOf(v any) (any, error) {
	switch v := v.(type) {
	case string, int64, *opaque:
		return v, nil
	case *list, *Dict:
		return nil, fmt.Errorf("a dict with %s as its key: the file is damaged", typeName(v))
	}
	return &opaque{typeName(v)}, nil
}

func (m *machine) put(n int) error {
	i, err := m.number(n)
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	had := len(m.memo)
	m.memo[i] = v
	return m.spend(memoItem * (len(m.memo) - had))
}

func (m *machine) get(n int) error {
	i, err := m.number(n)
	if err != nil {
		return err
	}
	v, ok := m.memo[i]
	if !ok {
		return fmt.Errorf("memo %d is empty: the file is damaged", i)
	}
	return m.place(v)
}
