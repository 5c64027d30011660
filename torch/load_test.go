package torch_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process opens libtorch once, so each case runs this test binary again, with inChild set to what it shall try.
const inChild = "FORGER_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(inChild) {
	case "load":
		fmt.Println(torch.Load())
	case "default threads":
		fmt.Println(torch.Load(), torch.DefaultThreads())
	case "cuda":
		n, err := torch.OpenCUDA()
		fmt.Println(n, err)
	case "math":
		_, err := torch.SetMath(torch.Math{})
		fmt.Println(err)
	case "trim":
		torch.TrimMemory()
		fmt.Println("trimmed")
	case "conv":
		fmt.Println(torch.BestConv())
	case "memory":
		_, err := torch.CUDAMemory(0)
		fmt.Println(err)
	case "cuda, late":
		s, err := torch.NewScope()
		if err == nil {
			s.Ones(1, 1, 4, 4).Conv2d(s.Ones(1, 1, 3, 3), torch.Tensor{}, torch.Conv{})
			_, err = torch.OpenCUDA()
		}
		fmt.Println(err)
	case "rank":
		rankMain()
	case "nccl":
		fmt.Println(openNCCL())
	case "no gloo":
		_, err := torch.NewComm("gloo", torch.CPU, 0, 1, newMeeting(), time.Second)
		fmt.Println(err)
	default:
		torchtest.Main(m)
	}
}

// child runs this binary from dir with nothing of this process's environment that says where the library is, or how many threads it has.
func child(t *testing.T, what, dir string, env ...string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Dir = dir
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FORGER_LIB=") && !strings.HasPrefix(e, "LD_LIBRARY_PATH=") && !strings.HasPrefix(e, "OMP_NUM_THREADS=") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(append(cmd.Env, inChild+"="+what), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	text := strings.TrimSpace(string(out))
	assert.NotContains(t, text, "\n", "one line")
	return text
}

// library compiles C source into dir/name.
func library(t *testing.T, dir, name, source string, args ...string) {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	file := filepath.Join(dir, name+".c")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o644))
	args = append([]string{"-shared", "-fPIC", "-o", filepath.Join(dir, name), file}, args...)
	out, err := exec.Command(cc, args...).CombinedOutput()
	require.NoError(t, err, string(out))
}

// driver is source of a stand-in for libcuda.so.1.
func driver(init, version, count int) string {
	return fmt.Sprintf("int cuInit(unsigned f) { return %d; }\n"+
		"int cuDriverGetVersion(int *v) { *v = %d; return 0; }\nint cuDeviceGetCount(int *n) { *n = %d; return 0; }\n",
		init, version, count)
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	t.Run("nothing", func(t *testing.T) {
		text := child(t, "load", t.TempDir())
		assert.Contains(t, text, "torch: load: libgotorch.so not found")
		assert.Contains(t, text, "make build")
	})
	t.Run("FORGER_LIB is wrong", func(t *testing.T) {
		text := child(t, "load", t.TempDir(), "FORGER_LIB=/nowhere")
		assert.Equal(t, "torch: load: FORGER_LIB=/nowhere: no libgotorch.so there: correct or unset it", text)
	})
	t.Run("libtorch is gone", func(t *testing.T) {
		dir := t.TempDir()
		library(t, dir, "libtorch_gone.so", "int gone(void) { return 1; }")
		library(t, dir, "libgotorch.so", "int gone(void); int here(void) { return gone(); }", "-L"+dir, "-l:libtorch_gone.so")
		require.NoError(t, os.Remove(filepath.Join(dir, "libtorch_gone.so")))
		text := child(t, "load", dir, "FORGER_LIB="+dir)
		assert.Contains(t, text, "libtorch_gone.so: cannot open shared object file")
		assert.Contains(t, text, "make build")
	})
	t.Run("a library of another kind", func(t *testing.T) {
		dir := t.TempDir()
		library(t, dir, "libgotorch.so", "int here(void) { return 1; }")
		assert.Contains(t, child(t, "load", dir, "FORGER_LIB="+dir), "it has no gt_abi")
	})
	// A shim with every entry of the header, of which those given do something.
	shim := func(t *testing.T, header []byte, entries map[string]string) (dir string) {
		source := ""
		for _, m := range regexp.MustCompile(`\b(gt_\w+)\(`).FindAllSubmatch(header, -1) {
			name := string(m[1])
			source += cmp.Or(entries[name], "void "+name+"(void) {}") + "\n"
		}
		dir = t.TempDir()
		library(t, dir, "libgotorch.so", source)
		return dir
	}
	header, err := os.ReadFile("gotorch.h")
	require.NoError(t, err)
	abi := func(hash string) string { return `const char *gt_abi(void) { return "` + hash + `"; }` }
	t.Run("another ABI", func(t *testing.T) {
		dir := shim(t, header, map[string]string{"gt_abi": abi("0123456789abcdef")})
		text := child(t, "load", dir, "FORGER_LIB="+filepath.Join(dir, "libgotorch.so"))
		assert.Contains(t, text, "was built from another gotorch.h (0123456789ab, this program has ")
	})
	t.Run("another libtorch", func(t *testing.T) {
		for running, said := range map[string]string{
			"2.11.0+cpu": "was built for libtorch 2.7.1 and finds 2.11.0+cpu: build it again with `make build`, or fetch the right one with ./setup",
			"2.7.10":     "was built for libtorch 2.7.1 and finds 2.7.10",
			"2.7.1+cpu":  "<nil>",
		} {
			dir := shim(t, header, map[string]string{
				"gt_abi":       abi(fmt.Sprintf("%x", sha256.Sum256(header))),
				"gt_built_for": `const char *gt_built_for(void) { return "2.7.1"; }`,
				"gt_version":   `int gt_version(char *to, unsigned long n) { __builtin_strcpy(to, "` + running + `"); return 0; }`,
			})
			assert.Contains(t, child(t, "load", dir, "FORGER_LIB="+dir), said)
		}
	})
}

