package checkpoint

import (
	"fmt"

	"forger/torch/pt"
)

// Finite fails with a *NotFiniteError when a float32 value of the tree is NaN or infinite: such a state is never saved.
func Finite(root *pt.Dict, step int64) error {
	key, err := notFinite(root)
	if err == nil && key != "" {
		err = &NotFiniteError{key, step}
	}
	return err
}

// notFinite says under which keys of the tree a value is not finite.
func notFinite(d *pt.Dict) (key string, err error) {
	for k, v := range d.All() {
		switch v := v.(type) {
		case *pt.Dict:
			inner, err := notFinite(v)
			if inner != "" || err != nil {
				return fmt.Sprintf("%v %s", k, inner), err
			}
		case *pt.Tensor:
			data, err := v.Bytes()
			if err != nil || v.DType == pt.Float32 && !finite32(data) {
				return fmt.Sprint(k), err
			}
		}
	}
	return "", nil
}

// finite32 reports whether no float32 in data has all its exponent bits set.
func finite32(data []byte) bool {
	const exponent = 0x7F80
	for i := 2; i < len(data); i += 4 {
		if (uint16(data[i])|uint16(data[i+1])<<8)&exponent == exponent {
			return false
		}
	}
	return true
}
