/* Lowers conv3d to two launches: cl_kernels/winograd_input.cl, and cl_kernels/winograd_output.cl with the epilogue.
 *
 * Spatial F(m x m, r x r) for r = 3 and 5; the temporal taps are summed inside the products. m = 4 multiplies least, m = 2
 * wastes less on small planes; their rounding errors differ, so each is a lowering with a bound of its own. A convolution of
 * stride 2 becomes one of stride 1 over four times as many channels, its phases: tap k of the kernel with padding P reads phase
 * (k - P) mod S at the distance floor((k - P) / S).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/conv3d_winograd.h"
#include "ops/op.h"

/* So much of V at a time a core: with more of them the next product finds it in the last cache, but not in memory. */
enum { MAX_VEC = 16, PART_BYTES = 3 << 20 };

/* floor(a / b) for b > 0. */
static long floor_div(long a, long b) {
    return a / b - (a % b < 0);
}

/* One axis of the plane as a convolution of stride 1 over phases. */
struct axis {
    size_t stride, taps, padding; /* of the phases: taps is the reach of the kernel, padding how far it reaches to the left */
    size_t out, tiles;
};

static struct axis make_axis(const struct lipcl_conv3d_params *conv, size_t i, size_t out, size_t step) {
    long stride = (long)conv->stride[i], first = floor_div(-(long)conv->padding[i], stride);
    long last = floor_div((long)conv->kernel[i] - 1 - (long)conv->padding[i], stride);
    return (struct axis){
        .stride = conv->stride[i],
        .taps = (size_t)(last - first + 1),
        .padding = (size_t)-first,
        .out = out,
        .tiles = size_ceil_div(out, step),
    };
}

bool conv3d_winograd_shape_init(struct conv3d_winograd_shape *s, const struct lipcl_conv3d_params *conv,
                                const struct lipcl_shape *x, const struct lipcl_shape *y, size_t step) {
    struct axis h = make_axis(conv, 1, y->dims[3], step), w = make_axis(conv, 2, y->dims[4], step);
    *s = (struct conv3d_winograd_shape){
        .batch = x->dims[0],
        .frames_in = x->dims[2],
        .frames_out = y->dims[2],
        .phases_h = h.stride,
        .phases_w = w.stride,
        .channels = x->dims[1] * h.stride * w.stride,
        .out_channels = conv->out_channels,
        .padding_h = h.padding,
        .padding_w = w.padding,
        .tiles_h = h.tiles,
        .tiles_w = w.tiles,
    };
    if (conv->groups != 1 || conv->stride[0] != 1 || h.taps != w.taps || (h.taps != 3 && h.taps != 5)) return false;
    if (conv->dilation[0] != 1 || conv->dilation[1] != 1 || conv->dilation[2] != 1) return false;
    if (conv->stride[1] > 2 || conv->stride[2] > 2) return false;
    /* So that a block cut out of the middle, without padding, has the same phases. */
    if (conv->padding[1] % conv->stride[1] || conv->padding[2] % conv->stride[2]) return false;
    /* Frames of temporal padding are stored once for all taps, so there must be as many outputs as that gives. */
    if (s->frames_in + 2 * conv->padding[0] != s->frames_out + conv->kernel[0] - 1) return false;
    return winograd_init(&s->transform, step, h.taps);
}

/* Element (kt, c, a, b) of the kernel over phases, for output channel k; 0 where the phase has no tap. */
static double virtual_weight(const struct conv3d_winograd_shape *s, const struct lipcl_conv3d_params *conv, const float *weight,
                             size_t k, size_t kt, size_t channel, size_t a, size_t b) {
    size_t C = s->channels / (s->phases_h * s->phases_w), phase = channel / C, c = channel % C;
    long h = ((long)a - (long)s->padding_h) * (long)s->phases_h + (long)(phase / s->phases_w) + (long)conv->padding[1];
    long w = ((long)b - (long)s->padding_w) * (long)s->phases_w + (long)(phase % s->phases_w) + (long)conv->padding[2];
    if (h < 0 || h >= (long)conv->kernel[1] || w < 0 || w >= (long)conv->kernel[2]) return 0;
    return (double)weight[(((k * C + c) * conv->kernel[0] + kt) * conv->kernel[1] + (size_t)h) * conv->kernel[2] + (size_t)w];
}

