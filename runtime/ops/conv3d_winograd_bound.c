/* conv3d_winograd_bound.c: how far rounding may carry the outputs of a convolution by Winograd's filtering.
 *
 * With |A^T| (|U| o |V|) |A| for S the release bound would hold, but hundreds of times looser than for a direct convolution:
 * a wrong tap could hide in it. The lowering's order of operations is known, so here every rounding is followed to the output:
 * to first order the error is sum a_i delta_i, where |delta_i| <= u and a_i is the rounded value times what the transforms make
 * of it, and it stays below 9 u sqrt(sum a_i^2) but for 2 exp(-9^2 / 2) = 5e-18 of the outputs (Hoeffding's inequality, with
 * the model of independent roundings of Higham & Mary that the release bound rests on). The kernels' sums, with V = B^T x B,
 * U = G w G^T, h = |B^T||x|, H = |A^T||M|, in units of u^2:
 *
 * - U, rounded once from double: (U V)^2.
 * - V, two passes of n terms, the first pass's errors reaching n points at once: n (n sum_b bt^2 h^2 + (|B^T||half|)^2) U^2.
 * - M, the partial sums s_k of U V in the kernel's order: sum_k s_k^2.
 * - A^T M A, two passes of n terms, then the bias: n (sum_q at^2 H^2 + (|A^T||half|)^2) + y^2.
 *
 * Each but the last is multiplied by (A^T[i][p] A^T[j][q])^2 of its point and output.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ops/conv3d_winograd.h"
#include "tensor/compare.h"

/* Single precision's spacing next to 0 over u: the size of what underflow may take away. */
static const double TINY = 0x1p-125;
/* Beyond this a value may overflow in single precision, and nothing is known behind it. */
static const double LIMIT = FLT_MAX / 2;

/* Where one frame of one sample is worked on. */
struct work {
    const struct lipcl_conv3d_params *conv;
    struct conv3d_winograd_shape s;
    size_t C, H, W, out_h, out_w;
    const float *x;    /* [N,C,T,H,W] */
    const double *u;   /* [points, KT, channels, K] */
    const float *bias; /* [K] or NULL */
    double *magnitude; /* [N,K,T',H',W'] */
};

/* One tile and channel: V and the sum of the squares of what rounding does to it, in units of u. */
struct tile_input {
    double v[WINOGRAD_MAX][WINOGRAD_MAX], square[WINOGRAD_MAX][WINOGRAD_MAX];
    bool fits;
};

/* x at (h, w) of the phases, 0 outside. */
static double value_x(const struct work *work, size_t n, size_t t, size_t channel, long h, long w) {
    const struct conv3d_winograd_shape *s = &work->s;
    size_t phase = channel / work->C, c = channel % work->C;
    long row = h * (long)s->phases_h + (long)(phase / s->phases_w),
         column = w * (long)s->phases_w + (long)(phase % s->phases_w);
    if (row < 0 || row >= (long)work->H || column < 0 || column >= (long)work->W) return 0;
    return (double)work->x[(((n * work->C + c) * s->frames_in + t) * work->H + (size_t)row) * work->W + (size_t)column];
}

static void transform_input(const struct work *work, size_t n, size_t t, size_t channel, long top, long left,
                            struct tile_input *out) {
    const struct winograd *f = &work->s.transform;
    double half[WINOGRAD_MAX][WINOGRAD_MAX] = {{0}}, reach[WINOGRAD_MAX][WINOGRAD_MAX] = {{0}}, terms = (double)f->n;
    out->fits = true;
    for (size_t a = 0; a < f->n; a++)
        for (size_t b = 0; b < f->n; b++) {
            double d = value_x(work, n, t, channel, top + (long)a, left + (long)b);
            for (size_t i = 0; d != 0 && i < f->n; i++) {
                half[i][b] += f->bt[i][a] * d;
                reach[i][b] += fabs(f->bt[i][a] * d);
            }
        }
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->n; j++) {
            double v = 0, first = 0, second = 0, all = 0;
            for (size_t b = 0; b < f->n; b++) {
                double bt = f->bt[j][b];
                v += bt * half[i][b];
                first += bt * bt * reach[i][b] * reach[i][b];
                second += fabs(bt * half[i][b]);
                all += fabs(bt) * reach[i][b];
            }
            out->v[i][j] = v;
            out->square[i][j] = terms * (terms * first + second * second) + (all > 0 ? TINY * TINY : 0);
            if (!(all <= LIMIT)) out->fits = false;
        }
}

