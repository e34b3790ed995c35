#include "ops/op.h"

extern const struct lowering relu_map;

static enum lipcl_status relu_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                    const struct lipcl_shape *const *inputs, size_t input_count, struct lipcl_shape *outputs) {
    (void)ctx, (void)layer, (void)params, (void)input_count;
    outputs[0] = *inputs[0];
    return LIPCL_OK;
}

static struct op_cost relu_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                const struct lipcl_shape *outputs) {
    (void)params, (void)inputs, (void)input_count;
    double count = (double)lipcl_shape_count(&outputs[0]);
    return (struct op_cost){.flops = count, .bytes = 8 * count};
}

static bool relu_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    (void)inputs, (void)outputs;
    crop->input_count = 1;
    crop_activation(crop, 0, &crop->output);
    return true;
}

static const struct lowering *const relu_lowerings[] = {&relu_map, NULL};

const struct op_def relu_op = {
    .name = "relu",
    .output_count = 1,
    .infer = relu_infer,
    .reference = relu_ref,
    .crop = relu_crop,
    .cost = relu_cost,
    .lowerings = relu_lowerings,
};
