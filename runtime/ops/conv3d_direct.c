/* Lowers conv3d, with ReLU and a max-pool over disjoint windows, to one launch of cl_kernels/conv3d_direct.cl, whose head
 * describes the layouts. This file packs the weights and chooses the register block. */
#include <float.h>
#include <stdint.h>
#include <stdio.h>

#include "ops/op.h"

/* The register block of a work-item: vec channels at tile_t x tile_w positions. */
struct block {
    size_t vec, tile_t, tile_w;
};

enum { VEC, TILE_T, TILE_W, UNROLL_C };
static const struct tuning_knob knobs[] = {
    {"VEC", {4, 8, 16}}, {"TILE_T", {1, 2, 3, 4}}, {"TILE_W", {1, 2, 3, 4, 5, 6, 8, 12}}, {"UNROLL_C", {1, 2, 4, 8}}, {0}};
enum { MAX_TILE = 32 }; /* as the kernel demands */

/* x, the convolution's output and the count of work-items in the kernel's 32-bit coordinates, with room for a tile and a tap
 * on either side. */
static bool coordinates_fit(const struct lower_request *request) {
    const struct lipcl_conv3d_params *conv = request->params;
    for (size_t axis = 0; axis < 3; axis++) {
        uint64_t positions = request->op_outputs[0].dims[2 + axis] + 32, reach = conv->dilation[axis] * conv->kernel[axis];
        if (positions * conv->stride[axis] + reach + conv->padding[axis] >= 1 << 30) return false;
        if (request->input_shapes[0]->dims[2 + axis] >= 1 << 30) return false;
    }
    const size_t *y = request->outputs[0].dims;
    size_t rows;
    return size_multiply(&rows, y[0], y[2] * y[3]) && rows < 1 << 30 && y[1] < 1 << 30;
}

static bool pool_is_fusible(const struct lower_request *request) {
    const struct lipcl_maxpool3d_params *pool = request->epilogue.pool;
    if (!pool) return true;
    for (size_t axis = 0; axis < 3; axis++) {
        if (pool->stride[axis] != pool->kernel[axis] || pool->padding[axis] != 0) return false;
        if (pool->dilation[axis] != 1 && pool->kernel[axis] != 1) return false;
        if (pool->ceil_mode && request->op_outputs[0].dims[2 + axis] % pool->kernel[axis]) return false;
    }
    return true;
}

/* Estimates the time of a layer for a tile, in units of one multiply-add of a full vector: the positions computed for nothing
 * in the last tiles, the latency of a chain of fma that fewer than `chains` accumulators cannot hide, and the dearer border. */
static double tile_cost(const struct lower_request *request, struct block block, size_t chains) {
    const struct lipcl_conv3d_params *conv = request->params;
    const size_t *out = request->outputs[0].dims;
    size_t tiles_t = size_ceil_div(out[2], block.tile_t), tiles_w = size_ceil_div(out[4], block.tile_w);
    double inside_t = (double)tiles_t, inside_w = (double)tiles_w, tiles = inside_t * inside_w;
    if (conv->padding[0]) inside_t = tiles_t > 2 ? inside_t - 2 : 0;
    if (conv->padding[2]) inside_w = tiles_w > 2 ? inside_w - 2 : 0;
    double border = 1 - inside_t * inside_w / tiles;
    size_t positions = block.tile_t * block.tile_w;
    return tiles * (1 + 0.15 * border) * ((double)size_max(positions, chains) + 0.5);
}

/* The vector is the widest that the channels of a group fill; the tile, of all that fit the registers, the cheapest. */
static struct block choose_block(const struct lower_request *request) {
    const struct lipcl_conv3d_params *conv = request->params;
    size_t channels = conv->out_channels / conv->groups, widest = request->caps->cpu ? 16 : 8;
    struct block best = {tuned(request, VEC, channels <= 4 ? 4 : channels <= 8 ? 8 : widest), 1, 1};
    /* CPUs: 12 of the 16 vector registers of AVX2, and 2 x 4 chains; GPUs hide latency with work-items instead. */
    size_t positions = request->caps->cpu ? (best.vec == 16 ? 6 : 12) : 4;
    size_t chains = request->caps->cpu ? (best.vec == 16 ? 4 : 8) : 1;
    /* Where channels do not lie side by side, a tile reads C planes for each of its times, often a power of two apart: more
     * than a cache holds of one set. Then it stretches along W only. */
    size_t channel_stride, longest;
    layout_stride(&request->input_layouts[0], 1, &channel_stride);
    longest = channel_stride > 1 ? 1 : positions;
    double least = DBL_MAX;
    for (size_t tile_t = 1; tile_t <= longest; tile_t++)
        for (size_t tile_w = 1; tile_t * tile_w <= positions; tile_w++) {
            struct block block = {best.vec, tile_t, tile_w};
            double cost = tile_cost(request, block, chains);
            if (cost >= least) continue;
            least = cost;
            best = block;
        }
    best.tile_t = tuned(request, TILE_T, best.tile_t);
    best.tile_w = tuned(request, TILE_W, best.tile_w);
    return best;
}

