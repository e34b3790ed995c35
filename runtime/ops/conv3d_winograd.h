/* conv3d_winograd.h: a convolution as tiles of F(m x m, r x r) over phases; shared by the lowering and its error bound. */
#ifndef LIPCL_OPS_CONV3D_WINOGRAD_H
#define LIPCL_OPS_CONV3D_WINOGRAD_H

#include <lipcl/operators.h>

#include "base/log.h"
#include "ops/winograd.h"
#include "reference/reference.h"

struct conv3d_winograd_shape {
    size_t batch, frames_in, frames_out;
    size_t phases_h, phases_w; /* the strides */
    size_t channels;           /* of the phases: C phases_h phases_w */
    size_t out_channels;
    size_t padding_h, padding_w; /* in positions of the phases */
    size_t tiles_h, tiles_w;
    struct winograd transform;
};

/* By tiles of step x step outputs. False where the convolution from x to y is none that the lowering can do. */
bool conv3d_winograd_shape_init(struct conv3d_winograd_shape *shape, const struct lipcl_conv3d_params *conv,
                                const struct lipcl_shape *x, const struct lipcl_shape *y, size_t step);

/* u = G w G^T for one output channel, temporal tap and channel of the phases. */
void conv3d_winograd_weight(const struct conv3d_winograd_shape *shape, const struct lipcl_conv3d_params *conv,
                            const float *weight, size_t k, size_t kt, size_t channel, double u[WINOGRAD_MAX][WINOGRAD_MAX]);

/* What takes the place of the magnitude sum S in the bound, one per output of the convolution: the root of the sum of the
 * squares of all that rounding may do, see conv3d_winograd_bound.c. */
enum lipcl_status conv3d_winograd_magnitude(struct lipcl_context *ctx, const struct ref_io *io, size_t step);

#endif
