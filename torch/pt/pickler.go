package pt

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of containers, here and in the reader: a tree that contains itself ends there.
const maxDepth = 200

// pickler writes a tree as pickle protocol 2, the one torch.save uses, and collects its storages.
type pickler struct {
	buf      []byte
	memo     map[string]uint32 // strings and globals already written
	storages []*Tensor         // storage i is written as data/i
	number   map[any]int       // storage identity -> i
}

func newPickler() *pickler {
	return &pickler{memo: map[string]uint32{}, number: map[any]int{}}
}

func (p *pickler) dump(root any) error {
	p.op(opProto, 2)
	if err := p.value(root, 0); err != nil {
		return err
	}
	p.op(opStop)
	return nil
}

func (p *pickler) op(b ...byte) { p.buf = append(p.buf, b...) }

func (p *pickler) value(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("containers are nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		p.op(opNone)
	case bool:
		p.bool(v)
	case int:
		p.int(int64(v))
	case int64:
		p.int(v)
	case uint64:
		p.uint(v)
	case float64:
		p.op(opBinFloat)
		p.buf = binary.BigEndian.AppendUint64(p.buf, math.Float64bits(v))
	case string:
		return p.string(v)
	case DType:
		return p.dtype(v)
	case []any:
		return p.list(v, depth)
	case Tuple:
		return p.tuple(v, depth)
	case *Dict:
		return p.dict(v, depth)
	case *Tensor:
		return p.tensor(v)
	case *opaque:
		return &unreadError{v}
	default:
		return fmt.Errorf("a %T has no place in a file of PyTorch", v)
	}
	return nil
}

func (p *pickler) bool(v bool) {
	if v {
		p.op(opNewTrue)
	} else {
		p.op(opNewFalse)
	}
}

func (p *pickler) int(v int64) {
	switch {
	case v >= 0 && v <= math.MaxUint8:
		p.op(opBinInt1, byte(v))
	case v >= 0 && v <= math.MaxUint16:
		p.op(opBinInt2, byte(v), byte(v>>8))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		p.op(opBinInt)
		p.buf = le.AppendUint32(p.buf, uint32(v))
	default:
		p.op(opLong1, 8)
		p.buf = le.AppendUint64(p.buf, uint64(v))
	}
}

func (p *pickler) uint(v uint64) {
	if v <= math.MaxInt64 {
		p.int(int64(v))
		return
	}
	p.op(opLong1, 9) // the ninth byte keeps it positive
	p.buf = le.AppendUint64(p.buf, v)
	p.op(0)
}

func (p *pickler) string(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("the string %s is not UTF-8", quote(s))
	}
	if uint64(len(s)) > math.MaxInt32 {
		return fmt.Errorf("a string of %d bytes is too long", len(s))
	}
	if p.get(s) {
		return nil
	}
	p.op(opBinUnicode)
	p.buf = le.AppendUint32(p.buf, uint32(len(s)))
	p.buf = append(p.buf, s...)
	p.put(s)
	return nil
}

// global names a class or function. Its key in the memo is not UTF-8, so that no string has the same.
func (p *pickler) global(module, name string) {
	key := "\xff\xff" + module + "\n" + name
	if p.get(key) {
		return
	}
	p.op(opGlobal)
	p.buf = append(p.buf, module+"\n"+name+"\n"...)
	p.put(key)
}

func (p *pickler) get(key string) bool {
	i, ok := p.memo[key]
	if ok && i <= math.MaxUint8 {
		p.op(opBinGet, byte(i))
	} else if ok {
		p.op(opLongBinGet)
		p.buf = le.AppendUint32(p.buf, i)
	}
	return ok
}

func (p *pickler) put(key string) {
	i := uint32(len(p.memo))
	p.memo[key] = i
	if i <= math.MaxUint8 {
		p.op(opBinPut, byte(i))
		return
	}
	p.op(opLongBinPut)
	p.buf = le.AppendUint32(p.buf, i)
}

func (p *pickler) dtype(d DType) error {
	if !d.Valid() {
		return fmt.Errorf("%s is no dtype", d)
	}
	p.global("torch", d.String())
	return nil
}

func (p *pickler) list(l []any, depth int) error {
	p.op(opEmptyList)
	if len(l) == 0 {
		return nil
	}
	p.op(opMark)
	for i, v := range l {
		if err := p.value(v, depth+1); err != nil {
			return under(strconv.Itoa(i), err)
		}
	}
	p.op(opAppends)
	return nil
}

func (p *pickler) tuple(t Tuple, depth int) error {
	if len(t) == 0 {
		p.op(opEmptyTuple)
		return nil
	}
	p.op(opMark)
	for i, v := range t {
		if err := p.value(v, depth+1); err != nil {
			return under(strconv.Itoa(i), err)
		}
	}
	p.op(opTuple)
	return nil
}

func (p *pickler) dict(d *Dict, depth int) error {
	if d == nil {
		return fmt.Errorf("nil *Dict")
	}
	if d.Ordered {
		p.emptyOrderedDict()
	} else {
		p.op(opEmptyDict)
	}
	if d.Len() == 0 {
		return nil
	}
	p.op(opMark)
	for k, v := range d.All() {
		if err := p.value(k, depth+1); err != nil {
			return err
		}
		if err := p.value(v, depth+1); err != nil {
			return under(fmt.Sprint(k), err)
		}
	}
	p.op(opSetItems)
	return nil
}

func (p *pickler) emptyOrderedDict() {
	p.global("collections", "OrderedDict")
	p.op(opEmptyTuple, opReduce)
}