static bool supports(const struct lower_request *request) {
    if (!coordinates_fit(request) || !pool_is_fusible(request)) return false;
    struct block block = choose_block(request);
    return block.tile_t * block.tile_w <= MAX_TILE;
}

/* packed[block * block_stride + ((a KH + b) KW + d) C + c) * step + lane] = weight[group K + block-in-group vec +
 * lane][c][a][b][d]
 */
static void pack_weight(float *packed, const float *weight, const struct lipcl_conv3d_params *conv, size_t channels, size_t vec,
                        size_t block_stride, size_t step) {
    size_t taps = conv->kernel[0] * conv->kernel[1] * conv->kernel[2], group_channels = conv->out_channels / conv->groups;
    size_t blocks = size_ceil_div(group_channels, vec);
    for (size_t k = 0; k < conv->out_channels; k++) {
        size_t group = k / group_channels, lane = k % group_channels;
        float *to = packed + (group * blocks + lane / vec) * block_stride + lane % vec;
        const float *from = weight + k * channels * taps;
        for (size_t c = 0; c < channels; c++)
            for (size_t tap = 0; tap < taps; tap++) to[(tap * channels + c) * step] = from[c * taps + tap];
    }
}

static void pack_bias(float *packed, const float *bias, const struct lipcl_conv3d_params *conv, size_t vec) {
    size_t group_channels = conv->out_channels / conv->groups, padded = size_round_up(group_channels, vec);
    for (size_t k = 0; k < conv->out_channels; k++) packed[k / group_channels * padded + k % group_channels] = bias[k];
}

/* Global and local sizes. A CPU gets work-groups of one, the blocks of channels outermost so that one block's weights stay in
 * its cache; a GPU gets neighbouring work-items that read neighbouring weights. */
