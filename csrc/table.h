/* All kernels for one instruction set, and the table of them. Included once by each isa_<level>.c. */
#include "kernels.h"
#include "simd.h"

#include "elementary.h"

#include "activation.h"
#include "adaptive.h"
#include "attention.h"
#include "augmentation.h"
#include "batch_norm.h"
#include "column_sum.h"
#include "convolution.h"
#include "cross_entropy.h"
#include "ctc.h"
#include "dense.h"
#include "depthwise.h"
#include "dropout.h"
#include "gather.h"
#include "gaussian_noise.h"
#include "gaussian_sample.h"
#include "group_norm.h"
#include "layer_norm.h"
#include "loss.h"
#include "mask.h"
#include "maxout.h"
#include "merge.h"
#include "optimizer.h"
#include "parametric.h"
#include "peak.h"
#include "pooling.h"
#include "prelu.h"
#include "recurrent.h"
#include "regularization.h"
#include "rescale.h"
#include "rotary.h"
#include "softmax.h"
#include "upsample.h"
#include "winograd.h"

#define JOIN(a, b) a##b
#define TABLE(isa) JOIN(fastnn_, isa)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

extern const fastnn_table TABLE(ISA);
// clang-format off
const fastnn_table TABLE(ISA) = {
    .isa = TEXT(ISA),
    .lanes = VL,
    .tile_rows = TILE_ROWS,
    .panel = PANEL,
    .activation = maps,
    .activation_gradient = gradients,
    .loss = losses,
#define FASTNN_ENTRY(type, name, arguments) .name = kernel_##name,
    FASTNN_KERNELS(FASTNN_ENTRY)
};
// clang-format on
