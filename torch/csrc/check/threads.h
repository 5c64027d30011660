// threads.h: a Parallel of std::thread, which ThreadSanitizer can see into, as it cannot into OpenMP's library.
#pragma once

#include <thread>
#include <vector>

#include "../parallel.h"

inline gt::Parallel on(int threads) {
  return [threads](int64_t units, const gt::Task &task) {
    std::vector<std::thread> running;
    for (int64_t t = 0; t < threads; t++)
      running.emplace_back([=, &task] {
        const int64_t first = units * t / threads, last = units * (t + 1) / threads;
        if (first < last) task(first, last);
      });
    for (std::thread &t : running) t.join();
  };
}
