package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forger/internal/atomicfile"

	"golang.org/x/sys/unix"
)

// folderList is what a walk through a folder found. It can be kept in a file, the index, so that the next start does
// not ask for each of a million files again: a folder that gained, lost or renamed a file has another change time. A
// file whose contents changed size is found when it is read.
type folderList struct {
	began time.Time
	dirs  []dirStamp
	files names
	sides names // sidecars
	print string

	passed // of what a walk found; no file keeps it
}

// dirStamp is a folder and when it changed last, in ns of Unix time.
type dirStamp struct {
	path    string
	changed int64
}

// indexMagic changes with the form of the file and with what a walk finds.
const indexMagic = "forger folder index 2\n"

// settled is how old a folder's last change must be for its time to tell it from a later one: clocks of file systems
// are that coarse.
const settled = 2 * time.Second

var clock = time.Now

// indexPath is where the list of dir is kept in the cache, "" where none is: without a cache or use for it, and when it lies in dir.
func indexPath(dir string, o Options) (string, error) {
	if o.CacheDir == "" || o.Relist {
		return "", nil
	}
	whole := make([]string, 2)
	for i, path := range []string{dir, o.CacheDir} {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			abs = real // a cache that is not there yet is made later
		}
		whole[i] = abs
	}
	if strings.HasPrefix(whole[1]+"/", strings.TrimSuffix(whole[0], "/")+"/") {
		return "", nil
	}
	sum := sha256.Sum256([]byte(whole[0]))
	name := "folder-" + hex.EncodeToString(sum[:8])
	if o.Rules == rulesFirst {
		name += "-1"
	}
	return filepath.Join(whole[1], name+".index"), nil
}

// listed is the index where it still holds, else a walk, which becomes the index. That it cannot be kept costs the next
// start another walk, and nothing else.
func (f *folder) listed(o Options) (*folderList, error) {
	if f.index != "" {
		if l := f.recall(); l != nil {
			return l, nil
		}
	}
	l, err := f.walk()
	if err != nil || f.index == "" || l.files.n == 0 || !l.settled() {
		return l, err
	}
	err = os.MkdirAll(filepath.Dir(f.index), 0o777)
	if err == nil {
		err = atomicfile.WriteBytes(f.index, l.encode())
	}
	if err != nil {
		o.warn("the list of %s is not kept for the next start: %v: %s", f.dir, plainError(err), cacheRemedy)
	}
	return l, nil
}

// cacheRemedy is what helps where the cache folder cannot be written.
const cacheRemedy = "name a folder that can be written in XDG_CACHE_HOME"

// recall is what the index holds, nil when there is none, it is damaged or the folder changed since: then the folder is
// listed, which needs no index and says what is wrong with the folder.
func (f *folder) recall() *folderList {
	file, err := os.ReadFile(f.index)
	if err != nil {
		return nil
	}
	l, err := decodeList(file)
	if err != nil {
		return nil
	}
	for _, d := range l.dirs {
		if changed, err := changeTime(filepath.Join(f.dir, d.path)); err != nil || changed != d.changed {
			return nil
		}
	}
	return l
}

// changeTime is that of the inode, which no program can set back.
func changeTime(dir string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	return st.Ctim.Nano(), nil
}

func (l *folderList) settled() bool {
	for _, d := range l.dirs {
		if d.changed > l.began.Add(-settled).UnixNano() {
			return false
		}
	}
	return true
}

// encode is the form of the file: the magic, folders, entries, fingerprint, and the SHA-256 of all before.
func (l *folderList) encode() []byte {
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b := binary.AppendUvarint([]byte(indexMagic), uint64(len(l.dirs)))
	for _, d := range l.dirs {
		b = binary.AppendVarint(text(b, d.path), d.changed)
	}
	for _, list := range []names{l.files, l.sides} {
		b = text(binary.AppendUvarint(b, uint64(list.n)), string(list.blob))
	}
	b = text(b, l.print)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

var errIndex = errors.New("not an index, or damaged")

func decodeList(file []byte) (*folderList, error) {
	end := len(file) - sha256.Size
	if end < len(indexMagic) || string(file[:len(indexMagic)]) != indexMagic {
		return nil, errIndex
	}
	if sum := sha256.Sum256(file[:end]); !bytes.Equal(sum[:], file[end:]) {
		return nil, errIndex
	}
	in := indexReader{bytes: file[len(indexMagic):end]}
	l := &folderList{}
	for n := in.count(); n > 0 && !in.short; n-- {
		l.dirs = append(l.dirs, dirStamp{string(in.text()), in.number()})
	}
	for _, list := range []*names{&l.files, &l.sides} {
		n, blob := in.count(), in.text()
		if in.short || n > uint64(len(blob)) {
			return nil, errIndex
		}
		var err error
		if *list, err = parseNames(int(n), bytes.Clone(blob)); err != nil {
			return nil, err
		}
	}
	if l.print = string(in.text()); in.short {
		return nil, errIndex
	}
	return l, nil
}

// indexReader takes values from the front; short remembers that one was not there.
type indexReader struct {
	bytes []byte
	short bool
}

func (r *indexReader) took(n int) {
	if n <= 0 {
		r.bytes, r.short = nil, true
		return
	}
	r.bytes = r.bytes[n:]
}

func (r *indexReader) count() uint64 {
	v, n := binary.Uvarint(r.bytes)
	r.took(n)
	return v
}

func (r *indexReader) number() int64 {
	v, n := binary.Varint(r.bytes)
	r.took(n)
	return v
}

func (r *indexReader) text() []byte {
	n := r.count()
	if n > uint64(len(r.bytes)) {
		r.short = true
		return nil
	}
	text := r.bytes[:n]
	r.bytes = r.bytes[n:]
	return text
}
