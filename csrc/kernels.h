/* The one list of kernels. Every instruction set fills one table of these pointers; the block sizes are stored with
 * them, because packing and tiling must agree. The contract of a kernel is in README.md.
 * To add a kernel: a line in FASTNN_KERNELS, its body in <stem>.h. setup.py writes the declarations for Cython. */
#ifndef FASTNN_KERNELS_H
#define FASTNN_KERNELS_H

#include "arguments.h"

/* Elementwise activations y = f(x), and whether the derivative is computed from the output y or the input x. */
#define FASTNN_ACTIVATIONS(A) \
  A(identity, y)              \
  A(relu, y)                  \
  A(sigmoid, y)               \
  A(tanh, y)                  \
  A(step, y)                  \
  A(leaky_relu, y)            \
  A(elu, y)                   \
  A(selu, y)                  \
  A(softplus, y)              \
  A(softsign, y)              \
  A(gelu, x)                  \
  A(gelu_tanh, x)             \
  A(silu, x)                  \
  A(hard_sigmoid, y)          \
  A(hard_tanh, y)             \
  A(relu6, y)                 \
  A(exp, y)                   \
  A(square, x)                \
  A(absolute, x)              \
  A(mish, x)                  \
  A(hard_swish, x)

typedef enum {
#define FASTNN_NAME(name, source) fastnn_##name,
  FASTNN_ACTIVATIONS(FASTNN_NAME) fastnn_activations
#undef FASTNN_NAME
} fastnn_activation;

/* Losses that are sums over elements, each a function of an output and its target. */
#define FASTNN_LOSSES(L) L(mse) L(mae) L(huber) L(binary_cross_entropy) L(hinge) L(poisson) L(focal)

typedef enum {
#define FASTNN_NAME(name) fastnn_loss_##name,
  FASTNN_LOSSES(FASTNN_NAME) fastnn_losses
#undef FASTNN_NAME
} fastnn_loss;

/* Element types of a user's array whose rows are gathered, by NumPy's names: the C type of an element, and the function
 * that converts it to a number where it is not one already. */
#define FASTNN_TYPES(T)           \
  T(float32, float, )             \
  T(float64, double, )            \
  T(float16, uint16_t, from_half) \
  T(bool, uint8_t, 0 !=)          \
  T(uint8, uint8_t, )             \
  T(int8, int8_t, )               \
  T(uint16, uint16_t, )           \
  T(int16, int16_t, )             \
  T(uint32, uint32_t, )           \
  T(int32, int32_t, )             \
  T(uint64, uint64_t, )           \
  T(int64, int64_t, )

typedef enum {
#define FASTNN_NAME(name, type, number) fastnn_##name,
  FASTNN_TYPES(FASTNN_NAME) fastnn_types
#undef FASTNN_NAME
} fastnn_type;

/* A user's array as it is in memory. Where its elements are contiguous and in native byte order, they are aligned
 * to their size. */
typedef struct {
  const char *data;
  isize row;            /* bytes from one row to the next */
  const isize *element; /* NULL: a row's elements are contiguous; else the byte offset of each from the row's start */
  int type;             /* a fastnn_type */
  int swapped;          /* the bytes of an element are in the opposite order */
} fastnn_array;

/* What gathered elements must be: anything, finite, in [0, 1], a distribution per row, >= 0, or -1, 0 or 1. */
typedef enum {
  fastnn_unchecked,
  fastnn_finite,
  fastnn_unit,
  fastnn_distribution,
  fastnn_nonnegative,
  fastnn_signed
} fastnn_check;

/* Parameters of one Adam update. rest = 1 - beta, inexact from a float beta near 1; step = rate / (1 - beta1^t),
 * correction = 1 / sqrt(1 - beta2^t); weight decay through the gradient, or decoupled: shrink = rate * weight decay.
 * ahead: Nadam's coefficient of the gradient itself. */
typedef struct {
  float step, ahead, correction, rest1, rest2, epsilon, decay, shrink;
} fastnn_adam;

