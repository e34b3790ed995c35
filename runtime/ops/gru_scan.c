/* Lowers gru: for each layer a matrix product for the inputs of all time steps and both directions at once, and one launch of
 * cl_kernels/gru_scan.cl for the recurrence of all steps. */
#include <stdlib.h>
#include <string.h>

#include "ops/gemm.h"
#include "tensor/dtype.h"

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

static bool supports(const struct lower_request *request) {
    struct cut cut = choose_cut(request);
    return !request->epilogue.relu && !request->epilogue.pool && cut.local <= request->caps->max_work_group &&
           cut.local <= request->caps->max_work_items[0] &&
           2 * cut.rows * cut.units * sizeof(float) <= request->caps->local_bytes;
}

static bool supports_packed(const struct lower_request *request) {
    return supports(request) && gemm_wants_packed(request);
}

static bool supports_clblast(const struct lower_request *request) {
    return supports(request) && gemm_wants_clblast(request);
}

/* The rows of x [T,N,features]: t N + n, or n T + t where the samples are outermost in memory. */
struct rows {
    size_t stride;       /* elements from one row to the next */
    size_t per_t, per_n; /* rows from one step, or sample, to the next */
};

static bool find_rows(struct rows *rows, const struct layout *x, const struct lipcl_shape *shape) {
    const size_t *d = shape->dims;
    if (gemm_rows(x, shape, &rows->stride)) {
        rows->per_t = d[1];
        rows->per_n = 1;
        return true;
    }
    struct layout swapped = layout_permute(x, (const size_t[]){1, 0, 2}, 3);
    rows->per_t = 1;
    rows->per_n = d[0];
    return gemm_rows(&swapped, &SHAPE(d[1], d[0], d[2]), &rows->stride);
}

static bool accepts(const struct lower_request *request, size_t input, const struct layout *layout) {
    struct rows rows;
    if (input == 1) return accepts_row_major(request, input, layout);
    return find_rows(&rows, layout, request->input_shapes[input]);
}

/* One layer of one GRU. */
struct part {
    size_t frames, batch, in, hidden, directions, layer;
    struct cut cut;
    const struct lipcl_tensor *const *parameters; /* of the layer: 4 a direction */
    struct arg gates;                             /* the input product, which every layer writes anew */
};

/* A gate's bias for every unit; zeros where there is none. */
static void read_bias(float *out, const struct lipcl_tensor *tensor, size_t gate, size_t hidden) {
    if (tensor)
        tensor_read_f32(out, tensor, gate * hidden, hidden);
    else
        memset(out, 0, hidden * sizeof *out);
}

/* Weights and biases of the input product: rows in the order direction, gate, unit (padded). b_hr and b_hz are added here
 * too, as they simply add up with b_ir and b_iz; b_hn stays inside the reset gate's product. */
static enum lipcl_status gather_inputs(struct lipcl_context *ctx, const struct part *part, struct gemm_row **rows,
                                       float **bias) {
    size_t count = part->directions * 3 * part->cut.units, hidden = part->hidden;
    *rows = calloc(count, sizeof **rows);
    *bias = calloc(count + hidden, sizeof **bias);
    if (!*rows || !*bias) return fail_memory(ctx, count * (sizeof **rows + sizeof **bias));
    for (size_t d = 0; d < part->directions; d++)
        for (size_t gate = 0; gate < 3; gate++) {
            const struct lipcl_tensor *w_ih = part->parameters[4 * d];
            size_t to = (d * 3 + gate) * part->cut.units;
            float *b_ih = *bias + to, *b_hh = *bias + count; /* the latter behind those of all rows */
            for (size_t j = 0; j < hidden; j++) (*rows)[to + j] = (struct gemm_row){w_ih, gate * hidden + j};
            read_bias(b_ih, part->parameters[4 * d + 2], gate, hidden);
            read_bias(b_hh, part->parameters[4 * d + 3], gate, hidden);
            for (size_t j = 0; j < hidden; j++) b_ih[j] += gate < 2 ? b_hh[j] : 0;
        }
    return LIPCL_OK;
}

