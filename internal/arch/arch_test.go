// Package arch holds the arrows between the rooms of the project: imports go one way.
package arch

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	CgoFiles     []string
}

// forbidden lists what a room must not import, its tests included.
var forbidden = map[string][]string{
	"forger/vision":   {"forger/data", "forger/gan", "forger/torch", "forger/cmd"},
	"forger/data":     {"forger/gan", "forger/torch", "forger/cmd"},
	"forger/torch":    {"forger/vision", "forger/data", "forger/gan", "forger/cmd"},
	"forger/gan":      {"forger/cmd"},
	"forger/internal": {"forger/vision", "forger/data", "forger/torch", "forger/gan", "forger/cmd"},
}

// pure lists file formats, which must not need the binding.
var pure = []string{"forger/torch/pt", "forger/torch/safetensors", "forger/torch/onnx"}

// foreign may use cgo: the binding, and one file of vision where it is built with libjpeg-turbo.
var foreign = map[string]func(files []string) bool{
	"forger/torch":  func([]string) bool { return true },
	"forger/vision": func(files []string) bool { return slices.Equal(files, []string{"jpeg_turbo.go"}) },
}

// violations names each import that goes the wrong way and each use of cgo outside the binding.
func violations(packages []pkg) (found []string) {
	for _, p := range packages {
		imports := append(append(append([]string{}, p.Imports...), p.TestImports...), p.XTestImports...)
		for room, banned := range forbidden {
			if !within(p.ImportPath, room) {
				continue
			}
			for _, path := range imports {
				for _, b := range banned {
					if within(path, b) {
						found = append(found, p.ImportPath+" imports "+path)
					}
				}
			}
		}
		for _, room := range pure {
			for _, path := range imports {
				if within(p.ImportPath, room) && path == "forger/torch" {
					found = append(found, p.ImportPath+" imports "+path)
				}
			}
		}
		if may, ok := foreign[p.ImportPath]; len(p.CgoFiles) > 0 && !(ok && may(p.CgoFiles)) {
			found = append(found, p.ImportPath+" uses cgo")
		}
	}
	return found
}

func within(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }

func TestImportsGoOneWay(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,CgoFiles", "forger/...")
	out, err := cmd.Output()
	require.NoError(t, err)
	var packages []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
	require.Greater(t, len(packages), 8)
	assert.Empty(t, violations(packages))
}

func TestAWrongArrowIsFound(t *testing.T) {
	assert.Equal(t, []string{"forger/data imports forger/torch/pt"},
		violations([]pkg{{ImportPath: "forger/data", XTestImports: []string{"forger/torch/pt"}}}))
	assert.Equal(t, []string{"forger/gan/metric uses cgo"},
		violations([]pkg{{ImportPath: "forger/gan/metric", Imports: []string{"forger/torch"}, CgoFiles: []string{"x.go"}}}))
	assert.Equal(t, []string{"forger/torch/pt imports forger/torch"},
		violations([]pkg{{ImportPath: "forger/torch/pt", Imports: []string{"forger/torch"}}}))
}
