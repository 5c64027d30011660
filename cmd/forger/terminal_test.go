package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLiveLinesAreCut(t *testing.T) {
	var out bytes.Buffer
	width := 6
	w := &terminal{Writer: &out, width: func() int { return width }}
	for _, text := range []string{"a plain line\n", "\x1b[2K\r", "\x1b[31m12█", "45678\x1b[0m", "\rabcdefgh", "\nplain again"} {
		n, err := w.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
	}
	assert.Equal(t, "a plain line\n\x1b[2K\r\x1b[31m12█45\x1b[0m\rabcde\nplain again", out.String())
	out.Reset()
	width = 3
	fmt.Fprint(w, "\rabcdefgh")
	width = 0
	fmt.Fprint(w, "\rabcdefgh")
	assert.Equal(t, "\rab\rabcdefgh", out.String(), "the width of the moment; all of it where there is none to know")
}

// pty opens a pseudo-terminal of so many columns.
func pty(t *testing.T, columns uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("SKIPPED: no pseudo-terminal: " + err.Error())
	}
	require.NoError(t, unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	return ours, theirs
}

// A training in a narrow terminal keeps its live line within it.
func TestALiveLineFitsANarrowTerminal(t *testing.T) {
	const columns = 30
	ours, theirs := pty(t, columns)
	defer ours.Close()
	cmd := exec.Command(program, append([]string{"train", "--steps", "40", "--log-every", "2", "--out", "run"}, small...)...)
	cmd.Dir, cmd.Stderr = t.TempDir(), theirs
	require.NoError(t, cmd.Start())
	require.NoError(t, theirs.Close())
	var text bytes.Buffer
	_, _ = text.ReadFrom(ours) // ends with an error when the last writer is gone
	require.NoError(t, cmd.Wait(), text.String())
	live := 0
	for _, line := range strings.Split(strings.ReplaceAll(text.String(), "\r\n", "\n"), "\n") {
		for i, part := range strings.Split(line, "\r") {
			if i == 0 {
				continue // a plain line
			}
			live++
			assert.Less(t, utf8.RuneCountInString(withoutEscapes(part)), columns, "%q", part)
		}
	}
	assert.NotZero(t, live, "it is drawn at least once: how often is the clock's: %s", text.String())
	assert.Contains(t, text.String(), "done after 40 steps")
}

// withoutEscapes drops what a terminal does not show.
func withoutEscapes(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			break
		}
		text = strings.TrimLeft(rest, "0123456789;")
		if text != "" {
			text = text[1:]
		}
	}
	return b.String()
}
