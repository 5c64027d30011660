// add.cc: what BenchmarkAdd of border_bench_test.go does, in C++ alone: the difference is the cost of the border.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <cstdio>
#include <vector>

int main() {
  at::NoGradGuard quiet;
  at::Tensor x = at::ones({4}), y = at::ones({4});
  const int rounds = 3000, batch = 1000;
  std::vector<at::Tensor> kept;
  kept.reserve(batch);
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; i++) {
    for (int k = 0; k < batch; k++) kept.push_back(at::add(x, y));
    kept.clear();
  }
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%.1f ns/op\n", took.count() / rounds / batch);
}
