package fetch

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/internal/atomicfile"
)

const (
	cifarArchive = "cifar-10-binary.tar.gz"
	cifarFolder  = "cifar-10-batches-bin"
	cifarMost    = 64 << 20 // bytes a file of it may have
)

var cifarFiles = []string{"batches.meta.txt", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
	"data_batch_5.bin", "test_batch.bin"}

// unpackCIFAR10 unpacks the binary files, which cifar10:DIR reads, into the archive's own folder. Those that are there
// in their size stay.
func unpackCIFAR10(dir string) error {
	path := filepath.Join(dir, cifarArchive)
	file, err := os.Open(path)
	if err != nil {
		return plain(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w: remove it and fetch it again", path, err)
	}
	left := slices.Clone(cifarFiles)
	for archive := tar.NewReader(unzipped); len(left) > 0; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %s is not in it: remove it and fetch it again", path, strings.Join(left, ", "))
		}
		if err != nil {
			return fmt.Errorf("%s: %w: remove it and fetch it again", path, err)
		}
		name := strings.TrimPrefix(head.Name, cifarFolder+"/")
		at := slices.Index(left, name)
		if at < 0 || head.Typeflag != tar.TypeReg || head.Size > cifarMost {
			continue
		}
		if err := unpackFile(filepath.Join(dir, cifarFolder, name), head.Size, archive); err != nil {
			return err
		}
		left = slices.Delete(left, at, at+1)
	}
	return nil
}

func unpackFile(path string, size int64, from io.Reader) error {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == size {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return plain(err)
	}
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
	return plain(err)
}
