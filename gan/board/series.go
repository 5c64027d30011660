package board

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
)

// history is a run's metrics.jsonl as far as it was read. It goes on where the file has grown, and begins anew where it is
// another file or has become shorter. Of any file it keeps at most a few megabytes.
type history struct {
	scan    scanner
	all     *pyramid
	file    os.FileInfo // that was read; nil: none yet
	offset  int64       // read so far: whole lines
	last    int64       // step
	skipped int64       // lines that are none
	tail    []byte      // the last bytes before offset: another file has others
}

const (
	historyBuckets = 4096    // kept in memory; finer parts are read again when they are asked for
	maxLine        = 1 << 20 // bytes: longer lines are none
	maxHistory     = 4 << 30 // bytes of a file that are read
	tailBytes      = 256     // of a file by which it is known again
)

// read takes what the file has that was not read before.
func (h *history) read(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if h.file == nil || !os.SameFile(h.file, info) || !h.goesOn(f) {
		*h = history{all: newPyramid(historyBuckets), last: -1}
	}
	h.file = info
	end, err := each(f, h.offset, min(info.Size(), maxHistory), func(line []byte, offset int64) {
		if step, ok := h.step(line); ok && step > h.last {
			h.last = step
			h.all.add(step, offset, h.scan.at, h.scan.values)
			return
		}
		h.skipped++
	})
	h.offset = end
	h.tail = make([]byte, min(end, tailBytes))
	_, failed := f.ReadAt(h.tail, end-int64(len(h.tail)))
	return errors.Join(err, notEOF(failed))
}

// goesOn reports whether the file still has what was read of it last.
func (h *history) goesOn(f io.ReaderAt) bool {
	now := make([]byte, len(h.tail))
	n, _ := f.ReadAt(now, h.offset-int64(len(now))) // too short a file has others
	return bytes.Equal(now[:n], h.tail)
}

// step reads a line, and is its step.
func (h *history) step(line []byte) (step int64, ok bool) {
	if !h.scan.line(line) {
		return 0, false
	}
	for i, place := range h.scan.at {
		if v := h.scan.values[i]; h.scan.names[place] == "step" && v >= 0 && v < 1<<53 {
			return int64(v), v == math.Trunc(v)
		}
	}
	return 0, false
}

// each calls take with every whole line between two offsets, and is the offset behind the last of them.
func each(f io.ReaderAt, from, to int64, take func(line []byte, offset int64)) (end int64, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), maxLine)
	for end = from; ; {
		line, err := r.ReadSlice('\n')
		switch {
		case err == nil:
			take(line, end)
			end += int64(len(line))
		case errors.Is(err, bufio.ErrBufferFull):
			n, err := pass(r)
			if err != nil {
				return end, notEOF(err)
			}
			end += int64(len(line)) + n
		default:
			return end, notEOF(err)
		}
	}
}

// pass reads to the end of a line that is too long.
func pass(r *bufio.Reader) (n int64, err error) {
	for {
		part, err := r.ReadSlice('\n')
		n += int64(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return n, err
		}
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// view is the figures between two steps in about so many buckets, from the file again where memory has it too coarse.
func (h *history) view(f io.ReaderAt, from, to int64, points int) (*pyramid, error) {
	part, start, end := h.all.within(from, to)
	if h.all.width > 1 && len(part.buckets) < points/2 && len(part.buckets) > 0 {
		if end < 0 {
			end = h.offset
		}
		return h.again(f, start, end, from, to, points)
	}
	if k := (len(part.buckets) + points - 1) / points; k > 1 {
		part.merge(k)
	}
	return part, nil
}

// again reads a part of the file for a closer look.
func (h *history) again(f io.ReaderAt, start, end, from, to int64, points int) (*pyramid, error) {
	fine, last := newPyramid(points&^1), int64(-1)
	_, err := each(f, start, end, func(line []byte, offset int64) {
		if step, ok := h.step(line); ok && step > last && step >= from && step <= to {
			last = step
			fine.add(step, offset, h.scan.at, h.scan.values)
		}
	})
	return fine, err
}
