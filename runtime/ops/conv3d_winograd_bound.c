/* conv3d_winograd_bound.c: the magnitude sum S_w behind the outputs of a convolution by Winograd's filtering. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ops/conv3d_winograd.h"
#include "tensor/compare.h"

/* Single precision's spacing next to 0 over u: the magnitude of what underflow may take away. */
static const double TINY = 0x1p-125;

/* Where one frame of one sample is worked on. */
struct work {
    const struct lipcl_conv3d_params *conv;
    struct conv3d_winograd_shape s;
    size_t C, H, W, out_h, out_w;
    const float *x;    /* [N,C,T,H,W] */
    const double *u;   /* [points, KT, channels, K], magnitudes */
    const float *bias; /* [K] or NULL */
    double *magnitude; /* [N,K,T',H',W'] */
};

/* |x| at (h, w) of the phases, 0 outside. */
static double magnitude_x(const struct work *work, size_t n, size_t t, size_t channel, long h, long w) {
    const struct conv3d_winograd_shape *s = &work->s;
    size_t phase = channel / work->C, c = channel % work->C;
    long row = h * (long)s->phases_h + (long)(phase / s->phases_w),
         column = w * (long)s->phases_w + (long)(phase % s->phases_w);
    if (row < 0 || row >= (long)work->H || column < 0 || column >= (long)work->W) return 0;
    return fabs((double)work->x[(((n * work->C + c) * s->frames_in + t) * work->H + (size_t)row) * work->W + (size_t)column]);
}

/* What overflows in single precision goes on as an infinity, and as a NaN where that is multiplied by 0. */
static double in_range(double magnitude) {
    return magnitude > 0 ? magnitude <= FLT_MAX ? magnitude + TINY : INFINITY : magnitude;
}

/* out [n][n] = |B^T| |d| |B| for one tile and channel. */
static void transform_input(const struct work *work, size_t n, size_t t, size_t channel, long top, long left,
                            double out[WINOGRAD_MAX][WINOGRAD_MAX]) {
    const struct winograd *f = &work->s.transform;
    double half[WINOGRAD_MAX][WINOGRAD_MAX] = {{0}};
    for (size_t a = 0; a < f->n; a++)
        for (size_t b = 0; b < f->n; b++) {
            double d = magnitude_x(work, n, t, channel, top + (long)a, left + (long)b);
            for (size_t i = 0; d != 0 && i < f->n; i++) half[i][b] += fabs(f->bt[i][a]) * d;
        }
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->n; j++) {
            out[i][j] = 0;
            for (size_t b = 0; b < f->n; b++) out[i][j] += half[i][b] * fabs(f->bt[j][b]);
            out[i][j] = in_range(out[i][j]);
        }
}

/* The outputs of one tile: m [points,K] through |A^T| on both sides. */
static void transform_output(const struct work *work, const double *m, size_t n, size_t t, size_t tile) {
    const struct conv3d_winograd_shape *s = &work->s;
    const struct winograd *f = &s->transform;
    size_t K = s->out_channels, top = tile / s->tiles_w * f->m, left = tile % s->tiles_w * f->m;
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < f->m && top + i < work->out_h; i++)
            for (size_t j = 0; j < f->m && left + j < work->out_w; j++) {
                double sum = work->bias ? fabs((double)work->bias[k]) : 0;
                for (size_t p = 0; p < f->n * f->n; p++)
                    sum += fabs(f->at[i][p / f->n]) * fabs(f->at[j][p % f->n]) * m[p * K + k];
                work->magnitude[(((n * K + k) * s->frames_out + t) * work->out_h + top + i) * work->out_w + left + j] =
                    sum <= FLT_MAX ? sum : COMPARE_UNBOUNDED;
            }
}

/* All tiles of output frame t of sample n; m [points,K] and v [n][n] are scratch. */
static void do_frame(const struct work *work, size_t n, size_t t, double *m) {
    const struct conv3d_winograd_shape *s = &work->s;
    const struct winograd *f = &s->transform;
    size_t K = s->out_channels, points = f->n * f->n, taps = work->conv->kernel[0];
    double v[WINOGRAD_MAX][WINOGRAD_MAX];
    for (size_t tile = 0; tile < s->tiles_h * s->tiles_w; tile++) {
        long top = (long)(tile / s->tiles_w * f->m) - (long)s->padding_h;
        long left = (long)(tile % s->tiles_w * f->m) - (long)s->padding_w;
        for (size_t i = 0; i < points * K; i++) m[i] = TINY;
        for (size_t kt = 0; kt < taps; kt++) {
            long frame = (long)t + (long)kt - (long)work->conv->padding[0];
            if (frame < 0 || frame >= (long)s->frames_in) continue;
            for (size_t c = 0; c < s->channels; c++) {
                transform_input(work, n, (size_t)frame, c, top, left, v);
                for (size_t p = 0; p < points; p++) {
                    const double *u = work->u + ((p * taps + kt) * s->channels + c) * K, d = v[p / f->n][p % f->n];
                    for (size_t k = 0; k < K; k++) m[p * K + k] += u[k] * d;
                }
            }
        }
        transform_output(work, m, n, t, tile);
    }
}

enum lipcl_status conv3d_winograd_magnitude(struct lipcl_context *ctx, const struct ref_io *io) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_conv3d_params *conv = io->params;
    const struct lipcl_shape *x = &io->inputs[0]->shape, *y = &io->outputs[0]->shape;
    struct work work = {
        .conv = conv, .C = x->dims[1], .H = x->dims[3], .W = x->dims[4], .out_h = y->dims[3], .out_w = y->dims[4]};
    work.x = io->inputs[0]->data;
    work.bias = io->inputs[2] ? io->inputs[2]->data : NULL;
    work.magnitude = io->magnitude;
    double *u = NULL;
    bool out_of_memory = false;
    if (!conv3d_winograd_shape_init(&work.s, conv, x, y))
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "conv3d: no Winograd convolution"));
    const struct conv3d_winograd_shape *s = &work.s;
    size_t n = s->transform.n, points = n * n, K = s->out_channels, taps = conv->kernel[0];
    u = malloc(points * taps * s->channels * K * sizeof *u);
    if (!u) TRY(fail_memory(ctx, points * taps * s->channels * K * sizeof *u));
    for (size_t k = 0; k < K; k++)
        for (size_t kt = 0; kt < taps; kt++)
            for (size_t c = 0; c < s->channels; c++) {
                double one[WINOGRAD_MAX][WINOGRAD_MAX];
                conv3d_winograd_weight(s, conv, io->inputs[1]->data, k, kt, c, true, one);
                for (size_t p = 0; p < points; p++)
                    u[((p * taps + kt) * s->channels + c) * K + k] = in_range(one[p / n][p % n]);
            }
    work.u = u;
#pragma omp parallel for
    for (size_t i = 0; i < s->batch * s->frames_out; i++) {
        double *m = malloc(points * K * sizeof *m);
        if (m)
            do_frame(&work, i / s->frames_out, i % s->frames_out, m);
        else
            out_of_memory = true; /* only ever set, so threads may race for it */
        free(m);
    }
    if (out_of_memory) TRY(fail_memory(ctx, points * K * sizeof(double)));

fail:
    free(u);
    return status;
}
