// attention.cc: queries that look at keys and values.
#include "op.h"

using gt::get;
using gt::maybe;
using gt::result;

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