static void size_launch(struct launch *launch, const struct device_caps *caps, size_t blocks, size_t columns, size_t rows) {
    if (caps->cpu) {
        launch->global[0] = columns;
        launch->global[1] = rows;
        launch->global[2] = blocks;
        return;
    }
    size_t limit = size_min(64, size_max(caps->max_work_group, 1)), local[3] = {1, 1, 1}, wanted[3] = {blocks, columns, rows};
    for (size_t dim = 0; dim < 3; dim++) {
        size_t room = dim == 0 ? size_min(16, limit) : limit;
        while (local[dim] < wanted[dim] && 2 * local[dim] <= size_min(room, caps->max_work_items[dim])) local[dim] *= 2;
        limit /= local[dim];
        launch->local[dim] = local[dim];
        launch->global[dim] = size_round_up(wanted[dim], local[dim]);
    }
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    enum lipcl_status status;
    const struct lipcl_conv3d_params *conv = request->params;
    const struct lipcl_shape *x = request->input_shapes[0], *y = &request->outputs[0];
    const size_t *kernel = conv->kernel, no_pool[3] = {1, 1, 1};
    const size_t *pool = request->epilogue.pool ? request->epilogue.pool->kernel : no_pool;
    size_t stride[5];
    for (size_t dim = 0; dim < 5; dim++) layout_stride(&request->input_layouts[0], dim, &stride[dim]);

    size_t channels = x->dims[1] / conv->groups, group_channels = conv->out_channels / conv->groups;
    size_t terms = channels * kernel[0] * kernel[1] * kernel[2];
    struct block block = choose_block(request);
    size_t group_blocks = size_ceil_div(group_channels, block.vec), blocks = conv->groups * group_blocks;
    bool cpu = request->caps->cpu;
    size_t block_stride = cpu ? terms * block.vec : block.vec, step = cpu ? block.vec : blocks * block.vec, packed_count;
    if (!size_multiply(&packed_count, terms, blocks * block.vec))
        TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "conv3d_direct %s: the packed weights are too large to address",
                 request->layer));

    struct arg weight, bias, zeros;
    float *data;
    TRY(lowered_constant(ctx, lowered, &weight, &data, packed_count));
    pack_weight(data, request->parameters[1]->data, conv, channels, block.vec, block_stride, step);
    TRY(lowered_constant(ctx, lowered, &bias, &data, blocks * block.vec));
    if (!conv->no_bias) pack_bias(data, request->parameters[2]->data, conv, block.vec);
    TRY(lowered_constant(ctx, lowered, &zeros, &data, channels));

    char sub_group[48] = ""; /* the accumulators fill the registers: let few work-items share them */
    if (!cpu && request->caps->sub_group) snprintf(sub_group, sizeof sub_group, " -DSUB_GROUP=%zu", request->caps->sub_group);

    struct launch *launch;
    TRY(lowered_launch(
        ctx, lowered, &launch, "conv3d_direct.cl", "conv3d_direct",
        "-cl-mad-enable -DN=%zu -DC=%zu -DK=%zu -DGROUPS=%zu -DKT=%zu -DKH=%zu -DKW=%zu -DST=%zu -DSH=%zu -DSW=%zu "
        "-DPT=%zu -DPH=%zu -DPW=%zu -DDT=%zu -DDH=%zu -DDW=%zu -DIN_T=%zu -DIN_H=%zu -DIN_W=%zu "
        "-DX_N=%zu -DX_C=%zu -DX_T=%zu -DX_H=%zu -DX_W=%zu -DOUT_T=%zu -DOUT_H=%zu -DOUT_W=%zu "
        "-DPOOL_T=%zu -DPOOL_H=%zu -DPOOL_W=%zu -DRELU=%d -DW_BLOCK=%zu -DW_STEP=%zu "
        "-DVEC=%zu -DTILE_T=%zu -DTILE_W=%zu -DUNROLL_C=%zu -DBLOCK_ID=%d -DCOLUMN_ID=%d -DROW_ID=%d%s",
        x->dims[0], channels, group_channels, conv->groups, kernel[0], kernel[1], kernel[2], conv->stride[0], conv->stride[1],
        conv->stride[2], conv->padding[0], conv->padding[1], conv->padding[2], conv->dilation[0], conv->dilation[1],
        conv->dilation[2], x->dims[2], x->dims[3], x->dims[4], stride[0], stride[1], stride[2], stride[3], stride[4],
        y->dims[2], y->dims[3], y->dims[4], pool[0], pool[1], pool[2], request->epilogue.relu, block_stride, step, block.vec,
        block.tile_t, block.tile_w, tuned(request, UNROLL_C, size_min(channels, 4)), cpu ? 2 : 0, cpu ? 0 : 1, cpu ? 1 : 2,
        sub_group));
    size_launch(launch, request->caps, blocks, size_ceil_div(y->dims[4], block.tile_w),
                y->dims[0] * size_ceil_div(y->dims[2], block.tile_t) * y->dims[3]);
    /* Taps that fall outside x are counted, too, though the kernel skips whole rows of them; so are bias, ReLU and maximum. */
    size_t columns = size_round_up(y->dims[4], block.tile_w), rows = size_round_up(y->dims[2], block.tile_t) * y->dims[3];
    size_t positions = y->dims[0] * rows * columns * pool[0] * pool[1] * pool[2];
    size_t after = (size_t)1 + request->epilogue.relu + (request->epilogue.pool != NULL);
    launch->flops = (double)positions * (double)(blocks * block.vec) * (double)(2 * terms + after);
    launch->arg_count = 5;
    struct arg args[5] = {arg_input(0), weight, bias, zeros, arg_output(0)};
    for (size_t i = 0; i < 5; i++) launch->args[i] = args[i];

    lowered->outputs[0] = layout_ordered(y, (size_t[5]){0, 2, 3, 4, 1});
    lowered->chain = terms + 1;
    return LIPCL_OK;
fail:
    return status;
}

const struct lowering conv3d_direct = {
    .name = "conv3d_direct",
    .knobs = knobs,
    .supports = supports,
    .accepts = accepts_strided,
    .lower = lower,
};
