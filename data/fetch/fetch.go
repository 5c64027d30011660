// Package fetch gets the files of well-known datasets from their mirrors. A file is under its name when it is whole and
// its hash is right; until then it lies beside it with .part, and is gone on with.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say from where and how patiently files are fetched.
type Options struct {
	// URL takes the place of the mirrors: a folder that holds the files, or the file itself where a set has one.
	URL      string
	Progress func(name string, done, total int64)              // bytes of a file that are there; may be nil
	Retrying func(address string, why error, in time.Duration) // before each wait for another attempt; may be nil
	Warn     func(text string)                                 // what goes on all the same; may be nil
	Client   *http.Client                                      // nil: one that heeds HTTP_PROXY and its like

	Idle     time.Duration // how long a server may send nothing; 0: 30 s
	Backoff  time.Duration // the first wait after a failure, doubled after each; 0: 1 s
	Attempts int           // failures in a row of a mirror; 0: 5
}

// maxBackoff bounds the wait between two attempts.
const maxBackoff = 30 * time.Second

func (o Options) filled() Options {
	if o.Idle <= 0 {
		o.Idle = 30 * time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = time.Second
	}
	if o.Attempts <= 0 {
		o.Attempts = 5
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Retrying == nil {
		o.Retrying = func(string, error, time.Duration) {}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	return o
}

// Result is a file that is in its place.
type Result struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
	Fetched bool   `json:"fetched"` // false: it was there
}

// Get brings the files of a set into dir, which it makes, and unpacks what a source needs unpacked. Files that are there
// are checked and not fetched again; a file of that name with other contents is an error.
func Get(ctx context.Context, set Set, dir string, o Options) ([]Result, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("data: fetch: %w: name a folder that can be made", plain(err))
	}
	o = o.filled()
	var all []Result
	for _, f := range set.Files {
		fetched, err := get(ctx, set, f, dir, o)
		if err != nil {
			return all, fmt.Errorf("data: fetch: %s: %w", f.Name, err)
		}
		all = append(all, Result{f.Name, f.Size, f.SHA256, fetched})
	}
	if set.unpack != nil {
		if err := set.unpack(dir); err != nil {
			return all, fmt.Errorf("data: fetch: %w", err)
		}
	}
	return all, nil
}

// get brings one file into its place.
func get(ctx context.Context, set Set, f File, dir string, o Options) (fetched bool, err error) {
	path := filepath.Join(dir, f.Name)
	if _, err := os.Stat(path); err == nil {
		return false, there(path, f)
	}
	p, err := openPart(path, o.Warn)
	if err != nil {
		return false, err
	}
	defer func() { err = and(err, p.Close()) }()
	d := &download{file: f, part: p, o: o}
	var failures []string
	for _, url := range addresses(set, f, o.URL) {
		err := d.from(ctx, url)
		if err == nil {
			return true, p.land(path)
		}
		if ctx.Err() != nil {
			return false, d.interrupted()
		}
		var local *localError
		if errors.As(err, &local) {
			return false, local.error
		}
		failures = append(failures, fmt.Sprintf("%s: %v", url, err))
	}
	if p.size == 0 {
		err = p.remove()
	}
	return false, and(fmt.Errorf("%s: %s", strings.Join(failures, "; "), remedy(set, o)), err)
}

func remedy(set Set, o Options) string {
	if o.URL != "" {
		return "check the address and the network"
	}
	if set.ByHand != "" {
		return set.ByHand
	}
	return "try again later, or give another mirror with --url"
}

// addresses are where a file is looked for.
func addresses(set Set, f File, url string) []string {
	if url == "" {
		var all []string
		for _, mirror := range set.Mirrors {
			all = append(all, mirror+f.Name)
		}
		return all
	}
	if len(set.Files) > 1 || strings.HasSuffix(url, "/") {
		url = strings.TrimSuffix(url, "/") + "/" + f.Name
	}
	return []string{url}
}

// there checks a file that lies under its name already.
func there(path string, f File) error {
	file, err := os.Open(path)
	if err != nil {
		return plain(err)
	}
	defer file.Close()
	if err := matches(file, f); err != nil {
		return fmt.Errorf("what lies in %s is another file (%w): move it away", filepath.Dir(path), err)
	}
	return nil
}

// localError is a failure of this machine, which another mirror does not mend.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }
