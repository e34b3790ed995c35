/* Lowers log_softmax to one launch of cl_kernels/log_softmax_rows.cl. */
#include "ops/op.h"

static bool supports(const struct lower_request *request) {
    return !request->epilogue.relu && !request->epilogue.pool;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    enum lipcl_status status;
    struct launch *launch;
    const struct lipcl_shape *y = &request->outputs[0];
    size_t columns = y->dims[y->rank - 1], rows = lipcl_shape_count(y) / columns;
    lowered->outputs[0] = layout_row_major(y);
    lowered->chain = columns; /* of the sum of exponentials */
    TRY(lowered_launch(ctx, lowered, &launch, "log_softmax_rows.cl", "log_softmax_rows", "-DROWS=%zu -DCOLUMNS=%zu", rows,
                       columns));
    lowered_spread(launch, rows, request->caps);
    launch->arg_count = 2;
    launch->args[0] = arg_input(0);
    launch->args[1] = arg_output(0);

fail:
    return status;
}

const struct lowering log_softmax_rows = {
    .name = "log_softmax_rows",
    .supports = supports,
    .accepts = accepts_row_major,
    .lower = lower,
};
