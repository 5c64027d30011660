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

// The part of the direct form's products that filtering needs is at least 25/64; partial tiles waste some of that.
double saving(const Shape &s) {
  return double(16 * s.oh * s.ow) / double(POINTS * PHASES * s.down() * s.across());
}

bool wins(Role role, const Shape &s) {
  if (s.c <= THIN) return role == Role::input && s.k >= 16;
  return s.c >= 16 && s.k >= 16 && saving(s) >= 1.5;
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

const Kernels *kernels_for(Role role, const Shape &s) {
  const Mode &m = current();
  return m.kernels && (m.always || wins(role, s)) ? m.kernels : nullptr;
}

}  // namespace gt::conv
