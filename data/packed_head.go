package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A packed file begins with one of these; docs/packed.md has the rest.
const (
	packedMagic   = "FORGERPK"
	partialMagic  = "FORGERP~" // not finished: what a reader must refuse
	packedVersion = 1
)

const (
	packedFixed    = 64        // bytes before the metadata
	packedAlign    = 4096      // the images begin at a multiple of it
	packedCRCAt    = 48        // where the checksum of the head lies in it
	packedBlock    = 256 << 10 // bytes of images in a block, about
	maxPackedSide  = 1 << 16
	maxPackedCount = 1 << 28
	maxPackedMeta  = 64 << 20
)

// castagnoli is CRC-32C, which processors compute at the speed of memory.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// packedMeta is what a packed file says about its making, as JSON.
type packedMeta struct {
	Spec        string   `json:"spec"`
	Fingerprint string   `json:"fingerprint"`
	Decoder     string   `json:"decoder"`
	Classes     []string `json:"classes"`
}

// packedHead is all of a packed file but its images.
type packedHead struct {
	labelled
	shape    Shape
	count    int
	perBlock int // images
	meta     packedMeta
	sums     []uint32 // [blocks]: CRC-32C; in an unfinished file 0 where the block is not written
	at       int64    // of the first image

	text     []byte // meta, as it is in the file
	partial  bool
	standIns bool        // images may take the place of corrupt ones: labels are known when they were read
	plain    *packedHead // with standIns: that of the same dataset without
	print    string
}

// newPackedHead describes the packed file of a dataset, its blocks not yet written.
func newPackedHead(ds Dataset, decoder string) (h *packedHead, err error) {
	h = &packedHead{shape: ds.Shape(), count: ds.Len(), meta: packedMeta{ds.Spec(), ds.Fingerprint(), decoder, ds.Classes()}}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(h.meta); err != nil {
		return nil, err
	}
	h.text = text.Bytes()
	h.perBlock = max(1, packedBlock/max(1, h.shape.Bytes()))
	if err := h.measure(len(h.text)); err != nil {
		return nil, err
	}
	h.sums = make([]uint32, h.blocks())
	if inner, ok := withoutStandIns(ds); ok {
		h.standIns = true
		if h.plain, err = newPackedHead(inner, decoder); err != nil {
			return nil, err
		}
	}
	h.labelled = labelled{make([]int32, h.count), h.meta.Classes}
	for i := range h.labels {
		h.labels[i] = int32(ds.Label(i))
	}
	return h, nil
}

// measure checks the sizes and finds where the images begin.
func (h *packedHead) measure(text int) error {
	s := h.shape
	switch {
	case s.IsPoints():
		return errors.New("it holds points, and a packed file images: use it as it is")
	case s.Height < 1 || s.Width < 1 || s.Height > maxPackedSide || s.Width > maxPackedSide || s.Channels != 1 && s.Channels != 3:
		return fmt.Errorf("images of %dx%dx%d: a side has 1 to %d pixels of 1 or 3 channels", s.Height, s.Width, s.Channels, maxPackedSide)
	case h.count < 1 || h.count > maxPackedCount:
		return fmt.Errorf("%d images: a file holds 1 to %d", h.count, maxPackedCount)
	case h.perBlock < 1:
		return errors.New("blocks of no images")
	case text < 0 || text > maxPackedMeta:
		return fmt.Errorf("%d bytes of metadata: a file holds at most %d", text, maxPackedMeta)
	}
	head := int64(packedFixed) + int64(text) + 4*int64(h.count) + 4*int64(h.blocks())
	h.at = (head + packedAlign - 1) / packedAlign * packedAlign
	return nil
}

func (h *packedHead) blocks() int { return (h.count-1)/h.perBlock + 1 }

// size is that of the whole file.
func (h *packedHead) size() int64 { return h.at + int64(h.count)*int64(h.shape.Bytes()) }

// block is the place in the file of a block's images, and which they are.
func (h *packedHead) block(b int) (from, to int64, first, last int) {
	first = b * h.perBlock
	last = min(first+h.perBlock, h.count)
	size := int64(h.shape.Bytes())
	return h.at + int64(first)*size, h.at + int64(last)*size, first, last - 1
}

// sumAt is the place in the file of a block's checksum.
func (h *packedHead) sumAt(b int) int64 { return int64(packedFixed + len(h.text) + 4*h.count + 4*b) }

