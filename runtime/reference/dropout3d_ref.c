/* dropout3d:  y[n,c,...] = x[n,c,...] m(n C + c); m as in dropout_ref.c, one draw a sample and channel.  S = S_x m.
 */
#include <lipcl/operators.h>

#include "base/philox.h"
#include "reference/reference.h"

enum lipcl_status dropout3d_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_dropout_params *p = io->params;
    const struct lipcl_shape *shape = &io->inputs[0]->shape; /* N, C, and the rest */
    const float *x = io->inputs[0]->data;
    float *y = io->outputs[0]->data;
    float scale = (float)(1 / (1 - (double)p->p));
    size_t rest = 1;
    for (size_t d = 2; d < shape->rank; d++) rest *= shape->dims[d];
    for (size_t channel = 0; channel < shape->dims[0] * shape->dims[1]; channel++) {
        float m = !p->training ? 1.0f : philox_uniform(philox_word(p->seed, channel)) >= p->p ? scale : 0.0f;
        for (size_t i = channel * rest; i < (channel + 1) * rest; i++) {
            y[i] = x[i] * m;
            if (io->magnitude) io->magnitude[i] = io->input_magnitude ? io->input_magnitude[i] * (double)m : 0.0;
        }
    }
    return LIPCL_OK;
}
