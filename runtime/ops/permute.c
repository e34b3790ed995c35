#include "ops/op.h"

extern const struct lowering permute_copy;

static enum lipcl_status permute_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                       const struct lipcl_shape *const *inputs, size_t input_count,
                                       struct lipcl_shape *outputs) {
    (void)input_count;
    const size_t *order = ((struct lipcl_permute_params *)params)->order;
    const struct lipcl_shape *x = inputs[0];
    unsigned seen = 0;
    for (size_t i = 0; i < x->rank; i++) {
        if (order[i] >= x->rank || seen >> order[i] & 1)
            return fail(ctx, LIPCL_ERROR_ARGUMENT,
                        "permute %s: order[%zu] is %zu: each of the dimensions 0 to %zu of input %s must be named once", layer,
                        i, order[i], x->rank - 1, shape_text(x).chars);
        seen |= 1u << order[i];
        outputs[0].dims[i] = x->dims[order[i]];
    }
    outputs[0].rank = x->rank;
    return LIPCL_OK;
}

static struct op_cost permute_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                   const struct lipcl_shape *outputs) {
    (void)params, (void)inputs, (void)input_count;
    return (struct op_cost){.bytes = 8 * (double)lipcl_shape_count(&outputs[0])};
}

static bool permute_view(struct layout *out, const void *params, const struct layout *in, const struct lipcl_shape *in_shape) {
    *out = layout_permute(in, ((const struct lipcl_permute_params *)params)->order, in_shape->rank);
    return true;
}

static bool permute_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    (void)inputs;
    const size_t *order = ((const struct lipcl_permute_params *)crop->params)->order;
    struct box x = crop->output;
    for (size_t i = 0; i < outputs[0].rank; i++) {
        x.start[order[i]] = crop->output.start[i];
        x.shape.dims[order[i]] = crop->output.shape.dims[i];
    }
    crop->input_count = 1;
    crop_activation(crop, 0, &x);
    return true;
}

static const struct lowering *const permute_lowerings[] = {&permute_copy, NULL};

const struct op_def permute_op = {
    .name = "permute",
    .params_bytes = sizeof(struct lipcl_permute_params),
    .output_count = 1,
    .infer = permute_infer,
    .reference = permute_ref,
    .crop = permute_crop,
    .cost = permute_cost,
    .lowerings = permute_lowerings,
    .view = permute_view,
};