// encode is the head as it is in the file, up to the first image.
func (h *packedHead) encode() []byte {
	out := make([]byte, 0, h.at)
	le := binary.LittleEndian
	if h.partial {
		out = append(out, partialMagic...)
	} else {
		out = append(out, packedMagic...)
	}
	for _, v := range []int{packedVersion, h.shape.Height, h.shape.Width, h.shape.Channels} {
		out = le.AppendUint32(out, uint32(v))
	}
	out = le.AppendUint64(out, uint64(h.count))
	out = le.AppendUint32(out, uint32(h.perBlock))
	out = le.AppendUint32(out, uint32(len(h.text)))
	out = le.AppendUint64(out, uint64(h.at))
	out = append(out, make([]byte, packedFixed-len(out))...)
	out = append(out, h.text...)
	for _, l := range h.labels {
		out = le.AppendUint32(out, uint32(l))
	}
	for _, sum := range h.sums {
		out = le.AppendUint32(out, sum)
	}
	out = append(out, make([]byte, h.at-int64(len(out)))...)
	if !h.partial {
		le.PutUint32(out[packedCRCAt:], crc32.Checksum(out, castagnoli))
	}
	return out
}

// readPackedHead reads the head of a file of that many bytes. Of an unfinished file it says so in partial; then neither
// the size nor a checksum stands for what it says.
func readPackedHead(r io.ReaderAt, size int64) (*packedHead, error) {
	fixed := make([]byte, packedFixed)
	if _, err := r.ReadAt(fixed[:min(packedFixed, size)], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h := &packedHead{partial: string(fixed[:8]) == partialMagic}
	if !h.partial && string(fixed[:8]) != packedMagic {
		return nil, errors.New("not a packed file")
	}
	text, err := h.parseFixed(fixed)
	if err != nil {
		return nil, err
	}
	if !h.partial && size != h.size() {
		return nil, fmt.Errorf("the file has %d bytes, its head says %d: it was cut or added to", size, h.size())
	}
	if size < h.at {
		return nil, errors.New("the file is short: it ends within its head")
	}
	head := make([]byte, h.at)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, fmt.Errorf("its head cannot be read: %w", err)
	}
	h.print = packedPrint(head)
	if !h.partial {
		sum := binary.LittleEndian.Uint32(head[packedCRCAt:])
		binary.LittleEndian.PutUint32(head[packedCRCAt:], 0)
		if have := crc32.Checksum(head, castagnoli); have != sum {
			return nil, fmt.Errorf("its head is damaged: checksum %08x, want %08x", have, sum)
		}
	}
	return h, h.parse(head, text)
}

// parseFixed reads the fixed part and returns the length of the metadata.
func (h *packedHead) parseFixed(b []byte) (text int, err error) {
	le := binary.LittleEndian
	if v := le.Uint32(b[8:]); v != packedVersion {
		return 0, fmt.Errorf("packed format %d, this program reads %d", v, packedVersion)
	}
	h.shape = Shape{Height: int(le.Uint32(b[12:])), Width: int(le.Uint32(b[16:])), Channels: int(le.Uint32(b[20:]))}
	h.count = int(min(le.Uint64(b[24:]), maxPackedCount+1))
	h.perBlock, text = int(le.Uint32(b[32:])), int(le.Uint32(b[36:]))
	if err := h.measure(text); err != nil {
		return 0, fmt.Errorf("its head is damaged: %w", err)
	}
	if at := le.Uint64(b[40:]); at != uint64(h.at) {
		return 0, fmt.Errorf("its head is damaged: images at byte %d, want %d", at, h.at)
	}
	return text, nil
}

// parse reads what follows the fixed part.
func (h *packedHead) parse(head []byte, text int) error {
	h.text = head[packedFixed : packedFixed+text]
	if err := json.Unmarshal(h.text, &h.meta); err != nil {
		return fmt.Errorf("its metadata are damaged: %w", err)
	}
	numbers := head[packedFixed+text:]
	h.sums = make([]uint32, h.blocks())
	h.labelled = labelled{make([]int32, h.count), h.meta.Classes}
	for i := range h.labels {
		l := int32(binary.LittleEndian.Uint32(numbers[4*i:]))
		if l < -1 || h.classes != nil && int(l) >= len(h.classes) {
			return fmt.Errorf("label %d of image %d: there are %d classes", l, i, len(h.classes))
		}
		h.labels[i] = l
	}
	numbers = numbers[4*h.count:]
	for b := range h.sums {
		h.sums[b] = binary.LittleEndian.Uint32(numbers[4*b:])
	}
	return nil
}

// packedPrint is a fingerprint of the contents, since the head holds their checksums.
func packedPrint(head []byte) string {
	sum := sha256.Sum256(head)
	return "packed sha256:" + hex.EncodeToString(sum[:])
}
