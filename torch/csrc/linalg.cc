// linalg.cc: distances, decompositions, attention.
#include "op.h"

using gt::get;
using gt::maybe;
using gt::result;

GT_EXPORT gt_tensor *gt_cdist(gt_scope *s, gt_tensor *a, gt_tensor *b, double p) {
  return result(s, [&] { return at::cdist(get(a), get(b), p); });
}

GT_EXPORT int gt_eigh(gt_scope *s, gt_tensor *a, gt_tensor **out) {
  return gt::results(s, out, [&] { return at::linalg_eigh(get(a)); });
}

// The fused kernels have no second gradient: the plain form has.
GT_EXPORT gt_tensor *gt_attention(gt_scope *s, gt_tensor *query, gt_tensor *key, gt_tensor *value, gt_tensor *mask,
                                  int causal, int plain) {
  return result(s, [&] {
    if (plain)
      return std::get<0>(at::_scaled_dot_product_attention_math(get(query), get(key), get(value), maybe(mask),
                                                                /*dropout_p=*/0, causal != 0));
    return at::scaled_dot_product_attention(get(query), get(key), get(value), maybe(mask), /*dropout_p=*/0, causal != 0);
  });
}

// torch.nn.init.orthogonal_, draw by draw: the Q of a normal matrix, with the signs that make it uniform.
GT_EXPORT int gt_orthogonal_(gt_scope *s, gt_tensor *t, gt_generator *g, double gain) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    at::Tensor &w = get(t);
    if (w.dim() < 2) throw gt::Error(GT_FAILED, "only tensors with 2 or more dimensions have an orthogonal initialisation");
    int64_t rows = w.size(0), cols = w.numel() / rows;
    at::Tensor flat = at::empty({rows, cols}, w.options().memory_format(at::MemoryFormat::Contiguous)).normal_(0, 1, g->value);
    if (rows < cols) flat.t_();
    auto [q, r] = at::linalg_qr(flat);
    q.mul_(r.diagonal().sign());
    if (rows < cols) q.t_();
    w.copy_(q.reshape(w.sizes())).mul_(gain);
  });
}
