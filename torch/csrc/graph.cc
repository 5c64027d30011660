// graph.cc: the entries for CUDA graphs; what they do is libgotorch_cuda.so's.
#include "cuda_table.h"
#include "scope.h"

GT_EXPORT gt_graph *gt_graph_new(gt_scope *s) {
  gt_graph *made = nullptr;
  gt::run(s, [&] {
    if (!s->device.is_cuda() || !s->stream)
      throw gt::Error(GT_NO_CUDA, "a graph needs a CUDA device, and the scope is on " + s->device.str());
    made = gt::cuda()->graph(s->device.index()).release();
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
