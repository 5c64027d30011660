// choice.cc: the switch, the processor, and the table of what wins.
#include "choice.h"

#include <atomic>

#include "filter.h"

namespace gt::conv {
namespace {

struct Mode {
  const Kernels *kernels;
  bool always;
};

bool runs_avx512() { return __builtin_cpu_supports("avx512f"); }
bool runs_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

const Kernels *best() {
  static const Kernels *found = runs_avx512() ? &avx512_kernels : runs_avx2() ? &avx2_kernels : nullptr;
  return found;
}

std::atomic<const Mode *> mode{nullptr};

const Mode &current() {
  static const Mode automatic{best(), false};
  const Mode *set = mode.load(std::memory_order_acquire);
  return set ? *set : automatic;
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

bool set_mode(const std::string &name) {
  static const Mode fast{best(), true}, stock{nullptr, false};
  static const Mode avx512{&avx512_kernels, false}, avx2{&avx2_kernels, false};
  const Mode *to = nullptr;
  if (name == "fast") to = &fast;
  if (name == "stock") to = &stock;
  if (name == "avx512" && runs_avx512()) to = &avx512;
  if (name == "avx2" && runs_avx2()) to = &avx2;
  if (!to && name != "auto") return false;
  mode.store(to, std::memory_order_release);
  return true;
}

const char *best_kernels() { return best() ? best()->name : "stock"; }

bool enabled() { return current().kernels != nullptr; }

bool any_kernels(const Shape &s) {
  return kernels_for(Role::output, s) || kernels_for(Role::input, s) || kernels_for(Role::weight, s);
}

const Kernels *kernels_for(Role role, const Shape &s) {
  const Mode &m = current();
  return m.kernels && exact_enough(role, s) && (m.always || wins(role, s)) ? m.kernels : nullptr;
}

}  // namespace gt::conv
