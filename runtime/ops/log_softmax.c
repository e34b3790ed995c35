#include "ops/op.h"

extern const struct lowering log_softmax_rows;

static enum lipcl_status log_softmax_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                           const struct lipcl_shape *const *inputs, size_t input_count,
                                           struct lipcl_shape *outputs) {
    (void)params, (void)input_count;
    if (inputs[0]->rank == 0)
        return fail(ctx, LIPCL_ERROR_SHAPE, "log_softmax %s: the input is a scalar: at least one dimension is wanted", layer);
    outputs[0] = *inputs[0];
    return LIPCL_OK;
}

/* A subtraction, an exponential and an addition for the sum, a subtraction for the result. */
static struct op_cost log_softmax_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                       const struct lipcl_shape *outputs) {
    (void)params, (void)inputs, (void)input_count;
    double count = (double)lipcl_shape_count(&outputs[0]);
    return (struct op_cost){.flops = 4 * count, .bytes = 8 * count};
}

/* Whole rows. */
static bool log_softmax_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    (void)inputs;
    size_t last = outputs[0].rank - 1;
    crop->output.start[last] = 0;
    crop->output.shape.dims[last] = outputs[0].dims[last];
    crop->input_count = 1;
    crop_activation(crop, 0, &crop->output);
    return true;
}

static const struct lowering *const log_softmax_lowerings[] = {&log_softmax_rows, NULL};

const struct op_def log_softmax_op = {
    .name = "log_softmax",
    .output_count = 1,
    .infer = log_softmax_infer,
    .reference = log_softmax_ref,
    .crop = log_softmax_crop,
    .cost = log_softmax_cost,
    .lowerings = log_softmax_lowerings,
};
