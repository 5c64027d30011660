package torch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write makes an empty file, and the folders above it.
func write(t *testing.T, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, nil, 0o644))
}

// cmake runs it with nothing of this process's environment that says where CUDA is; bin comes first on the PATH.
func cmake(t *testing.T, bin string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("cmake"); err != nil {
		t.Skip("NOT TESTED: the build needs cmake: " + err.Error())
	}
	cmd := exec.Command("cmake", args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CUDA_HOME=") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// toolkit is a folder with an nvcc, and the folder of its programs.
func toolkit(t *testing.T) (root, bin string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	write(t, root, "bin", "nvcc")
	require.NoError(t, os.Chmod(filepath.Join(root, "bin", "nvcc"), 0o755))
	return root, filepath.Join(root, "bin")
}

// found are the folders of headers that CMake finds for wheels in site, and what it misses.
func found(t *testing.T, site, bin string) (includes []string, missing string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "say.cmake")
	text := `include("` + filepath.Join(torchtest.Root(t), "cmake", "cuda.cmake") + `")` + "\n" + `message("${CUDA_INCLUDES}|${CUDA_MISSING}")`
	require.NoError(t, os.WriteFile(script, []byte(text), 0o644))
	dirs, missing, ok := strings.Cut(strings.TrimSpace(cmake(t, bin, "-DSITE="+site, "-P", script)), "|")
	require.True(t, ok)
	return strings.Split(dirs, ";"), missing
}

// The wheels of CUDA 12 have a folder each; those of CUDA 13 share one. What they lack is a toolkit's, which may have
// moved its C++ library into a folder of its own.
func TestWhereCUDAsHeadersAre(t *testing.T) {
	parts := map[string][]string{
		"cuda_runtime": {"include/cuda_runtime_api.h", "include/crt/host_defines.h", "lib/libcudart.so.12"}, "cublas": {"include/cublas_v2.h"},
		"cusparse": {"include/cusparse.h"}, "cusolver": {"include/cusolverDn.h"}, "cuda_cccl": {"include/nv/target"},
	}
	site, shared := t.TempDir(), t.TempDir()
	var each []string
	for _, part := range []string{"cuda_runtime", "cuda_cccl", "cublas", "cusparse", "cusolver"} {
		each = append(each, filepath.Join(site, "nvidia", part, "include"))
		for _, file := range parts[part] {
			write(t, site, "nvidia", part, file)
			if part != "cuda_cccl" && !strings.Contains(file, "crt/") {
				write(t, shared, "nvidia", "cu13", file)
			}
		}
	}
	root, bin := toolkit(t)
	write(t, root, "include", "crt", "host_defines.h")
	write(t, root, "include", "cccl", "nv", "target")
	write(t, root, "include", "cuda_runtime_api.h")

	includes, missing := found(t, site, bin)
	assert.Equal(t, each, includes, "one folder a wheel, and none of the toolkit's")
	assert.Empty(t, missing)
	includes, missing = found(t, shared, bin)
	assert.Empty(t, missing)
	assert.Equal(t, filepath.Join(shared, "nvidia", "cu13", "include"), includes[0], "the wheel first")
	if _, err := os.Stat("/usr/local/cuda"); err != nil { // which would come before the one on the PATH
		assert.Equal(t, []string{filepath.Join(root, "include"), filepath.Join(root, "include", "cccl")}, includes[1:])
		require.NoError(t, os.Remove(filepath.Join(root, "include", "cccl", "nv", "target")))
		_, missing = found(t, shared, bin)
		assert.Equal(t, " nv/target", missing)
	}
}

// The CUDA library can be built where torch's wheels have no crt and no C++ library of CUDA's, and a toolkit beside them
// has both. The machine is made of links.
func TestTheCUDALibraryBuildsWithAToolkitsHeaders(t *testing.T) {
	out, err := exec.Command(torchtest.Python(t), "-c", "import importlib.util as u; print(u.find_spec('torch').origin)").Output()
	require.NoError(t, err)
	real := filepath.Dir(filepath.Dir(strings.TrimSpace(string(out))))
	site := t.TempDir()
	root, bin := toolkit(t)
	link := func(to, from string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.Symlink(from, to))
	}
	each := func(dir string, f func(name, path string)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Skip("NOT TESTED: torch has no CUDA beside it: " + err.Error())
		}
		for _, e := range entries {
			f(e.Name(), filepath.Join(dir, e.Name()))
		}
	}
	link(filepath.Join(site, "torch"), filepath.Join(real, "torch"))
	each(filepath.Join(real, "nvidia"), func(name, path string) {
		if name != "cu13" {
			link(filepath.Join(site, "nvidia", name), path)
		}
	})
	cu13 := filepath.Join(site, "nvidia", "cu13")
	link(filepath.Join(cu13, "lib"), filepath.Join(real, "nvidia", "cu13", "lib"))
	moved := 0
	each(filepath.Join(real, "nvidia", "cu13", "include"), func(name, path string) {
		switch name {
		case "crt", "cccl":
			moved++
			link(filepath.Join(root, "include", name), path)
		case "nv", "cuda", "cub", "thrust": // what lies in cccl as well
		default:
			link(filepath.Join(cu13, "include", name), path)
		}
	})
	if moved != 2 {
		t.Skip("NOT TESTED: the wheels here have no crt or no cccl to move away: run scripts/setup --tests")
	}
	text := cmake(t, bin, "-S", torchtest.Root(t), "-B", t.TempDir(), "-DTORCH_DIR="+filepath.Join(site, "torch"))
	assert.Contains(t, text, "forger: builds libgotorch.so and libgotorch_cuda.so ("+cu13)
}
