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
            tensors->inputs[i] = plan->values[number].parameter;
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
    free(tensors->inputs);
    free(tensors->magnitude);
    *tensors = (struct step_tensors){0};
}

/* Computes one node from `inputs`; the caller owns what comes back in outputs and magnitude. */
static enum lipcl_status run_node(struct lipcl_plan *plan, const struct node *node, struct lipcl_tensor *const *inputs,
                                  const double *input_magnitude, const struct lipcl_tensor *observed,
                                  struct lipcl_tensor *outputs[OP_MAX_OUTPUTS], double **magnitude) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    for (size_t i = 0; i < node->op->output_count; i++)
        TRY(lipcl_tensor_create(ctx, &outputs[i], LIPCL_F32, &plan->values[node->outputs[i]].shape));
    if (magnitude) {
        *magnitude = calloc(lipcl_tensor_count(outputs[0]), sizeof **magnitude);
        if (!*magnitude) TRY(fail_memory(ctx, lipcl_tensor_count(outputs[0]) * sizeof **magnitude));
    }
    TRY(node->op->reference(ctx, &(struct ref_io){
                                     .params = node->params,
                                     .inputs = (const struct lipcl_tensor *const *)inputs,
                                     .outputs = outputs,
                                     .magnitude = magnitude ? *magnitude : NULL,
                                     .input_magnitude = input_magnitude,
                                     .observed = observed,
                                 }));

fail:
    return status;
}

enum lipcl_status step_reference(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors,
                                 bool want_magnitude, const struct lipcl_tensor *observed) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS] = {0};
    double *magnitude = NULL;
    for (size_t i = 0; i < step->layer.node_count; i++) {
        struct lipcl_tensor *const *inputs = i == 0 ? tensors->inputs : &tensors->outputs[0];
        TRY(run_node(plan, &plan->nodes[step->layer.nodes[i]], inputs, tensors->magnitude, observed, outputs,
                     want_magnitude ? &magnitude : NULL));
        for (size_t k = 0; k < OP_MAX_OUTPUTS; k++) {
            lipcl_tensor_destroy(&tensors->outputs[k]);
            tensors->outputs[k] = outputs[k];
            outputs[k] = NULL;
        }
        free(tensors->magnitude);
        tensors->magnitude = magnitude;
        magnitude = NULL;
    }

fail:
    for (size_t k = 0; k < OP_MAX_OUTPUTS; k++) lipcl_tensor_destroy(&outputs[k]);
    free(magnitude);
    return status;
}

enum lipcl_status step_run_reference(struct lipcl_plan *plan, const struct step *step) {
    enum lipcl_status status = LIPCL_OK;
    const struct node *first = &plan->nodes[step->layer.nodes[0]];
    const struct node *last = &plan->nodes[step->layer.nodes[step->layer.node_count - 1]];
    struct step_tensors tensors = {0};
    TRY(step_tensors_init(plan, step, &tensors));
    TRY(step_reference(plan, step, &tensors, false, NULL));
    for (size_t i = 0; i < first->op->output_count; i++) {
        const struct plan_value *value = &plan->values[i == 0 ? last->outputs[0] : first->outputs[i]];
        TRY(device_buffer_write(plan->device, value->buffer, tensors.outputs[i]->data, lipcl_tensor_bytes(tensors.outputs[i])));
    }
    TRY(device_finish(plan->device)); /* the writes read memory that is freed here */

fail:
    step_tensors_finish(&tensors);
    return status;
}
