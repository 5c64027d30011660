package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// uses are the exported names of a tree: who declares each, and who names it.
type uses struct {
	declared map[string][]string        // "forger/data.Open" or, of methods and fields, ".Read": the packages that declare it
	named    map[string]map[string]bool // the same: the packages that name it
	same     map[string]string          // a constant: the first of its group
}

// called are methods that others call by an interface of theirs, or by reflection.
var called = []string{".ColorModel", ".ReadByte", ".Error", ".Unwrap", ".String", ".MarshalJSON", ".ServeHTTP", ".UnmarshalJSON", ".MarshalYAML", ".UnmarshalYAML", ".Write", ".Read", ".ReadAt", ".Close", ".Set", ".Type", ".Colors", ".Z"}

func newUses() uses {
	return uses{map[string][]string{}, map[string]map[string]bool{}, map[string]string{}}
}

func (u uses) declare(name, in string) { u.declared[name] = append(u.declared[name], in) }

func (u uses) name(name, in string) {
	if u.named[name] == nil {
		u.named[name] = map[string]bool{}
	}
	u.named[name][in] = true
}

// add reads a file of the package at path; that of its external tests has another name.
func (u uses) add(path string, f *ast.File, test bool) {
	imports := map[string]string{}
	for _, i := range f.Imports {
		of, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		local := of[strings.LastIndex(of, "/")+1:]
		if i.Name != nil {
			local = i.Name.Name
		}
		imports[local] = of
	}
	in := path
	if strings.HasSuffix(f.Name.Name, "_test") {
		in += "_test"
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
				u.name(imports[x.Name]+"."+n.Sel.Name, in)
			}
			u.name("."+n.Sel.Name, in)
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				u.name("."+key.Name, in)
			}
		}
		return true
	})
	if test {
		return
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			key := path + "." + d.Name.Name
			if d.Recv != nil {
				key = "." + d.Name.Name
			}
			u.exported(key, d.Name, path)
		case *ast.GenDecl:
			u.values(d, path)
		}
	}
}

// values enters variables and constants, of which a group of constants is one thing. Types are left out: they come as the
// results and the fields of what is named, and nobody needs their names.
func (u uses) values(d *ast.GenDecl, path string) {
	group := ""
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			return
		}
		for _, name := range v.Names {
			key := path + "." + name.Name
			if d.Tok != token.CONST {
				u.exported(key, name, path)
				continue
			}
			if group == "" && name.IsExported() {
				group = key
				u.exported(key, name, path)
			}
			u.same[key] = group
		}
	}
}

func (u uses) exported(key string, name *ast.Ident, path string) {
	if name.IsExported() && !slices.Contains(called, key) {
		u.declare(key, path)
	}
}

// vain lists what is exported and no other package names.
func (u uses) vain() (found []string) {
	for key, first := range u.same {
		for in := range u.named[key] {
			u.name(first, in)
		}
	}
	for key, packages := range u.declared {
		for _, path := range packages {
			others := 0
			for in := range u.named[key] {
				if in != path {
					others++
				}
			}
			if others == 0 {
				found = append(found, strings.TrimSuffix(path, "/")+": "+key[strings.LastIndex(key, ".")+1:])
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestNothingIsExportedInVain(t *testing.T) {
	u := newUses()
	for _, p := range list(t) {
		for _, files := range [][]string{p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles} {
			for _, name := range files {
				f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
				require.NoError(t, err)
				u.add(p.ImportPath, f, strings.HasSuffix(name, "_test.go"))
			}
		}
	}
	assert.Greater(t, len(u.declared), 200)
	assert.Empty(t, u.vain())
}

func TestAVainExportIsFound(t *testing.T) {
	u := newUses()
	for path, text := range map[string]string{
		"forger/a": "package a\nfunc Used() {}\nfunc Vain() { Used() }\ntype T struct{}\nfunc (T) Quiet() {}\nfunc (T) Loud() {}\n",
		"forger/b": "package b\nimport \"forger/a\"\nvar x a.T\nfunc f() { a.Used(); x.Loud() }\n",
	} {
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		u.add(path, f, false)
	}
	assert.Equal(t, []string{"forger/a: Quiet", "forger/a: Vain"}, u.vain())
}