void conv3d_winograd_weight(const struct conv3d_winograd_shape *s, const struct lipcl_conv3d_params *conv, const float *weight,
                            size_t k, size_t kt, size_t channel, double u[WINOGRAD_MAX][WINOGRAD_MAX]) {
    const struct winograd *t = &s->transform;
    double taps[WINOGRAD_MAX][WINOGRAD_MAX], half[WINOGRAD_MAX][WINOGRAD_MAX] = {{0}};
    for (size_t a = 0; a < t->r; a++)
        for (size_t b = 0; b < t->r; b++) taps[a][b] = virtual_weight(s, conv, weight, k, kt, channel, a, b);
    for (size_t i = 0; i < t->n; i++)
        for (size_t b = 0; b < t->r; b++)
            for (size_t a = 0; a < t->r; a++) half[i][b] += t->g[i][a] * taps[a][b];
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; j < t->n; j++) {
            u[i][j] = 0;
            for (size_t b = 0; b < t->r; b++) u[i][j] += half[i][b] * t->g[j][b];
        }
}

static bool pool_fits(const struct lipcl_maxpool3d_params *pool, const struct lipcl_shape *op_output, size_t step) {
    if (!pool) return true;
    for (size_t i = 0; i < 3; i++)
        if (pool->padding[i] || pool->dilation[i] != 1 || pool->stride[i] != pool->kernel[i] ||
            (pool->ceil_mode && op_output->dims[2 + i] % pool->kernel[i]))
            return false;
    return pool->kernel[0] == 1 && step % pool->kernel[1] == 0 && step % pool->kernel[2] == 0;
}

/* The tiles at a time, and a work-item's output channels and frames. */
enum { TILES, VEC, ROWS };
static const struct tuning_knob knobs[] = {
    [TILES] = {"TILES", {1, 3, 8, 32, 128}},
    [VEC] = {"VEC", {4, 8, 16}},
    [ROWS] = {"ROWS", {2, 4, 5, 6, 8}},
    {0},
};

static size_t output_vec(const struct lower_request *request) {
    return tuned(request, VEC, MAX_VEC);
}

/* Tiles are independent of each other, so V is made and used up some tiles at a time, all frames of them: the last part begins
 * early where they do not divide. */
struct parts {
    size_t tile_bytes;   /* of V */
    size_t total, tiles; /* of all clips; at a time */
    size_t count;
};

static struct parts choose_parts(const struct lower_request *request, const struct conv3d_winograd_shape *s) {
    const struct lipcl_conv3d_params *conv = request->params;
    size_t points = s->transform.n * s->transform.n, frames = s->frames_in + 2 * conv->padding[0];
    size_t room = PART_BYTES * size_max(request->caps->compute_units, 1);
    struct parts parts = {.tile_bytes = frames * points * s->channels * sizeof(float),
                          .total = s->batch * s->tiles_h * s->tiles_w};
    size_t most = tuned(request, TILES, room / parts.tile_bytes);
    if (request->scratch_bytes) most = size_min(most, request->scratch_bytes / parts.tile_bytes);
    parts.tiles = size_max(1, size_min(most, parts.total));
    for (size_t tiles = parts.tiles; tiles > parts.tiles / 2; tiles--) /* as few as possible twice */
        if (size_round_up(parts.total, tiles) < size_round_up(parts.total, parts.tiles)) parts.tiles = tiles;
    parts.count = size_ceil_div(parts.total, parts.tiles);
    return parts;
}

/* Dimension 1 of a launch counts tiles, from 1: see the kernels. */
static void set_parts(struct launch *launch, const struct parts *parts) {
    launch->global[1] = parts->tiles;
    launch->repeat = parts->count;
    launch->first = 1;
    launch->advance = parts->tiles;
    launch->last = 1 + parts->total - parts->tiles;
}

static bool supports(const struct lower_request *request, size_t step) {
    struct conv3d_winograd_shape s;
    const struct lipcl_conv3d_params *conv = request->params;
    /* The private tile array and the streamed weights suit the caches of a CPU, not a GPU's registers. */
    if (!request->caps->cpu || request->exact || !pool_fits(request->epilogue.pool, &request->op_outputs[0], step))
        return false;
    if (!conv3d_winograd_shape_init(&s, conv, request->input_shapes[0], &request->op_outputs[0], step)) return false;
    size_t tiles, bytes;
    return size_multiply(&tiles, s.tiles_h * s.tiles_w, s.batch * s.frames_out) && tiles < (size_t)1 << 24 &&
           size_multiply(&bytes, s.frames_in + 2 * conv->padding[0],
                         s.transform.n * s.transform.n * s.channels * sizeof(float)) &&
           bytes < (size_t)1 << 31;
}

/* Worth it where the products dominate: with few channels the transforms cost more than they save. */
static bool pays(const struct lower_request *request, size_t step) {
    const struct lipcl_conv3d_params *conv = request->params;
    const size_t *x = request->input_shapes[0]->dims, *y = request->op_outputs[0].dims;
    return x[1] * conv->stride[1] * conv->stride[2] * conv->kernel[0] >= 32 && conv->out_channels >= 16 && y[3] >= step &&
           y[4] >= step;
}

