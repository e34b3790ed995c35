/* reshape:  the same elements in the same row-major order.  S = S_x. */
#include <string.h>

#include <lipcl/operators.h>

#include "reference/reference.h"

enum lipcl_status reshape_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    size_t count = lipcl_tensor_count(io->inputs[0]);
    if (count) memcpy(io->outputs[0]->data, io->inputs[0]->data, count * sizeof(float));
    for (size_t i = 0; io->magnitude && i < count; i++) io->magnitude[i] = io->input_magnitude ? io->input_magnitude[i] : 0.0;
    return LIPCL_OK;
}
