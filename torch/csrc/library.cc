// library.cc: what concerns the whole process, and the way to the CUDA library.
#include <ATen/Context.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/version.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <typeinfo>

#include "cuda_table.h"
#include "scope.h"

#ifndef GT_ABI_HASH
#error "GT_ABI_HASH is not defined: CMake passes the SHA-256 of gotorch.h"
#endif

// Written once, by gt_cuda_open, before any other thread uses libtorch.
static const gt_cuda_table *table = nullptr;

const gt_cuda_table *gt::cuda() {
  if (!table) throw gt::Error(GT_NO_CUDA, "the CUDA library is not open");
  return table;
}

static int tell(char *why, size_t size, const char *text) {
  std::snprintf(why, size, "%s", text);
  return 1;
}

GT_EXPORT const char *gt_abi(void) { return GT_ABI_HASH; }
GT_EXPORT const char *gt_built_for(void) { return TORCH_VERSION; }

// Tensors of megabytes come and go at every op. By default glibc returns the larger ones to the kernel, which clears each
// page anew when it is next touched; and memory that one thread's arena has freed is of no use to the others.
GT_EXPORT void gt_keep_memory(void) {
#ifdef __GLIBC__
  constexpr int megabyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 1024 * megabyte);
  mallopt(M_TRIM_THRESHOLD, 1024 * megabyte);
  mallopt(M_TOP_PAD, 64 * megabyte);
  mallopt(M_ARENA_MAX, 1);
#endif
}

GT_EXPORT void gt_trim_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
GT_EXPORT int gt_threads(void) { return at::get_num_threads(); }

// For calls without a scope: the code alone tells.
template <class F>
static int guarded(F &&f) noexcept {
  try {
    f();
    return GT_OK;
  } catch (const gt::Error &e) {
    return e.code;
  } catch (...) {
    return GT_FAILED;
  }
}

GT_EXPORT int gt_version(char *version, size_t size) {
  return guarded([&] {
    // at::show_config says it too, but asks CUDA's hooks first: CUDA would be absent for the process.
    Dl_info info;
    if (!dladdr(reinterpret_cast<void *>(&at::get_num_threads), &info))
      throw gt::Error(GT_FAILED, "libtorch does not say where it lies");
    const std::filesystem::path folder = std::filesystem::canonical(info.dli_fname).parent_path().parent_path();
    std::string line;
    const std::string sign = "__version__ = '";
    for (std::ifstream file(folder / "version.py"); std::getline(file, line);) // a wheel's
      if (line.starts_with(sign)) {
        line = line.substr(sign.size(), line.find('\'', sign.size()) - sign.size());
        std::snprintf(version, size, "%s", line.c_str());
        return;
      }
    if (std::ifstream file(folder / "build-version"); !std::getline(file, line)) // an unpacked libtorch's
      throw gt::Error(GT_FAILED, "libtorch does not say its version");
    std::snprintf(version, size, "%s", line.c_str());
  });
}

GT_EXPORT int gt_set_math(int tf32, int deterministic, int autotune) {
  return guarded([&] {
    at::Context &context = at::globalContext();
    context.setAllowTF32CuBLAS(tf32 != 0);
    context.setAllowTF32CuDNN(tf32 != 0);
    context.setBenchmarkCuDNN(autotune != 0 && deterministic == 0);
    context.setDeterministicCuDNN(deterministic != 0);
    context.setDeterministicAlgorithms(deterministic != 0, /*warn_only=*/false);
    // With it every new tensor is filled with NaN, a kernel each. Nothing here reads what it has not written.
    context.setDeterministicFillUninitializedMemory(false);
    if (deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  });
}

GT_EXPORT void gt_math(int *tf32, int *deterministic, int *autotune) {
  const at::Context &context = at::globalContext();
  *tf32 = context.allowTF32CuBLAS() || context.allowTF32CuDNN();
  *deterministic = context.deterministicAlgorithms();
  *autotune = context.benchmarkCuDNN();
}

GT_EXPORT int gt_cuda_driver(int *version) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return 1;
  auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  auto read = reinterpret_cast<int (*)(int *)>(dlsym(driver, "cuDriverGetVersion"));
  auto count = reinterpret_cast<int (*)(int *)>(dlsym(driver, "cuDeviceGetCount"));
  if (!init || !read || !count) return 1;
  int devices = 0;
  if (read(version) != 0) *version = 0;
  return init(0) == 0 && count(&devices) == 0 && devices > 0 ? 0 : 2;
}

