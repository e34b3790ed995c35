/* maxpool3d:  y[n,c,t',h',w'] = max over kt,kh,kw of x[n,c,t,h,w],
 *             t = t' stride + kt dilation - padding, likewise h, w; x is -infinity outside its borders; a NaN wins.
 *             S = max over the window of S_x: the maximum of perturbed values moves by no more than the largest perturbation.
 */
#include <math.h>

#include <lipcl/operators.h>

#include "reference/reference.h"

enum lipcl_status maxpool3d_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    (void)ctx;
    const struct lipcl_maxpool3d_params *p = io->params;
    const size_t *xd = io->inputs[0]->shape.dims;  /* N, C, T, H, W */
    const size_t *yd = io->outputs[0]->shape.dims; /* N, C, T', H', W' */
    size_t T = xd[2], H = xd[3], W = xd[4];
    size_t window = p->kernel[0] * p->kernel[1] * p->kernel[2];

#pragma omp parallel for
    for (size_t plane = 0; plane < xd[0] * xd[1]; plane++) { /* n, c */
        const float *x = (const float *)io->inputs[0]->data + plane * T * H * W;
        const double *S_x = io->input_magnitude ? io->input_magnitude + plane * T * H * W : NULL;
        size_t i = plane * yd[2] * yd[3] * yd[4];
        for (size_t ot = 0; ot < yd[2]; ot++)
            for (size_t oh = 0; oh < yd[3]; oh++)
                for (size_t ow = 0; ow < yd[4]; ow++, i++) {
                    float largest = -INFINITY;
                    double S = 0;
                    for (size_t tap = 0; tap < window; tap++) {
                        size_t kt = tap / p->kernel[2] / p->kernel[1];
                        size_t kh = tap / p->kernel[2] % p->kernel[1];
                        size_t kw = tap % p->kernel[2];
                        size_t t = ot * p->stride[0] + kt * p->dilation[0] - p->padding[0];
                        size_t h = oh * p->stride[1] + kh * p->dilation[1] - p->padding[1];
                        size_t w = ow * p->stride[2] + kw * p->dilation[2] - p->padding[2];
                        if (t >= T || h >= H || w >= W) continue; /* padding; what lies before 0 wraps to a huge number */
                        size_t at = (t * H + h) * W + w;
                        if (x[at] > largest || isnan(x[at])) largest = x[at];
                        if (S_x) S = fmax(S, S_x[at]);
                    }
                    ((float *)io->outputs[0]->data)[i] = largest;
                    if (io->magnitude) io->magnitude[i] = S;
                }
    }
    return LIPCL_OK;
}
