// choice.cc: the processor, and the table of what wins.
#include "choice.h"

#include <cstdlib>
#include <string_view>

#include "filter.h"

namespace gt::conv {
namespace {

const Kernels *kernels_of(int mode) {
  switch (mode & ~GT_CONV_ALWAYS) {
    case GT_CONV_AVX512:
      return &avx512_kernels;
    case GT_CONV_AVX2:
      return &avx2_kernels;
  }
  return nullptr;
}

// Products of the direct form for one of ours: 2.56, or less where tiles are partial.
double saving(const Shape &s) {
  return double(16 * s.oh * s.ow) / double(POINTS * PHASES * s.down() * s.across());
}

// Where our result is at most 8 times as far from float64's as the direct form's. The transforms' own rounding is the
// same for any number of terms, so very short sums are left to the direct form, which is all but exact for them.
bool exact_enough(Role role, const Shape &s) {
  if (s.c < 8 || s.k < 8) return role == Role::input && s.c <= THIN;
  switch (role) {
    case Role::output:
      return true;
    case Role::input:
      return s.k >= 64;
    case Role::weight:
      return s.n * s.oh * s.ow >= 64;
  }
  return false;
}

// From `conv-bench sweep` with either set of kernels, beside oneDNN with the same instructions: every shape that passes
// was faster, by 1.1 to 8 times. Below 16 channels vectors are mostly empty; a weight's transform needs a few tiles to
// pay; narrow layers of large images are bound by memory, where oneDNN moves less of it.
bool wins(Role role, const Shape &s) {
  if (s.c <= THIN) return role == Role::input && s.k >= 16;
  return s.c >= 16 && s.k >= 16 && saving(s) >= 1.4 && s.tiles() >= 4 && (s.c * s.k >= 1024 || s.tiles() <= 1024);
}

}  // namespace

int best() {
  const char *set = std::getenv("ATEN_CPU_CAPABILITY");  // libtorch's own bound: default, avx2, avx512
  const std::string_view bound = set ? set : "";
  if (bound == "default") return GT_CONV_STOCK;
  if (bound != "avx2" && __builtin_cpu_supports("avx512f")) return GT_CONV_AVX512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? GT_CONV_AVX2 : GT_CONV_STOCK;
}

bool any_kernels(int mode, const Shape &s) {
  return kernels_for(mode, Role::output, s) || kernels_for(mode, Role::input, s) || kernels_for(mode, Role::weight, s);
}

const Kernels *kernels_for(int mode, Role role, const Shape &s) {
  const Kernels *kernels = kernels_of(mode);
  return kernels && exact_enough(role, s) && (mode & GT_CONV_ALWAYS || wins(role, s)) ? kernels : nullptr;
}

}  // namespace gt::conv
