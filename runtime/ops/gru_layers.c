/* gru_layers.c: the input products, and the packing of what the recurrence reads. */
#include "ops/gru_layers.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/dtype.h"

/* A gate's bias for every unit; zeros where there is none. */
static void read_bias(float *out, const struct lipcl_tensor *tensor, size_t gate, size_t hidden) {
    if (tensor)
        tensor_read_f32(out, tensor, gate * hidden, hidden);
    else
        memset(out, 0, hidden * sizeof *out);
}

static bool find_rows(struct gru_rows *rows, const struct layout *x, const struct lipcl_shape *shape) {
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

bool gru_accepts(const struct lower_request *request, size_t input, const struct layout *layout) {
    struct gru_rows rows;
    if (input == 1) return accepts_row_major(request, input, layout);
    return find_rows(&rows, layout, request->input_shapes[input]);
}

/* Weights and biases of the input product: rows in the order direction, gate, unit (padded). b_hr and b_hz are added here
 * too, as they simply add up with b_ir and b_iz; b_hn stays inside the reset gate's product. */
static enum lipcl_status gather_inputs(struct lipcl_context *ctx, const struct gru_layer *layer, struct gemm_row **rows,
                                       float **bias) {
    size_t count = layer->directions * 3 * layer->units, hidden = layer->hidden;
    *rows = calloc(count, sizeof **rows);
    *bias = calloc(count + hidden, sizeof **bias);
    if (!*rows || !*bias) return fail_memory(ctx, count * (sizeof **rows + sizeof **bias));
    for (size_t d = 0; d < layer->directions; d++)
        for (size_t gate = 0; gate < 3; gate++) {
            const struct lipcl_tensor *w_ih = layer->parameters[4 * d];
            size_t to = (d * 3 + gate) * layer->units;
            float *b_ih = *bias + to, *b_hh = *bias + count; /* the latter behind those of all rows */
            for (size_t j = 0; j < hidden; j++) (*rows)[to + j] = (struct gemm_row){w_ih, gate * hidden + j};
            read_bias(b_ih, layer->parameters[4 * d + 2], gate, hidden);
            read_bias(b_hh, layer->parameters[4 * d + 3], gate, hidden);
            for (size_t j = 0; j < hidden; j++) b_ih[j] += gate < 2 ? b_hh[j] : 0;
        }
    return LIPCL_OK;
}

struct gru_strides gru_strides(const struct lower_request *request, const struct gru_layer *layer, size_t vec) {
    if (request->caps->cpu) return (struct gru_strides){vec, layer->hidden * 3 * vec, 3 * vec, vec};
    return (struct gru_strides){vec, vec, 3 * layer->units, layer->units};
}

enum lipcl_status gru_pack(struct lipcl_context *ctx, struct lowered *lowered, struct arg *weight, struct arg *bias,
                           const struct gru_layer *layer, const struct gru_strides *strides) {
    enum lipcl_status status = LIPCL_OK;
    size_t hidden = layer->hidden, units = layer->units, vec = strides->vec;
    float *w, *b, *row = malloc(hidden * sizeof *row);
    if (!row) TRY(fail_memory(ctx, hidden * sizeof *row));
    TRY(lowered_constant(ctx, lowered, weight, &w, layer->directions * hidden * 3 * units));
    TRY(lowered_constant(ctx, lowered, bias, &b, layer->directions * units));
    for (size_t d = 0; d < layer->directions; d++) {
        float *out = w + d * hidden * 3 * units;
        for (size_t i = 0; i < 3 * hidden; i++) {
            size_t gate = i / hidden, j = i % hidden;
            float *unit = out + j / vec * strides->block + gate * strides->gate + j % vec;
            tensor_read_f32(row, layer->parameters[4 * d + 1], i * hidden, hidden);
            for (size_t k = 0; k < hidden; k++) unit[k * strides->step] = row[k];
        }
        read_bias(b + d * units, layer->parameters[4 * d + 3], 2, hidden);
    }

fail:
    free(row);
    return status;
}

static enum lipcl_status append_layer(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                      const struct gru_plan *plan, struct gru_layer *layer, struct arg x) {
    enum lipcl_status status;
    struct gemm_row *weight = NULL;
    float *bias = NULL;
    const struct layout *layout = layer->layer == 0 ? &request->input_layouts[0] : NULL;
    layer->rows = (struct gru_rows){layer->in, layer->batch, 1};
    if (layout) find_rows(&layer->rows, layout, request->input_shapes[0]);
    TRY(gather_inputs(ctx, layer, &weight, &bias));
    TRY(gemm_append(ctx, request, lowered,
                    &(struct gemm){.m = layer->frames * layer->batch,
                                   .n = layer->directions * 3 * layer->units,
                                   .k = layer->in,
                                   .a = x,
                                   .c = layer->gates,
                                   .a_stride = layer->rows.stride,
                                   .weight = weight,
                                   .x = layout,
                                   .x_dim = 2,
                                   .bias = bias,
                                   .vec = plan->gemm_vec,
                                   .rows = plan->gemm_rows},
                    plan->clblast));
    TRY(plan->recurrence(ctx, request, lowered, layer));

fail:
    free(weight);
    free(bias);
    return status;
}

enum lipcl_status gru_lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                            const struct gru_plan *plan) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_gru_params *gru = request->params;
    const size_t *d = request->input_shapes[0]->dims;
    struct gru_layer layer = {.frames = d[0], .batch = d[1], .in = d[2], .hidden = gru->hidden, .units = plan->units};
    struct arg x = arg_input(0), between[2];
    layer.directions = gru->bidirectional ? 2 : 1;
    size_t steps = layer.frames * layer.batch, width = layer.directions * layer.hidden;
    TRY(lowered_scratch(ctx, lowered, &layer.gates, steps * layer.directions * 3 * layer.units * sizeof(float)));
    for (size_t i = 0; i < 2 && i + 1 < gru->layers; i++) /* a layer reads one while it writes the other */
        TRY(lowered_scratch(ctx, lowered, &between[i], steps * width * sizeof(float)));
    for (layer.layer = 0; layer.layer < gru->layers; layer.layer++) {
        layer.parameters = request->parameters + 2 + 4 * layer.layer * layer.directions;
        layer.y = layer.layer + 1 < gru->layers ? between[layer.layer % 2] : arg_output(0);
        TRY(append_layer(ctx, request, lowered, plan, &layer, x));
        x = layer.y;
        layer.in = width;
    }
    lowered->outputs[0] = layout_row_major(&request->outputs[0]);
    lowered->outputs[1] = layout_row_major(&request->outputs[1]);
    lowered->chain = size_max(d[2], size_max(layer.directions, 1) * gru->hidden) + 2; /* the longest sum and its two biases */

fail:
    return status;
}
