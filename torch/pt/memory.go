package pt

import "fmt"

// What values take in memory, in bytes: a file must not take more than its size justifies, whatever its pickle says.
const (
	slot     = 16 // of a value on the stack or in a list
	dictItem = 96 // two slots, the index's entry and what maps keep free
	memoItem = 48
	mark     = 16
)

// sizeOf is what a new value takes, without what will be put into it.
func sizeOf(v any) int {
	switch v := v.(type) {
	case int64, uint64, float64:
		return 8
	case string:
		return 16 + len(v)
	case Tuple:
		return 24 + slot*len(v)
	case *Dict, *list:
		return 80
	case *Tensor:
		return 256 + 24*len(v.Shape)
	case *opaque:
		return 32
	}
	return 0
}

// spend counts bytes that the pickle made the machine take.
func (m *machine) spend(bytes int) error {
	if m.memory -= int64(bytes); m.memory < 0 {
		return fmt.Errorf("takes far more memory than a file of its size should: not written by torch.save")
	}
	return nil
}
