package safetensors

import (
	"fmt"
	"strings"

	"forger/torch/pt"
)

// dtypes maps the format's names to PyTorch's types, in the order of the format's own writer: it puts the last ones
// first, so that every tensor is aligned to its element.
var dtypes = []struct {
	name  string
	dtype pt.DType
}{
	{"BOOL", pt.Bool}, {"U8", pt.Uint8}, {"I8", pt.Int8}, {"F8_E5M2", pt.Float8E5M2}, {"F8_E4M3", pt.Float8E4M3FN},
	{"F8_E8M0", pt.Float8E8M0FNU}, {"F8_E4M3FNUZ", pt.Float8E4M3FNUZ}, {"F8_E5M2FNUZ", pt.Float8E5M2FNUZ},
	{"I16", pt.Int16}, {"U16", pt.Uint16}, {"F16", pt.Float16}, {"BF16", pt.BFloat16},
	{"I32", pt.Int32}, {"U32", pt.Uint32}, {"F32", pt.Float32},
	{"C64", pt.Complex64}, {"F64", pt.Float64}, {"I64", pt.Int64}, {"U64", pt.Uint64},
}

func parseDType(name string) (pt.DType, error) {
	names := make([]string, len(dtypes))
	for i, d := range dtypes {
		if d.name == name {
			return d.dtype, nil
		}
		names[i] = d.name
	}
	return 0, fmt.Errorf("unknown dtype %.40q: have %s", name, strings.Join(names, " "))
}

// rankOf is a dtype's place in dtypes.
func rankOf(dtype pt.DType) (int, error) {
	for i, d := range dtypes {
		if d.dtype == dtype {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s has no place in a safetensors file", dtype)
}
