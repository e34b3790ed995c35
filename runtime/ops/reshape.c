#include "ops/op.h"

extern const struct lowering reshape_copy;

static enum lipcl_status reshape_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                       const struct lipcl_shape *const *inputs, size_t input_count,
                                       struct lipcl_shape *outputs) {
    (void)input_count;
    const struct lipcl_shape *shape = &((struct lipcl_reshape_params *)params)->shape;
    size_t count;
    if (shape->rank > LIPCL_MAX_RANK)
        return fail(ctx, LIPCL_ERROR_SHAPE, "reshape %s: rank %zu is above %d", layer, shape->rank, LIPCL_MAX_RANK);
    if (!shape_count_checked(&count, shape) || count != lipcl_shape_count(inputs[0]))
        return fail(ctx, LIPCL_ERROR_SHAPE, "reshape %s: %s has not as many elements as input %s: they must be equal", layer,
                    shape_text(shape).chars, shape_text(inputs[0]).chars);
    outputs[0] = *shape;
    return LIPCL_OK;
}

static struct op_cost reshape_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                   const struct lipcl_shape *outputs) {
    (void)params, (void)inputs, (void)input_count;
    return (struct op_cost){.bytes = 8 * (double)lipcl_shape_count(&outputs[0])};
}

static bool reshape_view(struct layout *out, const void *params, const struct layout *in, const struct lipcl_shape *in_shape) {
    (void)in_shape;
    return layout_reshape(out, in, &((const struct lipcl_reshape_params *)params)->shape);
}

static const struct lowering *const reshape_lowerings[] = {&reshape_copy, NULL};

const struct op_def reshape_op = {
    .name = "reshape",
    .params_bytes = sizeof(struct lipcl_reshape_params),
    .output_count = 1,
    .infer = reshape_infer,
    .reference = reshape_ref,
    .cost = reshape_cost,
    .lowerings = reshape_lowerings,
    .view = reshape_view,
};
