/* Lowers linear to a matrix product. */
#include <stdlib.h>

#include "ops/gemm.h"

enum { VEC, ROWS };
static const struct tuning_knob knobs[] = {{"VEC", {GEMM_VEC_VALUES}}, {"ROWS", {GEMM_ROWS_VALUES}}, {0}};

static bool no_epilogue(const struct lower_request *request) {
    return !request->epilogue.relu && !request->epilogue.pool;
}

static bool supports_packed(const struct lower_request *request) {
    return no_epilogue(request) && gemm_wants_packed(request);
}

static bool supports_clblast(const struct lower_request *request) {
    return no_epilogue(request) && gemm_wants_clblast(request);
}

static bool accepts(const struct lower_request *request, size_t input, const struct layout *layout) {
    size_t stride;
    return gemm_rows(layout, request->input_shapes[input], &stride);
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                               bool clblast) {
    enum lipcl_status status;
    const struct lipcl_shape *x = request->input_shapes[0];
    size_t last = x->rank - 1, k = x->dims[last], n = request->outputs[0].dims[last], stride;
    const struct lipcl_tensor *bias = request->parameters[2];
    float *weight = malloc(n * k * sizeof *weight);
    if (!weight) TRY(fail_memory(ctx, n * k * sizeof *weight));
    gemm_rows(&request->input_layouts[0], x, &stride);
    gemm_permute_columns(weight, request->parameters[1]->data, n, k, &request->input_layouts[0], last);
    lowered->outputs[0] = layout_row_major(&request->outputs[0]);
    lowered->chain = k + 1;
    TRY(gemm_append(ctx, request, lowered,
                    &(struct gemm){
                        .m = lipcl_shape_count(x) / k,
                        .n = n,
                        .k = k,
                        .a = arg_input(0),
                        .c = arg_output(0),
                        .a_stride = stride,
                        .weight = weight,
                        .bias = bias ? bias->data : NULL,
                        .vec = tuned(request, VEC, 0),
                        .rows = tuned(request, ROWS, 0),
                    },
                    clblast));

fail:
    free(weight);
    return status;
}

static enum lipcl_status lower_packed(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    return lower(ctx, request, lowered, false);
}

static enum lipcl_status lower_clblast(struct lipcl_context *ctx, const struct lower_request *request,
                                       struct lowered *lowered) {
    return lower(ctx, request, lowered, true);
}

const struct lowering linear_packed = {
    .name = "linear_packed",
    .knobs = knobs,
    .supports = supports_packed,
    .accepts = accepts,
    .lower = lower_packed,
};

const struct lowering linear_clblast = {
    .name = "linear_clblast",
    .supports = supports_clblast,
    .accepts = accepts,
    .lower = lower_clblast,
};
