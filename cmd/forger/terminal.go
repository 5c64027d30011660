package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// terminal cuts live lines, those that begin with a carriage return, to the width that there is: a line that wraps leaves a
// trail. Other lines wrap as ever.
type terminal struct {
	io.Writer
	width func() int // now, in columns; 0: not known

	live   bool
	column int
	escape bool // within an escape sequence, which takes no column
	cut    bool // this character and the next bytes of it are beyond the width
}

// terminalOn is w as a terminal, or nil where it is none.
func terminalOn(w io.Writer) *terminal {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &terminal{Writer: w, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return width
	}}
}

func (t *terminal) Write(p []byte) (int, error) {
	width, kept := t.width(), make([]byte, 0, len(p))
	for _, b := range p {
		if t.keeps(b, width) {
			kept = append(kept, b)
		}
	}
	if _, err := t.Writer.Write(kept); err != nil {
		return 0, err
	}
	return len(p), nil
}

// keeps takes the next byte and reports whether it is within the width. The last column stays free: terminals wrap there.
func (t *terminal) keeps(b byte, width int) bool {
	switch {
	case t.escape:
		t.escape = b < '@' || b == '['
	case b == 0x1b:
		t.escape = true
	case b == '\r':
		t.live, t.column = true, 0
	case b == '\n':
		t.live, t.column = false, 0
	case b&0xc0 == 0x80: // another byte of a character
		return !t.cut
	default:
		t.column++
		t.cut = t.live && width > 0 && t.column >= width
		return !t.cut
	}
	return true
}
