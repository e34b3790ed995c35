/* Lowers gru: behind each layer's input product cl_kernels/gru_step.cl, launched once a step. For devices on which gru_scan.c's
 * one launch has no room or might be cut short. */
#include "ops/gru_layers.h"

/* A work-item takes VEC units of ROWS samples; LOCAL of them are a work-group. */
struct cut {
    size_t vec, rows, local;
};

enum { VEC, ROWS, LOCAL, GEMM_VEC, GEMM_ROWS };
static const struct tuning_knob knobs[] = {
    {"VEC", {1, 2, 4, 8, 16}},       {"ROWS", {1, 2, 3, 4, 8}},         {"LOCAL", {1, 2, 4, 8, 16, 32, 64, 128}},
    {"GEMM_VEC", {GEMM_VEC_VALUES}}, {"GEMM_ROWS", {GEMM_ROWS_VALUES}}, {0}};

static struct cut choose_cut(const struct lower_request *request) {
    const struct device_caps *caps = request->caps;
    size_t batch = request->input_shapes[0]->dims[1], limit = size_min(caps->max_work_group, caps->max_work_items[0]);
    struct cut cut = {1, size_min(batch, 4), size_min(64, limit)};
    if (caps->cpu) /* twelve registers of accumulators at most: 3 gates, rows, VEC / 8 */
        cut = (struct cut){batch >= 3 ? 8 : 16, batch >= 3 ? 4 : batch, 1};
    cut.vec = tuned(request, VEC, cut.vec);
    cut.rows = tuned(request, ROWS, cut.rows);
    cut.local = tuned(request, LOCAL, cut.local);
    return cut;
}

static bool supports(const struct lower_request *request) {
    size_t local = choose_cut(request).local;
    return !request->epilogue.relu && !request->epilogue.pool && local <= request->caps->max_work_group &&
           local <= request->caps->max_work_items[0] && (gemm_wants_clblast(request) || gemm_wants_packed(request));
}

static void size_launch(struct launch *launch, const struct gru_layer *layer, const struct cut *cut) {
    launch->local[0] = cut->local;
    launch->global[0] = size_round_up(layer->units / cut->vec, cut->local);
    launch->global[1] = layer->directions;
    launch->global[2] = size_ceil_div(layer->batch, cut->rows);
}

static enum lipcl_status append_steps(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                      const struct gru_layer *layer) {
    enum lipcl_status status;
    struct cut cut = choose_cut(request);
    struct gru_strides strides = gru_strides(request, layer, cut.vec);
    bool initial = request->input_shapes[1] != NULL;
    struct arg weight, bias, steps;
    struct launch *begin, *step;
    struct launch sizes = {0};
    size_launch(&sizes, layer, &cut);
    TRY(gru_pack(ctx, lowered, &weight, &bias, layer, &strides));
    TRY(lowered_scratch(ctx, lowered, &steps, sizes.global[0] * sizes.global[1] * sizes.global[2] * sizeof(int32_t)));
    TRY(lowered_launch(
        ctx, lowered, &begin, "gru_step.cl", "gru_step_begin",
        "-cl-mad-enable -DT=%zu -DN=%zu -DH=%zu -DDIRECTIONS=%zu -DROW_T=%zu -DROW_N=%zu -DLAYER=%zu -DINITIAL=%d "
        "-DW_BLOCK=%zu -DW_STEP=%zu -DW_GATE=%zu -DVEC=%zu -DROWS=%zu -DLOCAL=%zu",
        layer->frames, layer->batch, layer->hidden, layer->directions, layer->rows.per_t, layer->rows.per_n, layer->layer,
        initial, strides.block, strides.step, strides.gate, cut.vec, cut.rows, cut.local));
    size_launch(begin, layer, &cut);
    begin->arg_count = 1;
    begin->args[0] = steps;
    TRY(lowered_launch(ctx, lowered, &step, "gru_step.cl", "gru_step", "%s", begin->options));
    size_launch(step, layer, &cut);
    step->repeat = layer->frames;
    step->flops = (double)(step->global[2] * cut.rows * layer->directions * layer->units) *
                  (3 * 2 * (double)layer->hidden + 8); /* the product, and what the gates take */
    step->arg_count = 7;
    step->args[0] = layer->gates;
    step->args[1] = weight;
    step->args[2] = bias;
    step->args[3] = initial ? arg_input(1) : bias; /* without an initial state the kernel does not look at it */
    step->args[4] = layer->y;
    step->args[5] = arg_output(1);
    step->args[6] = steps;

fail:
    return status;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered) {
    const struct lipcl_gru_params *gru = request->params;
    const struct gru_plan plan = {.units = size_round_up(gru->hidden, choose_cut(request).vec),
                                  .gemm_vec = tuned(request, GEMM_VEC, 0),
                                  .gemm_rows = tuned(request, GEMM_ROWS, 0),
                                  .clblast = gemm_wants_clblast(request),
                                  .recurrence = append_steps};
    return gru_lower(ctx, request, lowered, &plan);
}

const struct lowering gru_step = {
    .name = "gru_step",
    .reads_any_dtype = true,
    .knobs = knobs,
    .supports = supports,
    .accepts = gru_accepts,
    .lower = lower,
};
