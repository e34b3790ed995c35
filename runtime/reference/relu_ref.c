/* relu:  y = max(x, 0), a NaN stays one.  S = S_x. */
#include <lipcl/operators.h>

#include "reference/reference.h"

enum lipcl_status relu_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const float *x = io->inputs[0]->data;
    float *y = io->outputs[0]->data;
    size_t count = lipcl_tensor_count(io->inputs[0]);
    for (size_t i = 0; i < count; i++) y[i] = x[i] <= 0 ? 0.0f : x[i];
    for (size_t i = 0; io->magnitude && i < count; i++) io->magnitude[i] = io->input_magnitude ? io->input_magnitude[i] : 0.0;
    return LIPCL_OK;
}
