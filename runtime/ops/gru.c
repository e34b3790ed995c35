#include <stdint.h>
#include <stdio.h>

#include "ops/op.h"

extern const struct lowering gru_packed, gru_clblast, gru_step;

static size_t gru_parameters(const void *params, const struct lipcl_shape *const *inputs, struct op_parameter *out) {
    const struct lipcl_gru_params *gru = params;
    size_t directions = gru->bidirectional ? 2 : 1, count = 0;
    if (!out) return 4 * gru->layers * directions;
    for (size_t layer = 0; layer < gru->layers; layer++)
        for (size_t d = 0; d < directions; d++) {
            size_t in = layer == 0 ? inputs[0]->dims[2] : directions * gru->hidden, gates = 3 * gru->hidden;
            const struct lipcl_shape shapes[4] = {SHAPE(gates, in), SHAPE(gates, gru->hidden), SHAPE(gates), SHAPE(gates)};
            static const char *const names[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
            for (size_t i = 0; i < 4; i++, count++) {
                snprintf(out[count].name, sizeof out[count].name, "%s_l%zu%s", names[i], layer, d ? "_reverse" : "");
                out[count].shape = shapes[i];
                out[count].absent = i >= 2 && gru->no_bias;
            }
        }
    return count;
}

static enum lipcl_status gru_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                   const struct lipcl_shape *const *inputs, size_t input_count, struct lipcl_shape *outputs) {
    struct lipcl_gru_params *gru = params;
    const struct lipcl_shape *x = inputs[0], *h0 = input_count > 1 ? inputs[1] : NULL;
    if (gru->layers == 0) gru->layers = 1;
    if (x->rank != 3)
        return fail(ctx, LIPCL_ERROR_SHAPE, "gru %s: input %s has rank %zu: [T,N,features] is wanted", layer,
                    shape_text(x).chars, x->rank);
    if (gru->hidden == 0 || gru->hidden > INT32_MAX / 8)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "gru %s: hidden is %zu: give 1 to %d", layer, gru->hidden, INT32_MAX / 8);
    if (gru->layers > 64) return fail(ctx, LIPCL_ERROR_ARGUMENT, "gru %s: layers is %zu: give 1 to 64", layer, gru->layers);
    size_t directions = gru->bidirectional ? 2 : 1;
    outputs[0] = SHAPE(x->dims[0], x->dims[1], directions * gru->hidden);
    outputs[1] = SHAPE(gru->layers * directions, x->dims[1], gru->hidden);
    if (h0 && !lipcl_shape_equal(h0, &outputs[1]))
        return fail(ctx, LIPCL_ERROR_SHAPE, "gru %s: the initial state is %s: %s is wanted", layer, shape_text(h0).chars,
                    shape_text(&outputs[1]).chars);
    return LIPCL_OK;
}

static struct op_cost gru_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                               const struct lipcl_shape *outputs) {
    const struct lipcl_gru_params *gru = params;
    double directions = gru->bidirectional ? 2 : 1, hidden = (double)gru->hidden;
    double steps = (double)inputs[0]->dims[0] * (double)inputs[0]->dims[1], flops = 0, weights = 0;
    for (size_t layer = 0; layer < gru->layers; layer++) {
        double in = layer == 0 ? (double)inputs[0]->dims[2] : directions * hidden;
        weights += directions * 3 * hidden * (in + hidden + (gru->no_bias ? 0 : 2));
        flops += directions * steps * hidden * (3 * 2 * (in + hidden) + (gru->no_bias ? 0 : 6) + 8);
    }
    double values = 0;
    for (size_t i = 0; i < input_count; i++) values += inputs[i] ? (double)lipcl_shape_count(inputs[i]) : 0;
    for (size_t i = 0; i < 2; i++) values += (double)lipcl_shape_count(&outputs[i]);
    return (struct op_cost){.flops = flops, .bytes = 4 * (values + weights)};
}

/* Of a block that lies in one step of one sample: all of the direction that its first element belongs to, as a GRU of one step
 * that begins in the state that was computed before (after, in reverse), which makes it step-locked. The states of an inner
 * layer are not to be seen, so several layers cannot be cut. */
static bool gru_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    struct lipcl_gru_params *gru = crop->params;
    struct box *y = &crop->output;
    if (gru->layers > 1 || y->shape.dims[0] != 1 || y->shape.dims[1] != 1) return false;
    struct op_parameter parameters[8];
    gru_parameters(gru, inputs, parameters);
    size_t direction = (size_t)y->start[2] / gru->hidden, t = (size_t)y->start[0];
    y->start[2] = (ptrdiff_t)(direction * gru->hidden);
    y->shape.dims[2] = gru->hidden;
    struct box x = *y, state = *y;
    x.start[2] = 0;
    x.shape.dims[2] = inputs[0]->dims[2];
    crop->input_count = 6;
    crop_activation(crop, 0, &x);
    if (t != (direction ? outputs[0].dims[0] - 1 : 0)) {
        state.start[0] += direction ? 1 : -1;
        crop->inputs[1] = (struct crop_input){CROP_OUTPUT, 0, state};
    } else if (inputs[1]) {
        state.start[0] = (ptrdiff_t)direction;
        state.start[2] = 0;
        crop_activation(crop, 1, &state);
    }
    for (size_t i = 0; i < 4; i++) {
        const struct op_parameter *parameter = &parameters[4 * direction + i];
        if (parameter->absent) continue;
        crop_parameter(crop, 2 + i, &parameter->shape);
        crop->inputs[2 + i].index = 2 + 4 * direction + i;
    }
    gru->bidirectional = false;
    return true;
}

static const struct lowering *const gru_lowerings[] = {&gru_clblast, &gru_packed, &gru_step, NULL};

const struct op_def gru_op = {
    .name = "gru",
    .params_bytes = sizeof(struct lipcl_gru_params),
    .output_count = 2,
    .infer = gru_infer,
    .parameters = gru_parameters,
    .reference = gru_ref,
    .crop = gru_crop,
    .cost = gru_cost,
    .lowerings = gru_lowerings,
};
