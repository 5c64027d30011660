/* gotorch.h: the whole C ABI between Go and libtorch.
 *
 * Rules that hold for every declaration below:
 *  - A function that yields a tensor returns NULL when it failed; one that yields nothing returns a gt_code.
 *    Text and code of the failure stay on the scope until its next failure. Nobody frees strings.
 *  - The result of an op belongs to the scope that is its first argument and dies with it.
 *  - Inputs are borrowed for the call. C keeps no pointer into Go's memory, and never calls back.
 *  - No function throws. A scope may be used on the thread that made its root, and on no other.
 *
 * torch/internal/gentable reads the lines that begin with GT_API and writes table.c and table.go from them, so keep
 * each declaration in the form `GT_API type name(type arg, ...);`, on as many lines as it takes. */
#ifndef GOTORCH_H
#define GOTORCH_H

#include <stddef.h>
#include <stdint.h>

#ifndef GT_API
#define GT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gt_scope gt_scope;         /* an arena of tensors and the context of each call */
typedef struct gt_tensor gt_tensor;       /* a slot in a scope's arena */
typedef struct gt_event gt_event;         /* a moment on a device, owned by the caller */
typedef struct gt_span gt_span;           /* a named stretch of a trace, owned by the caller */
typedef struct gt_graph gt_graph;         /* work that the device repeats by itself, owned by the caller */
typedef struct gt_uploader gt_uploader;   /* batches on their way to the device, owned by the caller */
typedef struct gt_generator gt_generator; /* a stream of random numbers, owned by the caller */
typedef struct gt_script gt_script;       /* a TorchScript module, owned by the caller */
typedef struct gt_comm gt_comm;           /* processes that sum tensors together, owned by the caller */

typedef enum gt_code {
  GT_OK = 0,
  GT_FAILED = 1,        /* libtorch refused: shapes, types, a graph used twice */
  GT_OUT_OF_MEMORY = 2, /* on the device or on the host */
  GT_WRONG_THREAD = 3,  /* the scope belongs to another thread */
  GT_RELEASED = 4,      /* an operand was released before */
  GT_NO_CUDA = 5,       /* the CUDA library is not open */
  GT_NOT_MADE = 6,      /* an operand that may not be NULL is */
  GT_PEER = 7           /* another process is lost, or did not answer in time */
} gt_code;

/* Numbers of dtypes, devices and memory formats; Go has the same. */
typedef enum gt_dtype {
  GT_FLOAT32 = 0,
  GT_FLOAT64 = 1,
  GT_UINT8 = 2,
  GT_INT64 = 3,
  GT_BOOL = 4,
  GT_BFLOAT16 = 5,
  GT_FLOAT16 = 6,
  GT_INT32 = 7
} gt_dtype;
typedef enum gt_device { GT_CPU = 0, GT_CUDA = 1 } gt_device;
typedef enum gt_format { GT_PRESERVE = 0, GT_CONTIGUOUS = 1, GT_CHANNELS_LAST = 2 } gt_format;
/* Who computes the CPU's convolutions: a set of kernels where it wins, or with GT_CONV_ALWAYS wherever it can. */
typedef enum gt_conv { GT_CONV_STOCK = 0, GT_CONV_AVX2 = 1, GT_CONV_AVX512 = 2, GT_CONV_ALWAYS = 4 } gt_conv;
/* What an image is continued with beyond its border, and what becomes of a loss's elements (libtorch's numbers). */
typedef enum gt_border { GT_ZEROS = 0, GT_REFLECT = 1, GT_REPLICATE = 2 } gt_border;
typedef enum gt_reduction { GT_NONE = 0, GT_MEAN = 1, GT_SUM = 2 } gt_reduction;
/* Who carries numbers between processes: gloo on the CPU, NCCL between CUDA devices. */
typedef enum gt_backend { GT_GLOO = 0, GT_NCCL = 1 } gt_backend;

#define GT_MAX_DIMS 8

typedef struct gt_info {
  int32_t dtype, device, device_index, dims;
  int64_t shape[GT_MAX_DIMS];
  int32_t requires_grad, channels_last;
} gt_info;

typedef struct gt_cuda_info {
  char name[256];
  int64_t total_bytes;
  int32_t major, minor;
} gt_cuda_info;

typedef struct gt_memory {
  int64_t allocated, peak, reserved; /* bytes, of the caching allocator */
} gt_memory;

