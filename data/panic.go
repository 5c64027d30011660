package data

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// readElement is ds.Read, where what panics is an error too: one element must not end a run that has not saved.
func readElement(ds Dataset, epoch, i int, dst []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("data: %s: element %d: %w", ds.Spec(), i, panicked(v))
		}
	}()
	return ds.Read(epoch, i, dst)
}

// panicked is a panic as an error of one line that says where it came from. It is called from the function that recovers.
func panicked(v any) error {
	text, _, _ := strings.Cut(fmt.Sprint(v), "\n")
	return fmt.Errorf("panic: %s%s: this is a fault of the program: please report it", text, panicPlace())
}

// panicPlace is " (FILE:LINE)" of what panicked.
func panicPlace() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for begun := false; ; {
		f, more := frames.Next()
		if begun && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf(" (%s:%d)", filepath.Base(f.File), f.Line)
		}
		begun = begun || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
