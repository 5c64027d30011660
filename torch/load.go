package torch

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -ldl
#include "load.h"
#include <stdlib.h>
*/
import "C"

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"forger/internal/machine"
)

//go:embed gotorch.h
var header []byte

const shim = "libgotorch.so"

// library is the one copy of libtorch in this process.
var library struct {
	once sync.Once
	path string
	err  error

	version  string // of the libtorch that runs
	builtFor string // the one that the shim was built for
	threads  int    // libtorch's default
	conv     ConvKernels
}

// Load opens libgotorch.so and with it libtorch, once a process. It looks at $FORGER_LIB (the file or its folder), then
// where the set-up of a program's folder that cannot be written has put it, then beside the program, then in the build folder
// of the checkout around the program or the working directory.
func Load() error {
	library.once.Do(func() { library.path, library.err = load() })
	return library.err
}

func load() (string, error) {
	path, err := findShim()
	if err != nil {
		return "", err
	}
	if err := boundSpin(); err != nil {
		return path, err
	}
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	why := make([]byte, 1024)
	if C.gt_load(cpath, (*C.char)(unsafe.Pointer(&why[0])), C.size_t(len(why))) != 0 {
		return path, fmt.Errorf("torch: load: %s: %s: run `make build` (or ./setup beside the program) to fetch libtorch and build it again",
			path, oneLine(cString(why)))
	}
	sum := sha256.Sum256(header)
	if have, want := C.GoString(C.gt_abi()), hex.EncodeToString(sum[:]); have != want {
		return path, fmt.Errorf("torch: load: %s was built from another gotorch.h (%.12s, this program has %.12s): build both again with `make build`",
			path, have, want)
	}
	library.builtFor = C.GoString(C.gt_built_for())
	library.version = library.builtFor
	running := make([]byte, 64)
	if C.gt_version((*C.char)(unsafe.Pointer(&running[0])), C.size_t(len(running))) == C.GT_OK {
		library.version = release(cString(running))
	}
	if library.version != release(library.builtFor) {
		return path, fmt.Errorf("torch: load: %s was built for libtorch %s and finds %s: build it again with `make build`, or fetch the right one with ./setup",
			path, library.builtFor, cString(running))
	}
	C.gt_keep_memory()
	library.threads = int(C.gt_threads())
	if os.Getenv("OMP_NUM_THREADS") == "" { // libtorch knows no quota of processor time
		library.threads = min(library.threads, machine.CPUs())
	}
	library.conv = ConvKernels(C.gt_conv_best())
	return path, nil
}

// spin is how often a thread of OpenMP's looks for work before it sleeps, in GOMP_SPINCOUNT's unit. libgomp's own 300,000 are
// 10 ms and more, in which it holds a core that another process has work for; the next loop of a step begins much sooner.
const spin = "10000"

// boundSpin sets it, unless the user decided how threads wait. libgomp reads its environment when it is opened, so this
// comes before that.
func boundSpin() error {
	for _, name := range []string{"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	return os.Setenv("GOMP_SPINCOUNT", spin)
}

func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// release is a version without what tells builds of it apart: 2.11.0 of "2.11.0+cu130".
func release(version string) string {
	if end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		return version[:end]
	}
	return version
}

func findShim() (string, error) {
	if given := os.Getenv("FORGER_LIB"); given != "" {
		path := given
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, shim)
		}
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("torch: load: FORGER_LIB=%s: no %s there: correct or unset it", given, shim)
		}
		return path, nil
	}
	var candidates []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		candidates = append(asideOf(dir), filepath.Join(dir, shim), filepath.Join(filepath.Dir(dir), "build", shim))
	}
	if dir, err := os.Getwd(); err == nil {
		if root, err := checkout(dir); err == nil {
			candidates = append(candidates, filepath.Join(root, "build", shim))
		}
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("torch: load: %s not found (looked at %s): build it with `make build`, or name it in FORGER_LIB",
		shim, strings.Join(candidates, ", "))
}

// asideOf is where the set-up of a program's folder that cannot be written puts the shim: in the user's cache, if there is one.
func asideOf(dir string) []string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	sum := sha256.Sum256([]byte(dir))
	return []string{filepath.Join(cache, "forger", "beside-"+hex.EncodeToString(sum[:8]), shim)}
}

// checkout is the nearest folder upwards of dir that holds Forger's source.
func checkout(dir string) (string, error) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "torch", "gotorch.h")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not in a checkout")
		}
		dir = parent
	}
}

// Version is libtorch's, e.g. "2.11.0"; "" where Load fails.
func Version() string {
	_ = Load()
	return library.version
}

// DefaultThreads is how many intra-op threads a scope has for which none were asked: libtorch's own choice, one a core, or
// fewer where the process has not the time of so many processors, unless OMP_NUM_THREADS says how many. 0 where Load fails.
func DefaultThreads() int {
	_ = Load()
	return library.threads
}

// TrimMemory gives memory that is free back to the system. Otherwise it stays with the process, for the next step.
func TrimMemory() {
	if Load() == nil {
		C.gt_trim_memory()
	}
}

// Math holds the switches of the whole process. They are set once, before the first tensor.
type Math struct {
	TF32          bool // float32 products on CUDA's tensor cores with 10 bits of mantissa
	Deterministic bool // kernels that give the same bits each time
	Autotune      bool // cuDNN tries its algorithms on first use of a shape
}

// SetMath sets the switches, and returns how they stood. The error says that libtorch is not there, or that it refuses them.
func SetMath(m Math) (before Math, err error) {
	if err := Load(); err != nil {
		return before, err
	}
	var tf32, deterministic, autotune C.int
	C.gt_math(&tf32, &deterministic, &autotune)
	if C.gt_set_math(cbool(m.TF32), cbool(m.Deterministic), cbool(m.Autotune)) != C.GT_OK {
		return before, fmt.Errorf("torch: math: libtorch refuses %+v", m)
	}
	return Math{tf32 != 0, deterministic != 0, autotune != 0}, nil
}

func cbool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