/* --- the library ------------------------------------------------------------------------------------------------ */
GT_API const char *gt_abi(void);     /* SHA-256 of the gotorch.h this library was built from, in hex */
GT_API const char *gt_built_for(void); /* the version of libtorch that this library was built for */
GT_API int gt_version(char *version, size_t size); /* of the libtorch that runs; GT_FAILED: it does not say */
GT_API void gt_keep_memory(void); /* freed memory stays with the process: a step needs again what the last one did */
GT_API void gt_trim_memory(void); /* gives what is free back to the system, once */
GT_API int gt_threads(void); /* intra-op threads of a thread on which nobody chose: libtorch's default */
GT_API int gt_set_math(int tf32, int deterministic, int autotune); /* process-wide; before the first CUDA tensor */
GT_API void gt_math(int *tf32, int *deterministic, int *autotune); /* as they are */
GT_API int gt_conv_best(void); /* the last of GT_CONV_STOCK, _AVX2, _AVX512 that this processor runs (and ATEN_CPU_CAPABILITY allows) */

/* --- CUDA ------------------------------------------------------------------------------------------------------- */
GT_API int gt_cuda_driver(int *version);          /* 0 and e.g. 13000; 1: no libcuda.so.1; 2: it found no device */
/* loads libgotorch_cuda.so; to be called before any tensor is made: it fails where libtorch has found CUDA absent before */
GT_API int gt_cuda_open(char *why, size_t size);
GT_API int gt_cuda_count(char *why, size_t size); /* devices that can be used; on 0, why */
GT_API int gt_cuda_describe(int index, gt_cuda_info *out);
GT_API int gt_cuda_memory(int index, gt_memory *out);
GT_API int gt_cuda_reset_peak(int index);
GT_API int gt_synchronize(gt_scope *s);

/* --- scopes ----------------------------------------------------------------------------------------------------- */
/* threads: intra-op, above 0. NULL: no memory, or another thread's parent. */
GT_API gt_scope *gt_scope_new(gt_scope *parent, int device, int index, int grad, int bf16, int conv, int threads);
GT_API int gt_scope_own_stream(gt_scope *s); /* CUDA: a stream for a new root, until it is closed */
GT_API int gt_scope_close(gt_scope *s); /* frees every tensor in s, and s */
GT_API int64_t gt_scope_live(gt_scope *s); /* tensors alive in the tree s belongs to; -1: wrong thread */
GT_API int gt_scope_code(gt_scope *s);
GT_API const char *gt_scope_error(gt_scope *s);
GT_API int gt_scope_threads(gt_scope *s, int *n); /* intra-op threads of a call on s */
GT_API gt_tensor *gt_use(gt_scope *s, gt_scope *owner, gt_tensor *t); /* owner's tensor, held by s too */
GT_API int gt_release(gt_scope *s, gt_tensor *t);    /* drops the tensor before its scope ends */
GT_API int gt_describe(gt_scope *s, gt_tensor *t, gt_info *out);

/* --- random numbers --------------------------------------------------------------------------------------------- */
GT_API gt_generator *gt_generator_new(gt_scope *s, uint64_t seed); /* on the scope's device */
GT_API void gt_generator_free(gt_generator *g);
GT_API int gt_generator_state(gt_scope *s, gt_generator *g, void *buf, size_t size, size_t *used);
GT_API int gt_generator_set_state(gt_scope *s, gt_generator *g, const void *buf, size_t size);

/* --- creation, copies ------------------------------------------------------------------------------------------- */
GT_API gt_tensor *gt_full(gt_scope *s, const int64_t *shape, int dims, double value, int dtype);
GT_API gt_tensor *gt_zeros_like(gt_scope *s, gt_tensor *t); /* dtype, device and layout of t */
GT_API gt_tensor *gt_randn(gt_scope *s, gt_generator *g, const int64_t *shape, int dims, int dtype);
GT_API gt_tensor *gt_rand(gt_scope *s, gt_generator *g, const int64_t *shape, int dims, int dtype);
GT_API int gt_normal_(gt_scope *s, gt_tensor *t, gt_generator *g, double mean, double std);
GT_API int gt_uniform_(gt_scope *s, gt_tensor *t, gt_generator *g, double from, double to);
GT_API gt_tensor *gt_from_bytes(gt_scope *s, const void *data, size_t size, const int64_t *shape, int dims, int dtype);
GT_API int gt_to_bytes(gt_scope *s, gt_tensor *t, void *data, size_t size); /* contiguous; waits for the device */
/* uint8 [N,H,W,C] on the host -> [-1,1] [N,C,H,W] on the scope's device; through pinned memory on CUDA */
GT_API gt_tensor *gt_images(gt_scope *s, const void *data, int64_t n, int64_t h, int64_t w, int64_t c, int format);
/* picks n images, by index, of uint8 [N,H,W,C] in store, mirrors those whose flip is not 0 (NULL: none), and scales them as
 * gt_images does */
