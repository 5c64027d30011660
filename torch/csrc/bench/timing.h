// timing.h: milliseconds of a call, and their median.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

inline double once(const std::function<void()> &f) {
  auto start = std::chrono::steady_clock::now();
  f();
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

inline double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
  return v[v.size() / 2];
}
