// activations.cc: further activations.
#include "op.h"

using gt::get;
using gt::result;

UNARY(gt_silu, at::silu(get(a)))
BINARY(gt_prelu, at::prelu(get(a), get(b)))

GT_EXPORT gt_tensor *gt_gelu(gt_scope *s, gt_tensor *a, int tanh) {
  return result(s, [&] { return at::gelu(get(a), tanh ? "tanh" : "none"); });
}

GT_EXPORT gt_tensor *gt_elu(gt_scope *s, gt_tensor *a, double alpha) {
  return result(s, [&] { return at::elu(get(a), alpha); });
}
