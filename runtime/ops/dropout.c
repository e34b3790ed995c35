#include "ops/dropout.h"

enum lipcl_status dropout_infer(struct lipcl_context *ctx, const char *op, const char *layer,
                                const struct lipcl_dropout_params *params) {
    if (params->p >= 0 && params->p < 1) return LIPCL_OK; /* false for NaN */
    return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s %s: p is %g: give 0 <= p < 1", op, layer, (double)params->p);
}

struct op_cost dropout_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                            const struct lipcl_shape *outputs) {
    (void)params, (void)inputs, (void)input_count;
    double count = (double)lipcl_shape_count(&outputs[0]);
    return (struct op_cost){.flops = count, .bytes = 8 * count};
}

bool dropout_is_identity(const void *params) {
    const struct lipcl_dropout_params *dropout = params;
    return !dropout->training || dropout->p == 0;
}

static enum lipcl_status infer(struct lipcl_context *ctx, const char *layer, void *params,
                               const struct lipcl_shape *const *inputs, size_t input_count, struct lipcl_shape *outputs) {
    (void)input_count;
    outputs[0] = *inputs[0];
    return dropout_infer(ctx, "dropout", layer, params);
}

static const struct lowering *const dropout_lowerings[] = {&dropout_mask, NULL};

const struct op_def dropout_op = {
    .name = "dropout",
    .params_bytes = sizeof(struct lipcl_dropout_params),
    .output_count = 1,
    .infer = infer,
    .reference = dropout_ref,
    .cost = dropout_cost,
    .lowerings = dropout_lowerings,
    .is_identity = dropout_is_identity,
};
