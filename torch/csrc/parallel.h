// parallel.h: how loops are divided among threads by code that does not know whose threads they are.
#pragma once

#include <stdint.h>

#include <functional>

namespace gt {

// Task does units [first, last) of the work.
using Task = std::function<void(int64_t first, int64_t last)>;

// Parallel runs the task over all of [0, units), in any order and on any threads, and returns when it is done.
using Parallel = std::function<void(int64_t units, const Task &task)>;

}  // namespace gt
