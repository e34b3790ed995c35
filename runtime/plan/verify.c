/* verify.c: one layer at a time, alone, and beside a plan of references. */
#include <lipcl/verify.h>

#include <stdio.h>
#include <string.h>

#include "plan/steps.h"

enum lipcl_status lipcl_plan_launch_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer, size_t launch,
                                         struct lipcl_launch_info *info) {
    enum lipcl_status status = plan_check_layer_index(ctx, plan, layer);
    if (status != LIPCL_OK) return status;
    const struct step *step = &plan->steps[layer];
    if (launch >= step->launch_count)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: layer %zu has no launch %zu, it has %zu", layer, launch,
                    step->launch_count);
    const struct plan_launch *from = &step->launches[launch];
    *info = (struct lipcl_launch_info){.file = from->file, .kernel = from->name, .options = from->options};
    memcpy(info->global, from->global, sizeof info->global);
    memcpy(info->local, from->local, sizeof info->local);
    info->m = from->gemm.m;
    info->n = from->gemm.n;
    info->k = from->gemm.k;
    return LIPCL_OK;
}

enum lipcl_status lipcl_plan_run_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                       const struct lipcl_tensor *const *inputs) {
    enum lipcl_status status = LIPCL_OK;
    TRY(plan_check_layer_index(ctx, plan, layer));
    const struct step *step = &plan->steps[layer];
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    for (size_t i = 0; i < node->activation_count; i++) {
        if (!node->inputs[i]) continue;
        lipcl_value value = plan->alias[node->inputs[i]];
        char name[96];
        snprintf(name, sizeof name, "%.60s, input %zu", node->name, i);
        TRY(plan_check_tensor(ctx, plan, name, inputs[i], value));
        TRY(plan_write_value(plan, value, inputs[i]->data));
    }
    TRY(step->lowering ? plan_launch_all(plan, step->launches, step->launch_count) : step_run_reference(plan, step));
    TRY(device_finish(plan->device));
    plan->has_run = true;

fail:
    return status;
}

static enum lipcl_status add(struct lipcl_context *ctx, struct lipcl_tensor_set *set, const char *role, size_t number,
                             struct lipcl_tensor **tensor) {
    char name[32];
    snprintf(name, sizeof name, "%s.%zu", role, number);
    return lipcl_tensor_set_add(ctx, set, name, tensor);
}

enum lipcl_status lipcl_plan_layer_tensors(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                           struct lipcl_tensor_set **set) {
    enum lipcl_status status = LIPCL_OK;
    struct step_tensors tensors = {0};
    struct lipcl_tensor *got[OP_MAX_OUTPUTS] = {0}, *copy = NULL;
    *set = NULL;
    TRY(plan_check_layer_index(ctx, plan, layer));
    TRY(plan_check_has_run(ctx, plan));
    const struct step *step = &plan->steps[layer];
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    TRY(lipcl_tensor_set_create(ctx, set));
    TRY(step_read_outputs(plan, step, got));
    TRY(step_tensors_init(plan, step, &tensors));
    TRY(step_reference(plan, step, &tensors, false, got[0]));
    for (size_t i = 0; i < node->input_count; i++) {
        if (!tensors.inputs[i]) continue;
        if (i < node->activation_count) {
            TRY(add(ctx, *set, "input", i, &tensors.inputs[i]));
            continue;
        }
        TRY(lipcl_tensor_to_f32(ctx, &copy, tensors.inputs[i]));
        TRY(lipcl_tensor_set_add(ctx, *set, plan->values[plan->alias[node->inputs[i]]].name, &copy));
    }
    for (size_t i = 0; i < node->op->output_count; i++) {
        TRY(add(ctx, *set, "output", i, &got[i]));
        TRY(add(ctx, *set, "reference", i, &tensors.outputs[i]));
    }

fail:
    lipcl_tensor_destroy(&copy);
    for (size_t i = 0; i < OP_MAX_OUTPUTS; i++) lipcl_tensor_destroy(&got[i]);
    step_tensors_finish(&tensors);
    if (status != LIPCL_OK) lipcl_tensor_set_destroy(set);
    return status;
}

/* `reference` must hold the layer's inputs and outputs of the same graph. */
static enum lipcl_status check_pair(struct lipcl_context *ctx, const struct lipcl_plan *plan, const struct step *step,
                                    const struct lipcl_plan *reference) {
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    bool same = plan->node_count == reference->node_count && plan->value_count == reference->value_count;
    for (size_t i = 0; same && i < plan->node_count; i++)
        same = plan->nodes[i].op == reference->nodes[i].op && strcmp(plan->nodes[i].name, reference->nodes[i].name) == 0;
    for (size_t i = 1; same && i < plan->value_count; i++)
        same = lipcl_shape_equal(&plan->values[i].shape, &reference->values[i].shape);
    if (!same) return fail(ctx, LIPCL_ERROR_ARGUMENT, "verify %s: the reference is a plan of another graph", node->name);
    bool held = reference->values[step_output(plan, step, 0)].buffer != NULL;
    for (size_t i = 0; i < node->activation_count; i++)
        held = held && (!node->inputs[i] || reference->values[reference->alias[node->inputs[i]]].buffer);
    if (!held || !device_caps(reference->device)->host)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "verify %s: the reference has to be planned on host, with no_fusion",
                    node->name);
    return LIPCL_OK;
}

/* With `check` NULL the reference is given its own states, which makes it what it is in a whole run. */
enum lipcl_status lipcl_plan_verify_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                          struct lipcl_plan *reference, struct lipcl_layer_check *check,
                                          struct lipcl_layer_drift *drift) {
    enum lipcl_status status = LIPCL_OK;
    struct step_tensors tensors = {0};
    struct lipcl_tensor *before = NULL, *wanted = NULL;
    struct compare_result results[OP_MAX_OUTPUTS];
    TRY(plan_check_layer_index(ctx, plan, layer));
    TRY(plan_check_has_run(ctx, plan));
    TRY(plan_check_has_run(ctx, reference));
    const struct step *step = &plan->steps[layer];
    TRY(check_pair(ctx, plan, step, reference));
    lipcl_value output = step_output(plan, step, 0);
    TRY(lipcl_plan_read_layer(ctx, plan, layer, &before));
    TRY(lipcl_tensor_create(ctx, &wanted, LIPCL_F32, &before->shape));
    TRY(plan_read_value(reference, wanted->data, output));
    TRY(step_tensors_init(reference, step, &tensors));
    if (check) {
        TRY(lipcl_plan_run_layer(ctx, plan, layer, (const struct lipcl_tensor *const *)tensors.inputs));
        TRY(step_compare(plan, step, &tensors, false, true, results));
        *check = layer_check(results, plan->nodes[step->layer.nodes[0]].op->output_count);
    } else {
        TRY(step_reference(plan, step, &tensors, true, wanted));
    }
    if (drift) {
        compare_bounded(&results[0], before->data, wanted->data, tensors.magnitude[0], lipcl_tensor_count(before), step->chain,
                        device_caps(plan->device)->flushes_denormals);
        *drift = (struct lipcl_layer_drift){.max_error = results[0].max_error, .rho = results[0].rho};
    }

fail:
    lipcl_tensor_destroy(&before);
    lipcl_tensor_destroy(&wanted);
    step_tensors_finish(&tensors);
    return status;
}
