/* block.c: a block of a layer's output, computed by the references from what the device fed the layer.
 *
 * From the last of the layer's nodes to the first, each tells which box of its input its box of output is made of (op_crop_fn);
 * then, from the first to the last, the ordinary references run on just that. */
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "plan/steps.h"
#include "tensor/dtype.h"

/* One node's part, and what the reference made of it. */
struct cut {
    const struct node *node;
    struct op_crop crop;
    struct lipcl_tensor slots[CROP_MAX_INPUTS], *owned[CROP_MAX_INPUTS];
    struct lipcl_tensor *output;
    double *input_magnitude, *magnitude;
    op_ref_fn magnitude_of; /* the lowering's own, or NULL */
};

static void cut_finish(struct cut *cut) {
    for (size_t i = 0; i < CROP_MAX_INPUTS; i++) lipcl_tensor_destroy(&cut->owned[i]);
    lipcl_tensor_destroy(&cut->output);
    free(cut->input_magnitude);
    free(cut->magnitude);
}

/* Plans the cuts of all nodes; *possible: each of them knows how. `arena` is for parameters. */
static enum lipcl_status plan_cuts(struct lipcl_plan *plan, const struct step *step, const struct box *block, struct cut *cuts,
                                   struct arena *arena, bool *possible) {
    struct box wanted = *block;
    *possible = false;
    for (size_t i = step->layer.node_count; i-- > 0;) {
        const struct node *node = &plan->nodes[step->layer.nodes[i]];
        const struct lipcl_shape *inputs[OP_MAX_ACTIVATIONS] = {0};
        struct lipcl_shape outputs[OP_MAX_OUTPUTS] = {{0}};
        for (size_t k = 0; k < node->activation_count; k++)
            if (node->inputs[k]) inputs[k] = &plan->values[plan->alias[node->inputs[k]]].shape;
        for (size_t k = 0; k < node->op->output_count; k++) outputs[k] = plan->values[node->outputs[k]].shape;
        cuts[i].node = node;
        if (i == 0 && step->lowering && step->lowering->magnitude) {
            cuts[i].magnitude_of = step->lowering->magnitude;
            wanted = box_aligned(&wanted, step->lowering->grain, &outputs[0]);
        }
        cuts[i].crop = (struct op_crop){.output = wanted, .params = arena_copy(arena, node->params, node->op->params_bytes)};
        if (!cuts[i].crop.params) return fail_memory(device_context(plan->device), node->op->params_bytes);
        if (!node->op->crop || !node->op->crop(&cuts[i].crop, inputs, outputs)) return LIPCL_OK;
        wanted = box_inside(&cuts[i].crop.inputs[0].box, inputs[0]);
    }
    *possible = true;
    return LIPCL_OK;
}

/* An input of the layer's first node, or what the device put out before. */
static enum lipcl_status fetch(struct lipcl_plan *plan, const struct step *step, struct cut *cut, size_t i) {
    enum lipcl_status status = LIPCL_OK;
    const struct crop_input *input = &cut->crop.inputs[i];
    if (input->from == CROP_INPUT && input->index >= cut->node->activation_count) {
        const struct lipcl_tensor *stored = plan->values[plan->alias[cut->node->inputs[input->index]]].stored;
        size_t row = lipcl_tensor_count(stored) / stored->shape.dims[0]; /* elements; the box is of whole rows */
        TRY(lipcl_tensor_create(device_context(plan->device), &cut->owned[i], LIPCL_F32, &input->box.shape));
        tensor_read_f32(cut->owned[i]->data, stored, (size_t)input->box.start[0] * row, lipcl_tensor_count(cut->owned[i]));
        cut->slots[i] = *cut->owned[i];
        return LIPCL_OK;
    }
    lipcl_value value =
        input->from == CROP_INPUT ? plan->alias[cut->node->inputs[input->index]] : step_output(plan, step, input->index);
    TRY(lipcl_tensor_create(device_context(plan->device), &cut->owned[i], LIPCL_F32, &input->box.shape));
    TRY(plan_read_box(plan, cut->owned[i]->data, value, &input->box, cut->crop.outside));
    cut->slots[i] = *cut->owned[i];

fail:
    return status;
}

