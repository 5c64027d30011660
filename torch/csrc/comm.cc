// comm.cc: the entries for many processes, and the sum over them that can be differentiated.
#include "comm.h"

#include <torch/csrc/autograd/functions/utils.h>

#include <cstdio>
#include <cstring>

#include "cuda_table.h"
#include "node.h"
#include "scope.h"

using at::Tensor;
using gt::get;

namespace {

// For calls without a scope: code and text.
template <class F>
int told(char *why, size_t room, F &&f) noexcept {
  try {
    f();
    return GT_OK;
  } catch (const gt::Error &e) {
    std::snprintf(why, room, "%s", e.what());
    return e.code;
  } catch (const std::exception &e) {
    std::snprintf(why, room, "%s", e.what());
  } catch (...) {
    std::snprintf(why, room, "an exception of unknown type");
  }
  return GT_FAILED;
}

// Runs f on the numbers of t in the order of its indices, whatever that of its memory, which may differ between processes.
template <class F>
void in_place(const Tensor &t, F &&f) {
  at::NoGradGuard none;
  if (t.numel() == 0) return;
  const Tensor flat = t.is_contiguous() ? t.detach() : t.detach().contiguous();
  f(flat);
  if (!t.is_contiguous()) t.detach().copy_(flat);
  t.unsafeGetTensorImpl()->bump_version();
}

Tensor total(const std::shared_ptr<gt::Peers> &peers, const Tensor &x);

struct Total : torch::autograd::Node {
  std::shared_ptr<gt::Peers> peers;

  // All ranks walk the same graph, so that one without a gradient here joins with zeros.
  torch::autograd::variable_list apply(torch::autograd::variable_list &&grads) override {
    return {total(peers, grads[0].defined() ? grads[0] : input_metadata(0).zeros_like())};
  }
  std::string name() const override { return "TotalBackward"; }
};

Tensor total(const std::shared_ptr<gt::Peers> &peers, const Tensor &x) {
  Tensor y = x.detach().clone(at::MemoryFormat::Contiguous);
  in_place(y, [&](const Tensor &flat) { peers->sum(flat); });
  if (!torch::autograd::compute_requires_grad(x)) return y;
  const auto node = gt::make_node<Total>();
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  node->peers = peers;
  torch::autograd::set_history(y, node);
  return y;
}

// Gradients side by side in one tensor, which is what crosses: in the order of their indices, whatever that of their memory.
class Bucket {
 public:
  explicit Bucket(const std::vector<Tensor> &grads) {
    int64_t length = 0;
    for (const Tensor &g : grads) {
      if (g.scalar_type() != grads[0].scalar_type() || g.device() != grads[0].device())
        throw gt::Error(GT_FAILED, "gradients of one exchange are of one dtype on one device: these are " + grads[0].toString() +
                                       " and " + g.toString());
      length += g.numel();
    }
    numbers = at::empty({length}, grads[0].options());
    int64_t from = 0;
    for (const Tensor &g : grads) {
      Side &side = g.is_contiguous() ? flat_ : turned_;
      side.grads.push_back(g);
      side.places.push_back(numbers.narrow(0, from, g.numel()).view(g.sizes()));
      from += g.numel();
    }
  }
  void fill() {
    for (Side *side : {&flat_, &turned_})
      if (!side->grads.empty()) at::_foreach_copy_(side->places, side->grads);
  }
  void give_back() {
    for (Side *side : {&flat_, &turned_})
      if (!side->grads.empty()) at::_foreach_copy_(side->grads, side->places);
  }

  Tensor numbers;

 private:
  // One call copies a list in one kernel only where no tensor of it has another order in memory on the other side.
  struct Side {
    std::vector<Tensor> grads, places;
  } flat_, turned_;
};

gt::Peers &of(gt_comm *c) { return *c->peers; }

}  // namespace

GT_EXPORT gt_comm *gt_comm_new(int backend, const char *host, int index, int rank, int size, int64_t timeout_ms, void *word,
                               size_t *length, char *why, size_t room) {
  std::unique_ptr<gt_comm> made;
  const int code = told(why, room, [&] {
    auto peers = backend == GT_NCCL ? gt::cuda()->nccl(index, rank, size, std::chrono::milliseconds(timeout_ms))
                                    : gt::new_gloo(host, rank, size, timeout_ms);
    const std::string text = peers->word();
    if (text.size() > *length) throw gt::Error(GT_FAILED, "what it has to tell the others is too long");
    std::memcpy(word, text.data(), text.size());
    *length = text.size();
    made = std::make_unique<gt_comm>(gt_comm{std::move(peers)});
  });
  return code == GT_OK ? made.release() : nullptr;
}

GT_EXPORT int gt_comm_join(gt_comm *c, int size, const void *words, const size_t *lengths, char *why, size_t room) {
  return told(why, room, [&] {
    std::vector<std::string_view> each;
    const char *at = static_cast<const char *>(words);
    for (int i = 0; i < size; i++) {
      each.emplace_back(at, lengths[i]);
      at += lengths[i];
    }
    of(c).join(each);
  });
}

GT_EXPORT int gt_comm_sum(gt_scope *s, gt_comm *c, gt_tensor *t) {
  return gt::run(s, [&] { in_place(get(t), [&](const Tensor &flat) { of(c).sum(flat); }); });
}

GT_EXPORT int gt_comm_broadcast(gt_scope *s, gt_comm *c, gt_tensor *t, int root) {
  return gt::run(s, [&] { in_place(get(t), [&](const Tensor &flat) { of(c).broadcast(flat, root); }); });
}

GT_EXPORT gt_tensor *gt_comm_total(gt_scope *s, gt_comm *c, gt_tensor *t) {
  return gt::result(s, [&] { return total(c->peers, get(t)); });
}

GT_EXPORT int gt_comm_sum_gradients(gt_scope *s, gt_comm *c, gt_tensor *const *params, int n, double weight) {
  return gt::run(s, [&] {
    std::vector<Tensor> grads;
    for (int i = 0; i < n; i++)
      if (const Tensor &g = get(params[i]).grad(); g.defined()) grads.push_back(g);
    if (grads.empty()) return;
    at::NoGradGuard none;
    Bucket bucket(grads);
    bucket.fill();
    bucket.numbers.mul_(weight);
    of(c).sum(bucket.numbers);
    bucket.give_back();
  });
}

GT_EXPORT int gt_comm_check(gt_comm *c, char *why, size_t room) {
  return told(why, room, [&] { of(c).check(); });
}

GT_EXPORT void gt_comm_abort(gt_comm *c) { of(c).abort(); }

GT_EXPORT void gt_comm_free(gt_comm *c) { delete c; }
