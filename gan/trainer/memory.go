package trainer

import (
	"errors"
	"fmt"
	"regexp"

	"forger/internal/machine"
	"forger/torch"
)

// What libtorch's allocators say: of CUDA in units, of the CPU in bytes.
var (
	askedFor = regexp.MustCompile(`[Tt]ried to allocate ([0-9.]+ \w+)`)
	inUse    = regexp.MustCompile(`this process has ([0-9.]+ \w+) memory in use`)
	capacity = regexp.MustCompile(`total capacity of ([0-9.]+ \w+)`)
)

// MemoryError says that the device or the host had not the memory that a setting asks for.
type MemoryError struct {
	text string
	err  error
}

func (e *MemoryError) Error() string { return e.text }
func (e *MemoryError) Unwrap() error { return e.err }

// explainMemory turns libtorch's report of exhausted memory into what was asked for, what is in use, and which settings
// of j to lower. Other errors stay as they are.
func (j *Job) explainMemory(err *error) {
	var e *torch.Error
	if !errors.As(*err, &e) || e.Code != torch.OutOfMemory {
		return
	}
	text := "out of memory"
	if m := askedFor.FindStringSubmatch(e.Msg); m != nil {
		text += ": " + m[1] + " more were asked for"
	}
	if m := inUse.FindStringSubmatch(e.Msg); m != nil {
		text += ", " + m[1] + " are in use"
		if m := capacity.FindStringSubmatch(e.Msg); m != nil {
			text += " of " + m[1]
		}
	} else if _, peak, failed := machine.Resident(); failed == nil && !capacity.MatchString(e.Msg) {
		text += fmt.Sprintf(", the process used %d MiB", peak>>20)
	}
	text += fmt.Sprintf(": lower --batch (%d), --gen-width (%d), --disc-width (%d) or --size", j.Batch, j.Method.Model.GenWidth, j.Method.Model.DiscWidth)
	*err = &MemoryError{text, *err}
}

// memory is what the process takes on the host, and its tensors on the CUDA device, in MiB; 0 where nothing says.
func (t *Trainer) memory() (host, device float64) {
	const mib = 1 << 20
	if now, _, err := machine.Resident(); err == nil {
		host = float64(now) / mib
	}
	if d := t.root.Device(); d.CUDA {
		if m, err := torch.CUDAMemory(d.Index); err == nil {
			device = float64(m.Allocated) / mib
		}
	}
	return host, device
}
