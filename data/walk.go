package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// walk lists a folder's image files, in an order that does not depend on the file system. Links to files are followed,
// and so are links to folders that lie elsewhere, once each. Hidden names are passed over.
type walk struct {
	folderList
	root, real string // the folder, and the same without links
	sum        hash.Hash
	visited    map[inode]struct{}
	takes      takes
}

// inode tells whether two paths lead to one folder.
type inode struct{ device, number uint64 }

// unreadable is the size of a file that could not be looked at: a link that leads nowhere, or what lies in a folder that
// may not be read, which then stands for it. Reading it says why.
const unreadable = -1

func (f *folder) walk() (*folderList, error) {
	w := &walk{folderList: folderList{began: clock()}, root: f.dir, sum: sha256.New(), visited: map[inode]struct{}{}, takes: f.takes}
	var err error
	if w.real, err = filepath.EvalSymlinks(f.dir); err == nil {
		err = w.folder("")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: make it readable", f.dir, plainError(err))
	}
	w.print = "folder sha256:" + hex.EncodeToString(w.sum.Sum(nil))
	return &w.folderList, nil
}

// folder lists what lies in the folder of a name, "" or with a slash at its end.
func (w *walk) folder(name string) error {
	path := filepath.Join(w.root, name)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return w.closed(name, &fs.PathError{Op: "stat", Path: path, Err: err})
	}
	is := inode{st.Dev, st.Ino}
	if _, known := w.visited[is]; known {
		w.passed.count("links to folders")
		return nil
	}
	w.visited[is] = struct{}{}
	w.dirs = append(w.dirs, dirStamp{strings.TrimSuffix(name, "/"), st.Ctim.Nano()})
	entries, err := os.ReadDir(path)
	if err != nil {
		return w.closed(name, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := w.entry(name+e.Name(), e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, e fs.DirEntry) error {
	switch {
	case e.IsDir():
		return w.folder(name + "/")
	case e.Type()&fs.ModeSymlink != 0:
		return w.link(name)
	case w.takes.sidecar(name):
		w.sides.add(name, 0) // read at each start: what is in it may change
		return nil
	case !w.takes.image(name):
		w.passOver(name)
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return w.unread(name, err)
	}
	w.file(name, info)
	return nil
}

// link follows a link.
func (w *walk) link(name string) error {
	path := filepath.Join(w.root, name)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return w.linked(name)
	case !w.takes.image(name):
		w.passOver(name)
		return nil
	case err != nil:
		return w.unread(name, err)
	}
	w.file(name, info)
	return nil
}

// linked follows a link to a folder, unless that is in the tree anyway.
func (w *walk) linked(name string) error {
	to, err := filepath.EvalSymlinks(filepath.Join(w.root, name))
	if err != nil {
		return w.closed(name+"/", err)
	}
	if !w.takes.links || strings.HasPrefix(to+"/", strings.TrimSuffix(w.real, "/")+"/") {
		w.passed.count("links to folders")
		return nil
	}
	return w.folder(name + "/")
}

// file adds what is a file.
func (w *walk) file(name string, info fs.FileInfo) {
	if info.Mode().IsRegular() {
		w.add(name, info.Size())
	}
}

func (w *walk) add(name string, size int64) {
	w.files.add(name, size)
	fmt.Fprintf(w.sum, "%s\x00%d\n", name, size)
}

// closed is an error at a folder: one that may not be read is a broken file, all but the first.
func (w *walk) closed(name string, err error) error {
	if name == "" {
		return err
	}
	return w.unread(name, err)
}

// unread adds a file that cannot be read where that says something about it, and not about the machine.
func (w *walk) unread(name string, err error) error {
	if !ownFault(err) {
		return err
	}
	w.add(name, unreadable)
	return nil
}

// ownFault tells whether what keeps a file from being read lies in the folder: a missing target, a circle, no permission.
func ownFault(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR)
}
