/* reference_step.c: a layer computed by the references on the host, whatever the device. */
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"

enum lipcl_status step_tensors_init(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    *tensors = (struct step_tensors){.input_count = node->input_count, .activation_count = node->activation_count};
    tensors->inputs = calloc(node->input_count, sizeof *tensors->inputs);
    if (!tensors->inputs) TRY(fail_memory(ctx, node->input_count * sizeof *tensors->inputs));
    for (size_t i = 0; i < node->input_count; i++) {
        if (!node->inputs[i]) continue;
        lipcl_value number = plan->alias[node->inputs[i]];
        if (i >= node->activation_count) {
            const struct lipcl_tensor *parameter;
            TRY(plan_parameter(plan, number, &parameter));
            tensors->inputs[i] = (struct lipcl_tensor *)parameter; /* only read */
            continue;
        }
        TRY(lipcl_tensor_create(ctx, &tensors->inputs[i], LIPCL_F32, &plan->values[number].shape));
        TRY(plan_read_value(plan, tensors->inputs[i]->data, number));
    }
    return LIPCL_OK;

fail:
    step_tensors_finish(tensors);
    return status;
}

void step_tensors_finish(struct step_tensors *tensors) {
    for (size_t i = 0; tensors->inputs && i < tensors->activation_count; i++) lipcl_tensor_destroy(&tensors->inputs[i]);
    for (size_t i = 0; i < OP_MAX_OUTPUTS; i++) lipcl_tensor_destroy(&tensors->outputs[i]);
    for (size_t i = 0; i < OP_MAX_OUTPUTS; i++) free(tensors->magnitude[i]);
    free(tensors->inputs);
    *tensors = (struct step_tensors){0};
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Puts the lowering's own magnitude into io, in place of the definition's, and compares the two. */
static enum lipcl_status replace_magnitude(struct lipcl_context *ctx, const struct lowering *lowering, const struct ref_io *io,
                                           double *kappa) {
    enum lipcl_status status = LIPCL_OK;
    size_t count = lipcl_tensor_count(io->outputs[0]), ratios = 0;
    double *ratio = malloc(count * sizeof *ratio);
    if (!ratio) TRY(fail_memory(ctx, count * sizeof *ratio));
    memcpy(ratio, io->magnitude, count * sizeof *ratio);
    TRY(lowering->magnitude(ctx, io));
    for (size_t i = 0; i < count; i++)
        if (ratio[i] > 0 && io->magnitude[i] < COMPARE_UNBOUNDED) ratio[ratios++] = io->magnitude[i] / ratio[i];
    qsort(ratio, ratios, sizeof *ratio, by_size);
    if (ratios) *kappa = ratio[(size_t)((double)(ratios - 1) * 0.999)];

fail:
    free(ratio);
    return status;
}

/* Computes one node from `inputs`; the caller owns what comes back in outputs and, where wanted, magnitude. `lowering`: that of
 * the step, for its first node; else NULL. */
static enum lipcl_status run_node(struct lipcl_plan *plan, const struct node *node, const struct lowering *lowering,
                                  double *kappa, struct lipcl_tensor *const *inputs, const double *input_magnitude,
                                  const struct lipcl_tensor *observed, bool want_magnitude,
                                  struct lipcl_tensor *outputs[OP_MAX_OUTPUTS], double *magnitude[OP_MAX_OUTPUTS]) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    for (size_t i = 0; i < node->op->output_count; i++) {
        TRY(lipcl_tensor_create(ctx, &outputs[i], LIPCL_F32, &plan->values[node->outputs[i]].shape));
        if (!want_magnitude) continue;
        size_t count = lipcl_tensor_count(outputs[i]);
        magnitude[i] = calloc(count, sizeof *magnitude[i]);
        if (!magnitude[i]) TRY(fail_memory(ctx, count * sizeof *magnitude[i]));
    }
    struct ref_io io = {
        .params = node->params,
        .inputs = (const struct lipcl_tensor *const *)inputs,
        .outputs = outputs,
        .magnitude = magnitude[0],
        .final_magnitude = magnitude[1],
        .input_magnitude = input_magnitude,
        .observed = observed,
    };
    TRY(node->op->reference(ctx, &io));
    if (want_magnitude && lowering && lowering->magnitude) TRY(replace_magnitude(ctx, lowering, &io, kappa));

fail:
    return status;
}

