package torch

import (
	"fmt"
	"strings"
)

// Code tells what kind of failure an Error is.
type Code int

const (
	Failed      Code = 1 + iota // libtorch refused: shapes, dtypes, a graph used twice
	OutOfMemory                 // on the device or on the host
	WrongGoroutine
	Released       // an operand was released before
	NoCUDA         // the CUDA library is not open
	NotInitialised // the zero Tensor, a nil Generator: what no call has made
	PeerLost       // another process is lost, or did not answer in time
	Closed         // the scope is closed
	Sealed         // an op over parameters alone would leak into the model's scope
	Siblings       // operands whose scopes do not lie on one line of descent
)

// Error is what every op of this package panics with. Catch turns it into an error.
type Error struct {
	Op   string // the op's name in PyTorch
	Code Code
	Msg  string // shapes, the reason, the remedy
}

func (e *Error) Error() string { return "torch: " + e.Op + ": " + e.Msg }

// Catch recovers a *Error into *err and lets every other panic pass:
//
//	defer torch.Catch(&err)
func Catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		*err = e
	default:
		panic(e)
	}
}

var remedies = map[Code]string{
	OutOfMemory: "lower the batch size, the image size or the widths",
	Released:    "use it before the module that made it releases it",
}

// fail panics with the failure that the scope's last call left, naming the operands by dtype and shape.
func (s *Scope) fail(op string, operands ...Tensor) {
	code, text := s.lastError()
	e := &Error{Op: op, Code: code}
	var parts []string
	if code != WrongGoroutine {
		parts = describeAll(s, operands)
	}
	parts = append(parts, oneLine(text))
	if remedy := remedies[code]; remedy != "" {
		parts = append(parts, remedy)
	}
	e.Msg = strings.Join(parts, ": ")
	panic(e)
}

func describeAll(s *Scope, operands []Tensor) []string {
	var shapes []string
	for _, t := range operands {
		if t.h == nil {
			continue
		}
		if info, ok := s.describe(t); ok {
			shapes = append(shapes, fmt.Sprintf("%s%v", info.DType, info.Shape))
		}
	}
	if shapes == nil {
		return nil
	}
	return []string{strings.Join(shapes, " and ")}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// misuse panics with a failure found on this side of the border.
func misuse(op string, code Code, format string, args ...any) {
	panic(&Error{Op: op, Code: code, Msg: fmt.Sprintf(format, args...)})
}