GT_API gt_tensor *gt_gather_images(gt_scope *s, gt_tensor *store, const int64_t *index, const uint8_t *flip, int64_t n,
                                   int format);
/* picks n points, by index, of float32 [N,d] that store holds as uint8 [N,4d] */
GT_API gt_tensor *gt_gather_points(gt_scope *s, gt_tensor *store, const int64_t *index, int64_t n);
/* copies bytes to n rows of store, uint8, from row first on */
GT_API int gt_fill_rows(gt_scope *s, gt_tensor *store, int64_t first, int64_t n, const void *data, size_t size);
GT_API gt_tensor *gt_to_uint8(gt_scope *s, gt_tensor *t); /* [N,C,H,W] in [-1,1] -> uint8 [N,H,W,C], rounded */
GT_API gt_tensor *gt_to(gt_scope *s, gt_tensor *t, int device, int index, int dtype, int format);
GT_API gt_tensor *gt_clone(gt_scope *s, gt_tensor *t);
GT_API gt_tensor *gt_detach(gt_scope *s, gt_tensor *t);
GT_API int gt_copy_(gt_scope *s, gt_tensor *dst, gt_tensor *src);
GT_API int gt_fill_(gt_scope *s, gt_tensor *t, double value);
GT_API int gt_add_(gt_scope *s, gt_tensor *t, gt_tensor *u, double alpha);

