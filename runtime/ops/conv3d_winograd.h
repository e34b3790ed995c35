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

/* False where the convolution from x to y is none that the lowering can do. */
bool conv3d_winograd_shape_init(struct conv3d_winograd_shape *shape, const struct lipcl_conv3d_params *conv,
                                const struct lipcl_shape *x, const struct lipcl_shape *y);

/* u = G w G^T for one output channel, temporal tap and channel of the phases; `magnitude`: |G| |w| |G|^T. */
void conv3d_winograd_weight(const struct conv3d_winograd_shape *shape, const struct lipcl_conv3d_params *conv,
                            const float *weight, size_t k, size_t kt, size_t channel, bool magnitude,
                            double u[WINOGRAD_MAX][WINOGRAD_MAX]);

/* S_w = |A^T| (sum |G||w||G^T| o |B^T||x||B|) |A| + |b|, one per output of the convolution: what takes the place of the
 * magnitude sum S in the bound, as the transforms add and subtract more than the definition does. */
enum lipcl_status conv3d_winograd_magnitude(struct lipcl_context *ctx, const struct ref_io *io);

#endif
