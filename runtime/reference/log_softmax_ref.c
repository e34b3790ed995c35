/* log_softmax over the last dimension:  y[j] = d[j] - L,  d[j] = x[j] - max x,  L = log(sum over i of exp(d[i])).
 * Subtracting the maximum changes nothing but keeps exp from overflowing.
 *
 * S, in units of g u, for that formula in single precision (OpenCL's limits: exp and log 3 ulp = 6 u):
 *   d[i]: |d[i]|/g    exp(d[i]), relative: (6 + |d[i]|)/g    their sum, relative: 1 + sum of p[i] (6 + |d[i]|)/g, p = softmax x
 *   L, absolute: the sum's relative error + 6 |L|/g          y[j]: the errors of d[j] and L
 * With an inexact input, d[j] moves by S_x[j] and log sum exp by no more than the largest S_x.
 * g is at least 9 sqrt(2) in the release bound.
 */
#include <math.h>

#include <lipcl/operators.h>

#include "reference/reference.h"

static const double LEAST_G = 12.727922; /* 9 sqrt(2) */

enum lipcl_status log_softmax_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_shape *shape = &io->inputs[0]->shape;
    size_t width = shape->rank ? shape->dims[shape->rank - 1] : 1;
    size_t rows = width ? lipcl_shape_count(shape) / width : 0;
    for (size_t row = 0; row < rows; row++) {
        const float *x = (const float *)io->inputs[0]->data + row * width;
        float *y = (float *)io->outputs[0]->data + row * width;
        double largest = -INFINITY, sum = 0;
        for (size_t i = 0; i < width; i++) largest = fmax(largest, (double)x[i]);
        for (size_t i = 0; i < width; i++) sum += exp((double)x[i] - largest);
        double L = log(sum);
        for (size_t i = 0; i < width; i++) y[i] = (float)((double)x[i] - largest - L);

        if (!io->magnitude) continue;
        double *S = io->magnitude + row * width;
        const double *S_x = io->input_magnitude ? io->input_magnitude + row * width : NULL;
        double roundings = 6 * fabs(L), largest_S_x = 0;
        for (size_t i = 0; i < width; i++) {
            double d = (double)x[i] - largest, p = exp(d) / sum;
            if (p > 0) roundings += p * (6 + fabs(d));
            if (S_x) largest_S_x = fmax(largest_S_x, S_x[i]);
        }
        for (size_t i = 0; i < width; i++)
            S[i] = 1 + (roundings + fabs((double)x[i] - largest)) / LEAST_G + largest_S_x + (S_x ? S_x[i] : 0.0);
    }
    return LIPCL_OK;
}