std::string gt::own_folder() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&own_folder), &info) || !info.dli_fname) return ".";
  std::string path = info.dli_fname;
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

GT_EXPORT int gt_cuda_open(char *why, size_t size) {
  if (table) return 0;
  std::string path = gt::own_folder() + "/libgotorch_cuda.so";
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library) return tell(why, size, dlerror());
  auto open = reinterpret_cast<const gt_cuda_table *(*)()>(dlsym(library, "gotorch_cuda_table"));
  if (!open) return tell(why, size, "libgotorch_cuda.so has no gotorch_cuda_table");
  const at::CUDAHooksInterface &hooks = at::detail::getCUDAHooks();
  if (typeid(hooks) == typeid(at::CUDAHooksInterface)) // the stand-in, for good
    return tell(why, size, "libtorch was used before them and has found CUDA absent: ask for the device before the first tensor");
  table = open();
  return 0;
}

GT_EXPORT int gt_cuda_count(char *why, size_t size) {
  if (!table) return tell(why, size, "the CUDA library is not open"), 0;
  try {
    std::string text;
    int n = table->count(&text);
    if (n == 0) tell(why, size, text.c_str());
    if (n > 0 && !at::hasCUDA()) return tell(why, size, "libtorch sees none of its devices"), 0;
    return n;
  } catch (const std::exception &e) {
    return tell(why, size, e.what()), 0;
  }
}

GT_EXPORT int gt_cuda_describe(int index, gt_cuda_info *out) {
  return guarded([&] { gt::cuda()->describe(index, out); });
}
GT_EXPORT int gt_cuda_memory(int index, gt_memory *out) {
  return guarded([&] { gt::cuda()->memory(index, out); });
}
GT_EXPORT int gt_cuda_reset_peak(int index) {
  return guarded([&] { gt::cuda()->reset_peak(index); });
}

GT_EXPORT int gt_synchronize(gt_scope *s) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "synchronize");
    if (s->device.is_cuda()) gt::cuda()->synchronize(s->device.index());
  });
}

GT_EXPORT gt_generator *gt_generator_new(gt_scope *s, uint64_t seed) {
  gt_generator *made = nullptr;
  gt::run(s, [&] {
    at::Generator g = s->device.is_cuda() ? gt::cuda()->generator(s->device.index())
                                          : at::make_generator<at::CPUGeneratorImpl>();
    g.set_current_seed(seed);
    made = new gt_generator{std::move(g)};
  });
  return made;
}

GT_EXPORT void gt_generator_free(gt_generator *g) { delete g; }

GT_EXPORT int gt_generator_state(gt_scope *s, gt_generator *g, void *buf, size_t size, size_t *used) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "get_state");
    at::Tensor state = g->value.get_state();
    *used = state.nbytes();
    if (*used > size) throw gt::Error(GT_FAILED, "the buffer is smaller than the generator's state");
    std::memcpy(buf, state.data_ptr(), *used);
  });
}

GT_EXPORT int gt_generator_set_state(gt_scope *s, gt_generator *g, const void *buf, size_t size) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "set_state");
    at::Tensor state = at::empty({static_cast<int64_t>(size)}, at::kByte);
    std::memcpy(state.data_ptr(), buf, size);
    g->value.set_state(state);
  });
}
