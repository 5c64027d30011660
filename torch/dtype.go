package torch

// DType is the type of a tensor's elements, under PyTorch's names.
type DType int32

const (
	Float32 DType = iota
	Float64
	Uint8
	Int64
	Bool
	BFloat16
	Float16
	Int32
)

var dtypes = map[DType]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Float64: {"float64", 8}, Uint8: {"uint8", 1}, Int64: {"int64", 8},
	Bool: {"bool", 1}, BFloat16: {"bfloat16", 2}, Float16: {"float16", 2}, Int32: {"int32", 4},
}

func (d DType) String() string { return dtypes[d].name }

// Size is the bytes of an element.
func (d DType) Size() int { return dtypes[d].size }

// Format is the order of a 4-dim tensor's elements in memory.
type Format int32

const (
	Preserve     Format = iota // as it is
	Contiguous                 // NCHW
	ChannelsLast               // NHWC
)
