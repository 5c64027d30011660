package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"forger/torch/pt"
)

// Info is what a checkpoint holds, without its numbers.
type Info struct {
	File        string            `json:"file"`
	Bytes       int64             `json:"bytes"`
	Format      int64             `json:"format"`
	Step        int64             `json:"step"`
	Images      int64             `json:"images"`
	Seconds     float64           `json:"seconds"` // trained
	Data        string            `json:"data"`
	Position    int64             `json:"position"` // batches used
	Length      int64             `json:"length"`   // images of an epoch
	Fingerprint string            `json:"fingerprint"`
	Meta        map[string]string `json:"meta"`
	Parts       []PartInfo        `json:"parts"`
	Config      json.RawMessage   `json:"config"`
}

// PartInfo is a network or an optimizer of a checkpoint.
type PartInfo struct {
	Name    string `json:"name"`
	Tensors int    `json:"tensors"`
	Numbers int64  `json:"numbers"`
}

// ReadInfo reads every byte of a checkpoint, so that a broken one is an error. It needs no libtorch.
func ReadInfo(path string) (info Info, err error) {
	stat, err := os.Stat(path)
	if err != nil {
		return info, err
	}
	file, err := pt.Open(path)
	if err != nil {
		return info, err
	}
	defer file.Close()
	if err := file.Verify(); err != nil {
		return info, fmt.Errorf("%s: %w", path, err)
	}
	root, err := pt.At[*pt.Dict](file.Root())
	if err != nil {
		return info, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := Config(root); err != nil {
		return info, fmt.Errorf("%s: %w", path, err)
	}
	info = Info{File: path, Bytes: stat.Size(), Meta: map[string]string{}}
	if err := info.fill(root); err != nil {
		return info, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

func (c *Info) fill(root *pt.Dict) error {
	config, err := pt.At[string](root, "config")
	c.Config = json.RawMessage(config)
	err = errors.Join(err,
		get(root, &c.Format, "format"), get(root, &c.Step, "step"), get(root, &c.Images, "images"),
		get(root, &c.Seconds, "meters", "seconds"),
		get(root, &c.Data, "data", "spec"), get(root, &c.Position, "data", "position"),
		get(root, &c.Length, "data", "length"), get(root, &c.Fingerprint, "data", "fingerprint"))
	meta, missing := pt.At[*pt.Dict](root, "meta")
	if err = errors.Join(err, missing); err != nil {
		return err
	}
	for k, v := range meta.All() {
		c.Meta[fmt.Sprint(k)] = fmt.Sprint(v)
	}
	for k, v := range root.All() {
		part, ok := v.(*pt.Dict)
		if name := fmt.Sprint(k); ok && !slices.Contains(noParts, name) {
			p := PartInfo{Name: name}
			p.count(part)
			c.Parts = append(c.Parts, p)
		}
	}
	return nil
}

// noParts are the dicts of a checkpoint that are neither a network nor an optimizer, whatever the method.
var noParts = []string{"rng", "data", "meters", "meta", "kept"}

func (p *PartInfo) count(d *pt.Dict) {
	for _, v := range d.All() {
		switch v := v.(type) {
		case *pt.Dict:
			p.count(v)
		case *pt.Tensor:
			p.Tensors++
			p.Numbers += int64(v.Numel())
		}
	}
}

// get reads the value at a path of keys.
func get[T any](root *pt.Dict, into *T, path ...any) (err error) {
	*into, err = pt.At[T](root, path...)
	return err
}
