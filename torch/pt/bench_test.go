package pt

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const benchBytes = 256 << 20

// benchData touches every page: fresh zero pages would all be one in the processor's cache.
func benchData() []byte {
	data := make([]byte, benchBytes)
	for i := range data {
		data[i] = byte(i * 7)
	}
	return data
}

// benchTree is a state dict of 64 tensors of 4 MB.
func benchTree() *Dict {
	root := NewOrderedDict()
	data := benchData()
	for i := range int64(64) {
		part := data[i*(4<<20) : (i+1)*(4<<20)]
		root.SetInt(i, &Tensor{DType: Float32, Shape: []int{1 << 10, 1 << 10}, Data: part})
	}
	return root
}

// BenchmarkWrite measures a file of 256 MB without the flush to the disk, which the disk alone decides.
func BenchmarkWrite(b *testing.B) {
	root, path := benchTree(), filepath.Join(b.TempDir(), "x.pt")
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Create(path)
		require.NoError(b, err)
		require.NoError(b, Write(f, root))
		require.NoError(b, f.Close())
	}
}

// BenchmarkWriteFile is the same with everything WriteFile does.
func BenchmarkWriteFile(b *testing.B) {
	root, path := benchTree(), filepath.Join(b.TempDir(), "x.pt")
	b.SetBytes(benchBytes)
	for b.Loop() {
		require.NoError(b, WriteFile(path, root))
	}
}

// BenchmarkRead reads every tensor of the file into one buffer.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.pt")
	require.NoError(b, WriteFile(path, benchTree()))
	dst := make([]byte, 4<<20)
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := Open(path)
		require.NoError(b, err)
		require.NoError(b, eachTensor(f.Root(), func(t *Tensor) error { return t.ReadInto(dst) }))
		require.NoError(b, f.Close())
	}
}

// BenchmarkPlainWrite is the yardstick of Write: the same bytes from memory, through a CRC, to a file.
func BenchmarkPlainWrite(b *testing.B) {
	data, path := benchData(), filepath.Join(b.TempDir(), "x")
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Create(path)
		require.NoError(b, err)
		crc32.ChecksumIEEE(data)
		_, err = f.Write(data)
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}

// BenchmarkPlainRead is the yardstick of Read: the bytes of a file through a CRC.
func BenchmarkPlainRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	require.NoError(b, os.WriteFile(path, benchData(), 0o666))
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Open(path)
		require.NoError(b, err)
		_, err = io.CopyBuffer(crc32.NewIEEE(), bufio.NewReaderSize(f, 4<<20), make([]byte, 4<<20))
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}

// BenchmarkGigabyte saves and loads a state dict of 1 GB (64 tensors of 16 MB), each beside the yardstick of the same
// round: `cp` of the file, flushed to the disk, and the CRC of its bytes; for loading, a plain read and the CRC. It reports
// the medians, their ratios, and by how much saving and loading raised the resident memory at most.
func BenchmarkGigabyte(b *testing.B) {
	root, data := NewOrderedDict(), make([]byte, 1<<30)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	const each = 16 << 20
	for i := range int64(64) {
		root.SetInt(i, &Tensor{DType: Float32, Shape: []int{4 << 10, 1 << 10}, Data: data[i*each : (i+1)*each]})
	}
	path := filepath.Join(b.TempDir(), "x.pt")
	copied := path + ".copy"
	var saves, copies, loads, reads []float64
	rise := 0.0
	dst := make([]byte, each)
	for b.Loop() {
		rise = max(rise, memoryRise(b, func() {
			saves = append(saves, seconds(b, func() error { return WriteFile(path, root) }))
		}))
		copies = append(copies, seconds(b, func() error {
			crc32.ChecksumIEEE(data)
			return exec.Command("sh", "-c", `cp "$1" "$2" && sync "$2"`, "sh", path, copied).Run()
		}))
		rise = max(rise, memoryRise(b, func() {
			loads = append(loads, seconds(b, func() error {
				f, err := Open(path)
				if err != nil {
					return err
				}
				return errors.Join(eachTensor(f.Root(), func(t *Tensor) error { return t.ReadInto(dst) }), f.Close())
			}))
		}))
		reads = append(reads, seconds(b, func() error { return plainRead(copied, dst) }))
		require.NoError(b, os.Remove(copied))
	}
	b.ReportMetric(median(saves), "save-s")
	b.ReportMetric(median(saves)/median(copies), "save/cp")
	b.ReportMetric(median(loads), "load-s")
	b.ReportMetric(median(loads)/median(reads), "load/read")
	b.ReportMetric(rise, "MB-more")
}

func plainRead(path string, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		n, err := f.Read(buf)
		crc32.ChecksumIEEE(buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func seconds(b *testing.B, f func() error) float64 {
	b.Helper()
	start := time.Now()
	require.NoError(b, f())
	return time.Since(start).Seconds()
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// memoryRise is by how many MB f raised the resident memory of the process at its peak.
func memoryRise(b *testing.B, f func()) float64 {
	b.Helper()
	require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // the peak starts here
	before := statusKiB(b, "VmRSS:")
	f()
	return float64(statusKiB(b, "VmHWM:")-before) / 1024
}

func statusKiB(b *testing.B, key string) (kib int) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			_, err := fmt.Sscan(rest, &kib)
			require.NoError(b, err)
		}
	}
	return kib
}
