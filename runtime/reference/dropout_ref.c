/* dropout:  y[i] = x[i] m(i);  when training, m(i) = u(i) >= p ? 1 / (1 - p) : 0, otherwise m = 1.  S = S_x m.
 * u(i) is the i-th uniform number of the seed's Philox sequence (operators.h).
 */
#include <lipcl/operators.h>

#include "base/philox.h"
#include "reference/reference.h"

enum lipcl_status dropout_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_dropout_params *p = io->params;
    const float *x = io->inputs[0]->data;
    float *y = io->outputs[0]->data;
    float scale = (float)(1 / (1 - (double)p->p));
    size_t count = lipcl_tensor_count(io->inputs[0]);
    for (size_t i = 0; i < count; i++) {
        float m = !p->training ? 1.0f : philox_uniform(philox_word(p->seed, i)) >= p->p ? scale : 0.0f;
        y[i] = x[i] * m;
        if (io->magnitude) io->magnitude[i] = io->input_magnitude ? io->input_magnitude[i] * (double)m : 0.0;
    }
    return LIPCL_OK;
}