// A process that may use one processor of several gets one thread, and as many as the user says.
func TestThreadsHeedWhatTheProcessMayUse(t *testing.T) {
	assert.Equal(t, "<nil> 1", child(t, "default threads", ".", "GOMAXPROCS=1"))
	assert.Equal(t, "<nil> 2", child(t, "default threads", ".", "GOMAXPROCS=1", "OMP_NUM_THREADS=2"))
}

// OpenMP's threads look for work for a bounded time, unless the user decided: what libgomp itself says that it read.
func TestThreadsSpinForABoundedTime(t *testing.T) {
	for name, c := range map[string]struct{ env, want string }{
		"ours":             {"", "GOMP_SPINCOUNT = '10000'"},
		"the user's count": {"GOMP_SPINCOUNT=77", "GOMP_SPINCOUNT = '77'"},
		"the user's words": {"OMP_WAIT_POLICY=active", "OMP_WAIT_POLICY = 'ACTIVE'"},
	} {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(self)
		for _, e := range os.Environ() {
			if !strings.HasPrefix(e, "GOMP_") && !strings.HasPrefix(e, "OMP_") {
				cmd.Env = append(cmd.Env, e)
			}
		}
		cmd.Env = append(cmd.Env, inChild+"=load", "OMP_DISPLAY_ENV=VERBOSE", c.env)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		if !strings.Contains(string(out), "GOMP_SPINCOUNT") {
			t.Skip("SKIPPED: this libtorch has another OpenMP than GNU's: " + string(out))
		}
		assert.Contains(t, string(out), c.want, name)
		assert.Equal(t, c.env == "", strings.Contains(string(out), "GOMP_SPINCOUNT = '10000'"), name)
	}
}

// A stand-in for the driver's library shows each way in which CUDA can be absent; what a real one says is seen on a
// machine that has it.
func TestCUDASaysWhatIsMissing(t *testing.T) {
	lib := libraries(t)
	if _, err := exec.LookPath("nvidia-smi"); err == nil {
		t.Skip("this machine has an NVIDIA driver: its absence cannot be shown")
	}
	t.Run("no driver", func(t *testing.T) {
		text := child(t, "cuda", t.TempDir(), "FORGER_LIB="+lib)
		assert.Equal(t, "0 torch: cuda: no NVIDIA driver on this machine (libcuda.so.1): install it, or use --device cpu", text)
	})
	t.Run("no device", func(t *testing.T) {
		dir := t.TempDir()
		library(t, dir, "libcuda.so.1", driver(100, 13000, 0))
		text := child(t, "cuda", dir, "FORGER_LIB="+lib, "LD_LIBRARY_PATH="+dir)
		assert.Contains(t, text, "the NVIDIA driver (CUDA 13.0) finds no device: check nvidia-smi")
	})
	t.Run("driver too old", func(t *testing.T) {
		if _, err := os.Stat(filepath.Join(lib, "libgotorch_cuda.so")); err != nil {
			t.Skip("libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
		}
		dir := t.TempDir()
		library(t, dir, "libcuda.so.1", driver(0, 11040, 1))
		text := child(t, "cuda", dir, "FORGER_LIB="+lib, "LD_LIBRARY_PATH="+dir)
		assert.Equal(t, "0 torch: cuda: the NVIDIA driver (CUDA 11.4) cannot be used: CUDA driver version is insufficient for "+
			"CUDA runtime version: update the driver, or use --device cpu", text)
	})
	t.Run("after the first convolution", func(t *testing.T) {
		if _, err := os.Stat(filepath.Join(lib, "libgotorch_cuda.so")); err != nil {
			t.Skip("libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
		}
		dir := t.TempDir()
		library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
		text := child(t, "cuda, late", dir, "FORGER_LIB="+lib, "LD_LIBRARY_PATH="+dir)
		assert.Contains(t, text, "libtorch was used before them and has found CUDA absent: ask for the device before the first tensor")
	})
	t.Run("no CUDA libraries", func(t *testing.T) {
		dir := t.TempDir()
		library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
		shim, err := os.ReadFile(filepath.Join(lib, "libgotorch.so"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "libgotorch.so"), shim, 0o755)) // alone, without its CUDA half
		text := child(t, "cuda", dir, "FORGER_LIB="+dir, "LD_LIBRARY_PATH="+dir)
		assert.Contains(t, text, "the CUDA libraries cannot be opened: ")
		assert.Contains(t, text, "libgotorch_cuda.so")
		assert.Contains(t, text, "scripts/setup")
	})
}

// What needs libtorch opens it, whoever comes first.
func TestNothingNeedsLoadBefore(t *testing.T) {
	lib, err := filepath.Abs(cmp.Or(os.Getenv("FORGER_LIB"), filepath.Join("..", "build")))
	require.NoError(t, err)
	require.NoError(t, torch.Load())
	want := map[string]string{"math": "<nil>", "trim": "trimmed", "conv": torch.BestConv().String(), "memory": "torch: cuda: "}
	if n, _ := torch.OpenCUDA(); n > 0 {
		want["memory"] = "<nil>"
	}
	for what, said := range want {
		assert.True(t, strings.HasPrefix(child(t, what, t.TempDir(), "FORGER_LIB="+lib), said), what)
	}
	assert.Equal(t, "stock", child(t, "conv", t.TempDir()), "nothing is there")
	assert.Contains(t, child(t, "math", t.TempDir()), "libgotorch.so not found")
}
