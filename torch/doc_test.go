package torch_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// offered are the functions of a package and the methods of its exported types, as docs/torch.md calls them; of package
// optim and nn the functions alone, and the types of nn that are modules without a function that makes them.
func offered(t *testing.T, dir string) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	functions, methods, modules := map[string]bool{}, map[string]bool{}, map[string]bool{}
	name := ""
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		name = f.Name.Name
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !fn.Name.IsExported():
			case fn.Recv == nil:
				functions[name+"."+fn.Name.Name] = true
			default:
				of := strings.TrimPrefix(typeName(fn.Recv.List[0].Type), "*")
				methods[of+"."+fn.Name.Name] = token.IsExported(of)
				if fn.Name.Name == "Forward" {
					modules[of] = true
				}
			}
		}
	}
	if name == "torch" {
		maps.Copy(functions, methods)
	}
	for of := range modules {
		if made := functions[name+".New"+of]; !made && of != "Activation" && of != "GlobalPool" {
			functions[name+"."+of] = true
		}
	}
	return functions
}

func typeName(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		return "*" + typeName(star.X)
	}
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

var quoted = regexp.MustCompile("`([^`]+)`")

// names are the code words of a table's cell.
func names(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// docs/torch.md names all that the binding has, and no more, beside names that PyTorch has.
func TestTheTableOfNamesIsWhole(t *testing.T) {
	root := torchtest.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "torch.md"))
	require.NoError(t, err)
	listed, theirs := map[string]bool{}, []string{}
	ours := 1 // the column of our names
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		switch {
		case strings.HasPrefix(line, "| PyTorch "):
			ours = 2
		case strings.HasPrefix(line, "| Forger "):
			ours = 1
		case len(cells) == 4:
			for _, name := range names(cells[ours]) {
				assert.False(t, listed[name], "%s is listed twice", name)
				listed[name] = true
			}
			if ours == 2 {
				theirs = append(theirs, names(cells[1])...)
			}
		}
	}
	have := map[string]bool{}
	for _, dir := range []string{"torch", "torch/nn", "torch/optim"} {
		for name, is := range offered(t, filepath.Join(root, dir)) {
			if is {
				have[name] = true
			}
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(listed)), "give each name a row in docs/torch.md")

	asked, err := json.Marshal(theirs)
	require.NoError(t, err)
	var missing []string
	torchtest.JSON(t, &missing, torchtest.Python(t), "-c", `
import functools, json, sys
import torch
def has(name):
    try:
        functools.reduce(getattr, name.split(".")[1:], torch)
        return True
    except AttributeError:
        return False
print(json.dumps([n for n in json.loads(sys.argv[1]) if not has(n)]))`, string(asked))
	assert.Empty(t, missing, "PyTorch has no such names")
}