/* --- arithmetic ------------------------------------------------------------------------------------------------- */
GT_API gt_tensor *gt_add(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_sub(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_mul(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_div(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_affine(gt_scope *s, gt_tensor *a, double scale, double shift); /* a*scale + shift */
GT_API gt_tensor *gt_pow(gt_scope *s, gt_tensor *a, double exponent);
GT_API gt_tensor *gt_matmul(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_abs(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_exp(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_log(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_sqrt(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_clamp(gt_scope *s, gt_tensor *a, double low, double high);

/* --- reductions (dims 0: over everything) ----------------------------------------------------------------------- */
GT_API gt_tensor *gt_sum(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep);
GT_API gt_tensor *gt_mean(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep);
GT_API gt_tensor *gt_var(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int correction, int keep);

/* --- activations ------------------------------------------------------------------------------------------------ */
GT_API gt_tensor *gt_relu(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_leaky_relu(gt_scope *s, gt_tensor *a, double slope);
GT_API gt_tensor *gt_tanh(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_sigmoid(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_softplus(gt_scope *s, gt_tensor *a);
GT_API int gt_relu_(gt_scope *s, gt_tensor *a);
GT_API int gt_leaky_relu_(gt_scope *s, gt_tensor *a, double slope);
GT_API int gt_tanh_(gt_scope *s, gt_tensor *a);
GT_API int gt_sigmoid_(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_dropout(gt_scope *s, gt_tensor *a, gt_generator *g, double p);

/* --- layers ----------------------------------------------------------------------------------------------------- */
/* bias may be NULL; the pair arguments are {height, width} */
GT_API gt_tensor *gt_linear(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias);
GT_API gt_tensor *gt_conv1d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, int64_t stride,
                            int64_t padding, int64_t dilation, int64_t groups);
GT_API gt_tensor *gt_conv2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, const int64_t *stride,
                            const int64_t *padding, const int64_t *dilation, int64_t groups);
/* x [N,in] becomes the pixel of `seen` [N,H,W,in] in the last row and the middle column of a window of weight [out,kh,kw,in]
   that begins at row and column; the window's convolution, [N,out] */
GT_API gt_tensor *gt_conv2d_at(gt_scope *s, gt_tensor *seen, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, int64_t row,
                               int64_t column);
GT_API gt_tensor *gt_conv_transpose2d(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias,
                                      const int64_t *stride, const int64_t *padding, const int64_t *output_padding,
                                      const int64_t *dilation, int64_t groups);
/* training counts the batch in `tracked` and updates mean and var; weight, bias, mean, var and tracked may be NULL. weight and
   bias are [C], or [N,C]: of each sample */
GT_API gt_tensor *gt_batch_norm(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, gt_tensor *mean,
                                gt_tensor *var, gt_tensor *tracked, int training, double momentum, double eps);
/* the same and then leaky_relu, or relu where slope is 0 */
GT_API gt_tensor *gt_batch_norm_act(gt_scope *s, gt_tensor *x, gt_tensor *weight, gt_tensor *bias, gt_tensor *mean,
                                    gt_tensor *var, gt_tensor *tracked, int training, double momentum, double eps,
                                    double slope);

/* adds 1 to each of n integer tensors: what tells of batches seen, for several layers at once */
GT_API int gt_count(gt_scope *s, gt_tensor *const *counters, int n);

/* --- shapes ----------------------------------------------------------------------------------------------------- */
GT_API gt_tensor *gt_reshape(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims);
GT_API gt_tensor *gt_permute(gt_scope *s, gt_tensor *a, const int64_t *order, int dims);
GT_API gt_tensor *gt_slice(gt_scope *s, gt_tensor *a, int64_t dim, int64_t start, int64_t end, int64_t step);
GT_API gt_tensor *gt_cat(gt_scope *s, gt_tensor *const *parts, int n, int64_t dim);

/* --- comparisons (bool) and choices -------------------------------------------------------------------------------- */
GT_API gt_tensor *gt_eq(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_ne(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_lt(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_le(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_gt(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_ge(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_eq_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_ne_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_lt_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_le_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_gt_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_ge_scalar(gt_scope *s, gt_tensor *a, double v);
GT_API gt_tensor *gt_maximum(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_minimum(gt_scope *s, gt_tensor *a, gt_tensor *b);
GT_API gt_tensor *gt_where(gt_scope *s, gt_tensor *condition, gt_tensor *a, gt_tensor *b);

/* --- selections (indices are int64) and shapes ----------------------------------------------------------------------- */
GT_API gt_tensor *gt_index_select(gt_scope *s, gt_tensor *a, int64_t dim, gt_tensor *index);
GT_API gt_tensor *gt_gather(gt_scope *s, gt_tensor *a, int64_t dim, gt_tensor *index);
GT_API gt_tensor *gt_embedding(gt_scope *s, gt_tensor *weight, gt_tensor *index);
GT_API gt_tensor *gt_one_hot(gt_scope *s, gt_tensor *a, int64_t classes);
GT_API gt_tensor *gt_unsqueeze(gt_scope *s, gt_tensor *a, int64_t dim);
GT_API gt_tensor *gt_squeeze(gt_scope *s, gt_tensor *a, int64_t dim);
GT_API gt_tensor *gt_expand(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims);
GT_API gt_tensor *gt_stack(gt_scope *s, gt_tensor *const *parts, int n, int64_t dim);

/* --- extremes, norms, orders (dims 0: over everything; out: values and int64 indices) ---------------------------------- */
GT_API gt_tensor *gt_amax(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep);
GT_API gt_tensor *gt_amin(gt_scope *s, gt_tensor *a, const int64_t *over, int dims, int keep);
GT_API int gt_max(gt_scope *s, gt_tensor *a, int64_t dim, int keep, gt_tensor **out);
GT_API int gt_min(gt_scope *s, gt_tensor *a, int64_t dim, int keep, gt_tensor **out);
GT_API gt_tensor *gt_norm(gt_scope *s, gt_tensor *a, double p, const int64_t *over, int dims, int keep);
GT_API gt_tensor *gt_cumsum(gt_scope *s, gt_tensor *a, int64_t dim);
GT_API int gt_sort(gt_scope *s, gt_tensor *a, int64_t dim, int descending, gt_tensor **out);
GT_API int gt_topk(gt_scope *s, gt_tensor *a, int64_t k, int64_t dim, int largest, gt_tensor **out);
GT_API gt_tensor *gt_softmax(gt_scope *s, gt_tensor *a, int64_t dim);
GT_API gt_tensor *gt_log_softmax(gt_scope *s, gt_tensor *a, int64_t dim);

/* --- pooling, sides of an image; pairs are {height, width} -------------------------------------------------------------- */
GT_API gt_tensor *gt_avg_pool2d(gt_scope *s, gt_tensor *a, const int64_t *kernel, const int64_t *stride,
                                const int64_t *padding, int ceil, int count_pad);
GT_API gt_tensor *gt_max_pool2d(gt_scope *s, gt_tensor *a, const int64_t *kernel, const int64_t *stride,
                                const int64_t *padding, const int64_t *dilation, int ceil);
GT_API gt_tensor *gt_adaptive_avg_pool2d(gt_scope *s, gt_tensor *a, const int64_t *size);
GT_API gt_tensor *gt_interpolate(gt_scope *s, gt_tensor *a, const int64_t *size, int bilinear, int align_corners);
GT_API gt_tensor *gt_pixel_shuffle(gt_scope *s, gt_tensor *a, int64_t factor);
GT_API gt_tensor *gt_pixel_unshuffle(gt_scope *s, gt_tensor *a, int64_t factor);
/* sides: before and after the last dim, then the dim before it, and so on; border: gt_border */
GT_API gt_tensor *gt_pad(gt_scope *s, gt_tensor *a, const int64_t *sides, int n, int border);
GT_API gt_tensor *gt_affine_grid(gt_scope *s, gt_tensor *theta, const int64_t *size, int dims, int align_corners);
GT_API gt_tensor *gt_grid_sample(gt_scope *s, gt_tensor *a, gt_tensor *grid, int nearest, int border,
                                 int align_corners);
/* images recoloured, moved and cut, each by its row of a table, any of which may be NULL: color [n,4], move int64 [n,2], cut int64
   [n,2] of height x width */
GT_API gt_tensor *gt_bend(gt_scope *s, gt_tensor *a, gt_tensor *color, gt_tensor *move, gt_tensor *cut, int64_t height,
                          int64_t width);

/* --- normalisations without running statistics (weight and bias may be NULL), further activations ----------------------- */
GT_API gt_tensor *gt_layer_norm(gt_scope *s, gt_tensor *a, const int64_t *shape, int dims, gt_tensor *weight,
                                gt_tensor *bias, double eps);
GT_API gt_tensor *gt_group_norm(gt_scope *s, gt_tensor *a, int64_t groups, gt_tensor *weight, gt_tensor *bias,
                                double eps);
GT_API gt_tensor *gt_instance_norm(gt_scope *s, gt_tensor *a, gt_tensor *weight, gt_tensor *bias, double eps);
GT_API gt_tensor *gt_silu(gt_scope *s, gt_tensor *a);
GT_API gt_tensor *gt_gelu(gt_scope *s, gt_tensor *a, int tanh);
GT_API gt_tensor *gt_elu(gt_scope *s, gt_tensor *a, double alpha);
GT_API gt_tensor *gt_prelu(gt_scope *s, gt_tensor *a, gt_tensor *weight);

/* --- losses (reduction: gt_reduction) ------------------------------------------------------------------------------------ */
GT_API gt_tensor *gt_mse_loss(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction);
GT_API gt_tensor *gt_l1_loss(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction);
GT_API gt_tensor *gt_bce_with_logits(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction);
GT_API gt_tensor *gt_cross_entropy(gt_scope *s, gt_tensor *a, gt_tensor *target, int reduction, double smoothing);

/* --- linear algebra ------------------------------------------------------------------------------------------------------ */
GT_API gt_tensor *gt_cdist(gt_scope *s, gt_tensor *a, gt_tensor *b, double p);
GT_API int gt_eigh(gt_scope *s, gt_tensor *a, gt_tensor **out); /* values, rising, and vectors */
/* mask may be NULL; plain: in products and a softmax of their own, which can be differentiated twice */
GT_API gt_tensor *gt_attention(gt_scope *s, gt_tensor *query, gt_tensor *key, gt_tensor *value, gt_tensor *mask,
                               int causal, int plain);
GT_API int gt_orthogonal_(gt_scope *s, gt_tensor *t, gt_generator *g, double gain);

/* --- differentiation -------------------------------------------------------------------------------------------- */
GT_API int gt_set_requires_grad(gt_scope *s, gt_tensor *t, int on);
GT_API int gt_gradient(gt_scope *s, gt_tensor *t, gt_tensor **out); /* t.grad; out is NULL where there is none */
/* adds d(root)/d(leaf) to the gradient of each of the n leaves alone (all leaves of the graph where n is 0) */
GT_API int gt_backward(gt_scope *s, gt_tensor *root, gt_tensor *const *leaves, int n, int retain_graph);
/* writes d(sum of root)/d(input) for each input to out; an input that root does not depend on yields zeros */
GT_API int gt_grad(gt_scope *s, gt_tensor *root, gt_tensor *const *inputs, int n, int create_graph, gt_tensor **out);
GT_API int gt_zero_grad(gt_scope *s, gt_tensor *const *params, int n);

/* --- optimizers: a whole step a call; a parameter without a gradient is left as it is, gradients are dropped ------
 * lr, momentum and decay are 0-dim tensors on the scope's device, which the host may fill between steps and between
 * replays of a graph. */
/* max_exp_avg_sq is NULL unless AMSGrad; decoupled: weight decay as AdamW's */
GT_API int gt_adam_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *exp_avg, gt_tensor *const *exp_avg_sq,
                        gt_tensor *const *max_exp_avg_sq, gt_tensor *const *steps, int n, gt_tensor *lr, double beta1,
                        double beta2, double eps, double weight_decay, int decoupled);
/* momentum and its buffers are both NULL or neither is; the buffers begin as zeros; nesterov wants a momentum */
GT_API int gt_sgd_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *momentum_buffer, int n, gt_tensor *lr,
                       gt_tensor *momentum, double weight_decay, int nesterov);
/* the norm of all gradients of params before they are scaled to max_norm at most (infinite: they stay as they are), 0-dim on
 * the device: nothing is read */
GT_API gt_tensor *gt_clip_grad_norm(gt_scope *s, gt_tensor *const *params, int n, double max_norm);
GT_API int gt_rmsprop_step(gt_scope *s, gt_tensor *const *params, gt_tensor *const *square_avg,
                           gt_tensor *const *momentum_buffer, gt_tensor *const *steps, int n, gt_tensor *lr,
                           double alpha, double eps, gt_tensor *momentum, double weight_decay);

/* --- averages: avg += (1-decay)*(of-avg) for each of the n pairs, and a plain copy for each of the m pairs --------- */
GT_API int gt_average(gt_scope *s, gt_tensor *const *avg, gt_tensor *const *of, int n, gt_tensor *decay,
                      gt_tensor *const *copies, gt_tensor *const *of_copies, int m);

/* --- what holds a discriminator ---------------------------------------------------------------------------------- */
GT_API int gt_clip_(gt_scope *s, gt_tensor *const *params, int n, double bound); /* each to [-bound, bound]; records no graph */
/* weight over its greatest singular value, as u [m] and v [n] estimate it for weight as a matrix [m,n] whose rows are along
 * dim; u and v go through so many power iterations first, in place, of which the gradient knows nothing */
GT_API gt_tensor *gt_spectral_norm(gt_scope *s, gt_tensor *weight, gt_tensor *u, gt_tensor *v, int64_t dim, int iterations);

/* --- CUDA graphs ------------------------------------------------------------------------------------------------ */
/* While on, the tree's calls are those of a capture, real or rehearsed: one that would wait for the device, read from it
 * or bring it something of the host's fails, and optimizer steps read no rate on the CPU either. */
GT_API int gt_capturing(gt_scope *s, int on);
/* beside: one of the tree's whose memory it shares, since two of a tree never work at once; or NULL */
GT_API gt_graph *gt_graph_new(gt_scope *s, gt_graph *beside);
/* from here to gt_graph_end the tree's work is kept instead of done; generators: all that it draws from */
GT_API int gt_graph_begin(gt_scope *s, gt_graph *g, gt_generator *const *generators, int n);
GT_API int gt_graph_end(gt_scope *s, gt_graph *g);
GT_API int gt_graph_replay(gt_scope *s, gt_graph *g);
GT_API void gt_graph_free(gt_graph *g); /* gives a capture up that was not ended; on the scope's thread */

/* --- uploads: batches of images or points that cross while the device works; at most two are sent and not taken ------------ */
GT_API gt_uploader *gt_uploader_new(gt_scope *s, size_t size); /* bytes of a batch at most */
GT_API int gt_uploader_send(gt_scope *s, gt_uploader *u, const void *data, size_t size);
/* the oldest that was sent, as gt_images has it */
GT_API gt_tensor *gt_uploader_take(gt_scope *s, gt_uploader *u, int64_t n, int64_t h, int64_t w, int64_t c, int format);
/* the oldest that was sent, float32 [n,d] */
GT_API gt_tensor *gt_uploader_take_points(gt_scope *s, gt_uploader *u, int64_t n, int64_t d);
GT_API void gt_uploader_free(gt_uploader *u);

/* --- TorchScript: a module with the n tensors under their state_dict keys, whose forward is source, written to path -- */
GT_API int gt_script_save(gt_scope *s, const char *source, const char *const *keys, gt_tensor *const *tensors,
                          const int *buffers, int n, const char *path);
/* the module of a file, on the scope's device and in inference mode */
GT_API gt_script *gt_script_open(gt_scope *s, const char *path);
/* its forward of x, a tensor or several: the first `most` of them are kept, and n counts them all. Where forward has an
 * argument return_features, that is true. */
GT_API int gt_script_forward(gt_scope *s, gt_script *m, gt_tensor *x, gt_tensor **out, int most, int *n);
GT_API void gt_script_free(gt_script *m);

/* --- meters ----------------------------------------------------------------------------------------------------- */
/* sums: float64 [n+2] on the device. Adds the n 0-dim values to the first n places and 1 to place n; place n+1 counts
 * the calls since a value was first not finite, that one included (0: never). Nothing is read back. */
GT_API int gt_meter_add(gt_scope *s, gt_tensor *sums, gt_tensor *const *values, int n);

/* --- many processes --------------------------------------------------------------------------------------------- */
/* One of size processes, not joined to the others yet. host: the address of this one that the others reach (gloo); index: its
 * CUDA device (NCCL). word gets what the others need of it, of at most *length bytes, and length how many there are. NULL: why.
 * A call that waits for the others fails with GT_PEER when one is lost or, on the CPU, is silent for timeout_ms; afterwards
 * all calls do. */
GT_API gt_comm *gt_comm_new(int backend, const char *host, int index, int rank, int size, int64_t timeout_ms, void *word,
                            size_t *length, char *why, size_t room);
/* words: what each rank gave, one after the other, of so many bytes each */
GT_API int gt_comm_join(gt_comm *c, int size, const void *words, const size_t *lengths, char *why, size_t room);
GT_API int gt_comm_sum(gt_scope *s, gt_comm *c, gt_tensor *t); /* in place, over all; records no graph */
GT_API int gt_comm_broadcast(gt_scope *s, gt_comm *c, gt_tensor *t, int root); /* t becomes root's; records no graph */
GT_API gt_tensor *gt_comm_total(gt_scope *s, gt_comm *c, gt_tensor *t); /* the sum over all; its gradient is such a sum too */
/* each parameter's gradient becomes the sum over all of weight times theirs, in one exchange */
GT_API int gt_comm_sum_gradients(gt_scope *s, gt_comm *c, gt_tensor *const *params, int n, double weight);
/* These two may be called from any thread, while another is in a call on c. */
GT_API int gt_comm_check(gt_comm *c, char *why, size_t room); /* GT_PEER: a peer was found lost meanwhile */
GT_API void gt_comm_abort(gt_comm *c); /* what waits on c, here and elsewhere, fails */
GT_API void gt_comm_free(gt_comm *c); /* graphs that were captured with it go first */

/* --- measuring -------------------------------------------------------------------------------------------------- */
GT_API gt_event *gt_event_new(gt_scope *s); /* the moment at which the work queued so far is done */
GT_API void gt_event_free(gt_event *e);
GT_API int gt_event_between(gt_scope *s, gt_event *from, gt_event *to, double *ms); /* waits for both */
/* bytes that tensors take at most between the two, beyond those taken before; one measurement a tree at a time, whose
 * whole work counts. On the CPU, to free what was there before counts for nothing; on CUDA, all work on the device counts. */
GT_API int gt_peak_begin(gt_scope *s);
GT_API int gt_peak_end(gt_scope *s, int64_t *bytes);
GT_API int gt_trace_start(gt_scope *s);                   /* one trace a process at a time */
GT_API int gt_trace_stop(gt_scope *s, const char *path);  /* writes it, in Chrome's format */
GT_API gt_span *gt_span_new(gt_scope *s, const char *name); /* spans nest; on the scope's thread */
GT_API void gt_span_free(gt_span *p);

#ifdef __cplusplus
}
#endif
#endif
