// graph.cc: the entries for CUDA graphs, whose work is libgotorch_cuda.so's, and what holds while one is captured.
#include "cuda_table.h"
#include "scope.h"

#include <string_view>

namespace {

thread_local gt::Watch *watching = nullptr; // of the call that this thread is in

// Ops that read a number from the device, or make a shape of what they find there.
bool asks(std::string_view op) {
  for (std::string_view name : {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::_unique2", "aten::unique_dim",
                                "aten::unique_consecutive", "aten::bincount", "aten::histc", "aten::masked_select"})
    if (op == name) return true;
  return false;
}

// Kernels that read a rate on a CPU, and take it from its tensor on CUDA.
bool reads_on_a_cpu_alone(std::string_view op) { return op.starts_with("aten::_fused_"); }

std::unique_ptr<at::ObserverContext> entered(const at::RecordFunction &f) {
  if (!watching) return nullptr;
  if (reads_on_a_cpu_alone(f.name())) watching->within++;
  if (watching->within == 0 && watching->asked.empty() && asks(f.name())) watching->asked = f.name();
  return nullptr;
}

void left(const at::RecordFunction &f, at::ObserverContext *) {
  if (watching && reads_on_a_cpu_alone(f.name())) watching->within--;
}

} // namespace

gt::Watch::Watch() {
  watching = this;
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(entered, left).scopes({at::RecordScope::FUNCTION}));
}

gt::Watch::~Watch() {
  at::removeCallback(handle_);
  watching = nullptr;
}

gt::Error gt::forbidden(const std::string &what) {
  return Error(GT_FAILED, what + ": a step that is captured must not wait for the device, nor take from the host");
}

GT_EXPORT int gt_capturing(gt_scope *s, int on) {
  if (!pthread_equal(s->owner, pthread_self())) return GT_WRONG_THREAD;
  s->root->capturing = on != 0;
  return GT_OK;
}

GT_EXPORT gt_graph *gt_graph_new(gt_scope *s, gt_graph *beside) {
  gt_graph *made = nullptr;
  gt::run(s, [&] {
    if (!s->device.is_cuda() || !s->stream)
      throw gt::Error(GT_NO_CUDA, "a graph needs a CUDA device, and the scope is on " + s->device.str());
    made = gt::cuda()->graph(s->device.index(), beside).release();
  });
  return made;
}

GT_EXPORT int gt_graph_begin(gt_scope *s, gt_graph *g, gt_generator *const *generators, int n) {
  return gt::run(s, [&] {
    std::vector<at::Generator> drawn;
    for (int i = 0; i < n; i++) drawn.push_back(generators[i]->value);
    g->begin(std::move(drawn));
  });
}

GT_EXPORT int gt_graph_end(gt_scope *s, gt_graph *g) {
  return gt::run(s, [&] { g->end(); });
}

GT_EXPORT int gt_graph_replay(gt_scope *s, gt_graph *g) {
  return gt::run(s, [&] { g->replay(); });
}

GT_EXPORT void gt_graph_free(gt_graph *g) { delete g; }
