package data

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"forger/vision"

	"github.com/klauspost/compress/flate" // the standard library's allocates for every block
)

// maxFile bounds an image file: none that decodes within vision's limit of pixels comes near it.
const maxFile = 1 << 30

// archive is files within a file, or several: where each begins, so that any goroutine reads it from there.
type archive struct {
	path   string // as it was asked for
	shards []shard
	summed bool // spans have checksums
	files  names
	spans  []span
	passed
}

// shard is one of the files of an archive.
type shard struct {
	path  string
	in    *os.File  // at path, or what was unpacked of it
	stamp fileStamp // of in, compared at every read
}

// span is where a file's bytes lie.
type span struct {
	at           int64
	packed, size uint32
	sum          uint32 // CRC-32 of the file
	deflated     bool
	shard        uint16
}

// open adds the file at path to the shards, and closes it with them.
func (a *archive) open(path string) (*shard, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	return a.use(path, f)
}

// use adds f, which is at path or was unpacked of what is, to the shards.
func (a *archive) use(path string, f *os.File) (*shard, error) {
	a.shards = append(a.shards, shard{path: path, in: f})
	s := &a.shards[len(a.shards)-1]
	var err error
	s.stamp, err = stampOf(f)
	return s, err
}

// openRegular opens a file that is read at random.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	// O_NONBLOCK: a pipe would be waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, plainError(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a file", path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func (a *archive) list() *names { return &a.files }

func (a *archive) Close() error {
	var err error
	for _, s := range a.shards {
		err = errors.Join(err, s.in.Close())
	}
	return err
}

func (a *archive) passedOver() passed { return a.passed }

func (a *archive) file(i int) string {
	name, _ := a.files.at(i)
	return a.shards[a.spans[i].shard].path + ": " + printable(name)
}

// printable is a name as a terminal may show it: names in archives are anyone's.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted[1:len(quoted)-1] != name {
		return quoted
	}
	return name
}

func (a *archive) load(i int, s *scratch) ([]byte, error) {
	return a.read(a.spans[i], s, vision.Recognize)
}

// read gives a file's contents, unless begins, which may be nil, says of a large one's first bytes what is wrong.
func (a *archive) read(sp span, s *scratch, begins func([]byte) error) ([]byte, error) {
	in := &a.shards[sp.shard]
	s.loading(int64(sp.packed) + int64(sp.size))
	if !sp.deflated && sp.size >= freely && begins != nil {
		s.packed = room(s.packed, vision.HeadBytes)
		if _, err := in.in.ReadAt(s.packed, sp.at); err == nil { // what is wrong with the archive is told below
			if err := begins(s.packed); err != nil {
				return nil, damaged{err}
			}
		}
	}
	s.packed = room(s.packed, int(sp.packed))
	if _, err := in.in.ReadAt(s.packed, sp.at); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the archive became shorter: %w", errChanged)
		}
		return nil, err
	}
	if err := in.unchanged(); err != nil {
		return nil, err
	}
	file := s.packed
	if sp.deflated {
		if err := s.inflate(int(sp.size), begins); err != nil {
			return nil, damaged{err}
		}
		file = s.plain
	}
	if a.summed && crc32.ChecksumIEEE(file) != sp.sum {
		return nil, damaged{errors.New("its checksum does not fit")}
	}
	return file, nil
}

// unchanged compares the archive with the one that was listed; one that was removed meanwhile can still be read.
func (s *shard) unchanged() error {
	stamp, err := stampOf(s.in)
	if err != nil {
		return err
	}
	if stamp != s.stamp {
		return fmt.Errorf("the archive was written to: %w", errChanged)
	}
	return nil
}

// inflater is a decompressor that is used again.
type inflater struct {
	in  bytes.Reader
	out io.ReadCloser
}

func (f *inflater) reset(packed []byte) error {
	f.in.Reset(packed)
	if f.out == nil {
		f.out = flate.NewReader(&f.in)
		return nil
	}
	return f.out.(flate.Resetter).Reset(&f.in, nil)
}

// inflate unpacks s.packed to s.plain, which must become size bytes. Memory grows with what is there, not with size, and
// no further where begins finds fault with the first bytes of a large file.
func (s *scratch) inflate(size int, begins func([]byte) error) error {
	if err := s.inflater.reset(s.packed); err != nil {
		return err
	}
	buf, n := room(s.plain, min(size+1, 4*len(s.packed)+512)), 0
	for {
		if begins != nil && size >= freely && n >= vision.HeadBytes {
			if err := begins(buf[:n]); err != nil {
				return err
			}
			begins = nil
		}
		if n == len(buf) {
			if n > size {
				return fmt.Errorf("it holds more than the %d bytes it announces", size)
			}
			buf = append(buf, make([]byte, min(size+1, 2*n)-n)...)
		}
		m, err := s.inflater.out.Read(buf[n:])
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("damaged: %w", err)
		}
	}
	if n != size {
		return fmt.Errorf("it holds %d of the %d bytes it announces", n, size)
	}
	s.plain = buf[:n]
	return nil
}
