package pt

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// alignment of payloads, so that torch.load(mmap=True) hands out aligned tensors (inline_container.h: kFieldAlignment).
const alignment = 64

// zipWriter writes stored entries to a stream that cannot seek. archive/zip would put the CRC behind the payload, in a
// data descriptor, and knows no alignment.
type zipWriter struct {
	w       io.Writer
	off     uint64
	entries []zipEntry
	max32   uint64 // sizes and offsets from here on take the zip64 form; a test lowers it
}

type zipEntry struct {
	name      string
	crc       uint32
	size, off uint64
}

var le = binary.LittleEndian

func newZipWriter(w io.Writer) *zipWriter { return &zipWriter{w: w, max32: math.MaxUint32} }

func (z *zipWriter) write(p []byte) error {
	n, err := z.w.Write(p)
	z.off += uint64(n)
	return err
}

// add writes one entry; its payload starts at a multiple of alignment.
func (z *zipWriter) add(name string, payload []byte) error {
	e := zipEntry{name: name, crc: crc32.ChecksumIEEE(payload), size: uint64(len(payload)), off: z.off}
	if err := z.write(z.localHeader(e)); err != nil {
		return err
	}
	z.entries = append(z.entries, e)
	return z.write(payload)
}

// close writes the central directory.
func (z *zipWriter) close() error {
	start := z.off
	for _, e := range z.entries {
		if err := z.write(z.centralHeader(e)); err != nil {
			return err
		}
	}
	return z.write(z.end(start))
}

func (z *zipWriter) localHeader(e zipEntry) []byte {
	var extra []byte
	if e.size >= z.max32 {
		extra = appendZip64(extra, e.size, e.size)
	}
	before := e.off + 30 + uint64(len(e.name)+len(extra)) + 4
	pad := make([]byte, (alignment-before%alignment)%alignment)
	extra = append(extra, 'F', 'B')
	extra = le.AppendUint16(extra, uint16(len(pad)))
	extra = append(extra, pad...)

	h := le.AppendUint32(nil, 0x04034b50)
	h = z.common(h, e, e.size >= z.max32, len(extra))
	h = append(h, e.name...)
	return append(h, extra...)
}

// common appends what local and central headers share: from the version needed to the length of the extra field.
func (z *zipWriter) common(h []byte, e zipEntry, zip64 bool, extra int) []byte {
	version, size := uint16(20), uint32(e.size)
	if zip64 {
		version, size = 45, math.MaxUint32
	}
	h = le.AppendUint16(h, version)
	h = le.AppendUint16(h, 1<<11) // names are UTF-8
	h = le.AppendUint16(h, 0)     // stored
	h = le.AppendUint16(h, 0)
	h = le.AppendUint16(h, 1<<5|1) // 1980-01-01: the same values make the same file
	h = le.AppendUint32(h, e.crc)
	h = le.AppendUint32(h, size)
	h = le.AppendUint32(h, size)
	h = le.AppendUint16(h, uint16(len(e.name)))
	return le.AppendUint16(h, uint16(extra))
}

func (z *zipWriter) centralHeader(e zipEntry) []byte {
	zip64 := e.size >= z.max32 || e.off >= z.max32
	var extra []byte
	off := uint32(e.off)
	if zip64 {
		extra, off = appendZip64(nil, e.size, e.size, e.off), math.MaxUint32
	}
	h := le.AppendUint32(nil, 0x02014b50)
	h = le.AppendUint16(h, 45)
	h = z.common(h, e, zip64, len(extra))
	h = append(h, make([]byte, 10)...) // no comment, first disk, no attributes
	h = le.AppendUint32(h, off)
	h = append(h, e.name...)
	return append(h, extra...)
}

// end is the end of central directory, behind its zip64 form where a figure does not fit.
func (z *zipWriter) end(start uint64) []byte {
	n, size := uint64(len(z.entries)), z.off-start
	n16, size32, start32 := uint16(n), uint32(size), uint32(start)
	var h []byte
	if n >= math.MaxUint16 || size >= z.max32 || start >= z.max32 {
		h = z.end64(n, size, start)
		n16, size32, start32 = math.MaxUint16, math.MaxUint32, math.MaxUint32
	}
	h = le.AppendUint32(h, 0x06054b50)
	h = le.AppendUint32(h, 0) // this disk, the directory's disk
	h = le.AppendUint16(h, n16)
	h = le.AppendUint16(h, n16)
	h = le.AppendUint32(h, size32)
	h = le.AppendUint32(h, start32)
	return le.AppendUint16(h, 0)
}

func (z *zipWriter) end64(n, size, start uint64) []byte {
	h := le.AppendUint32(nil, 0x06064b50)
	h = le.AppendUint64(h, 44) // what follows of this record
	h = le.AppendUint16(h, 45)
	h = le.AppendUint16(h, 45)
	h = le.AppendUint64(h, 0) // this disk, the directory's disk
	for _, v := range []uint64{n, n, size, start} {
		h = le.AppendUint64(h, v)
	}
	h = le.AppendUint32(h, 0x07064b50) // the locator
	h = le.AppendUint32(h, 0)
	h = le.AppendUint64(h, z.off)
	return le.AppendUint32(h, 1)
}

func appendZip64(b []byte, values ...uint64) []byte {
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, uint16(8*len(values)))
	for _, v := range values {
		b = le.AppendUint64(b, v)
	}
	return b
}
