// add.cc: what BenchmarkAdd of border_bench_test.go does, in C++ alone: the difference is the cost of the border. It runs
// on a thread of its own, as it does under Go: glibc's malloc is faster while a process has only one.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

static void measure() {
  at::NoGradGuard quiet;
  at::Tensor x = at::ones({4}), y = at::ones({4});
  const int rounds = 2000, batch = 1000;
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

int main() {
  std::thread worker(measure);
  worker.join();
}