enum lipcl_status step_reference(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors,
                                 bool want_magnitude, const struct lipcl_tensor *observed) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS] = {0};
    double *magnitude[OP_MAX_OUTPUTS] = {0};
    tensors->kappa = 1;
    for (size_t i = 0; i < step->layer.node_count; i++) {
        struct lipcl_tensor *const *inputs = i == 0 ? tensors->inputs : &tensors->outputs[0];
        TRY(run_node(plan, &plan->nodes[step->layer.nodes[i]], i == 0 ? step->lowering : NULL, &tensors->kappa, inputs,
                     tensors->magnitude[0], observed, want_magnitude, outputs, magnitude));
        for (size_t k = 0; k < OP_MAX_OUTPUTS; k++) {
            lipcl_tensor_destroy(&tensors->outputs[k]);
            free(tensors->magnitude[k]);
            tensors->outputs[k] = outputs[k];
            tensors->magnitude[k] = magnitude[k];
            outputs[k] = NULL;
            magnitude[k] = NULL;
        }
    }

fail:
    for (size_t k = 0; k < OP_MAX_OUTPUTS; k++) {
        lipcl_tensor_destroy(&outputs[k]);
        free(magnitude[k]);
    }
    return status;
}

lipcl_value step_output(const struct lipcl_plan *plan, const struct step *step, size_t i) {
    const struct node *first = &plan->nodes[step->layer.nodes[0]];
    const struct node *last = &plan->nodes[step->layer.nodes[step->layer.node_count - 1]];
    return i == 0 ? last->outputs[0] : first->outputs[i];
}

enum lipcl_status step_read_outputs(struct lipcl_plan *plan, const struct step *step,
                                    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS]) {
    enum lipcl_status status = LIPCL_OK;
    size_t count = plan->nodes[step->layer.nodes[0]].op->output_count;
    for (size_t i = 0; i < count; i++) {
        lipcl_value value = step_output(plan, step, i);
        TRY(lipcl_tensor_create(device_context(plan->device), &outputs[i], LIPCL_F32, &plan->values[value].shape));
        TRY(plan_read_value(plan, outputs[i]->data, value));
    }
    return LIPCL_OK;

fail:
    for (size_t i = 0; i < count; i++) lipcl_tensor_destroy(&outputs[i]);
    return status;
}

enum lipcl_status step_compare(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors, bool exact,
                               bool locked, struct compare_result results[OP_MAX_OUTPUTS]) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *got[OP_MAX_OUTPUTS] = {0};
    TRY(step_read_outputs(plan, step, got));
    TRY(step_reference(plan, step, tensors, !exact, locked ? got[0] : NULL));
    for (size_t i = 0; i < plan->nodes[step->layer.nodes[0]].op->output_count; i++) {
        const float *y = got[i]->data, *wanted = tensors->outputs[i]->data;
        if (exact)
            compare_exact(&results[i], y, wanted, lipcl_tensor_count(got[i]));
        else
            compare_bounded(&results[i], y, wanted, tensors->magnitude[i], lipcl_tensor_count(got[i]), step->chain,
                            device_caps(plan->device)->flushes_denormals);
        results[i].kappa = tensors->kappa;
    }

fail:
    for (size_t i = 0; i < OP_MAX_OUTPUTS; i++) lipcl_tensor_destroy(&got[i]);
    return status;
}

static enum lipcl_status check(struct lipcl_plan *plan, const struct step *step, bool exact, bool locked,
                               struct compare_result results[OP_MAX_OUTPUTS]) {
    enum lipcl_status status = LIPCL_OK;
    struct step_tensors tensors = {0};
    TRY(step_tensors_init(plan, step, &tensors));
    TRY(step_compare(plan, step, &tensors, exact, locked, results));

fail:
    step_tensors_finish(&tensors);
    return status;
}

enum lipcl_status step_check(struct lipcl_plan *plan, const struct step *step, bool exact,
                             struct compare_result results[OP_MAX_OUTPUTS]) {
    return check(plan, step, exact, true, results);
}

enum lipcl_status step_check_free_running(struct lipcl_plan *plan, const struct step *step,
                                          struct compare_result results[OP_MAX_OUTPUTS]) {
    return check(plan, step, false, false, results);
}

enum lipcl_status step_run_reference(struct lipcl_plan *plan, const struct step *step) {
    enum lipcl_status status = LIPCL_OK;
    struct step_tensors tensors = {0};
    TRY(step_tensors_init(plan, step, &tensors));
    TRY(step_reference(plan, step, &tensors, false, NULL));
    for (size_t i = 0; i < plan->nodes[step->layer.nodes[0]].op->output_count; i++) {
        const struct plan_value *value = &plan->values[step_output(plan, step, i)];
        TRY(device_buffer_write(plan->device, value->buffer, tensors.outputs[i]->data, lipcl_tensor_bytes(tensors.outputs[i])));
    }
    TRY(device_finish(plan->device)); /* the writes read memory that is freed here */

fail:
    step_tensors_finish(&tensors);
    return status;
}
