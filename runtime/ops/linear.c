#include <stdint.h>

#include "ops/op.h"

extern const struct lowering linear_packed, linear_clblast;

static size_t linear_parameters(const void *params, const struct lipcl_shape *const *inputs, struct op_parameter *out) {
    const struct lipcl_linear_params *linear = params;
    if (!out) return 2;
    out[0] = (struct op_parameter){"weight", SHAPE(linear->out_features, inputs[0]->dims[inputs[0]->rank - 1]), false};
    out[1] = (struct op_parameter){"bias", SHAPE(linear->out_features), linear->no_bias};
    return 2;
}

static enum lipcl_status linear_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                      const struct lipcl_shape *const *inputs, size_t input_count,
                                      struct lipcl_shape *outputs) {
    (void)input_count;
    const struct lipcl_linear_params *linear = params;
    if (inputs[0]->rank == 0)
        return fail(ctx, LIPCL_ERROR_SHAPE, "linear %s: the input is a scalar: [...,features] is wanted", layer);
    if (linear->out_features == 0 || linear->out_features > INT32_MAX)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "linear %s: out_features is %zu: give 1 to %d", layer, linear->out_features,
                    INT32_MAX);
    outputs[0] = *inputs[0];
    outputs[0].dims[outputs[0].rank - 1] = linear->out_features;
    return LIPCL_OK;
}

static struct op_cost linear_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                  const struct lipcl_shape *outputs) {
    (void)input_count;
    const struct lipcl_linear_params *linear = params;
    double in = (double)inputs[0]->dims[inputs[0]->rank - 1], out = (double)linear->out_features;
    double count = (double)lipcl_shape_count(&outputs[0]), bias = linear->no_bias ? 0 : out;
    return (struct op_cost){
        .flops = count * (2 * in + !linear->no_bias),
        .bytes = 4 * ((double)lipcl_shape_count(inputs[0]) + in * out + bias + count),
    };
}

static bool linear_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    struct lipcl_linear_params *linear = crop->params;
    struct op_parameter parameters[2];
    linear_parameters(linear, inputs, parameters);
    size_t last = outputs[0].rank - 1;
    size_t first = (size_t)crop->output.start[last], count = crop->output.shape.dims[last];
    struct box x = crop->output;
    x.start[last] = 0;
    x.shape.dims[last] = inputs[0]->dims[last];
    linear->out_features = count;
    crop->input_count = 3;
    crop_activation(crop, 0, &x);
    crop_parameter_rows(crop, 1, &parameters[0].shape, first, count);
    if (!linear->no_bias) crop_parameter_rows(crop, 2, &parameters[1].shape, first, count);
    return true;
}

static const struct lowering *const linear_lowerings[] = {&linear_clblast, &linear_packed, NULL};

const struct op_def linear_op = {
    .name = "linear",
    .params_bytes = sizeof(struct lipcl_linear_params),
    .output_count = 1,
    .infer = linear_infer,
    .parameters = linear_parameters,
    .reference = linear_ref,
    .crop = linear_crop,
    .cost = linear_cost,
    .lowerings = linear_lowerings,
};
