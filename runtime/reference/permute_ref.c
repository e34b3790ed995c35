/* permute:  y[i_0, i_1, ...] = x at the index whose dimension order[d] is i_d.  S is permuted alike. */
#include <lipcl/operators.h>

#include "reference/reference.h"

enum lipcl_status permute_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_permute_params *p = io->params;
    const struct lipcl_shape *xs = &io->inputs[0]->shape, *ys = &io->outputs[0]->shape;
    const float *x = io->inputs[0]->data;
    float *y = io->outputs[0]->data;

    size_t x_stride[LIPCL_MAX_RANK]; /* how far apart in x two neighbours along dimension d are */
    for (size_t d = xs->rank, stride = 1; d-- > 0; stride *= xs->dims[d]) x_stride[d] = stride;

    size_t count = lipcl_tensor_count(io->outputs[0]);
    for (size_t i = 0; i < count; i++) {
        size_t from = 0;
        for (size_t d = ys->rank, rest = i; d-- > 0; rest /= ys->dims[d]) from += rest % ys->dims[d] * x_stride[p->order[d]];
        y[i] = x[from];
        if (io->magnitude) io->magnitude[i] = io->input_magnitude ? io->input_magnitude[from] : 0.0;
    }
    return LIPCL_OK;
}
