package torch_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// functions are the package's; reflection finds the methods of receivers by itself.
var functions = map[string]any{
	"BestConv": torch.BestConv, "CUDAMemory": torch.CUDAMemory, "Cat": torch.Cat, "Catch": torch.Catch,
	"ConvKernelsNamed": torch.ConvKernelsNamed, "Convolutions": torch.Convolutions, "DefaultThreads": torch.DefaultThreads,
	"DescribeCUDA": torch.DescribeCUDA, "Grad": torch.Grad, "Layout": torch.Layout, "Load": torch.Load,
	"MaxThreads": torch.MaxThreads, "NewComm": torch.NewComm, "NewScope": torch.NewScope, "Of": torch.Of, "On": torch.On, "OpenCUDA": torch.OpenCUDA,
	"OpenDevice": torch.OpenDevice, "ParseDevice": torch.ParseDevice, "Part": torch.Part, "Probe": torch.Probe, "ResetPeak": torch.ResetPeak,
	"SetMath": torch.SetMath, "Stack": torch.Stack, "Threads": torch.Threads, "TrimMemory": torch.TrimMemory,
	"Version": torch.Version, "Where": torch.Where,
}

// options are Options by themselves, which scopes are made with.
var options = map[string]bool{"BF16": true, "Eval": true, "NoGrad": true, "Train": true, "WithGrad": true}

var receivers = []reflect.Type{
	reflect.TypeFor[torch.Tensor](), reflect.TypeFor[*torch.Scope](), reflect.TypeFor[*torch.Generator](),
	reflect.TypeFor[*torch.Graph](), reflect.TypeFor[*torch.Uploader](), reflect.TypeFor[*torch.Event](),
	reflect.TypeFor[*torch.Script](), reflect.TypeFor[torch.Device](), reflect.TypeFor[torch.DType](), reflect.TypeFor[torch.ConvKernels](),
	reflect.TypeFor[torch.Conv](), reflect.TypeFor[torch.Pool](), reflect.TypeFor[*torch.Error](), reflect.TypeFor[*torch.Comm](),
	reflect.TypeFor[torch.Share](),
}

// exported is what the package offers: its functions by name, and methods as Type.Method. Reflection cannot list the former.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if f.Recv == nil {
				names[f.Name.Name] = true
				continue
			}
			at := f.Recv.List[0].Type
			if star, ok := at.(*ast.StarExpr); ok {
				at = star.X
			}
			if of, ok := at.(*ast.Ident); ok && of.IsExported() {
				names[of.Name+"."+f.Name.Name] = true
			}
		}
	}
	return names
}

// No call that the types allow kills the process or panics with anything but a named error: tensors that were never made,
// released, closed, of siblings and of other goroutines; nothing where something is due; absurd numbers; each mixed with
// what is right. A function that is nil is Go's own affair. $FORGER_MISUSE says how often each is called.
func TestMisuseIsNamed(t *testing.T) {
	names := exported(t)
	t.Chdir(t.TempDir()) // some of the calls write files, under names that make no sense
	rounds := 60
	if n, err := strconv.Atoi(os.Getenv("FORGER_MISUSE")); err == nil {
		rounds = n
	}
	calls := map[string]reflect.Value{}
	for name, f := range functions {
		calls[name] = reflect.ValueOf(f)
	}
	for _, r := range receivers {
		of := r
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		for i := range r.NumMethod() {
			calls[of.Name()+"."+r.Method(i).Name] = r.Method(i).Func
		}
	}
	for name := range names {
		assert.True(t, options[name] || calls[name].IsValid(), "%s is not tried", name)
	}
	foreign := elsewhere(t)
	t.Chdir(t.TempDir()) // a name is a path to some
	for name, f := range calls {
		t.Run(name, func(t *testing.T) {
			hash := fnv.New64a()
			hash.Write([]byte(name))
			dir := t.TempDir()
			for i := range rounds {
				w := newWorld(t, rand.New(rand.NewPCG(hash.Sum64(), uint64(i))), dir, foreign)
				w.try(t, name, f)
				w.root.Close()
			}
		})
	}
}

// try calls f once, a fifth of the times on another goroutine.
func (w *world) try(t *testing.T, name string, f reflect.Value) {
	args := w.args(f.Type())
	call := func() (recovered any) {
		defer func() { recovered = recover() }()
		for _, r := range f.Call(args) {
			tidy(r)
		}
		return nil
	}
	var recovered any
	if w.r.IntN(5) == 0 {
		done := make(chan any)
		go func() { done <- call() }()
		recovered = <-done
	} else {
		recovered = call()
	}
	if name == "Scope.StartTrace" && recovered == nil {
		w.root.StopTrace(filepath.Join(w.dir, "trace"))
	}
	if e, ok := recovered.(*torch.Error); recovered != nil && !ok {
		t.Errorf("%s(%s) panics with %v", name, describe(args), recovered)
	} else if ok {
		assert.NotEmpty(t, e.Op)
		assert.NotEmpty(t, e.Msg)
	}
}

// tidy frees what a call made, where the scopes of the test do not.
func tidy(result reflect.Value) {
	if result.Kind() == reflect.Pointer && result.IsNil() {
		return
	}
	switch made := result.Interface().(type) {
	case *torch.Scope:
		made.Close()
	case *torch.Event:
		made.Free()
		made.Free()
	case *torch.Uploader:
		made.Free()
		made.Free()
	case *torch.Script:
		made.Free()
		made.Free()
	case *torch.Comm:
		made.Close()
		made.Close()
	case func():
		made()
		made()
	}
}

func describe(args []reflect.Value) string {
	var words []string
	for _, a := range args {
		words = append(words, fmt.Sprintf("%#v", a))
	}
	return strings.Join(words, ", ")
}

// A full disk is an error, and the process goes on.
func TestAScriptThatCannotBeWritten(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for path, said := range map[string]string{"/dev/full": "No space left on device", t.TempDir(): "Is a directory"} {
			e := torchtest.Error(t, func() { s.SaveScript(path, "def forward(self, x):\n    return x\n", nil) })
			assert.Contains(t, e.Msg, path+" cannot be written: "+said)
		}
	})
}
