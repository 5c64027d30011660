package data

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// packed is a file of decoded images, read through a memory map: docs/packed.md has its format. A block's checksum is
// compared at the first touch of one of its images.
type packed struct {
	*packedHead
	path   string
	checks []atomic.Bool // [blocks]: its checksum was right

	mu    sync.RWMutex // held for reading while the map is read, so that Close cannot take it away
	data  []byte       // the file; nil when closed
	file  *os.File
	stamp fileStamp // of the file as it was opened
}

// fileStamp changes whenever the contents of a file do.
type fileStamp struct {
	size  int64
	mtime unix.Timespec
}

func stampOf(f *os.File) (fileStamp, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return fileStamp{st.Size, st.Mtim}, err
}

// unchanged compares a file with what it was when the stamp was taken.
func (s fileStamp) unchanged(f *os.File) error {
	now, err := stampOf(f)
	if err != nil {
		return err
	}
	if now != s {
		return fmt.Errorf("%w (%d bytes when opened, now %d): leave it alone while it is in use", errAltered, s.size, now.size)
	}
	return nil
}

func openPacked(path string, o Options) (Dataset, error) {
	p, err := mapPacked(path)
	if err != nil {
		return nil, fmt.Errorf("data: packed: %w", err)
	}
	if err := p.fits(o); err != nil {
		return nil, errors.Join(fmt.Errorf("data: packed: %s: %w", path, err), p.Close())
	}
	return p, nil
}

// fits refuses a form that the file does not hold: scaling decoded images again would blur them in silence.
func (p *packed) fits(o Options) error {
	s, spec := p.shape, p.meta.Spec
	if !o.Size.IsZero() && o.Size != s.Size() {
		return fmt.Errorf("its images are %dx%d, asked for is %s: use --size %s, or pack %s again with --size %s",
			s.Height, s.Width, o.Size, s.Size(), spec, o.Size)
	}
	if o.Channels != 0 && o.Channels != s.Channels {
		return fmt.Errorf("its images have %d channels, asked for are %d: use --channels %d, or pack %s again with --channels %d",
			s.Channels, o.Channels, s.Channels, spec, o.Channels)
	}
	return nil
}

func mapPacked(path string) (*packed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: name a file that `forger data pack` wrote", plainError(err))
	}
	p, err := mapFile(path, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: make it with `forger data pack`", path, err), f.Close())
	}
	return p, nil
}

func mapFile(path string, f *os.File) (*packed, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	stamp, err := stampOf(f)
	if err != nil {
		return nil, err
	}
	h, err := readPackedHead(f, stamp.size)
	if err != nil {
		return nil, err
	}
	if h.partial {
		return nil, errors.New("it is not finished")
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(stamp.size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("cannot be mapped: %w", err)
	}
	return &packed{packedHead: h, path: path,
		checks: make([]atomic.Bool, h.blocks()), data: data, file: f, stamp: stamp}, nil
}

func (p *packed) Spec() string        { return "packed:" + p.path }
func (p *packed) Len() int            { return p.count }
func (p *packed) Shape() Shape        { return p.shape }
func (p *packed) Fingerprint() string { return p.print }

// Close waits for the reads under way.
func (p *packed) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data == nil {
		return nil
	}
	data := p.data
	p.data = nil
	if err := errors.Join(unix.Munmap(data), p.file.Close()); err != nil {
		return fmt.Errorf("data: packed: %s: %w", p.path, err)
	}
	return nil
}

// Read copies image i from the map.
func (p *packed) Read(_, i int, dst []byte) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.data == nil {
		return fmt.Errorf("data: packed: %s: it was closed", p.path)
	}
	if b := i / p.perBlock; !p.checks[b].Load() {
		if err := p.check(b); err != nil {
			return fmt.Errorf("data: packed: %s: %w", p.path, err)
		}
	}
	size := p.shape.Bytes()
	at := int(p.at) + i*size
	err := guarded(dst, p.data[at:at+size])
	if err == nil {
		err = p.unchanged()
	}
	if err != nil {
		return fmt.Errorf("data: packed: %s: image %d: %w", p.path, i, err)
	}
	return nil
}

// check compares a block with its checksum.
func (p *packed) check(b int) error {
	from, to, first, last := p.block(b)
	sum, err := guardedSum(p.data[from:to])
	if err == nil {
		err = p.unchanged()
	}
	if err == nil && sum != p.sums[b] {
		err = fmt.Errorf("checksum %08x, want %08x: the file is damaged: make it again with `forger data pack`", sum, p.sums[b])
	}
	if err != nil {
		return fmt.Errorf("block %d (images %d to %d): %w", b, first, last, err)
	}
	p.checks[b].Store(true)
	return nil
}

// unchanged is asked after the bytes were read. A file cut within a page, or written over in place, yields other bytes
// without a fault, and would be a wrong image.
func (p *packed) unchanged() error {
	if p.file == nil { // a map of no file
		return nil
	}
	return p.stamp.unchanged(p.file)
}

var (
	errAltered = errors.New("the file changed while it was read")
	errFault   = errors.New("it cannot be read: the file was cut while in use, or its disk failed: make it again with `forger data pack`")
)

// guarded copies from a map. What the system no longer has behind it would end the program; here it is an error.
func guarded(dst, src []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverFault(&err)
	copy(dst, src)
	return nil
}

func guardedSum(src []byte) (sum uint32, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverFault(&err)
	return crc32.Checksum(src, castagnoli), nil
}

// recoverFault takes memory faults only; the runtime marks them with an address.
func recoverFault(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if _, ok := p.(interface{ Addr() uintptr }); !ok {
		panic(p)
	}
	*err = errFault
}
