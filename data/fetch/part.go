package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"forger/internal/filelock"

	"golang.org/x/sys/unix"
)

// part is a file that is being fetched, beside the name it will have.
type part struct {
	*os.File
	name   string
	size   int64
	from   origin
	joined bool // of the bytes of several answers
}

// origin is where the bytes of a part came from. It lies beside the part, so that another process can go on.
type origin struct {
	URL       string `json:"url"`
	Validator string `json:"validator"` // the server's ETag or Last-Modified; "": it gave none
}

// openPart begins a part, or takes up one that was left. It is held against other processes until it is closed, where
// files can be; warn hears that they cannot.
func openPart(path string, warn func(string)) (*part, error) {
	name := path + ".part"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, plain(err)
	}
	p := &part{File: f, name: name}
	warning, err := filelock.Try(f)
	if err != nil {
		return nil, and(fmt.Errorf("another process is fetching it into %s: wait for it", name), f.Close())
	}
	if warning != "" {
		warn(warning)
	}
	if err := p.takeUp(); err != nil {
		return nil, and(err, f.Close())
	}
	return p, nil
}

func (p *part) takeUp() error {
	info, err := p.Stat()
	if err != nil {
		return plain(err)
	}
	// Between the opening and the locking another process may have moved it to its place.
	if named, err := os.Stat(p.name); err != nil || !os.SameFile(info, named) {
		return fmt.Errorf("another process has just fetched it: run this again, which checks it")
	}
	p.size = info.Size()
	p.joined = p.size > 0
	text, err := os.ReadFile(p.name + ".from")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return plain(err)
	}
	if json.Unmarshal(text, &p.from) != nil {
		p.from = origin{} // cut short: as if it were not there
	}
	return nil
}

// restart drops what is there and notes where the next bytes come from.
func (p *part) restart(from origin) error {
	if err := p.Truncate(0); err != nil {
		return &localError{plain(err)}
	}
	p.size, p.from, p.joined = 0, from, false
	text, err := json.Marshal(from)
	if err == nil {
		err = os.WriteFile(p.name+".from", text, 0o666)
	}
	if err != nil {
		return &localError{plain(err)}
	}
	return nil
}

// Write appends.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.WriteAt(b, p.size)
	p.size += int64(n)
	if err != nil {
		return n, &localError{fmt.Errorf("%w: make room, then run the same command again to go on", plain(err))}
	}
	return n, nil
}

// land moves a part that is whole to its place.
func (p *part) land(path string) error {
	if err := p.Sync(); err != nil {
		return plain(err)
	}
	if err := os.Rename(p.name, path); err != nil {
		return plain(err)
	}
	if err := forget(p.name + ".from"); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return plain(err)
	}
	err = dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems have no such operation
	}
	return and(err, dir.Close())
}

// remove leaves nothing of a part behind.
func (p *part) remove() error {
	return and(forget(p.name), forget(p.name+".from"))
}

func forget(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plain(err)
	}
	return nil
}

// matches compares a file's size and hash with the table's.
func matches(file *os.File, f File) error {
	info, err := file.Stat()
	if err != nil {
		return plain(err)
	}
	if info.Size() != f.Size {
		return fmt.Errorf("%d bytes, want %d", info.Size(), f.Size)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, f.Size)); err != nil {
		return plain(err)
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != f.SHA256 {
		return fmt.Errorf("SHA-256 %s, want %s", have, f.SHA256)
	}
	return nil
}

// plain is a file error as "path: reason".
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// and keeps a failure of cleaning up behind the first one, on one line.
func and(first, second error) error {
	if first == nil || second == nil {
		return errors.Join(first, second)
	}
	return fmt.Errorf("%w; then %w", first, second)
}
