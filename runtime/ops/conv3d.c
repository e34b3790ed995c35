#include <stdint.h>
#include <stdio.h>

#include "ops/op.h"
#include "ops/window.h"

extern const struct lowering conv3d_direct, conv3d_winograd, conv3d_winograd_2x2;

static size_t conv3d_parameters(const void *params, const struct lipcl_shape *const *inputs, struct op_parameter *out) {
    const struct lipcl_conv3d_params *conv = params;
    if (!out) return 2;
    const size_t *kernel = conv->kernel, channels = inputs[0]->dims[1] / conv->groups;
    out[0] = (struct op_parameter){"weight", SHAPE(conv->out_channels, channels, kernel[0], kernel[1], kernel[2]), false};
    out[1] = (struct op_parameter){"bias", SHAPE(conv->out_channels), conv->no_bias};
    return 2;
}

static enum lipcl_status conv3d_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                      const struct lipcl_shape *const *inputs, size_t input_count,
                                      struct lipcl_shape *outputs) {
    (void)input_count;
    enum lipcl_status status;
    struct lipcl_conv3d_params *conv = params;
    window_default(conv->stride, (size_t[3]){1, 1, 1});
    window_default(conv->dilation, (size_t[3]){1, 1, 1});
    if (conv->groups == 0) conv->groups = 1;
    if (conv->out_channels == 0 || conv->out_channels > INT32_MAX)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "conv3d %s: out_channels is %zu: give 1 to %d", layer, conv->out_channels,
                 INT32_MAX));
    struct window window = {conv->kernel, conv->stride, conv->padding, conv->dilation, false};
    TRY(window_infer(ctx, "conv3d", layer, &outputs[0], inputs[0], conv->out_channels, &window));
    size_t channels = inputs[0]->dims[1];
    if (channels % conv->groups)
        TRY(fail(ctx, LIPCL_ERROR_SHAPE,
                 "conv3d %s: groups is %zu, which does not divide the %zu channels of input %s: choose a divisor", layer,
                 conv->groups, channels, shape_text(inputs[0]).chars));
    if (conv->out_channels % conv->groups)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT,
                 "conv3d %s: groups is %zu, which does not divide out_channels %zu: choose a divisor", layer, conv->groups,
                 conv->out_channels));
    struct op_parameter parameters[2];
    conv3d_parameters(conv, inputs, parameters);
    if (!window_shape_fits(&parameters[0].shape))
        TRY(fail(ctx, LIPCL_ERROR_SHAPE, "conv3d %s: weight %s is too large to address: use a smaller kernel", layer,
                 shape_text(&parameters[0].shape).chars));
    return LIPCL_OK;
fail:
    return status;
}

static struct op_cost conv3d_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                  const struct lipcl_shape *outputs) {
    (void)input_count;
    const struct lipcl_conv3d_params *conv = params;
    struct op_parameter parameters[2];
    conv3d_parameters(conv, inputs, parameters);
    double outputs_count = (double)lipcl_shape_count(&outputs[0]), weights = (double)lipcl_shape_count(&parameters[0].shape);
    double bias = conv->no_bias ? 0 : (double)conv->out_channels;
    return (struct op_cost){
        .flops = outputs_count * (2 * weights / (double)conv->out_channels + !conv->no_bias),
        .bytes = 4 * ((double)lipcl_shape_count(inputs[0]) + weights + bias + outputs_count),
    };
}

/* Whole groups where the block's channels belong to several. */
static bool conv3d_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    (void)outputs;
    struct lipcl_conv3d_params *conv = crop->params;
    struct op_parameter parameters[2];
    conv3d_parameters(conv, inputs, parameters);
    size_t group_inputs = inputs[0]->dims[1] / conv->groups, group_outputs = conv->out_channels / conv->groups;
    size_t first = (size_t)crop->output.start[1], count = crop->output.shape.dims[1];
    size_t group = first / group_outputs, groups = (first + count - 1) / group_outputs - group + 1;
    if (groups > 1) {
        first = group * group_outputs;
        count = groups * group_outputs;
        crop->output.start[1] = (ptrdiff_t)first;
        crop->output.shape.dims[1] = count;
    }
    struct box x = crop->output;
    struct window window = {conv->kernel, conv->stride, conv->padding, conv->dilation, false};
    window_crop(&x, &crop->output, &window, conv->padding);
    x.start[1] = (ptrdiff_t)(group * group_inputs);
    x.shape.dims[1] = groups * group_inputs;
    conv->groups = groups;
    conv->out_channels = count;
    crop->outside = 0;
    crop->input_count = 3;
    crop_activation(crop, 0, &x);
    crop_parameter_rows(crop, 1, &parameters[0].shape, first, count);
    if (!conv->no_bias) crop_parameter_rows(crop, 2, &parameters[1].shape, first, count);
    return true;
}

static char *conv3d_text(struct arena *arena, const void *params) {
    const struct lipcl_conv3d_params *conv = params;
    const size_t *s = conv->stride, *p = conv->padding, *d = conv->dilation;
    return arena_printf(arena, "conv3d stride %zu,%zu,%zu padding %zu,%zu,%zu dilation %zu,%zu,%zu groups %zu", s[0], s[1],
                        s[2], p[0], p[1], p[2], d[0], d[1], d[2], conv->groups);
}

static const struct lowering *const conv3d_lowerings[] = {&conv3d_winograd, &conv3d_winograd_2x2, &conv3d_direct, NULL};

const struct op_def conv3d_op = {
    .name = "conv3d",
    .params_bytes = sizeof(struct lipcl_conv3d_params),
    .output_count = 1,
    .infer = conv3d_infer,
    .parameters = conv3d_parameters,
    .reference = conv3d_ref,
    .crop = conv3d_crop,
    .cost = conv3d_cost,
    .lowerings = conv3d_lowerings,
    .text = conv3d_text,
};
