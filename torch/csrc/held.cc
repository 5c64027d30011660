// held.cc: what holds a discriminator to smooth functions.
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "scope.h"

using at::Tensor;
using gt::get;

GT_EXPORT int gt_clip_(gt_scope *s, gt_tensor *const *params, int n, double bound) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    std::vector<Tensor> all = gt::list(params, n);
    at::_foreach_clamp_min_(all, -bound);
    at::_foreach_clamp_max_(all, bound);
  });
}

// to = x / |x|. PyTorch: F.normalize(x, dim=0, eps=1e-12, out=to).
static void normalize(Tensor &to, const Tensor &x) { to.copy_(x.div(at::linalg_vector_norm(x).clamp_min_(1e-12))); }

// torch.nn.utils.parametrizations.spectral_norm, in full precision whatever the scope's.
GT_EXPORT gt_tensor *gt_spectral_norm(gt_scope *s, gt_tensor *weight, gt_tensor *u, gt_tensor *v, int64_t dim, int iterations) {
  return gt::result(s, [&] {
    c10::impl::ExcludeDispatchKeyGuard full(c10::autocast_dispatch_keyset);
    const Tensor &w = get(weight);
    const Tensor matrix = w.transpose(0, dim).flatten(1);
    {
      at::NoGradGuard quiet;
      for (int i = 0; i < iterations; i++) {
        normalize(get(u), at::mv(matrix, get(v)));
        normalize(get(v), at::mv(matrix.t(), get(u)));
      }
    }
    // Copies: a later pass forward overwrites u and v before this one is differentiated.
    return w.div(at::dot(get(u).clone(), at::mv(matrix, get(v).clone())));
  });
}
