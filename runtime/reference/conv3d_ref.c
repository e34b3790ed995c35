/* conv3d:  y[n,k,t',h',w'] = b[k] + sum over c,kt,kh,kw of w[k,c,kt,kh,kw] x[n,c0+c,t,h,w],
 *          t = t' stride + kt dilation - padding, likewise h, w; x is 0 outside its borders; c0 = the group's first channel.
 *          S[n,k,t',h',w'] = |b[k]| + the same sum of |w| (|x| + S_x)
 */
#include <math.h>
#include <stdlib.h>

#include <lipcl/operators.h>

#include "base/memory.h"
#include "reference/reference.h"

/* The outputs [first, end) along W whose tap `offset` = kw dilation lands inside the input. */
struct span {
    size_t first, end;
};
static struct span span_inside(size_t out, size_t in, size_t stride, size_t padding, size_t offset) {
    if (offset >= in + padding) return (struct span){0, 0};
    size_t first = offset < padding ? size_ceil_div(padding - offset, stride) : 0;
    size_t end = (in + padding - offset - 1) / stride + 1;
    return (struct span){first, size_min(end, out)};
}

/* sum[i] += w x[i stride]. The compiler turns the unit stride into vector code. */
static void add_row(double *restrict sum, double w, const float *restrict x, size_t stride, size_t count) {
    if (stride == 1)
        for (size_t i = 0; i < count; i++) sum[i] += w * (double)x[i];
    else
        for (size_t i = 0; i < count; i++) sum[i] += w * (double)x[i * stride];
}

/* S[i] += |w| (|x[i stride]| + S_x[i stride]). */
static void add_magnitude_row(double *restrict S, double w, const float *restrict x, const double *restrict S_x, size_t stride,
                              size_t count) {
    w = fabs(w);
    if (stride == 1)
        for (size_t i = 0; i < count; i++) S[i] += w * fabs((double)x[i]);
    else
        for (size_t i = 0; i < count; i++) S[i] += w * fabs((double)x[i * stride]);
    if (!S_x) return;
    for (size_t i = 0; i < count; i++) S[i] += w * S_x[i * stride];
}

enum lipcl_status conv3d_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    const struct lipcl_conv3d_params *p = io->params;
    const size_t *xd = io->inputs[0]->shape.dims;                /* N, C, T, H, W */
    const size_t *yd = io->outputs[0]->shape.dims;               /* N, K, T', H', W' */
    const float *x = io->inputs[0]->data;                        /* [N,C,T,H,W] */
    const float *weight = io->inputs[1]->data;                   /* [K,C/groups,kernel T,kernel H,kernel W] */
    const float *bias = p->no_bias ? NULL : io->inputs[2]->data; /* [K] */
    float *y = io->outputs[0]->data;                             /* [N,K,T',H',W'] */
    size_t N = yd[0], K = yd[1], C = xd[1], T = xd[2], H = xd[3], W = xd[4];
    size_t group_inputs = C / p->groups, group_outputs = K / p->groups;

    double *sums; /* [N,K,W']: the row of outputs that each (n,k) is working on */
    size_t bytes = N * K * yd[4] * sizeof *sums;
    if (bytes == 0) return LIPCL_OK;
    sums = malloc(bytes);
    if (!sums) return fail_memory(ctx, bytes);

#pragma omp parallel for collapse(2)
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++)
            for (size_t row = 0; row < yd[2] * yd[3]; row++) { /* t', h' */
                size_t ot = row / yd[3], oh = row % yd[3];
                size_t y_row = ((n * K + k) * yd[2] * yd[3] + row) * yd[4];
                double *sum = sums + (n * K + k) * yd[4];
                double *S = io->magnitude ? io->magnitude + y_row : NULL;
                for (size_t ow = 0; ow < yd[4]; ow++) sum[ow] = bias ? (double)bias[k] : 0.0;
                for (size_t ow = 0; S && ow < yd[4]; ow++) S[ow] = fabs(sum[ow]);

                const float *w = weight + k * group_inputs * p->kernel[0] * p->kernel[1] * p->kernel[2];
                for (size_t c = 0; c < group_inputs; c++)
                    for (size_t kt = 0; kt < p->kernel[0]; kt++)
                        for (size_t kh = 0; kh < p->kernel[1]; kh++, w += p->kernel[2]) {
                            size_t t = ot * p->stride[0] + kt * p->dilation[0] - p->padding[0];
                            size_t h = oh * p->stride[1] + kh * p->dilation[1] - p->padding[1];
                            if (t >= T || h >= H) continue; /* padding; what lies before 0 wraps to a huge number */
                            size_t channel = k / group_outputs * group_inputs + c;
                            size_t x_row = (((n * C + channel) * T + t) * H + h) * W;
                            for (size_t kw = 0; kw < p->kernel[2]; kw++) {
                                size_t offset = kw * p->dilation[2];
                                struct span in = span_inside(yd[4], W, p->stride[2], p->padding[2], offset);
                                if (in.first >= in.end) continue;
                                size_t first = x_row + in.first * p->stride[2] + offset - p->padding[2];
                                add_row(sum + in.first, (double)w[kw], x + first, p->stride[2], in.end - in.first);
                                if (S)
                                    add_magnitude_row(S + in.first, (double)w[kw], x + first,
                                                      io->input_magnitude ? io->input_magnitude + first : NULL, p->stride[2],
                                                      in.end - in.first);
                            }
                        }
                for (size_t ow = 0; ow < yd[4]; ow++) y[y_row + ow] = (float)sum[ow];
            }
    free(sums);
    return LIPCL_OK;
}
