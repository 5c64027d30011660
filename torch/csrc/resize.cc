// resize.cc: what changes an image's sides, or moves its points.
#include "bend/function.h"
#include "op.h"

using gt::get;
using gt::ints;
using gt::or_none;
using gt::result;

GT_EXPORT gt_tensor *gt_interpolate(gt_scope *s, gt_tensor *a, const int64_t *size, int bilinear, int align_corners) {
  return result(s, [&] {
    if (bilinear) return at::upsample_bilinear2d(get(a), ints(size, 2), align_corners != 0);
    if (align_corners) throw gt::Error(GT_FAILED, "align_corners is of the bilinear mode alone");
    return at::upsample_nearest2d(get(a), ints(size, 2));
  });
}

GT_EXPORT gt_tensor *gt_pixel_shuffle(gt_scope *s, gt_tensor *a, int64_t factor) {
  return result(s, [&] { return at::pixel_shuffle(get(a), factor); });
}

GT_EXPORT gt_tensor *gt_pixel_unshuffle(gt_scope *s, gt_tensor *a, int64_t factor) {
  return result(s, [&] { return at::pixel_unshuffle(get(a), factor); });
}

GT_EXPORT gt_tensor *gt_pad(gt_scope *s, gt_tensor *a, const int64_t *sides, int n, int border) {
  return result(s, [&] {
    switch (border) {
      case GT_ZEROS: return at::constant_pad_nd(get(a), ints(sides, n), 0);
      case GT_REFLECT: return at::pad(get(a), ints(sides, n), "reflect");
      case GT_REPLICATE: return at::pad(get(a), ints(sides, n), "replicate");
    }
    throw gt::Error(GT_FAILED, "unknown border " + std::to_string(border));
  });
}

GT_EXPORT gt_tensor *gt_affine_grid(gt_scope *s, gt_tensor *theta, const int64_t *size, int dims, int align_corners) {
  return result(s, [&] { return at::affine_grid_generator(get(theta), ints(size, dims), align_corners != 0); });
}

// libtorch numbers the borders of grid_sample: zeros, border, reflection.
static int64_t grid_border(int border) {
  switch (border) {
    case GT_ZEROS: return 0;
    case GT_REPLICATE: return 1;
    case GT_REFLECT: return 2;
  }
  throw gt::Error(GT_FAILED, "unknown border " + std::to_string(border));
}

GT_EXPORT gt_tensor *gt_grid_sample(gt_scope *s, gt_tensor *a, gt_tensor *grid, int nearest, int border,
                                    int align_corners) {
  return result(s, [&] {
    return at::grid_sampler(get(a), get(grid), nearest != 0, grid_border(border), align_corners != 0);
  });
}

static void need_table(const char *name, const at::Tensor &t, const at::Tensor &x, int64_t columns, bool whole) {
  if (!t.defined()) return;
  const bool typed = whole ? t.scalar_type() == at::kLong : t.is_floating_point();
  if (typed && t.dim() == 2 && t.size(0) == x.size(0) && t.size(1) == columns) return;
  throw gt::Error(GT_FAILED, std::string(name) + " must be " + (whole ? "int64" : "of floats") + ", [" +
                                 std::to_string(x.size(0)) + "," + std::to_string(columns) + "]");
}

GT_EXPORT gt_tensor *gt_bend(gt_scope *s, gt_tensor *a, gt_tensor *color, gt_tensor *move, gt_tensor *cut, int64_t height,
                             int64_t width) {
  return result(s, [&] {
    const at::Tensor &x = get(a);
    const gt::bend::Bend by{or_none(color), or_none(move), or_none(cut), height, width};
    if (x.dim() != 4) throw gt::Error(GT_FAILED, "images are [N,C,H,W]");
    if (height < 0 || height > x.size(2) || width < 0 || width > x.size(3))
      throw gt::Error(GT_FAILED, "what is cut must be no larger than the images");
    need_table("color", by.color, x, 4, false);
    need_table("move", by.move, x, 2, true);
    need_table("cut", by.cut, x, 2, true);
    return gt::bend::bent(x, by, s->conv != GT_CONV_STOCK);
  });
}
