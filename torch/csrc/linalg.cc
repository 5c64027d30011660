// linalg.cc: distances and decompositions.
#include "op.h"

using gt::get;
using gt::result;

GT_EXPORT gt_tensor *gt_cdist(gt_scope *s, gt_tensor *a, gt_tensor *b, double p) {
  return result(s, [&] { return at::cdist(get(a), get(b), p); });
}

GT_EXPORT int gt_eigh(gt_scope *s, gt_tensor *a, gt_tensor **out) {
  return gt::results(s, out, [&] { return at::linalg_eigh(get(a)); });
}

// torch.nn.init.orthogonal_, draw by draw: the Q of a normal matrix, with the signs that make it uniform.
GT_EXPORT int gt_orthogonal_(gt_scope *s, gt_tensor *t, gt_generator *g, double gain) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    at::Tensor &w = get(t);
    if (w.dim() < 2) throw gt::Error(GT_FAILED, "only tensors with 2 or more dimensions have an orthogonal initialisation");
    if (w.numel() == 0) return; // as torch.nn.init
    int64_t rows = w.size(0), cols = w.numel() / rows;
    at::Tensor flat = at::empty({rows, cols}, w.options().memory_format(at::MemoryFormat::Contiguous)).normal_(0, 1, g->value);
    if (rows < cols) flat.t_();
    auto [q, r] = at::linalg_qr(flat);
    q.mul_(r.diagonal().sign());
    if (rows < cols) q.t_();
    w.copy_(q.reshape(w.sizes())).mul_(gain);
  });
}
