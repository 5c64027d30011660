package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Sizes beyond which a run's file is left out.
const (
	maxText    = 256 << 10 // of what is read of config.yaml and alerts.jsonl
	maxPicture = 32 << 20  // bytes of a PNG file
	maxPixels  = 40 << 20  // of a picture
)

// open opens a regular file of a run. Nothing outside the run's directory is, whatever links are in it, and nothing that
// would have to be waited for, such as a pipe.
func open(run *os.Root, name string) (*os.File, error) {
	f, err := run.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: no regular file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// head is the beginning of a file of a run, at most maxText; "" where there is none.
func head(run *os.Root, name string) string {
	f, err := open(run, name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return ""
	}
	return string(text)
}

// tail is the end of a file of a run, at most so many bytes, beginning with a whole line; nil where there is none.
func tail(run *os.Root, name string, most int64) []byte {
	f, err := open(run, name)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	start := max(0, info.Size()-most)
	text := make([]byte, min(info.Size(), most))
	if n, err := f.ReadAt(text, start); notEOF(err) != nil || n < len(text) {
		return nil // it is becoming another
	}
	if start > 0 {
		for i, b := range text {
			if b == '\n' {
				return text[i+1:]
			}
		}
		return nil
	}
	return text
}

// picture opens a PNG file of a run, and is its size; one that would take a reader's memory is an error.
func picture(run *os.Root, name string) (f *os.File, info os.FileInfo, err error) {
	if f, err = open(run, name); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	// Signature, length and name of IHDR, width, height.
	var b [24]byte
	if _, err := f.ReadAt(b[:], 0); err != nil || string(b[:8]) != "\x89PNG\r\n\x1a\n" || string(b[12:16]) != "IHDR" {
		return nil, nil, fmt.Errorf("%s: no PNG", name)
	}
	width, height := uint64(binary.BigEndian.Uint32(b[16:])), uint64(binary.BigEndian.Uint32(b[20:]))
	if info.Size() > maxPicture || width*height > maxPixels {
		return nil, nil, fmt.Errorf("%s: %dx%d in %d bytes: too large to be shown", name, width, height, info.Size())
	}
	return f, info, nil
}
