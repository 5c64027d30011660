// cuda_trial.cc: can a program that needs CUDA be built here? It takes the headers and libraries that csrc/cuda takes.
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

int main() {
  int n = 0;
  at::cuda::CUDAGraph graph;
  return cudaGetDeviceCount(&n) == cudaSuccess && at::cuda::is_available() ? 0 : 1;
}
