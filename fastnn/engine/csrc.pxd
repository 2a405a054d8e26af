# The table of csrc/kernels.h as Cython sees it; tests/test_house.py keeps the two lists equal.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "kernels.h":
    ctypedef Py_ssize_t isize

    ctypedef struct fastnn_rows:
        isize m
        const float *a
        isize a_row, a_column
        float *c
        isize c_row

    fastnn_rows no_rows "((fastnn_rows){0})"

    ctypedef struct fastnn_product:
        isize m, n, k
        const float *a
        isize a_row, a_column
        const float *b
        isize b_row, b_column
        int b_packed
        const float *bias
        int add
        float *c
        isize c_row
        int activation
        float *z
        const float *y
        isize y_row
        fastnn_rows beside

    ctypedef struct fastnn_axis:
        isize outputs, size, taps, stride, dilation, before

    ctypedef struct fastnn_convolution:
        fastnn_axis rows, columns
        isize in_ "in", out
        const float *x
        isize x_image, x_row, x_pixel
        const float *weight
        const float *bias
        float *y
        isize y_image, y_row, y_pixel
        int activation
        float *z
        const float *source

    ctypedef struct fastnn_depthwise:
        fastnn_convolution map
        isize weight_row, weight_tap

    ctypedef struct fastnn_pooling:
        fastnn_axis rows, columns
        isize channels

    ctypedef struct fastnn_upsampling:
        isize height, width, channels, down, across

    enum: FASTNN_WINOGRAD_CHANNELS
    enum: fastnn_activations
    enum: fastnn_identity
    enum: fastnn_float32
    enum: fastnn_int64
    enum: fastnn_unchecked
    enum: fastnn_finite
    enum: fastnn_losses
    enum: fastnn_nonnegative
    enum: fastnn_signed

    ctypedef struct fastnn_array:
        const char *data
        isize row
        const isize *element
        int type, swapped

    ctypedef struct fastnn_random:
        uint64_t seed, step
        uint32_t stream

    ctypedef struct fastnn_adam:
        float step, ahead, correction, rest1, rest2, epsilon, decay, shrink

    ctypedef struct fastnn_table:
        const char *isa
        isize lanes, tile_rows, panel
        void (**activation)(isize rows, isize n, const float *x, float *y, isize row) noexcept nogil
        void (**activation_gradient)(isize rows, isize n, const float *y, isize y_row, const float *dy, float *dx,
                                     isize row) noexcept nogil
        double (**loss)(isize rows, isize n, const float *x, const float *target, const float *weight, float setting,
                        float scale, float *dx) noexcept nogil
        float (*peak)(isize n) noexcept nogil
        void (*pack)(isize k, isize n, const float *b, isize b_row, isize b_column, float *panels) noexcept nogil
        void (*product)(const fastnn_product *p) noexcept nogil
        void (*column_sum)(isize rows, isize n, const float *x, isize x_row, int add, float *y) noexcept nogil
        void (*convolution)(const fastnn_convolution *p, isize image, isize first, isize last) noexcept nogil
        void (*convolution_weight_gradient)(const fastnn_convolution *p, isize images, isize first, isize last, int add,
                                            float *dweight, isize dweight_row) noexcept nogil
        void (*winograd)(const fastnn_convolution *p, isize first, isize last, float *scratch) noexcept nogil
        void (*winograd_gradient)(const fastnn_convolution *p, isize tiles, isize first, isize last, float *scratch,
                                  float *products) noexcept nogil
        void (*winograd_pack)(isize k, isize n, const float *g, isize row_step, isize column_step, isize g_row,
                              isize g_column, float *panel, isize step) noexcept nogil
        void (*winograd_taps)(isize n, const float *products, isize step, int add, float *dweight) noexcept nogil
        void (*depthwise)(const fastnn_depthwise *p, isize image, isize first, isize last) noexcept nogil
        void (*depthwise_weight_gradient)(const fastnn_convolution *p, isize image, isize first, isize last,
                                          float *dweight) noexcept nogil
        void (*exp)(isize n, const float *x, float *y) noexcept nogil
        void (*log)(isize n, const float *x, float *y) noexcept nogil
        void (*erf)(isize n, const float *x, float *y) noexcept nogil
        void (*add)(isize n, const float *a, const float *b, float *y) noexcept nogil
        void (*multiply)(isize n, const float *a, const float *b, float *y) noexcept nogil
        void (*scale)(isize n, float factor, const float *x, float *y) noexcept nogil
        void (*softmax)(isize rows, isize n, const float *x, float *y) noexcept nogil
        void (*softmax_gradient)(isize rows, isize n, const float *y, const float *dy, float *dx) noexcept nogil
        void (*log_softmax)(isize rows, isize n, const float *x, float *y) noexcept nogil
        void (*log_softmax_gradient)(isize rows, isize n, const float *y, const float *dy, float *dx) noexcept nogil
        void (*prelu)(isize rows, isize n, const float *x, isize row, const float *slope, float *y) noexcept nogil
        void (*prelu_gradient)(isize rows, isize n, const float *x, isize row, const float *slope, const float *dy,
                               float *dx, float *dslope) noexcept nogil
        double (*cross_entropy)(isize rows, isize n, const float *x, const int32_t *label, const float *target,
                                const float *weight, float scale, float *dx) noexcept nogil
        double (*negative_entropy)(isize rows, isize n, const float *target, const float *weight) noexcept nogil
        void (*soften)(isize rows, isize n, const int32_t *label, const float *target, const float *class_weight,
                       float smoothing, float *y, float *mass, float *count) noexcept nogil
        double (*cosine)(isize rows, isize n, const float *x, const float *target, const float *weight, float scale,
                         float *dx) noexcept nogil
        void (*argmax)(isize rows, isize n, const float *x, int32_t *y) noexcept nogil
        isize (*gather)(isize rows, isize n, isize width, const fastnn_array *x, isize first, const int64_t *order,
                        int check, float *y) noexcept nogil
        isize (*gather_labels)(isize rows, isize n, isize classes, const fastnn_array *x, isize first,
                               const int64_t *order, double ignore, int32_t *y) noexcept nogil
        void (*dropout)(isize n, isize first, const float *x, uint32_t threshold, float scale, fastnn_random r,
                        float *y) noexcept nogil
        void (*centred_sums)(isize rows, isize n, const float *x, const float *centre, const float *dy, double *sum,
                             double *product) noexcept nogil
        void (*batch_norm)(isize rows, isize n, const float *x, const float *mean, const float *variance,
                           const float *gamma, const float *beta, float epsilon, float *y) noexcept nogil
        void (*batch_norm_gradient)(isize rows, isize n, const float *x, const float *mean, const float *variance,
                                    const float *gamma, float epsilon, const float *shift, const float *slope,
                                    const float *dy, float *dx) noexcept nogil
        void (*layer_norm)(isize rows, isize n, const float *x, const float *gamma, const float *beta, float epsilon,
                           float *moments, float *y) noexcept nogil
        void (*layer_norm_gradient)(isize rows, isize n, const float *x, const float *moments, const float *gamma,
                                    const float *dy, float *dx) noexcept nogil
        void (*layer_norm_sums)(isize rows, isize n, const float *x, const float *moments, const float *dy,
                                double *sum, double *product) noexcept nogil
        void (*maxout)(isize rows, isize units, isize pieces, const float *z, float *y) noexcept nogil
        void (*maxout_gradient)(isize rows, isize units, isize pieces, const float *z, const float *y,
                                const float *dy, float *dz) noexcept nogil
        void (*max_pool)(const fastnn_pooling *p, isize first, isize rows, const float *x, float *y,
                         uint8_t *place) noexcept nogil
        void (*max_pool_gradient)(const fastnn_pooling *p, isize first, isize rows, const uint8_t *place,
                                  const float *dy, float *dx) noexcept nogil
        void (*average_pool)(const fastnn_pooling *p, int mean, isize first, isize rows, const float *x,
                             float *y) noexcept nogil
        void (*average_pool_gradient)(const fastnn_pooling *p, int mean, isize first, isize rows, const float *dy,
                                      float *dx) noexcept nogil
        void (*bilinear)(const fastnn_upsampling *p, isize first, isize rows, const float *x, float *y) noexcept nogil
        void (*bilinear_gradient)(const fastnn_upsampling *p, isize first, isize rows, const float *dy,
                                  float *dx) noexcept nogil
        void (*lstm)(isize rows, isize n, float *z, float *before, float *c, float *h) noexcept nogil
        void (*lstm_gradient)(isize rows, isize n, const float *before, const float *dh, float *dc,
                              float *z) noexcept nogil
        void (*gru)(isize rows, isize n, float *z, const float *s, float *h) noexcept nogil
        void (*gru_gradient)(isize rows, isize n, const float *before, float *dh, float *z, float *s) noexcept nogil
        void (*latest_maximum)(isize n, isize step, const float *x, float *best, int32_t *place) noexcept nogil
        void (*gaussian_noise)(isize n, isize first, const float *x, float deviation, fastnn_random r,
                               float *y) noexcept nogil
        void (*rescale)(isize n, const float *x, float scale, float offset, float *y) noexcept nogil
        void (*uniform)(isize n, isize first, fastnn_random r, float *y) noexcept nogil
        void (*flip_shift)(isize h, isize w, isize c, const float *x, isize row, int row_step, isize column,
                           int column_step, float *y) noexcept nogil
        void (*rotate)(isize h, isize w, isize c, const float *x, double cosine, double sine, int transposed,
                       float *y) noexcept nogil
        double (*sum)(isize n, const float *x) noexcept nogil
        void (*cutout)(isize h, isize w, isize c, const float *x, isize top, isize bottom, isize left, isize right,
                       float *y) noexcept nogil
        void (*sgd)(isize n, float *p, const float *g, float *v, float rate, float momentum, int nesterov,
                    float decay) noexcept nogil
        void (*adam)(isize n, float *p, const float *g, float *m, float *v,
                     const fastnn_adam *settings) noexcept nogil
        void (*lion)(isize n, float *p, const float *g, float *m, float rate, float rest1, float rest2,
                     float shrink) noexcept nogil
        void (*rmsprop)(isize n, float *p, const float *g, float *v, float *mean, float *buffer, float rate,
                        float rest, float epsilon, float momentum, float decay) noexcept nogil
        void (*adagrad)(isize n, float *p, const float *g, float *v, float rate, float epsilon,
                        float decay) noexcept nogil
        void (*adadelta)(isize n, float *p, const float *g, float *v, float *u, float rate, float rest,
                         float epsilon, float decay) noexcept nogil
        void (*rprop)(isize n, float *p, const float *g, float *before, float *size, float rate, float shrink,
                      float grow, float low, float high) noexcept nogil
        double (*penalty)(isize n, const float *w, double l1, double l2, float *g) noexcept nogil
        void (*clip)(isize n, float *x, float limit, float factor) noexcept nogil
        void (*max_norm)(isize rows, isize n, float *w, isize w_row, float limit) noexcept nogil
        void (*average)(isize n, const float *x, float *mean, float rest) noexcept nogil

    const char *fastnn_level(int i)
    const fastnn_table *fastnn_select(const char *isa)