/* "c*d[0]+c*d[1]": a row of a transform as the kernels' arithmetic. */
static const char *row_text(struct arena *arena, const double *row, size_t count) {
    const char *text = "";
    for (size_t i = 0; text && i < count; i++) {
        if (row[i] == 0) continue;
        const char *sign = row[i] < 0 ? "-" : *text ? "+" : "";
        if (fabs(row[i]) == 1)
            text = arena_printf(arena, "%s%sd[%zu]", text, sign, i);
        else
            text = arena_printf(arena, "%s%s%#.9gf*d[%zu]", text, sign, fabs(row[i]), i);
    }
    return text;
}

/* " -DIN_0=... -DIN_1=..." */
static const char *matrix_text(struct arena *arena, const char *name, const double matrix[WINOGRAD_MAX][WINOGRAD_MAX],
                               size_t rows, size_t columns) {
    const char *text = "";
    for (size_t i = 0; text && i < rows; i++) {
        const char *row = row_text(arena, matrix[i], columns);
        text = row ? arena_printf(arena, "%s -D%s_%zu=(%s)", text, name, i, row) : NULL;
    }
    return text;
}

static enum lipcl_status pack_weights(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                      const struct conv3d_winograd_shape *s, struct arg *weight, struct arg *bias) {
    enum lipcl_status status;
    const struct lipcl_conv3d_params *conv = request->params;
    size_t points = s->transform.n * s->transform.n, taps = conv->kernel[0], K = s->out_channels, vec = output_vec(request),
           blocks = size_ceil_div(K, vec);
    float *data;
    TRY(lowered_constant(ctx, lowered, weight, &data, blocks * points * taps * s->channels * vec));
#pragma omp parallel for
    for (size_t k = 0; k < K; k++)
        for (size_t kt = 0; kt < taps; kt++)
            for (size_t c = 0; c < s->channels; c++) {
                double u[WINOGRAD_MAX][WINOGRAD_MAX];
                conv3d_winograd_weight(s, conv, request->parameters[1]->data, k, kt, c, u);
                for (size_t p = 0; p < points; p++)
                    data[(((k / vec * points + p) * taps + kt) * s->channels + c) * vec + k % vec] =
                        (float)u[p / s->transform.n][p % s->transform.n];
            }
    TRY(lowered_constant(ctx, lowered, bias, &data, blocks * vec));
    if (request->parameters[2]) memcpy(data, request->parameters[2]->data, K * sizeof *data);

fail:
    return status;
}

/* Multiply-adds of a matrix with a vector, where what is 0 costs nothing. */
static double nonzeros(const double matrix[WINOGRAD_MAX][WINOGRAD_MAX], size_t rows, size_t columns) {
    size_t count = 0;
    for (size_t i = 0; i < rows * columns; i++) count += matrix[i / columns][i % columns] != 0;
    return (double)count;
}

static enum lipcl_status append_input(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                      const struct conv3d_winograd_shape *s, const struct parts *parts, struct arg v) {
    enum lipcl_status status;
    const struct lipcl_conv3d_params *conv = request->params;
    const size_t *x = request->input_shapes[0]->dims;
    const struct winograd *t = &s->transform;
    size_t in[5], vec = 1;
    struct launch *launch;
    for (size_t dim = 0; dim < 5; dim++) layout_stride(&request->input_layouts[0], dim, &in[dim]);
    while (vec < s->channels && vec < MAX_VEC) vec *= 2;
    const char *rows = matrix_text(lowered->arena, "IN", t->bt, t->n, t->n);
    if (!rows) TRY(fail_memory(ctx, 1024));
    TRY(lowered_launch(
        ctx, lowered, &launch, "winograd_input.cl", "winograd_input",
        "-cl-mad-enable -DN=%zu -DC=%zu -DIN_T=%zu -DIN_H=%zu -DIN_W=%zu -DX_N=%zu -DX_C=%zu -DX_T=%zu -DX_H=%zu "
        "-DX_W=%zu -DSH=%zu -DSW=%zu -DPT=%zu -DPH=%zu -DPW=%zu -DTILES_H=%zu -DTILES_W=%zu -DSTEP=%zu -DSIZE=%zu "
        "-DVEC=%zu%s",
        x[0], x[1], x[2], x[3], x[4], in[0], in[1], in[2], in[3], in[4], s->phases_h, s->phases_w, conv->padding[0],
        s->padding_h, s->padding_w, s->tiles_h, s->tiles_w, t->m, t->n, vec, rows));
    launch->global[0] = size_ceil_div(s->channels, vec);
    launch->global[2] = s->frames_in + 2 * conv->padding[0];
    set_parts(launch, parts);
    launch->in_turn = true;
    launch->flops = 2 * (double)(s->frames_in * launch->global[1] * launch->global[0] * vec) * nonzeros(t->bt, t->n, t->n) *
                    (double)(2 * t->n);
    launch->arg_count = 2;
    launch->args[0] = arg_input(0);
    launch->args[1] = v;

fail:
    return status;
}