/* The outputs of one tile from m and its squares of errors, both [points,K]. */
static void transform_output(const struct work *work, const double *m, const double *square, bool fits, size_t n, size_t t,
                             size_t tile) {
    const struct conv3d_winograd_shape *s = &work->s;
    const struct winograd *f = &s->transform;
    size_t K = s->out_channels, top = tile / s->tiles_w * f->m, left = tile % s->tiles_w * f->m;
    double terms = (double)f->n;
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < f->m && top + i < work->out_h; i++) {
            double half[WINOGRAD_MAX] = {0}, reach[WINOGRAD_MAX] = {0}, carried[WINOGRAD_MAX] = {0};
            for (size_t p = 0; p < f->n * f->n; p++) {
                double at = f->at[i][p / f->n];
                half[p % f->n] += at * m[p * K + k];
                reach[p % f->n] += fabs(at * m[p * K + k]);
                carried[p % f->n] += at * at * square[p * K + k];
            }
            for (size_t j = 0; j < f->m && left + j < work->out_w; j++) {
                double y = work->bias ? (double)work->bias[k] : 0, sum = 0, second = 0, all = fabs(y);
                for (size_t q = 0; q < f->n; q++) {
                    double at = f->at[j][q];
                    y += at * half[q];
                    second += fabs(at * half[q]);
                    all += fabs(at) * reach[q];
                    sum += at * at * (carried[q] + terms * reach[q] * reach[q]);
                }
                sum += terms * second * second + y * y;
                /* compare.h's g is 9 sqrt(2), as the lowering declares no chain. */
                work->magnitude[(((n * K + k) * s->frames_out + t) * work->out_h + top + i) * work->out_w + left + j] =
                    fits && all <= LIMIT && sum < LIMIT * LIMIT ? sqrt(sum / 2) + TINY : COMPARE_UNBOUNDED;
            }
        }
}

/* Adds one channel's products to m, and what their roundings do to `square`. */
static void accumulate(const double *u, double v, double v_square, double *restrict m, double *restrict square, size_t K) {
    if (v == 0 && v_square == 0) return; /* outside x: sums stay as they are */
    for (size_t k = 0; k < K; k++) {
        double product = u[k] * v;
        m[k] += product;
        square[k] += m[k] * m[k] + product * product + u[k] * u[k] * v_square;
    }
}

/* All tiles of output frame t of sample n; m is scratch of 2 [points,K]. */
static void do_frame(const struct work *work, size_t n, size_t t, double *m) {
    const struct conv3d_winograd_shape *s = &work->s;
    const struct winograd *f = &s->transform;
    size_t K = s->out_channels, points = f->n * f->n, taps = work->conv->kernel[0];
    double *square = m + points * K;
    struct tile_input in;
    for (size_t tile = 0; tile < s->tiles_h * s->tiles_w; tile++) {
        long top = (long)(tile / s->tiles_w * f->m) - (long)s->padding_h;
        long left = (long)(tile % s->tiles_w * f->m) - (long)s->padding_w;
        bool fits = true;
        for (size_t i = 0; i < points * K; i++) m[i] = 0;
        for (size_t i = 0; i < points * K; i++) square[i] = TINY * TINY;
        for (size_t kt = 0; kt < taps; kt++) {
            long frame = (long)t + (long)kt - (long)work->conv->padding[0];
            if (frame < 0 || frame >= (long)s->frames_in) continue;
            for (size_t c = 0; c < s->channels; c++) {
                transform_input(work, n, (size_t)frame, c, top, left, &in);
                fits = fits && in.fits;
                for (size_t p = 0; p < points; p++)
                    accumulate(work->u + ((p * taps + kt) * s->channels + c) * K, in.v[p / f->n][p % f->n],
                               in.square[p / f->n][p % f->n], m + p * K, square + p * K, K);
            }
        }
        transform_output(work, m, square, fits, n, t, tile);
    }
}

enum lipcl_status conv3d_winograd_magnitude(struct lipcl_context *ctx, const struct ref_io *io, size_t step) {
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
    if (!conv3d_winograd_shape_init(&work.s, conv, x, y, step))
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "conv3d: no Winograd convolution"));
    const struct conv3d_winograd_shape *s = &work.s;
    size_t n = s->transform.n, points = n * n, K = s->out_channels, taps = conv->kernel[0];
    u = malloc(points * taps * s->channels * K * sizeof *u);
    if (!u) TRY(fail_memory(ctx, points * taps * s->channels * K * sizeof *u));
    for (size_t k = 0; k < K; k++)
        for (size_t kt = 0; kt < taps; kt++)
            for (size_t c = 0; c < s->channels; c++) {
                double one[WINOGRAD_MAX][WINOGRAD_MAX];
                conv3d_winograd_weight(s, conv, io->inputs[1]->data, k, kt, c, one);
                for (size_t p = 0; p < points; p++) u[((p * taps + kt) * s->channels + c) * K + k] = one[p / n][p % n];
            }
    work.u = u;
#pragma omp parallel for
    for (size_t i = 0; i < s->batch * s->frames_out; i++) {
        double *m = malloc(2 * points * K * sizeof *m);
        if (m)
            do_frame(&work, i / s->frames_out, i % s->frames_out, m);
        else
            out_of_memory = true; /* only ever set, so threads may race for it */
        free(m);
    }
    if (out_of_memory) TRY(fail_memory(ctx, 2 * points * K * sizeof(double)));

fail:
    free(u);
    return status;
}
