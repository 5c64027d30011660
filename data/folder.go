package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"forger/vision"
)

// folder is a tree of image files. They are listed when it is opened and decoded when they are read.
type folder struct {
	labelled
	dir    string
	files  []string // below dir, in byte order
	shape  Shape
	print  string
	fitter sync.Pool // of *vision.Resizer
}

var imageEndings = map[string]bool{".jpg": true, ".jpeg": true, ".png": true, ".gif": true}

func openFolder(dir string, o Options) (Dataset, error) {
	f := &folder{dir: dir, shape: Shape{o.Size, o.Size, o.Channels}}
	f.fitter.New = func() any { return new(vision.Resizer) }
	if err := f.list(); err != nil {
		return nil, fmt.Errorf("data: folder: %w", err)
	}
	f.label()
	if o.Size == 0 {
		m, err := f.decode(0)
		if err != nil {
			return nil, err
		}
		side := min(m.Height, m.Width)
		f.shape.Height, f.shape.Width = side, side
	}
	return f, nil
}

// list finds the files, in an order that does not depend on the file system. Links to files are followed, links to
// folders are not, since they may lead in circles. Hidden names are passed over.
func (f *folder) list() error {
	info, err := os.Stat(f.dir)
	if err != nil {
		return fmt.Errorf("%w: name a folder that exists", plainError(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: not a folder: name the folder the images lie in", f.dir)
	}
	sum := sha256.New()
	root := os.DirFS(f.dir)
	err = fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return plainError(err)
		}
		if path != "." && strings.HasPrefix(e.Name(), ".") {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() || !imageEndings[strings.ToLower(filepath.Ext(path))] {
			return nil
		}
		info, err := fs.Stat(root, path)
		if err != nil {
			return plainError(err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		f.files = append(f.files, path)
		fmt.Fprintf(sum, "%s\x00%d\n", path, info.Size())
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w: make it readable", f.dir, err)
	}
	if len(f.files) == 0 {
		return fmt.Errorf("%s: no images in it (.jpg, .jpeg, .png, .gif): name the folder they lie in", f.dir)
	}
	f.print = "folder sha256:" + hex.EncodeToString(sum.Sum(nil))
	return nil
}

// label takes the classes from the first level of folders; files that lie in none have no label.
func (f *folder) label() {
	number := map[string]int32{}
	for _, path := range f.files {
		if class, _, below := strings.Cut(path, "/"); below {
			number[class] = 0
		}
	}
	if len(number) == 0 {
		return
	}
	for class := range number {
		f.classes = append(f.classes, class)
	}
	slices.Sort(f.classes)
	for i, class := range f.classes {
		number[class] = int32(i)
	}
	f.labels = make([]int32, len(f.files))
	for i, path := range f.files {
		f.labels[i] = -1
		if class, _, below := strings.Cut(path, "/"); below {
			f.labels[i] = number[class]
		}
	}
}

func (f *folder) Spec() string        { return "folder:" + f.dir }
func (f *folder) Len() int            { return len(f.files) }
func (f *folder) Shape() Shape        { return f.shape }
func (f *folder) Fingerprint() string { return f.print }
func (f *folder) Close() error        { return nil }

func (f *folder) decode(i int) (vision.Image, error) {
	path := filepath.Join(f.dir, f.files[i])
	file, err := os.ReadFile(path)
	if err != nil {
		return vision.Image{}, fmt.Errorf("data: folder: %w: the folder changed while it was read", plainError(err))
	}
	m, err := vision.Decode(file, f.shape.Channels)
	if err != nil {
		return vision.Image{}, fmt.Errorf("data: folder: %s: %w: mend or remove the file", path, err)
	}
	return m, nil
}

func (f *folder) Read(_, i int, dst []byte) error {
	m, err := f.decode(i)
	if err != nil {
		return err
	}
	r := f.fitter.Get().(*vision.Resizer)
	defer f.fitter.Put(r)
	r.Fit(dst, m, f.shape.Height)
	return nil
}
