// node.h: a node of autograd's graph in the pointer that this libtorch holds its nodes by.
#pragma once

#include <torch/csrc/autograd/function.h>
#include <torch/version.h>

namespace gt {

// What set_history takes: a shared_ptr up to libtorch 2.12, an intrusive_ptr from 2.13 on. Freed by either, a long graph
// does not recurse.
template <class T>
auto make_node() {
#if TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 13
  return std::shared_ptr<T>(new T, torch::autograd::deleteNode);
#else
  return c10::make_intrusive<T>();
#endif
}

}  // namespace gt
