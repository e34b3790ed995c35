#include "ops/dropout.h"

static enum lipcl_status infer(struct lipcl_context *ctx, const char *layer, void *params,
                               const struct lipcl_shape *const *inputs, size_t input_count, struct lipcl_shape *outputs) {
    (void)input_count;
    if (inputs[0]->rank != 5)
        return fail(ctx, LIPCL_ERROR_SHAPE, "dropout3d %s: input %s has rank %zu: [N,C,T,H,W] is wanted", layer,
                    shape_text(inputs[0]).chars, inputs[0]->rank);
    outputs[0] = *inputs[0];
    return dropout_infer(ctx, "dropout3d", layer, params);
}

static const struct lowering *const dropout3d_lowerings[] = {&dropout3d_mask, NULL};

const struct op_def dropout3d_op = {
    .name = "dropout3d",
    .params_bytes = sizeof(struct lipcl_dropout_params),
    .output_count = 1,
    .infer = infer,
    .reference = dropout3d_ref,
    .cost = dropout_cost,
    .lowerings = dropout3d_lowerings,
    .is_identity = dropout_is_identity,
};
