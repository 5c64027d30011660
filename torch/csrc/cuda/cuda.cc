// cuda.cc: libgotorch_cuda.so, the part that needs CUDA's headers and libraries.
#include "../cuda_table.h"
#include "graph.h"
#include "nccl.h"

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <string>

namespace {

using c10::CachingDeviceAllocator::DeviceStats;

int count(std::string *why) {
  int n = 0;
  cudaError_t error = cudaGetDeviceCount(&n);
  if (error == cudaSuccess && n > 0) return n;
  *why = error == cudaSuccess ? "the driver reports no device" : cudaGetErrorString(error);
  return 0;
}

void describe(int index, gt_cuda_info *out) {
  const cudaDeviceProp *p = at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index));
  std::snprintf(out->name, sizeof out->name, "%s", p->name);
  out->total_bytes = static_cast<int64_t>(p->totalGlobalMem);
  out->major = p->major;
  out->minor = p->minor;
}

void memory(int index, gt_memory *out) {
  DeviceStats stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
  out->allocated = stats.allocated_bytes[0].current;
  out->peak = stats.allocated_bytes[0].peak;
  out->reserved = stats.reserved_bytes[0].current;
}

void reset_peak(int index) {
  c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
}

void synchronize(int index) {
  c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  c10::cuda::device_synchronize();
}

at::Generator generator(int index) {
  return at::cuda::detail::createCUDAGenerator(static_cast<c10::DeviceIndex>(index));
}

c10::Stream stream(int index) {
  return c10::cuda::getStreamFromPool(/*isHighPriority=*/false, static_cast<c10::DeviceIndex>(index));
}

const gt_cuda_table table = {count, describe, memory, reset_peak, synchronize, generator, stream, new_cuda_graph, new_nccl};

} // namespace

extern "C" __attribute__((visibility("default"))) const gt_cuda_table *gotorch_cuda_table() { return &table; }
