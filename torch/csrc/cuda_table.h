// cuda_table.h: what libgotorch_cuda.so offers to libgotorch.so, which opens it only where a driver is.
#pragma once

#include <ATen/core/Generator.h>

#include <string>

#include "../gotorch.h"

// Functions throw; the caller guards.
struct gt_cuda_table {
  int (*count)(std::string *why);
  void (*describe)(int index, gt_cuda_info *out);
  void (*memory)(int index, gt_memory *out);
  void (*reset_peak)(int index);
  void (*synchronize)(int index);
  at::Generator (*generator)(int index);
};

extern "C" const gt_cuda_table *gotorch_cuda_table();