/* The input of a node behind the first: what the one before it made. */
static enum lipcl_status take_over(struct lipcl_context *ctx, struct cut *cut, const struct cut *before) {
    enum lipcl_status status = LIPCL_OK;
    const struct box *box = &cut->crop.inputs[0].box;
    TRY(lipcl_tensor_create(ctx, &cut->owned[0], LIPCL_F32, &box->shape));
    box_copy(cut->owned[0]->data, box, before->output->data, &before->crop.output, cut->crop.outside);
    cut->slots[0] = *cut->owned[0];
    if (!before->magnitude) return LIPCL_OK;
    cut->input_magnitude = calloc(lipcl_tensor_count(cut->owned[0]), sizeof *cut->input_magnitude);
    if (!cut->input_magnitude) TRY(fail_memory(ctx, lipcl_tensor_bytes(cut->owned[0])));
    box_copy_magnitude(cut->input_magnitude, box, before->magnitude, &before->crop.output);

fail:
    return status;
}

/* Runs a reference on this thread alone: so little is done sooner than other threads are woken, above all on a busy machine. */
static enum lipcl_status run_alone(op_ref_fn reference, struct lipcl_context *ctx, const struct ref_io *io) {
#ifdef _OPENMP
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* of the parallel regions that this thread begins */
    enum lipcl_status status = reference(ctx, io);
    omp_set_num_threads(threads);
    return status;
#else
    return reference(ctx, io);
#endif
}

static enum lipcl_status compute(struct lipcl_context *ctx, struct cut *cut, bool want_magnitude) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_tensor *inputs[CROP_MAX_INPUTS] = {0};
    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS] = {0};
    for (size_t i = 0; i < cut->crop.input_count; i++)
        inputs[i] = cut->crop.inputs[i].from == CROP_ABSENT ? NULL : &cut->slots[i];
    TRY(lipcl_tensor_create(ctx, &cut->output, LIPCL_F32, &cut->crop.output.shape));
    if (want_magnitude) {
        cut->magnitude = calloc(lipcl_tensor_count(cut->output), sizeof *cut->magnitude);
        if (!cut->magnitude) TRY(fail_memory(ctx, lipcl_tensor_count(cut->output) * sizeof *cut->magnitude));
    }
    outputs[0] = cut->output;
    struct ref_io io = {
        .params = cut->crop.params,
        .inputs = inputs,
        .outputs = outputs,
        .magnitude = cut->magnitude,
        .input_magnitude = cut->input_magnitude,
    };
    TRY(run_alone(cut->node->op->reference, ctx, &io));
    if (want_magnitude && cut->magnitude_of) TRY(run_alone(cut->magnitude_of, ctx, &io));

fail:
    return status;
}

static enum lipcl_status check_whole(struct lipcl_plan *plan, const struct step *step, bool exact, struct box *block,
                                     struct compare_result *result) {
    struct compare_result results[OP_MAX_OUTPUTS];
    enum lipcl_status status = step_check(plan, step, exact, results);
    *block = box_whole(&plan->values[step_output(plan, step, 0)].shape);
    if (status == LIPCL_OK) *result = results[0];
    return status;
}

enum lipcl_status step_check_block(struct lipcl_plan *plan, const struct step *step, bool exact, struct box *block,
                                   struct compare_result *result) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    struct arena arena = {0};
    struct cut cuts[LAYER_MAX_NODES] = {{0}}, *last = &cuts[step->layer.node_count - 1];
    struct lipcl_tensor *got = NULL;
    bool possible;
    TRY(plan_cuts(plan, step, block, cuts, &arena, &possible));
    if (!possible) {
        TRY(check_whole(plan, step, exact, block, result));
        goto fail;
    }
    for (size_t i = 0; i < cuts[0].crop.input_count; i++)
        if (cuts[0].crop.inputs[i].from != CROP_ABSENT) TRY(fetch(plan, step, &cuts[0], i));
    for (size_t i = 0; i < step->layer.node_count; i++) {
        if (i > 0) TRY(take_over(ctx, &cuts[i], &cuts[i - 1]));
        TRY(compute(ctx, &cuts[i], !exact));
    }
    *block = last->crop.output;
    TRY(lipcl_tensor_create(ctx, &got, LIPCL_F32, &block->shape));
    TRY(plan_read_box(plan, got->data, step_output(plan, step, 0), block, 0));
    if (exact)
        compare_exact(result, got->data, last->output->data, lipcl_tensor_count(got));
    else
        compare_bounded(result, got->data, last->output->data, last->magnitude, lipcl_tensor_count(got), step->chain,
                        device_caps(plan->device)->flushes_denormals);

fail:
    for (size_t i = 0; i < LAYER_MAX_NODES; i++) cut_finish(&cuts[i]);
    lipcl_tensor_destroy(&got);
    arena_finish(&arena);
    return status;
}
