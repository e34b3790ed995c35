/* Lowers maxpool3d to one launch of cl_kernels/maxpool3d_direct.cl. */
#include <stdint.h>

#include "ops/op.h"

static const struct tuning_knob knobs[] = {{"VEC", {1, 2, 4, 8, 16}}, {0}};

static bool is_channels_last(const struct lower_request *request) {
    size_t stride;
    return layout_stride(&request->input_layouts[0], 1, &stride) && stride == 1 && request->input_shapes[0]->dims[1] > 1;
}

/* In the kernel's 32-bit coordinates, with room for a tap on either side. */
static bool supports(const struct lower_request *request) {
    const struct lipcl_maxpool3d_params *pool = request->params;
    if (request->epilogue.relu || request->epilogue.pool) return false;
    const size_t *x = request->input_shapes[0]->dims, *y = request->outputs[0].dims;
    size_t rows;
    for (size_t axis = 0; axis < 3; axis++) {
        uint64_t reach = pool->dilation[axis] * pool->kernel[axis] + pool->padding[axis];
        if (y[2 + axis] * pool->stride[axis] + reach >= 1 << 30 || x[2 + axis] >= 1 << 30) return false;
    }
    size_t vec = tuned(request, 0, 1);
    if (x[1] % vec || (vec > 1 && !is_channels_last(request))) return false;
    return size_multiply(&rows, y[0] * y[2], y[3]) && rows < 1 << 30 && y[1] < 1 << 30;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    enum lipcl_status status;
    const struct lipcl_maxpool3d_params *pool = request->params;
    const struct lipcl_shape *x = request->input_shapes[0], *y = &request->outputs[0];
    size_t in[5], out[5];
    for (size_t dim = 0; dim < 5; dim++) layout_stride(&request->input_layouts[0], dim, &in[dim]);
    bool channels_last = is_channels_last(request);
    lowered->outputs[0] = channels_last ? layout_ordered(y, (size_t[5]){0, 2, 3, 4, 1}) : layout_row_major(y);
    for (size_t dim = 0; dim < 5; dim++) layout_stride(&lowered->outputs[0], dim, &out[dim]);

    size_t vec = 1, widest = request->caps->cpu ? 16 : 4;
    while (channels_last && vec < widest && x->dims[1] % (2 * vec) == 0) vec *= 2;
    if (channels_last) vec = tuned(request, 0, vec);
    struct launch *launch;
    TRY(lowered_launch(
        ctx, lowered, &launch, "maxpool3d_direct.cl", "maxpool3d_direct",
        "-DN=%zu -DC=%zu -DKT=%zu -DKH=%zu -DKW=%zu -DST=%zu -DSH=%zu -DSW=%zu -DPT=%zu -DPH=%zu -DPW=%zu "
        "-DDT=%zu -DDH=%zu -DDW=%zu -DIN_T=%zu -DIN_H=%zu -DIN_W=%zu -DX_N=%zu -DX_C=%zu -DX_T=%zu -DX_H=%zu -DX_W=%zu "
        "-DOUT_T=%zu -DOUT_H=%zu -DOUT_W=%zu -DY_N=%zu -DY_C=%zu -DY_T=%zu -DY_H=%zu -DY_W=%zu -DVEC=%zu -DCHANNELS_FIRST=%d",
        x->dims[0], x->dims[1], pool->kernel[0], pool->kernel[1], pool->kernel[2], pool->stride[0], pool->stride[1],
        pool->stride[2], pool->padding[0], pool->padding[1], pool->padding[2], pool->dilation[0], pool->dilation[1],
        pool->dilation[2], x->dims[2], x->dims[3], x->dims[4], in[0], in[1], in[2], in[3], in[4], y->dims[2], y->dims[3],
        y->dims[4], out[0], out[1], out[2], out[3], out[4], vec, channels_last));
    size_t channels = x->dims[1] / vec, width = y->dims[4];
    launch->global[0] = channels_last ? channels : width;
    launch->global[1] = channels_last ? width : channels;
    launch->global[2] = y->dims[0] * y->dims[2] * y->dims[3];
    size_t limit = size_min(64, size_min(request->caps->max_work_group, request->caps->max_work_items[0])), local = 1;
    while (!request->caps->cpu && local < launch->global[0] && 2 * local <= limit) local *= 2;
    launch->local[0] = local;
    launch->global[0] = size_round_up(launch->global[0], local);
    launch->arg_count = 2;
    launch->args[0] = arg_input(0);
    launch->args[1] = arg_output(0);
    return LIPCL_OK;
fail:
    return status;
}

const struct lowering maxpool3d_direct = {
    .name = "maxpool3d_direct",
    .knobs = knobs,
    .supports = supports,
    .accepts = accepts_strided,
    .lower = lower,
};
