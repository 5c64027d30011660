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
	Dir, ImportPath                    string
	Imports, TestImports, XTestImports []string
	GoFiles, CgoFiles                  []string
	TestGoFiles, XTestGoFiles          []string
}

// rooms are the project's, from the top down: a room imports only what stands below it, its tests included. Those of a line
// stand side by side, and import none of each other.
var rooms = [][]string{
	{"forger/cmd", "forger/scripts"},
	{"forger/gan"},
	{"forger/gan/bench", "forger/gan/board", "forger/gan/export", "forger/gan/gantest"},
	{"forger/gan/trainer"},
	{"forger/gan/feature"},
	{"forger/gan/checkpoint", "forger/gan/report", "forger/gan/rundir", "forger/gan/together"},
	{"forger/gan/method"},
	{"forger/gan/metric", "forger/gan/model"},
	{"forger/data", "forger/torch"},
	{"forger/vision"},
	{"forger/internal"},
}

// aside are arrows of tests alone, to what several rooms' tests share.
var aside = []string{"forger/gan/gantest"}

// place is the line of the room that a package belongs to, and the room; -1 where it is none of the project's.
func place(path string) (line int, room string) {
	line = -1
	for i, side := range rooms {
		for _, r := range side {
			if within(path, r) && len(r) > len(room) {
				line, room = i, r
			}
		}
	}
	return line, room
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
		from, room := place(p.ImportPath)
		for _, path := range imports {
			to, other := place(path)
			if to < 0 || room == other || to > from || slices.Contains(aside, path) {
				continue
			}
			found = append(found, p.ImportPath+" imports "+path)
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

// list describes every package of the project.
func list(t *testing.T) (packages []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=Dir,ImportPath,Imports,TestImports,XTestImports,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles", "forger/...").Output()
	require.NoError(t, err)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
	require.Greater(t, len(packages), 20)
	return packages
}

func TestImportsGoOneWay(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		line, _ := place(p.ImportPath)
		assert.GreaterOrEqual(t, line, 0, "%s belongs to no room", p.ImportPath)
	}
	assert.Empty(t, violations(packages))
}

func TestAWrongArrowIsFound(t *testing.T) {
	assert.Equal(t, []string{"forger/data imports forger/torch/pt"},
		violations([]pkg{{ImportPath: "forger/data", XTestImports: []string{"forger/torch/pt"}}}))
	assert.Equal(t, []string{"forger/gan/metric uses cgo"},
		violations([]pkg{{ImportPath: "forger/gan/metric", Imports: []string{"forger/torch"}, CgoFiles: []string{"x.go"}}}))
	assert.Equal(t, []string{"forger/gan/checkpoint imports forger/gan/report", "forger/gan/checkpoint imports forger/gan/trainer"},
		violations([]pkg{{ImportPath: "forger/gan/checkpoint", Imports: []string{"forger/gan/report", "forger/gan/method"}, TestImports: []string{"forger/gan/trainer"}}}))
	assert.Equal(t, []string{"forger/torch/pt imports forger/torch"},
		violations([]pkg{{ImportPath: "forger/torch/pt", Imports: []string{"forger/torch"}}}))
}
