// comm.h: the processes that sum tensors together. Each way to carry numbers between them is one of these.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gt {

// Functions throw, with GT_PEER where another process is lost. Tensors are contiguous, and work is queued where the calling
// thread's is.
struct Peers {
  virtual ~Peers() = default;
  virtual std::string word() = 0; // what the others need of this process
  virtual void join(const std::vector<std::string_view> &words) = 0; // of every rank
  virtual void sum(const at::Tensor &t) = 0;                         // in place
  virtual void broadcast(const at::Tensor &t, int root) = 0;
  virtual void check() = 0;          // from any thread
  virtual void abort() noexcept = 0; // from any thread
};

// The address of this process that the others reach is host.
std::shared_ptr<Peers> new_gloo(const char *host, int rank, int size, int64_t timeout_ms);

// The folder that libgotorch.so was opened from.
std::string own_folder();

}  // namespace gt

struct gt_comm {
  std::shared_ptr<gt::Peers> peers; // a graph that is yet to be differentiated holds them too
};
