/* conv3d:  y[n,k,t',h',w'] = b[k] + sum over c,kt,kh,kw of w[k,c,kt,kh,kw] x[n,c0+c,t,h,w],
 *          t = t' stride + kt dilation - padding, likewise h, w; x is 0 outside its borders; c0 = the group's first channel.
 *          S[n,k,t',h',w'] = |b[k]| + the same sum of |w| (|x| + S_x)
 */
#include <math.h>
#include <stdlib.h>

#include <lipcl/operators.h>

#include "base/memory.h"
#include "reference/reference.h"

enum { BLOCK = 16 }; /* outputs along W whose sums stay in registers */

/* All that one row of a group's outputs depends on: a row for each (c,kt,kh) that lies inside x. */
struct patch {
    const struct lipcl_conv3d_params *p;
    size_t width;  /* of a row: x with zeros left and right of it, for whole blocks of outputs */
    size_t count;  /* of rows */
    size_t *taps;  /* [count]: where the row's kernel W weights begin among an output channel's */
    double *x, *S; /* [count,width]: x, and |x| + S_x; S is NULL where nobody wants it */
};

static void copy_row(const struct patch *patch, size_t row, const float *x, const double *S_x, size_t W) {
    for (size_t i = 0; i < patch->width; i++) {
        size_t to = row * patch->width + i, w = i - patch->p->padding[2]; /* what lies before 0 wraps to a huge number */
        patch->x[to] = w < W ? (double)x[w] : 0;
        if (patch->S) patch->S[to] = w < W ? fabs((double)x[w]) + (S_x ? S_x[w] : 0) : 0;
    }
}

/* The rows of the channels from `first` on, for the outputs at (n,t',h'). */
static void gather(struct patch *patch, const struct ref_io *io, size_t n, size_t first, size_t ot, size_t oh) {
    const struct lipcl_conv3d_params *p = patch->p;
    const size_t *xd = io->inputs[0]->shape.dims; /* N, C, T, H, W */
    const float *x = io->inputs[0]->data;
    size_t channels = xd[1] / p->groups, tap = 0;
    patch->count = 0;
    for (size_t c = first; c < first + channels; c++)
        for (size_t kt = 0; kt < p->kernel[0]; kt++)
            for (size_t kh = 0; kh < p->kernel[1]; kh++, tap += p->kernel[2]) {
                size_t t = ot * p->stride[0] + kt * p->dilation[0] - p->padding[0];
                size_t h = oh * p->stride[1] + kh * p->dilation[1] - p->padding[1];
                if (t >= xd[2] || h >= xd[3]) continue; /* padding */
                size_t at = (((n * xd[1] + c) * xd[2] + t) * xd[3] + h) * xd[4];
                copy_row(patch, patch->count, x + at, io->input_magnitude ? io->input_magnitude + at : NULL, xd[4]);
                patch->taps[patch->count++] = tap;
            }
}

/* sums[j] += the sum over rows and kw of weight[kw] row[j stride + kw dilation], or of |weight[kw]|. */
static void add_taps(double sums[BLOCK], const struct patch *patch, const double *rows, const float *weights, bool absolute) {
    size_t stride = patch->p->stride[2], dilation = patch->p->dilation[2], kernel = patch->p->kernel[2];
    double sum[BLOCK];
    for (size_t j = 0; j < BLOCK; j++) sum[j] = sums[j];
    for (size_t row = 0; row < patch->count; row++)
        for (size_t kw = 0; kw < kernel; kw++) {
            const double *at = rows + row * patch->width + kw * dilation;
            double weight = (double)weights[patch->taps[row] + kw];
            if (absolute) weight = fabs(weight);
#pragma omp simd
            for (size_t j = 0; j < BLOCK; j++) sum[j] += weight * at[j * stride];
        }
    for (size_t j = 0; j < BLOCK; j++) sums[j] = sum[j];
}

/* One output channel's row; y and S [W'], S may be NULL. */
static void do_row(float *y, double *S, size_t width, const struct patch *patch, const float *weights, double bias) {
    for (size_t ow = 0; ow < width; ow += BLOCK) {
        double sums[BLOCK], magnitudes[BLOCK];
        size_t from = ow * patch->p->stride[2];
        for (size_t j = 0; j < BLOCK; j++) sums[j] = bias;
        for (size_t j = 0; j < BLOCK; j++) magnitudes[j] = fabs(bias);
        add_taps(sums, patch, patch->x + from, weights, false);
        if (S) add_taps(magnitudes, patch, patch->S + from, weights, true);
        for (size_t j = 0; j < BLOCK && ow + j < width; j++) y[ow + j] = (float)sums[j];
        for (size_t j = 0; S && j < BLOCK && ow + j < width; j++) S[ow + j] = magnitudes[j];
    }
}

/* The outputs at (n,t',h'), of all channels. */
static void do_outputs(const struct ref_io *io, struct patch *patch, size_t n, size_t ot, size_t oh) {
    const struct lipcl_conv3d_params *p = patch->p;
    const size_t *yd = io->outputs[0]->shape.dims;               /* N, K, T', H', W' */
    const float *weight = io->inputs[1]->data;                   /* [K,C/groups,kernel T,kernel H,kernel W] */
    const float *bias = p->no_bias ? NULL : io->inputs[2]->data; /* [K] */
    size_t group_inputs = io->inputs[0]->shape.dims[1] / p->groups, group_outputs = yd[1] / p->groups;
    size_t taps = group_inputs * p->kernel[0] * p->kernel[1] * p->kernel[2];
    for (size_t k = 0; k < yd[1]; k++) {
        if (k % group_outputs == 0) gather(patch, io, n, k / group_outputs * group_inputs, ot, oh);
        size_t at = (((n * yd[1] + k) * yd[2] + ot) * yd[3] + oh) * yd[4];
        do_row((float *)io->outputs[0]->data + at, io->magnitude ? io->magnitude + at : NULL, yd[4], patch, weight + k * taps,
               bias ? (double)bias[k] : 0);
    }
}

enum lipcl_status conv3d_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    const struct lipcl_conv3d_params *p = io->params;
    const size_t *yd = io->outputs[0]->shape.dims;
    size_t rows = io->inputs[0]->shape.dims[1] / p->groups * p->kernel[0] * p->kernel[1];
    if (lipcl_shape_count(&io->outputs[0]->shape) == 0) return LIPCL_OK;
    size_t blocks = size_ceil_div(yd[4], BLOCK);
    size_t width = (blocks * BLOCK - 1) * p->stride[2] + (p->kernel[2] - 1) * p->dilation[2] + 1;
    bool out_of_memory = false;

#pragma omp parallel for
    for (size_t i = 0; i < yd[0] * yd[2] * yd[3]; i++) { /* n, t', h' */
        struct patch patch = {.p = p, .width = width};
        patch.taps = malloc(rows * sizeof *patch.taps);
        patch.x = malloc(rows * width * sizeof *patch.x);
        patch.S = io->magnitude ? malloc(rows * width * sizeof *patch.S) : NULL;
        if (patch.taps && patch.x && (patch.S || !io->magnitude))
            do_outputs(io, &patch, i / yd[3] / yd[2], i / yd[3] % yd[2], i % yd[3]);
        else
            out_of_memory = true; /* only ever set, so threads may race for it */
        free(patch.taps);
        free(patch.x);
        free(patch.S);
    }
    return out_of_memory ? fail_memory(ctx, 2 * rows * width * sizeof(double)) : LIPCL_OK;
}
