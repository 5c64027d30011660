// Package tfevents writes TensorBoard's event files: TFRecords of Event messages (tensorflow/tensorboard,
// compat/proto/event.proto), with what its plugins for text, hyperparameters and charts of several scalars read.
package tfevents

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"forger/internal/atomicfile"
)

// Writer writes an event file. It belongs to one goroutine.
type Writer struct{ file *os.File }

var fileName = regexp.MustCompile(`^events\.out\.tfevents\.(\d{1,18})\.`)

// Create begins a file in dir that readers take for the next of those that are there, for a run that stands at step. What
// earlier files have of later steps is no more read.
func Create(dir string, step int64) (*Writer, error) {
	after, err := newest(dir)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	host = regexp.MustCompile(`[^\w.-]`).ReplaceAllString(host, "_")
	// Files are read in the order of their names, which begin with the second.
	second := max(time.Now().Unix(), after+1)
	name := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%010d.%s.%d.0", second, host, os.Getpid()))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	w := &Writer{f}
	begin := now().text(eventVersion, fileVersion).bytes(eventSource, message(nil).text(sourceWriter, writerName))
	if err = w.append(begin); err == nil {
		err = w.GoOn(step)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close(), os.Remove(name))
	}
	return w, nil
}

// newest is the second in the name of the last event file in dir; 0: there is none.
func newest(dir string) (second int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if m := fileName.FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return 0, err
			}
			second = max(second, n)
		}
	}
	return second, nil
}

// GoOn says that the run stands at step, and that what was said of later steps does not hold (PyTorch's purge_step).
func (w *Writer) GoOn(step int64) error {
	return w.append(now().integer(eventStep, step+1).bytes(eventSession, message(nil).integer(sessionStatus, sessionStarts)))
}

// Scalars writes figures of a step.
func (w *Writer) Scalars(step int64, of ...Scalar) error { return w.summary(step, scalars(of)) }

// Image writes a picture of a step.
func (w *Writer) Image(step int64, i Image) error { return w.summary(step, image(i)) }

// Text writes Markdown under a tag.
func (w *Writer) Text(step int64, tag, markdown string) error {
	return w.summary(step, note(tag, markdown))
}

// Layout writes which scalars share charts.
func (w *Writer) Layout(title string, charts ...Chart) error {
	return w.summary(0, layout(title, charts))
}

// HParams writes the settings (strings, numbers and bools), and the tags of the scalars that runs are compared by.
func (w *Writer) HParams(settings map[string]any, metrics []string) error {
	if err := w.summary(0, experiment(settings, metrics)); err != nil {
		return err
	}
	return w.summary(0, sessionStart(settings, time.Now()))
}

// Done writes that the run has reached its end.
func (w *Writer) Done() error { return w.summary(0, sessionEnd(time.Now())) }

func (w *Writer) summary(step int64, s message) error {
	return w.append(now().integer(eventStep, step).bytes(eventSummary, s))
}

func now() message { return message(nil).double(eventTime, seconds(time.Now())) }

// append writes an event; one that does not fit the disk is taken back, so that what follows can be read.
func (w *Writer) append(event message) error {
	size, err := w.file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("%s: %w", w.file.Name(), atomicfile.Bare(err))
	}
	if _, err := w.file.Write(record(event)); err != nil {
		return errors.Join(fmt.Errorf("%s: %w: free some space, or leave it out with --tensorboard=false", w.file.Name(), atomicfile.Bare(err)), w.file.Truncate(size))
	}
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }
