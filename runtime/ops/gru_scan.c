/* Lowers gru: behind each layer's input product one launch of cl_kernels/gru_scan.cl, the recurrence of all steps. */
#include "ops/gru_layers.h"

/* How the scan is cut: ROWS samples a work-group share the stream of W_hh; units are taken VEC at a time. */
struct cut {
    size_t vec, rows, local;
    size_t units; /* hidden, rounded up to vec */
};

enum { VEC, ROWS, LOCAL, GEMM_VEC, GEMM_ROWS };
#define VEC_VALUES 1, 2, 4, 8, 16
#define ROWS_VALUES 1, 2, 3, 4, 8
#define LOCAL_VALUES 1, 2, 4, 8, 16, 32, 64, 128
static const struct tuning_knob clblast_knobs[] = {
    {"VEC", {VEC_VALUES}}, {"ROWS", {ROWS_VALUES}}, {"LOCAL", {LOCAL_VALUES}}, {0}};
static const struct tuning_knob packed_knobs[] = {
    {"VEC", {VEC_VALUES}},           {"ROWS", {ROWS_VALUES}},           {"LOCAL", {LOCAL_VALUES}},
    {"GEMM_VEC", {GEMM_VEC_VALUES}}, {"GEMM_ROWS", {GEMM_ROWS_VALUES}}, {0}};

static struct cut choose_cut(const struct lower_request *request) {
    const struct lipcl_gru_params *gru = request->params;
    size_t batch = request->input_shapes[0]->dims[1];
    struct cut cut = {.local = 1};
    if (request->caps->cpu) { /* twelve registers of accumulators at most: 3 gates, rows, VEC / 8 */
        cut.rows = batch >= 3 ? 4 : batch;
        cut.vec = batch >= 3 ? 8 : 16;
    } else {
        cut.rows = size_min(batch, 4);
        cut.vec = 1;
    }
    cut.vec = tuned(request, VEC, cut.vec);
    cut.units = size_round_up(gru->hidden, cut.vec);
    while (cut.rows > 1 && 2 * cut.rows * cut.units * sizeof(float) > request->caps->local_bytes) cut.rows--;
    size_t limit = size_min(256, size_min(request->caps->max_work_group, request->caps->max_work_items[0]));
    while (!request->caps->cpu && cut.local < cut.units / cut.vec && 2 * cut.local <= limit) cut.local *= 2;
    cut.rows = tuned(request, ROWS, cut.rows);
    cut.local = tuned(request, LOCAL, cut.local);
    return cut;
}

/* A work-group of a slow GPU streams 4 GB/s, and drivers of GPUs that draw the screen, too, end a launch after 2 s or so:
 * beyond half of that, launches are to be short (gru_step.c). */
static bool takes_too_long(const struct lower_request *request) {
    const struct lipcl_gru_params *gru = request->params;
    double step_bytes = 3.0 * (double)gru->hidden * (double)gru->hidden * sizeof(float);
    return !request->caps->cpu && (double)request->input_shapes[0]->dims[0] * step_bytes > 4e9;
}

static bool supports(const struct lower_request *request) {
    struct cut cut = choose_cut(request);
    return !takes_too_long(request) && !request->epilogue.relu && !request->epilogue.pool &&
           cut.local <= request->caps->max_work_group && cut.local <= request->caps->max_work_items[0] &&
           2 * cut.rows * cut.units * sizeof(float) <= request->caps->local_bytes;
}

static bool supports_packed(const struct lower_request *request) {
    return supports(request) && gemm_wants_packed(request);
}

static bool supports_clblast(const struct lower_request *request) {
    return supports(request) && gemm_wants_clblast(request);
}

static enum lipcl_status append_scan(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                     const struct gru_layer *layer) {
    enum lipcl_status status;
    struct cut cut = choose_cut(request);
    struct gru_strides strides = gru_strides(request, layer, cut.vec);
    bool initial = request->input_shapes[1] != NULL;
    struct arg weight, bias;
    struct launch *launch;
    TRY(gru_pack(ctx, lowered, &weight, &bias, layer, &strides));
    TRY(lowered_launch(
        ctx, lowered, &launch, "gru_scan.cl", "gru_scan",
        "-cl-mad-enable -DT=%zu -DN=%zu -DH=%zu -DDIRECTIONS=%zu -DROW_T=%zu -DROW_N=%zu -DLAYER=%zu -DINITIAL=%d "
        "-DW_BLOCK=%zu -DW_STEP=%zu -DW_GATE=%zu -DVEC=%zu -DROWS=%zu -DLOCAL=%zu",
        layer->frames, layer->batch, layer->hidden, layer->directions, layer->rows.per_t, layer->rows.per_n, layer->layer,
        initial, strides.block, strides.step, strides.gate, cut.vec, cut.rows, cut.local));
    launch->local[0] = cut.local;
    launch->global[0] = cut.local;
    launch->global[1] = layer->directions;
    launch->global[2] = size_ceil_div(layer->batch, cut.rows);
    launch->flops = (double)(layer->frames * launch->global[2] * cut.rows * layer->directions * layer->units) *
                    (3 * 2 * (double)layer->hidden + 8); /* the product, and what the gates take */
    launch->arg_count = 6;
    launch->args[0] = layer->gates;
    launch->args[1] = weight;
    launch->args[2] = bias;
    launch->args[3] = initial ? arg_input(1) : bias; /* without an initial state the kernel does not look at it */
    launch->args[4] = layer->y;
    launch->args[5] = arg_output(1);

fail:
    return status;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                               bool clblast) {
    const struct gru_plan plan = {.units = choose_cut(request).units,
                                  .gemm_vec = tuned(request, GEMM_VEC, 0),
                                  .gemm_rows = tuned(request, GEMM_ROWS, 0),
                                  .clblast = clblast,
                                  .recurrence = append_scan};
    return gru_lower(ctx, request, lowered, &plan);
}

static enum lipcl_status lower_packed(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    return lower(ctx, request, lowered, false);
}

static enum lipcl_status lower_clblast(struct lipcl_context *ctx, const struct lower_request *request,
                                       struct lowered *lowered) {
    return lower(ctx, request, lowered, true);
}

const struct lowering gru_packed = {
    .name = "gru_packed",
    .reads_any_dtype = true,
    .knobs = packed_knobs,
    .supports = supports_packed,
    .accepts = gru_accepts,
    .lower = lower_packed,
};

const struct lowering gru_clblast = {
    .name = "gru_clblast",
    .clblast = true,
    .reads_any_dtype = true,
    .knobs = clblast_knobs,
    .supports = supports_clblast,
    .accepts = gru_accepts,
    .lower = lower_clblast,
};
