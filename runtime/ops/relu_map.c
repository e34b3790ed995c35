/* Lowers relu to one launch of cl_kernels/relu_map.cl over the buffer as it lies: the layout stays what it is. */
#include "ops/op.h"

static bool supports(const struct lower_request *request) {
    return !request->epilogue.relu && !request->epilogue.pool;
}

/* Every layout in a plan is dense: it covers its buffer without holes. */
static bool accepts(const struct lower_request *request, size_t input, const struct layout *layout) {
    (void)request, (void)input, (void)layout;
    return true;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    enum lipcl_status status;
    struct launch *launch;
    size_t count = lipcl_shape_count(&request->outputs[0]);
    lowered->outputs[0] = request->input_layouts[0];
    TRY(lowered_launch(ctx, lowered, &launch, "relu_map.cl", "relu_map", "-DCOUNT=%zu", count));
    lowered_spread(launch, count, request->caps);
    launch->arg_count = 2;
    launch->args[0] = arg_input(0);
    launch->args[1] = arg_output(0);

fail:
    return status;
}

const struct lowering relu_map = {
    .name = "relu_map",
    .supports = supports,
    .accepts = accepts,
    .lower = lower,
};
