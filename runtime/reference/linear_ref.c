/* linear:  y[m,o] = b[o] + sum over i of w[o,i] x[m,i]
 *          S[m,o] = |b[o]| + sum over i of |w[o,i]| (|x[m,i]| + S_x[m,i])
 */
#include <math.h>

#include <lipcl/operators.h>

#include "reference/reference.h"

enum lipcl_status linear_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_linear_params *p = io->params;
    const float *weight = io->inputs[1]->data;                   /* [out,in] */
    const float *bias = p->no_bias ? NULL : io->inputs[2]->data; /* [out] */
    size_t in = io->inputs[1]->shape.dims[1], out = p->out_features;
    size_t rows = out ? lipcl_tensor_count(io->outputs[0]) / out : 0; /* every dimension of x but the last */

#pragma omp parallel for
    for (size_t m = 0; m < rows; m++) {
        const float *x = (const float *)io->inputs[0]->data + m * in;
        const double *S_x = io->input_magnitude ? io->input_magnitude + m * in : NULL;
        for (size_t o = 0; o < out; o++) {
            const float *w = weight + o * in;
            double sum = bias ? (double)bias[o] : 0.0;
            double S = fabs(sum);
            for (size_t i = 0; i < in; i++) {
                sum += (double)w[i] * (double)x[i];
                S += fabs((double)w[i]) * (fabs((double)x[i]) + (S_x ? S_x[i] : 0.0));
            }
            ((float *)io->outputs[0]->data)[m * out + o] = (float)sum;
            if (io->magnitude) io->magnitude[m * out + o] = S;
        }
    }
    return LIPCL_OK;
}