#define FASTNN_KERNELS(K)                                                                                              \
  K(float, peak, (isize n))                                                                                            \
  K(void, pack, (isize k, isize n, const float *b, isize b_row, isize b_column, float *panels))                        \
  K(void, product, (const fastnn_product *p, float *scratch))                                                          \
  K(void, attention, (const fastnn_attention *p, float *scratch))                                                      \
  K(void, attention_gradient, (const fastnn_attention *p, float *scratch))                                             \
  K(void, column_sum, (isize rows, isize n, const float *x, isize x_row, int add, float *y))                           \
  K(void, convolution, (const fastnn_convolution *p, isize image, isize first, isize last))                            \
  K(void, convolution_weight_gradient,                                                                                 \
    (const fastnn_convolution *p, isize images, isize first, isize last, int add, float *dweight, isize dweight_row,   \
     float *panel))                                                                                                    \
  K(void, winograd, (const fastnn_convolution *p, isize first, isize last, float *scratch))                            \
  K(void, winograd_gradient,                                                                                           \
    (const fastnn_convolution *p, isize tiles, isize first, isize last, float *scratch, float *products))              \
  K(void, winograd_pack,                                                                                               \
    (isize k, isize n, const float *g, isize row_step, isize column_step, isize g_row, isize g_column, float *panel,   \
     isize step, float *scratch))                                                                                      \
  K(void, winograd_taps, (isize n, const float *products, isize step, int add, float *dweight))                        \
  K(void, depthwise, (const fastnn_depthwise *p, isize image, isize first, isize last))                                \
  K(void, depthwise_weight_gradient,                                                                                   \
    (const fastnn_convolution *p, isize image, isize first, isize last, float *dweight))                               \
  K(void, exp, (isize n, const float *x, float *y))                                                                    \
  K(void, log, (isize n, const float *x, float *y))                                                                    \
  K(void, erf, (isize n, const float *x, float *y))                                                                    \
  K(void, add, (isize n, const float *a, const float *b, float *y))                                                    \
  K(void, subtract, (isize n, const float *a, const float *b, float *y))                                               \
  K(void, multiply, (isize n, const float *a, const float *b, float *y))                                               \
  K(void, scale, (isize n, float factor, const float *x, float *y))                                                    \
  K(void, mask, (isize n, const float *x, const float *mask, float otherwise, float *y))                               \
  K(void, softmax, (isize rows, isize n, const float *x, float *y))                                                    \
  K(void, softmax_gradient, (isize rows, isize n, const float *y, const float *dy, float *dx))                         \
  K(void, log_softmax, (isize rows, isize n, const float *x, float *y))                                                \
  K(void, log_softmax_gradient, (isize rows, isize n, const float *y, const float *dy, float *dx))                     \
  K(void, prelu, (isize rows, isize n, const float *x, isize row, const float *slope, float *y))                       \
  K(void, prelu_gradient,                                                                                              \
    (isize rows, isize n, const float *x, isize row, const float *slope, const float *dy, float *dx, float *dslope))   \
  K(double, cross_entropy,                                                                                             \
    (isize rows, isize n, const float *x, const int32_t *label, const float *target, const float *weight, float scale, \
     float *dx))                                                                                                       \
  K(double, negative_entropy, (isize rows, isize n, const float *target, const float *weight))                         \
  K(void, soften,                                                                                                      \
    (isize rows, isize n, const int32_t *label, const float *target, const float *class_weight, float smoothing,       \
     float *y, float *mass, float *count))                                                                             \
  K(double, cosine,                                                                                                    \
    (isize rows, isize n, const float *x, const float *target, const float *weight, float scale, float *dx))           \
  K(double, dice,                                                                                                      \
    (isize rows, isize n, const float *x, const float *target, const float *weight, float smooth, float scale,         \
     float *dx))                                                                                                       \
  K(void, argmax, (isize rows, isize n, const float *x, int32_t *y))                                                   \
  K(double, ctc, (const fastnn_ctc *p, float *scratch))                                                                \
  K(isize, gather,                                                                                                     \
    (isize rows, isize n, isize width, const fastnn_array *x, isize first, const int64_t *order, int check, float *y)) \
  K(isize, gather_labels,                                                                                              \
    (isize rows, isize n, isize classes, const fastnn_array *x, isize first, const int64_t *order, double ignore,      \
     int32_t *y))                                                                                                      \
  K(void, dropout, (isize n, isize first, const float *x, uint32_t threshold, float scale, fastnn_random r, float *y)) \
  K(void, centred_sums,                                                                                                \
    (isize rows, isize n, const float *x, const float *centre, const float *dy, double *sum, double *product))         \
  K(void, batch_norm,                                                                                                  \
    (isize rows, isize n, const float *x, const float *mean, const float *variance, const float *gamma,                \
     const float *beta, float epsilon, float *y))                                                                      \
  K(void, batch_norm_gradient,                                                                                         \
    (isize rows, isize n, const float *x, const float *mean, const float *variance, const float *gamma, float epsilon, \
     const float *shift, const float *slope, const float *dy, float *dx))                                              \
  K(void, group_norm_gradient,                                                                                         \
    (isize rows, isize n, const float *x, const float *mean, const float *dy, const float *scale, const float *slope,  \
     const float *shift, float *dx))                                                                                   \
  K(void, layer_norm,                                                                                                  \
    (isize rows, isize n, const float *x, const float *gamma, const float *beta, float epsilon, float *moments,        \
     float *y))                                                                                                        \
  K(void, layer_norm_gradient,                                                                                         \
    (isize rows, isize n, const float *x, const float *moments, const float *gamma, int centred, const float *dy,      \
     float *dx))                                                                                                       \
  K(void, layer_norm_sums,                                                                                             \
    (isize rows, isize n, const float *x, const float *moments, const float *dy, double *sum, double *product))        \
  K(void, maxout, (isize rows, isize units, isize pieces, const float *z, float *y))                                   \
  K(void, maxout_gradient,                                                                                             \
    (isize rows, isize units, isize pieces, const float *z, const float *y, const float *dy, float *dz))               \
  K(void, max_pool, (const fastnn_pooling *p, isize first, isize rows, const float *x, float *y, uint8_t *place))      \
  K(void, max_pool_gradient,                                                                                           \
    (const fastnn_pooling *p, isize first, isize rows, const uint8_t *place, const float *dy, float *dx))              \
  K(void, average_pool, (const fastnn_pooling *p, int mean, isize first, isize rows, const float *x, float *y))        \
  K(void, average_pool_gradient,                                                                                       \
    (const fastnn_pooling *p, int mean, isize first, isize rows, const float *dy, float *dx))                          \
  K(void, bilinear, (const fastnn_upsampling *p, isize first, isize rows, const float *x, float *y))                   \
  K(void, bilinear_gradient, (const fastnn_upsampling *p, isize first, isize rows, const float *dy, float *dx))        \
  K(void, lstm, (isize rows, isize n, float *z, float *before, float *c, float *h))                                    \
  K(void, lstm_gradient, (isize rows, isize n, const float *before, const float *dh, float *dc, float *z))             \
  K(void, gru, (isize rows, isize n, float *z, const float *s, float *h))                                              \
  K(void, gru_gradient, (isize rows, isize n, const float *before, float *dh, float *z, float *s))                     \
  K(void, latest_maximum, (isize n, isize step, const float *x, float *best, int32_t *place))                          \
  K(void, gaussian_noise, (isize n, isize first, const float *x, float deviation, fastnn_random r, float *y))          \
  K(void, gaussian_sample, (isize n, isize first, const float *mean, const float *s, fastnn_random r, float *z))       \
  K(void, gaussian_sample_gradient,                                                                                    \
    (isize n, isize first, const float *mean, const float *s, const float *dz, float share, const fastnn_random *r,    \
     float *dmean, float *ds))                                                                                         \
  K(double, normal_divergence, (isize n, const float *mean, const float *s))                                           \
  K(void, leak, (isize n, const float *x, float a, float b, float *y))                                                 \
  K(void, leak_gradient, (isize n, const float *x, const float *dy, float a, float b, float *dx))                      \
  K(void, exponential, (isize n, const float *x, float a, float b, float *y))                                          \
  K(void, exponential_gradient, (isize n, const float *x, const float *dy, float a, float b, float *dx))               \
  K(void, limit, (isize n, const float *x, float a, float b, float *y))                                                \
  K(void, limit_gradient, (isize n, const float *x, const float *dy, float a, float b, float *dx))                     \
  K(void, rescale, (isize n, const float *x, float scale, float offset, float *y))                                     \
  K(void, uniform, (isize n, isize first, fastnn_random r, float *y))                                                  \
  K(void, flip_shift,                                                                                                  \
    (isize h, isize w, isize c, const float *x, isize row, int row_step, isize column, int column_step, float *y))     \
  K(void, rotate, (isize h, isize w, isize c, const float *x, double cosine, double sine, int transposed, float *y))   \
  K(double, sum, (isize n, const float *x))                                                                            \
  K(void, cutout,                                                                                                      \
    (isize h, isize w, isize c, const float *x, isize top, isize bottom, isize left, isize right, float *y))           \
  K(void, rotary,                                                                                                      \
    (isize heads, isize half, const float *x, const float *cosine, const float *sine, int back, float *y))             \
  K(void, sgd, (isize n, float *p, const float *g, float *v, float rate, float momentum, int nesterov, float decay))   \
  K(void, adam, (isize n, float *p, const float *g, float *m, float *v, const fastnn_adam *settings))                  \
  K(void, lion, (isize n, float *p, const float *g, float *m, float rate, float rest1, float rest2, float shrink))     \
  K(void, rmsprop,                                                                                                     \
    (isize n, float *p, const float *g, float *v, float *mean, float *buffer, float rate, float rest, float epsilon,   \
     float momentum, float decay))                                                                                     \
  K(void, adagrad, (isize n, float *p, const float *g, float *v, float rate, float epsilon, float decay))              \
  K(void, adadelta,                                                                                                    \
    (isize n, float *p, const float *g, float *v, float *u, float rate, float rest, float epsilon, float decay))       \
  K(void, rprop,                                                                                                       \
    (isize n, float *p, const float *g, float *before, float *size, float rate, float shrink, float grow, float low,   \
     float high))                                                                                                      \
  K(double, penalty, (isize n, const float *w, double l1, double l2, float *g))                                        \
  K(void, clip, (isize n, float *x, float limit, float factor))                                                        \
  K(void, max_norm, (isize rows, isize n, float *w, isize w_row, float limit))                                         \
  K(void, average, (isize n, const float *x, float *mean, float rest))

typedef struct {
  const char *isa;
  isize lanes;     /* floats per vector */
  isize tile_rows; /* rows of a register tile */
  isize panel;     /* columns of a register tile, and of a packed panel */
  /* Indexed by fastnn_activation, over rows of n: y = f(x), dx = dy f'(y) or dy f'(x). */
  void (*const *activation)(isize rows, isize n, const float *x, float *y, isize row);
  void (*const *activation_gradient)(isize rows, isize n, const float *y, isize y_row, const float *dy, float *dx,
                                     isize row);
  double (*const *loss)(isize rows, isize n, const float *x, const float *target, const float *weight, float setting,
                        float scale, float *dx); /* indexed by fastnn_loss */
#define FASTNN_FIELD(type, name, arguments) type(*name) arguments;
  FASTNN_KERNELS(FASTNN_FIELD)
#undef FASTNN_FIELD
} fastnn_table;

/* Instruction sets of this build, best first; NULL past the end. */
const char *fastnn_level(int i);
/* The table of a level, or NULL if it is not in this build or not supported by the processor. */
const fastnn_table *fastnn_select(const char *isa);

#endif
