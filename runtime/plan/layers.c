/* layers.c: looking at a plan's layers, and checking what they computed. */
#include <stdio.h>

#include "base/clock.h"
#include "plan/steps.h"

size_t lipcl_plan_layer_count(const struct lipcl_plan *plan) {
    return plan->step_count;
}

enum lipcl_status plan_check_layer_index(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer) {
    if (layer < plan->step_count) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: there is no layer %zu, the last one is %zu", layer, plan->step_count - 1);
}

/* A lowering counts where it does other work than the definition says; a single launch that counts nothing does just that. */
static double actual_flops(const struct step *step) {
    double flops = 0;
    for (size_t i = 0; i < step->launch_count; i++) flops += (double)step->launches[i].repeat * step->launches[i].flops;
    return flops > 0 ? flops : step->cost.flops;
}

enum lipcl_status lipcl_plan_layer_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer,
                                        struct lipcl_layer_info *info) {
    enum lipcl_status status = plan_check_layer_index(ctx, plan, layer);
    if (status != LIPCL_OK) return status;
    const struct step *step = &plan->steps[layer];
    *info = (struct lipcl_layer_info){
        .name = plan->nodes[step->layer.nodes[0]].name,
        .op = step->op_text,
        .lowering = step->lowering ? step->lowering->name : "reference",
        .shape = plan->values[step_output(plan, step, 0)].shape,
        .flops = step->cost.flops,
        .bytes = step->cost.bytes,
        .launches = step->launch_count,
        .tuning = step->tuning,
        .actual_flops = actual_flops(step),
    };
    return LIPCL_OK;
}

enum lipcl_status plan_check_has_run(struct lipcl_context *ctx, const struct lipcl_plan *plan) {
    if (!plan->has_run) return fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: a layer has nothing to show before the first run");
    if (plan->keep_values) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_ARGUMENT,
                "plan: layers share memory, so that nothing is left of them after a run; plan with keep_values");
}

enum lipcl_status lipcl_plan_time_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer, size_t runs,
                                        uint64_t *wall_ns) {
    enum lipcl_status status = LIPCL_OK;
    TRY(plan_check_layer_index(ctx, plan, layer));
    const struct step *step = &plan->steps[layer];
    if (!step->lowering)
        TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: runs as its reference, which is not timed",
                 plan->nodes[step->layer.nodes[0]].name));
    for (size_t i = 0; i < runs; i++) {
        TRY(device_finish(plan->device));
        uint64_t start = time_ns();
        TRY(plan_launch_all(plan, step->launches, step->launch_count));
        TRY(device_finish(plan->device));
        wall_ns[i] = time_ns() - start;
    }

fail:
    return status;
}

enum lipcl_status lipcl_plan_read_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                        struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    *tensor = NULL;
    TRY(plan_check_layer_index(ctx, plan, layer));
    TRY(plan_check_has_run(ctx, plan));
    lipcl_value value = step_output(plan, &plan->steps[layer], 0);
    TRY(lipcl_tensor_create(ctx, tensor, LIPCL_F32, &plan->values[value].shape));
    TRY(plan_read_value(plan, (*tensor)->data, value));
    return LIPCL_OK;

fail:
    lipcl_tensor_destroy(tensor);
    return status;
}

struct lipcl_layer_check layer_check(const struct compare_result *results, size_t count) {
    const struct compare_result *worst = &results[0];
    for (size_t i = 1; i < count; i++)
        if (results[i].share > worst->share) worst = &results[i];
    struct lipcl_layer_check check = {
        .ok = worst->ok,
        .max_error = worst->max_error,
        .bound_share = worst->share,
        .rho = worst->rho,
        .worst = worst->worst,
        .got = worst->got,
        .wanted = worst->wanted,
        .kappa = results[0].kappa,
    };
    snprintf(check.reason, sizeof check.reason, "%s", worst->reason);
    return check;
}

enum lipcl_status lipcl_plan_check_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                         struct lipcl_layer_check *check) {
    enum lipcl_status status = LIPCL_OK;
    struct compare_result results[OP_MAX_OUTPUTS];
    *check = (struct lipcl_layer_check){0};
    TRY(plan_check_layer_index(ctx, plan, layer));
    TRY(plan_check_has_run(ctx, plan));
    const struct step *step = &plan->steps[layer];
    TRY(step_check(plan, step, false, results));
    *check = layer_check(results, plan->nodes[step->layer.nodes[0]].op->output_count);

fail:
    return status;
}