static enum lipcl_status append_output(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                       const struct conv3d_winograd_shape *s, const struct parts *parts, struct arg v,
                                       struct arg weight, struct arg bias) {
    enum lipcl_status status;
    const struct lipcl_conv3d_params *conv = request->params;
    const struct lipcl_maxpool3d_params *pool = request->epilogue.pool;
    const size_t *y = request->outputs[0].dims;
    const struct winograd *t = &s->transform;
    size_t frames = size_min(tuned(request, ROWS, 6), s->frames_out), vec = output_vec(request);
    struct launch *launch;
    const char *rows = matrix_text(lowered->arena, "OUT", t->at, t->m, t->n);
    if (!rows) TRY(fail_memory(ctx, 1024));
    TRY(lowered_launch(
        ctx, lowered, &launch, "winograd_output.cl", "winograd_output",
        "-cl-mad-enable -DN=%zu -DOUT_T=%zu -DOUT_H=%zu -DOUT_W=%zu -DK=%zu -DKT=%zu -DCHANNELS=%zu -DTILES_H=%zu "
        "-DTILES_W=%zu -DSTEP=%zu -DSIZE=%zu -DPOOL_H=%zu -DPOOL_W=%zu -DRELU=%d -DVEC=%zu -DROWS=%zu%s",
        s->batch, y[2], y[3], y[4], s->out_channels, conv->kernel[0], s->channels, s->tiles_h, s->tiles_w, t->m, t->n,
        pool ? pool->kernel[1] : 1, pool ? pool->kernel[2] : 1, request->epilogue.relu, vec, frames, rows));
    launch->global[0] = size_ceil_div(s->frames_out, frames);
    launch->global[2] = size_ceil_div(s->out_channels, vec);
    set_parts(launch, parts);
    double products = (double)(t->n * t->n * conv->kernel[0] * s->channels), transform = nonzeros(t->at, t->m, t->n);
    launch->flops = 2 * (double)(launch->global[0] * frames * launch->global[1] * launch->global[2] * vec) *
                    (products + transform * (double)(t->n + t->m));
    launch->arg_count = 4;
    launch->args[0] = v;
    launch->args[1] = weight;
    launch->args[2] = bias;
    launch->args[3] = arg_output(0);

fail:
    return status;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                               size_t step) {
    enum lipcl_status status;
    const struct lipcl_conv3d_params *conv = request->params;
    struct conv3d_winograd_shape s;
    struct arg v, weight, bias;
    conv3d_winograd_shape_init(&s, conv, request->input_shapes[0], &request->op_outputs[0], step);
    struct parts parts = choose_parts(request, &s);
    TRY(pack_weights(ctx, request, lowered, &s, &weight, &bias));
    TRY(lowered_scratch(ctx, lowered, &v, parts.tiles * parts.tile_bytes));
    TRY(append_input(ctx, request, lowered, &s, &parts, v));
    TRY(append_output(ctx, request, lowered, &s, &parts, v, weight, bias));
    lowered->outputs[0] = layout_ordered(&request->outputs[0], (const size_t[]){0, 2, 3, 4, 1});
    lowered->chain = 0; /* the magnitude accounts for every addition */

fail:
    return status;
}

static bool supports_4(const struct lower_request *request) {
    return supports(request, 4);
}

static bool pays_4(const struct lower_request *request) {
    return pays(request, 4);
}

static enum lipcl_status lower_4(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    return lower(ctx, request, lowered, 4);
}

static enum lipcl_status magnitude_4(struct lipcl_context *ctx, const struct ref_io *io) {
    return conv3d_winograd_magnitude(ctx, io, 4);
}

const struct lowering conv3d_winograd = {
    .name = "conv3d_winograd",
    .knobs = knobs,
    .supports = supports_4,
    .pays = pays_4,
    .accepts = accepts_strided,
    .lower = lower_4,
    .magnitude = magnitude_4,
    .grain = {1, 1, 1, 4, 4},
};

static bool supports_2(const struct lower_request *request) {
    return supports(request, 2);
}

static bool pays_2(const struct lower_request *request) {
    return pays(request, 2) && request->input_shapes[0]->dims[1] >= 16;
}

static enum lipcl_status lower_2(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    return lower(ctx, request, lowered, 2);
}

static enum lipcl_status magnitude_2(struct lipcl_context *ctx, const struct ref_io *io) {
    return conv3d_winograd_magnitude(ctx, io, 2);
}

const struct lowering conv3d_winograd_2x2 = {
    .name = "conv3d_winograd_2x2",
    .knobs = knobs,
    .supports = supports_2,
    .pays = pays_2,
    .accepts = accepts_strided,
    .lower = lower_2,
    .magnitude = magnitude_2,
    .grain = {1, 1, 1, 2, 2},
};
