package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"forger/internal/atomicfile"
)

// Lines writes a file of JSON objects, a line each, that say their step: metrics.jsonl, alerts.jsonl.
type Lines struct{ file *os.File }

// OpenLines opens the file of a run that stands at step: what lies beyond it will be written anew.
func OpenLines(path string, step int64) (*Lines, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if kept := upTo(text, step); len(kept) < len(text) {
		if err := atomicfile.WriteBytes(path, kept); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &Lines{f}, nil
}

// upTo is the part of metrics.jsonl up to a step. A last line that was not finished is none.
func upTo(text []byte, step int64) []byte {
	end := 0
	for line := range bytes.Lines(text) {
		var l struct {
			Step int64 `json:"step"`
		}
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &l) != nil || l.Step > step {
			break
		}
		end += len(line)
	}
	return text[:end]
}

// Append writes a line; one that does not fit the disk is taken back.
func (l *Lines) Append(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	size, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("%s: %w", l.file.Name(), atomicfile.Bare(err))
	}
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return errors.Join(fmt.Errorf("%s: %w: free some space", l.file.Name(), atomicfile.Bare(err)), l.file.Truncate(size))
	}
	return nil
}

// Sync flushes the lines to the disk.
func (l *Lines) Sync() error { return l.file.Sync() }

// Close closes the file.
func (l *Lines) Close() error { return l.file.Close() }