static enum lipcl_status append_scan(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                     const struct part *part, const struct rows *rows, struct arg gates, struct arg y) {
    enum lipcl_status status = LIPCL_OK;
    const struct cut *cut = &part->cut;
    bool cpu = request->caps->cpu, initial = request->input_shapes[1] != NULL;
    size_t vec = cut->vec, units = cut->units, hidden = part->hidden;
    /* CPU devices stream W_hh block by block; on GPUs neighbouring work-items read neighbouring units. */
    size_t block_stride = cpu ? hidden * 3 * vec : vec, step = cpu ? 3 * vec : 3 * units, gate_stride = cpu ? vec : units;
    struct arg weight, bias;
    struct launch *launch;
    float *w, *b, *row = malloc(hidden * sizeof *row);
    if (!row) TRY(fail_memory(ctx, hidden * sizeof *row));
    TRY(lowered_constant(ctx, lowered, &weight, &w, part->directions * hidden * 3 * units));
    TRY(lowered_constant(ctx, lowered, &bias, &b, part->directions * units));
    for (size_t d = 0; d < part->directions; d++) {
        float *out = w + d * hidden * 3 * units;
        for (size_t i = 0; i < 3 * hidden; i++) {
            size_t gate = i / hidden, j = i % hidden;
            tensor_read_f32(row, part->parameters[4 * d + 1], i * hidden, hidden);
            for (size_t k = 0; k < hidden; k++) out[j / vec * block_stride + k * step + gate * gate_stride + j % vec] = row[k];
        }
        read_bias(b + d * units, part->parameters[4 * d + 3], 2, hidden);
    }
    TRY(lowered_launch(
        ctx, lowered, &launch, "gru_scan.cl", "gru_scan",
        "-cl-mad-enable -DT=%zu -DN=%zu -DH=%zu -DDIRECTIONS=%zu -DROW_T=%zu -DROW_N=%zu -DLAYER=%zu -DINITIAL=%d "
        "-DW_BLOCK=%zu -DW_STEP=%zu -DW_GATE=%zu -DVEC=%zu -DROWS=%zu -DLOCAL=%zu",
        part->frames, part->batch, hidden, part->directions, rows->per_t, rows->per_n, part->layer, initial, block_stride, step,
        gate_stride, vec, cut->rows, cut->local));
    launch->local[0] = cut->local;
    launch->global[0] = cut->local;
    launch->global[1] = part->directions;
    launch->global[2] = size_ceil_div(part->batch, cut->rows);
    launch->flops = (double)(part->frames * launch->global[2] * cut->rows * part->directions * units) *
                    (3 * 2 * (double)hidden + 8); /* the product, and what the gates take */
    launch->arg_count = 6;
    launch->args[0] = gates;
    launch->args[1] = weight;
    launch->args[2] = bias;
    launch->args[3] = initial ? arg_input(1) : bias; /* without an initial state the kernel does not look at it */
    launch->args[4] = y;
    launch->args[5] = arg_output(1);

fail:
    free(row);
    return status;
}

static enum lipcl_status append_layer(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                      const struct part *part, struct arg x, struct arg y, bool clblast) {
    enum lipcl_status status;
    struct gemm_row *weight = NULL;
    float *bias = NULL;
    struct rows rows = {part->in, part->batch, 1};
    const struct layout *layout = part->layer == 0 ? &request->input_layouts[0] : NULL;
    size_t columns = part->directions * 3 * part->cut.units, steps = part->frames * part->batch;
    if (layout) find_rows(&rows, layout, request->input_shapes[0]);
    TRY(gather_inputs(ctx, part, &weight, &bias));
    TRY(gemm_append(ctx, request, lowered,
                    &(struct gemm){.m = steps,
                                   .n = columns,
                                   .k = part->in,
                                   .a = x,
                                   .c = part->gates,
                                   .a_stride = rows.stride,
                                   .weight = weight,
                                   .x = layout,
                                   .x_dim = 2,
                                   .bias = bias,
                                   .vec = tuned(request, GEMM_VEC, 0),
                                   .rows = tuned(request, GEMM_ROWS, 0)},
                    clblast));
    TRY(append_scan(ctx, request, lowered, part, &rows, part->gates, y));

fail:
    free(weight);
    free(bias);
    return status;
}

static enum lipcl_status lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                               bool clblast) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_gru_params *gru = request->params;
    const size_t *d = request->input_shapes[0]->dims;
    struct part part = {.frames = d[0], .batch = d[1], .in = d[2], .hidden = gru->hidden};
    struct arg x = arg_input(0), y, between[2];
    part.directions = gru->bidirectional ? 2 : 1;
    part.cut = choose_cut(request);
    size_t steps = part.frames * part.batch, width = part.directions * part.hidden;
    TRY(lowered_scratch(ctx, lowered, &part.gates, steps * part.directions * 3 * part.cut.units * sizeof(float)));
    for (size_t i = 0; i < 2 && i + 1 < gru->layers; i++) /* a layer reads one while it writes the other */
        TRY(lowered_scratch(ctx, lowered, &between[i], steps * width * sizeof(float)));
    for (part.layer = 0; part.layer < gru->layers; part.layer++) {
        part.parameters = request->parameters + 2 + 4 * part.layer * part.directions;
        y = part.layer + 1 < gru->layers ? between[part.layer % 2] : arg_output(0);
        TRY(append_layer(ctx, request, lowered, &part, x, y, clblast));
        x = y;
        part.in = width;
    }
    lowered->outputs[0] = layout_row_major(&request->outputs[0]);
    lowered->outputs[1] = layout_row_major(&request->outputs[1]);
    lowered->chain = size_max(d[2], size_max(part.directions, 1) * gru->hidden) + 2; /* the longest sum and its two biases */

fail:
    return status;
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
    .accepts = accepts,
    .lower = lower_packed,
};

const struct lowering gru_clblast = {
    .name = "gru_clblast",
    .reads_any_dtype = true,
    .knobs = clblast_knobs,
    .supports = supports_clblast,
    .accepts = accepts,
    .lower = lower_clblast,
};
