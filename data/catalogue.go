package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"path"
	"strings"
)

// catalogue collects the images of an archive while it is listed.
type catalogue struct {
	kind   string
	a      *archive
	path   string // of the shard that is listed
	takes  takes
	seen   map[string]int32 // by name: which image it is, or notListed
	again  bool             // a name came more than once
	sum    hash.Hash        // of what identifies the contents
	tables map[string]span
	sides  sidecars[span] // by shard and name
}

func newCatalogue(kind string, a *archive, o Options) *catalogue {
	return &catalogue{kind: kind, a: a, path: a.path, takes: taking(o), seen: map[string]int32{}, sum: sha256.New(), tables: map[string]span{}, sides: sidecars[span]{}}
}

// begin is called before another shard is listed. A name means a file within one.
func (c *catalogue) begin(path string) {
	c.path = path
	if len(c.a.shards) > 0 {
		clear(c.seen)
		fmt.Fprintf(c.sum, "shard %d\n", len(c.a.shards))
	}
}

// entryError names the archive and the entry.
func (c *catalogue) entryError(name string, err error) error {
	return fmt.Errorf("data: %s: %s: %s: %w", c.kind, c.path, printable(name), err)
}

// safe refuses names that lead out of the folder an archive is unpacked to, and cleans the others.
func safe(name string) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	switch {
	case name == "":
		return "", errors.New("it has no name: make the archive again")
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		return "", errors.New("an absolute path: make the archive again with relative ones")
	case strings.ContainsRune(name, 0):
		return "", errors.New("a zero byte in its name: make the archive again")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("a path with ..: make the archive again without")
		}
	}
	return path.Clean(name), nil
}

// wanted tells whether a safe name is that of an image, a labels file or a sidecar, and counts those that are passed over. Hidden
// names are too, and not counted.
func (c *catalogue) wanted(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	if c.takes.image(name) || c.takes.sidecar(name) || path.Base(name) == labelsFile {
		return true
	}
	c.a.passOver(name)
	return false
}

// notListed is a file that was seen and is no image.
const notListed = -1

// add enters a wanted file, with what identifies its contents beside name and size. Of files of one name in a tar the last
// one counts, as where it is unpacked; a zip has one of each.
func (c *catalogue) add(name string, sp span, identity any) error {
	sp.shard = uint16(len(c.a.shards) - 1)
	at, again := c.seen[name]
	switch {
	case again && c.kind != "tar":
		return errors.New("it is in the archive twice: make the archive again with each file once")
	case path.Base(name) == labelsFile:
		c.seen[name] = notListed
		c.tables[strings.TrimSuffix(name, labelsFile)] = sp
		return nil
	case c.takes.sidecar(name):
		c.seen[name] = notListed
		c.sides[sideKey(sp.shard, name)] = sp
		return nil
	case again:
		c.again = true
		c.a.spans[at] = sp
	default:
		c.seen[name] = int32(len(c.a.spans))
		c.a.files.add(name, int64(sp.size))
		c.a.spans = append(c.a.spans, sp)
	}
	fmt.Fprintf(c.sum, "%s\x00%d\x00%v\n", name, sp.size, identity)
	return nil
}

// resize gives the files the sizes of their last versions.
func (c *catalogue) resize() {
	var files names
	for i, name := range c.a.files.all() {
		files.add(name, int64(c.a.spans[i].size))
	}
	c.a.files = files
}

// dataset makes one of what was listed.
func (c *catalogue) dataset(o Options) (Dataset, error) {
	if c.a.files.n == 0 {
		return nil, fmt.Errorf("data: %s: %s: no images in it (%s): name an archive of image files", c.kind, c.a.path, c.takes.text())
	}
	if c.again {
		c.resize()
	}
	c.seen = nil
	common, root := roots(&c.a.files)
	d := &imageFiles{store: c.a, kind: c.kind, path: c.a.path, print: c.kind + " sha256:" + hex.EncodeToString(c.sum.Sum(nil))}
	g, sum, err := c.given(common)
	if err != nil {
		return nil, err
	}
	d.print += sum
	if g == nil && len(c.sides) > 0 {
		if d.labelled, sum, err = c.sided(); err != nil {
			return nil, err
		}
		d.print += sum
	}
	if d.labelled.labels == nil {
		if d.labelled, err = assign(&c.a.files, root, g); err != nil {
			return nil, c.entryError(g.dir+labelsFile, err)
		}
	}
	return finish(d, o)
}

// sideKey tells the sidecars of shards apart.
func sideKey(shard uint16, name string) string { return fmt.Sprintf("%d/%s", shard, name) }

// sided labels the images as their sidecars do.
func (c *catalogue) sided() (labelled, string, error) {
	s := new(scratch)
	used := map[string]bool{}
	l, sum, err := sided(c.a.files.n, func(i int) (string, error) {
		defer s.done()
		name, _ := c.a.files.at(i)
		sp, side, ok := c.sides.of(sideKey(c.a.spans[i].shard, name))
		if !ok {
			return "", nil
		}
		used[side] = true
		_, side, _ = strings.Cut(side, "/")
		c.path = c.a.shards[sp.shard].path
		if sp.size > maxSidecar {
			return "", c.entryError(side, fmt.Errorf("more than %d bytes: remove it", maxSidecar))
		}
		file, err := c.a.read(sp, s, nil)
		if err != nil {
			return "", c.entryError(side, fmt.Errorf("%w: mend or remove it", err))
		}
		class, err := sideLabel(side, file)
		if err != nil {
			return "", c.entryError(side, err)
		}
		return class, nil
	})
	for side := range c.sides {
		if !used[side] {
			c.a.passOver(side)
		}
	}
	return l, sum, err
}

// table is the contents of a file that is no image.
func (c *catalogue) table(sp span) ([]byte, error) {
	s := new(scratch)
	defer s.done()
	return c.a.read(sp, s, nil)
}

// roots are the folder that holds all images, and the folder whose folders are the classes: the same one, but its
// parent where the images lie in it side by side. Both are "" or end in a slash.
func roots(files *names) (common, root string) {
	deep := false
	for i, name := range files.all() {
		if i == 0 {
			common, _ = path.Split(name)
		}
		for !strings.HasPrefix(name, common) {
			common, _ = path.Split(strings.TrimSuffix(common, "/"))
			deep = true
		}
		deep = deep || strings.Contains(name[len(common):], "/")
	}
	if deep {
		return common, common
	}
	root, _ = path.Split(strings.TrimSuffix(common, "/"))
	return common, root
}

// given reads the labels file that lies beside the images or above them: the nearest, and its part of the fingerprint.
func (c *catalogue) given(common string) (*given, string, error) {
	for dir := common; ; dir, _ = path.Split(strings.TrimSuffix(dir, "/")) {
		if sp, ok := c.tables[dir]; ok {
			file, err := c.table(sp)
			if err != nil {
				return nil, "", c.entryError(dir+labelsFile, fmt.Errorf("%w: mend or remove it", err))
			}
			g, err := parseLabels(dir, file)
			if err != nil {
				return nil, "", c.entryError(dir+labelsFile, err)
			}
			return g, labelsPrint(file), nil
		}
		if dir == "" {
			return nil, "", nil
		}
	}
}
