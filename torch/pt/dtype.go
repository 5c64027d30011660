package pt

import (
	"fmt"
	"slices"
	"strings"
)

// DType is the type of a tensor's elements. The zero value is no type.
type DType uint8

// The element types, named as PyTorch names them. Those from Uint16 on have no storage class of their own in PyTorch
// and need PyTorch 2.3 or newer to be read, some of them 2.8.
const (
	Float32 DType = iota + 1
	Float64
	Float16
	BFloat16
	Uint8
	Int8
	Int16
	Int32
	Int64
	Bool
	Complex64
	Complex128
	Uint16
	Uint32
	Uint64
	Float8E4M3FN
	Float8E5M2
	Float8E4M3FNUZ
	Float8E5M2FNUZ
	Float8E8M0FNU
	Float4E2M1FNX2 // two numbers an element
	Complex32
)

// dtypes holds PyTorch's name, the size in bytes and the storage class ("" for those saved through UntypedStorage).
var dtypes = [...]struct {
	name    string
	size    int
	storage string
}{
	Float32:        {"float32", 4, "FloatStorage"},
	Float64:        {"float64", 8, "DoubleStorage"},
	Float16:        {"float16", 2, "HalfStorage"},
	BFloat16:       {"bfloat16", 2, "BFloat16Storage"},
	Uint8:          {"uint8", 1, "ByteStorage"},
	Int8:           {"int8", 1, "CharStorage"},
	Int16:          {"int16", 2, "ShortStorage"},
	Int32:          {"int32", 4, "IntStorage"},
	Int64:          {"int64", 8, "LongStorage"},
	Bool:           {"bool", 1, "BoolStorage"},
	Complex64:      {"complex64", 8, "ComplexFloatStorage"},
	Complex128:     {"complex128", 16, "ComplexDoubleStorage"},
	Uint16:         {"uint16", 2, ""},
	Uint32:         {"uint32", 4, ""},
	Uint64:         {"uint64", 8, ""},
	Float8E4M3FN:   {"float8_e4m3fn", 1, ""},
	Float8E5M2:     {"float8_e5m2", 1, ""},
	Float8E4M3FNUZ: {"float8_e4m3fnuz", 1, ""},
	Float8E5M2FNUZ: {"float8_e5m2fnuz", 1, ""},
	Float8E8M0FNU:  {"float8_e8m0fnu", 1, ""},
	Float4E2M1FNX2: {"float4_e2m1fn_x2", 1, ""},
	Complex32:      {"complex32", 4, ""},
}

// Valid reports whether d is one of the types above.
func (d DType) Valid() bool { return d > 0 && int(d) < len(dtypes) }

// String is PyTorch's name without its module, as in "float32".
func (d DType) String() string {
	if !d.Valid() {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size is the number of bytes of one element, 0 for no type.
func (d DType) Size() int {
	if !d.Valid() {
		return 0
	}
	return dtypes[d].size
}

// DTypes lists every type.
func DTypes() []DType {
	all := make([]DType, 0, len(dtypes)-1)
	for d := DType(1); d.Valid(); d++ {
		all = append(all, d)
	}
	return all
}

// parseDType finds a type by PyTorch's name, with or without "torch.".
func parseDType(name string) (DType, error) {
	all := DTypes()
	short := strings.TrimPrefix(name, "torch.")
	if i := slices.IndexFunc(all, func(d DType) bool { return d.String() == short }); i >= 0 {
		return all[i], nil
	}
	return 0, fmt.Errorf("pt: unknown dtype %q: have %s", name, strings.Trim(fmt.Sprint(all), "[]"))
}
