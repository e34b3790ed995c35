/* Lowers dropout and dropout3d, when training, to one launch of cl_kernels/dropout_mask.cl. */
#include "ops/dropout.h"

static bool supports(const struct lower_request *request) {
    return !request->epilogue.relu && !request->epilogue.pool;
}

/* One mask bit for every `run` elements in row-major order. */
static enum lipcl_status lower_runs(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                    size_t run) {
    enum lipcl_status status;
    const struct lipcl_dropout_params *params = request->params;
    struct launch *launch;
    size_t count = lipcl_shape_count(&request->outputs[0]);
    lowered->outputs[0] = request->input_layouts[0];
    lowered->chain = 1;
    /* p and the scale are passed by their bits, so that the device compares and multiplies with the reference's numbers. */
    TRY(lowered_launch(ctx, lowered, &launch, "dropout_mask.cl", "dropout_mask",
                       "-DCOUNT=%zu -DRUN=%zu -DP=%af -DSCALE=%af -DSEED_LOW=%luu -DSEED_HIGH=%luu", count, run,
                       (double)params->p, (double)(float)(1 / (1 - (double)params->p)),
                       (unsigned long)(params->seed & 0xffffffffu), (unsigned long)(params->seed >> 32)));
    lowered_spread(launch, count, request->caps);
    launch->arg_count = 2;
    launch->args[0] = arg_input(0);
    launch->args[1] = arg_output(0);

fail:
    return status;
}

static enum lipcl_status lower_elements(struct lipcl_context *ctx, const struct lower_request *request,
                                        struct lowered *lowered) {
    return lower_runs(ctx, request, lowered, 1);
}

static enum lipcl_status lower_channels(struct lipcl_context *ctx, const struct lower_request *request,
                                        struct lowered *lowered) {
    const size_t *x = request->input_shapes[0]->dims;
    return lower_runs(ctx, request, lowered, x[2] * x[3] * x[4]);
}

const struct lowering dropout_mask = {
    .name = "dropout_mask",
    .supports = supports,
    .accepts = accepts_row_major,
    .lower = lower_elements,
};

const struct lowering dropout3d_mask = {
    .name = "dropout3d_mask",
    .supports = supports,
    .accepts = accepts_row_major,
    .lower = lower_channels,
};
