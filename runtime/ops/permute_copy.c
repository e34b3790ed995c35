/* Lowers permute and reshape, where they are no views, and the plan's own copies to row-major order, to one launch of
 * cl_kernels/permute_copy.cl. */
#include "ops/op.h"

/* "1,2,3": one number a digit. */
static const char *list(struct arena *arena, const struct layout *layout, bool strides) {
    const char *text = "";
    for (size_t i = 0; text && i < layout->count; i++)
        text =
            arena_printf(arena, "%s%s%zu", text, i ? "," : "", strides ? layout->digits[i].stride : layout->digits[i].extent);
    return text;
}

enum lipcl_status lower_copy(struct lipcl_context *ctx, struct lowered *lowered, const struct lipcl_shape *shape,
                             const struct layout *from, struct arg source, struct arg destination,
                             const struct device_caps *caps) {
    enum lipcl_status status;
    struct launch *launch;
    size_t count = lipcl_shape_count(shape);
    /* A scalar has no digits; one of extent 1 stands for it. */
    struct layout digits = from->count ? *from : (struct layout){1, {{0, 1, 0}}};
    const char *extents = list(lowered->arena, &digits, false), *strides = list(lowered->arena, &digits, true);
    if (!extents || !strides) TRY(fail_memory(ctx, 256));
    TRY(lowered_launch(ctx, lowered, &launch, "permute_copy.cl", "permute_copy",
                       "-DCOUNT=%zu -DDIGITS=%zu -DEXTENTS=%s -DSTRIDES=%s", count, digits.count, extents, strides));
    lowered_spread(launch, count, caps);
    launch->arg_count = 2;
    launch->args[0] = source;
    launch->args[1] = destination;

fail:
    return status;
}

static bool supports(const struct lower_request *request) {
    return !request->epilogue.relu && !request->epilogue.pool;
}

static bool accepts(const struct lower_request *request, size_t input, const struct layout *layout) {
    (void)request, (void)input, (void)layout;
    return true;
}

static enum lipcl_status lower_permute(struct lipcl_context *ctx, const struct lower_request *request,
                                       struct lowered *lowered) {
    const struct lipcl_permute_params *params = request->params;
    const struct lipcl_shape *y = &request->outputs[0];
    struct layout view = layout_permute(&request->input_layouts[0], params->order, y->rank);
    lowered->outputs[0] = layout_row_major(y);
    return lower_copy(ctx, lowered, y, &view, arg_input(0), arg_output(0), request->caps);
}

static enum lipcl_status lower_reshape(struct lipcl_context *ctx, const struct lower_request *request,
                                       struct lowered *lowered) {
    lowered->outputs[0] = layout_row_major(&request->outputs[0]);
    return lower_copy(ctx, lowered, request->input_shapes[0], &request->input_layouts[0], arg_input(0), arg_output(0),
                      request->caps);
}

const struct lowering permute_copy = {
    .name = "permute_copy",
    .supports = supports,
    .accepts = accepts,
    .lower = lower_permute,
};

const struct lowering reshape_copy = {
    .name = "reshape_copy",
    .supports = supports,
    .accepts = accepts,
    .lower = lower_reshape,
};
