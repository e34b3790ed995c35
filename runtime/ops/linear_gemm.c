/* Lowers linear to a matrix product. */
#include <stdlib.h>

#include "ops/gemm.h"
#include "tensor/dtype.h"

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
    struct gemm_row *rows = malloc(n * sizeof *rows);
    float *bias = malloc(n * sizeof *bias);
    if (!rows || !bias) TRY(fail_memory(ctx, n * (sizeof *rows + sizeof *bias)));
    for (size_t i = 0; i < n; i++) rows[i] = (struct gemm_row){request->parameters[1], i};
    if (request->parameters[2]) tensor_read_f32(bias, request->parameters[2], 0, n);
    gemm_rows(&request->input_layouts[0], x, &stride);
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
                        .weight = rows,
                        .x = &request->input_layouts[0],
                        .x_dim = last,
                        .bias = request->parameters[2] ? bias : NULL,
                        .vec = tuned(request, VEC, 0),
                        .rows = tuned(request, ROWS, 0),
                    },
                    clblast));

fail:
    free(rows);
    free(bias);
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
    .reads_any_dtype = true,
    .knobs = knobs,
    .supports = supports_packed,
    .accepts = accepts,
    .lower = lower_packed,
};

const struct lowering linear_clblast = {
    .name = "linear_clblast",
    .clblast = true,
    .reads_any_dtype = true,
    .supports = supports_clblast,
    .accepts = accepts,
    .lower = lower_clblast,
};
