// table.h: what libgotorch_gloo.so offers to libgotorch.so, which opens it only for several processes on the CPU. It knows
// memory of the host and nothing of libtorch, whose own gloo is another: see gloo.cc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../../gotorch.h"

struct gt_gloo; // one of the processes

// Functions give a gt_code, and text in why where it is not GT_OK. Those on one gt_gloo are for one thread at a time, but
// for abort.
struct gt_gloo_table {
  gt_gloo *(*open)(const char *host, int rank, int size, int64_t timeout_ms, char *why, size_t room);
  const char *(*address)(const gt_gloo *g, size_t *length); // what the others need, g's
  int (*join)(gt_gloo *g, const char *const *addresses, const size_t *lengths, char *why, size_t room);
  int (*sum)(gt_gloo *g, void *data, size_t count, int dtype, char *why, size_t room); // in place; gt_dtype
  int (*broadcast)(gt_gloo *g, void *data, size_t bytes, int root, char *why, size_t room);
  void (*abort)(gt_gloo *g);
  void (*close)(gt_gloo *g);
};

extern "C" const gt_gloo_table *gotorch_gloo_table();
