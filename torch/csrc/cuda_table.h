// cuda_table.h: what libgotorch_cuda.so offers to libgotorch.so, which opens it only where a driver is.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Stream.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "../gotorch.h"
#include "comm.h"

// What a device repeats by itself. Freeing one that is still being captured gives the capture up.
struct gt_graph {
  virtual ~gt_graph() = default;
  virtual void begin(std::vector<at::Generator> generators) = 0;
  virtual void end() = 0;
  virtual void replay() = 0;
};

// Functions throw, but for those that say otherwise; the caller guards.
struct gt_cuda_table {
  int (*count)(std::string *why);
  void (*describe)(int index, gt_cuda_info *out);
  void (*memory)(int index, gt_memory *out);
  void (*reset_peak)(int index);
  void (*synchronize)(int index);
  at::Generator (*generator)(int index);
  c10::Stream (*stream)(int index); // one of libtorch's pool, which hands out 32 in turn
  std::unique_ptr<gt_graph> (*graph)(int index, const gt_graph *beside); // beside: as gt_graph_new has it
  std::shared_ptr<gt::Peers> (*nccl)(int index, int rank, int size, std::chrono::milliseconds timeout);
};

namespace gt {
// The open CUDA library; without one, an Error.
const gt_cuda_table *cuda();
} // namespace gt

extern "C" const gt_cuda_table *gotorch_cuda_table();
