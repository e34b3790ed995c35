/* plan.c: a plan's life: create, run, destroy. */
#include <stdlib.h>
#include <string.h>

#include "plan/profiling.h"
#include "plan/tuning.h"

/* Copies what a run and a verification need of the graph into the plan's arena. */
static enum lipcl_status copy_graph(struct lipcl_plan *plan, const struct lipcl_graph *graph) {
    struct arena *arena = &plan->arena;
    plan->node_count = graph->node_count;
    plan->value_count = graph->value_count;
    plan->input_count = graph->input_count;
    plan->output_count = graph->output_count;
    plan->nodes = arena_copy(arena, graph->nodes, graph->node_count * sizeof *plan->nodes);
    plan->values = arena_alloc(arena, graph->value_count * sizeof *plan->values);
    plan->inputs = arena_copy(arena, graph->inputs, graph->input_count * sizeof *plan->inputs);
    plan->outputs = arena_copy(arena, graph->outputs, graph->output_count * sizeof *plan->outputs);
    plan->input_names = arena_alloc(arena, graph->input_count * sizeof *plan->input_names);
    plan->output_names = arena_alloc(arena, graph->output_count * sizeof *plan->output_names);
    plan->output_buffers = arena_alloc(arena, graph->output_count * sizeof(struct device_buffer *));
    plan->output_launches = arena_alloc(arena, graph->output_count * sizeof *plan->output_launches);
    plan->steps = arena_alloc(arena, graph->node_count * sizeof *plan->steps);
    if (!plan->nodes || !plan->values || !plan->inputs || !plan->outputs || !plan->input_names || !plan->output_names ||
        !plan->output_buffers || !plan->output_launches || !plan->steps)
        goto memory;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct node *node = &plan->nodes[i];
        node->name = arena_printf(arena, "%s", node->name);
        node->params = arena_copy(arena, node->params, node->op->params_bytes);
        node->inputs = arena_copy(arena, node->inputs, node->input_count * sizeof *node->inputs);
        if (!node->name || !node->params || !node->inputs) goto memory;
    }
    for (size_t i = 1; i < graph->value_count; i++) {
        plan->values[i].shape = graph->values[i].shape;
        plan->values[i].name = arena_printf(arena, "%s", graph->values[i].name);
        if (!plan->values[i].name) goto memory;
        plan->values[i].layout = layout_row_major(&graph->values[i].shape);
        plan->staging_count = size_max(plan->staging_count, lipcl_shape_count(&graph->values[i].shape));
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        plan->input_names[i] = arena_printf(arena, "%s", lipcl_graph_input_name(graph, i));
        if (!plan->input_names[i]) goto memory;
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        plan->output_names[i] = arena_printf(arena, "%s", graph->output_names[i]);
        if (!plan->output_names[i]) goto memory;
    }
    return LIPCL_OK;

memory:
    return fail_memory(graph->ctx, graph->value_count * sizeof *plan->values);
}

bool plan_next_launch(struct launch_turn *turn, const struct plan_launch *launches, size_t count) {
    size_t i = turn->launch;
    if (!turn->begun) {
        turn->begun = true;
    } else if (launches[i].in_turn) {
        turn->launch++;
    } else if (turn->time + 1 < launches[i].repeat) {
        turn->time++;
        turn->launch -= i > 0 && launches[i - 1].in_turn;
    } else {
        turn->time = 0;
        turn->launch++;
    }
    return turn->launch < count;
}

static enum lipcl_status launch_once(struct lipcl_plan *plan, const struct plan_launch *launch, size_t time) {
    const size_t offset[3] = {0, size_min(launch->first + time * launch->advance, size_max(launch->first, launch->last)), 0};
    return launch->kernel ? device_launch(plan->device, launch->kernel, offset, launch->global, launch->local)
                          : device_gemm(plan->device, &launch->gemm);
}

enum lipcl_status plan_launch_all(struct lipcl_plan *plan, const struct plan_launch *launches, size_t count) {
    for (struct launch_turn turn = {0}; plan_next_launch(&turn, launches, count);) {
        enum lipcl_status status = launch_once(plan, &launches[turn.launch], turn.time);
        if (status != LIPCL_OK) return status;
    }
    return LIPCL_OK;
}

/* Every step once, on whatever the buffers hold. References run only in `with_references`. */
static enum lipcl_status run_steps(struct lipcl_context *ctx, struct lipcl_plan *plan, bool with_references) {
    enum lipcl_status status = LIPCL_OK;
    bool host = device_caps(plan->device)->host;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        profile_step(plan, i);
        if (step->lowering) {
            TRY(plan_launch_all(plan, step->launches, step->launch_count));
        } else if (with_references) {
            if (host) progress(ctx, i, plan->step_count, plan->nodes[step->layer.nodes[0]].name);
            TRY(step_run_reference(plan, step));
        }
    }
    profile_step(plan, plan->step_count);
    TRY(plan_launch_all(plan, plan->output_launches, plan->output_launch_count));
    if (host && with_references) progress(ctx, plan->step_count, plan->step_count, "");

fail:
    return status;
}

/* Records are for plans as users make them. */
static enum lipcl_status load_tuning(struct lipcl_plan *plan, const struct lipcl_plan_params *params) {
    const char *variable = getenv("LIPCL_TUNING");
    const struct plan_checks *checks = &plan->checks;
    if (params->no_tuning || (variable && strcmp(variable, "0") == 0) || device_caps(plan->device)->host) return LIPCL_OK;
    if (checks->guard || checks->op || checks->prove) return LIPCL_OK;
    plan->tuning = calloc(1, sizeof *plan->tuning);
    if (!plan->tuning) return fail_memory(device_context(plan->device), sizeof *plan->tuning);
    return tuning_file_load(device_context(plan->device), plan->tuning, lipcl_device_info(plan->device));
}

static void end_tuning(struct lipcl_plan *plan) {
    if (plan->tuning) tuning_file_finish(plan->tuning);
    free(plan->tuning);
    plan->tuning = NULL;
}

/* References do, of layers that run as theirs and of those that may be checked later. */
static bool needs_weights(const struct lipcl_plan *plan) {
    const struct plan_checks *checks = &plan->checks;
    if (plan->keep_values || checks->op || checks->prove) return true;
    for (size_t i = 0; i < plan->step_count; i++)
        if (!plan->steps[i].lowering) return true;
    return false;
}

/* Where what lowerings like best is above the limit, they get less and less scratch, down to the least they can do with. */
static enum lipcl_status create_within_limit(struct lipcl_context *ctx, struct lipcl_plan **plan,
                                             const struct lipcl_graph *graph, const struct lipcl_tensor_set *weights,
                                             struct lipcl_device *device, const struct lipcl_plan_params *params,
                                             struct plan_checks *checks) {
    static const size_t shares[] = {0, 4, 16, 64, SIZE_MAX}; /* of the limit */
    size_t tries = params->max_memory && !device_caps(device)->host ? sizeof shares / sizeof *shares : 1;
    enum lipcl_status status = LIPCL_OK;
    for (size_t i = 0; i < tries; i++) {
        checks->scratch_bytes = shares[i] ? size_max(1, params->max_memory / shares[i]) : 0;
        checks->may_fail = i + 1 < tries;
        status = plan_create(ctx, plan, graph, weights, device, params, checks);
        if (status != LIPCL_ERROR_MEMORY) break;
    }
    return status;
}

enum lipcl_status lipcl_plan_create(struct lipcl_context *ctx, struct lipcl_plan **plan, const struct lipcl_graph *graph,
                                    const struct lipcl_tensor_set *weights, struct lipcl_device *device,
                                    const struct lipcl_plan_params *params) {
    static const struct lipcl_plan_params defaults = {0};
    if (!params) params = &defaults;
    struct plan_checks checks = {0};
    enum lipcl_status status = create_within_limit(ctx, plan, graph, weights, device, params, &checks);
    if (status != LIPCL_OK || !device_programs_keep(device) || !self_test_is_wanted(*plan, params)) return status;
    /* What the processes to come will run is what was kept, and that is another build than the one that has been tested. It is
     * planned with, and so tested, here, where compiling takes far longer anyway. */
    lipcl_plan_destroy(plan);
    return plan_create(ctx, plan, graph, weights, device, params, &checks);
}

enum lipcl_status plan_create(struct lipcl_context *ctx, struct lipcl_plan **plan, const struct lipcl_graph *graph,
                              const struct lipcl_tensor_set *weights, struct lipcl_device *device,
                              const struct lipcl_plan_params *params, const struct plan_checks *checks) {
    enum lipcl_status status = LIPCL_OK;
    struct passes passes;
    *plan = calloc(1, sizeof **plan);
    if (!*plan) TRY(fail_memory(ctx, sizeof **plan));
    (*plan)->device = device;
    (*plan)->checks = *checks;
    (*plan)->keep_values = params->keep_values || checks->guard;
    (*plan)->max_memory = params->max_memory;
    (*plan)->caps = *device_caps(device);
    if (checks->as_gpu) (*plan)->caps.cpu = false;
    TRY(lipcl_graph_status(graph));
    if (graph->output_count == 0)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: the graph has no output; see lipcl_graph_output()"));
    TRY(copy_graph(*plan, graph));
    (*plan)->staging = malloc((*plan)->staging_count * sizeof(float));
    if (!(*plan)->staging) TRY(fail_memory(ctx, (*plan)->staging_count * sizeof(float)));
    TRY(plan_load_parameters(*plan, graph, weights));
    TRY(passes_run(&passes, &(*plan)->arena, graph, params->no_fusion));
    (*plan)->alias = passes.alias;
    for (size_t i = 0; i < graph->input_count; i++) {
        struct plan_value *value = &(*plan)->values[graph->inputs[i]];
        TRY(plan_buffer(*plan, &value->buffer, LIPCL_BUFFER_VALUE, value->name,
                        lipcl_shape_count(&value->shape) * sizeof(float)));
        if (checks->input_layouts) value->layout = checks->input_layouts[i];
    }
    TRY(load_tuning(*plan, params));
    TRY(self_test_begin(*plan, params));
    for (size_t i = 0; i < passes.layer_count; i++) {
        TRY(plan_add_layer(*plan, &passes.layers[i], params));
        if (!device_caps(device)->host) plan_forget_parameters(*plan);
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        (*plan)->outputs[i] = passes.alias[graph->outputs[i]];
        TRY(plan_add_output(*plan, i));
    }
    TRY(plan_place(*plan, params));
    /* Some drivers compile a kernel only when it is first launched: that has happened in the self-test or happens here. */
    if (checks->guard)
        TRY(run_steps(ctx, *plan, false));
    else
        TRY(plan_launch_all(*plan, (*plan)->output_launches, (*plan)->output_launch_count));
    TRY(device_finish(device));
    self_test_end(*plan);
    end_tuning(*plan);
    if (!needs_weights(*plan)) plan_drop_weights(*plan);
    return LIPCL_OK;

fail:
    lipcl_plan_destroy(plan);
    return status;
}

void lipcl_plan_destroy(struct lipcl_plan **plan) {
    if (!plan || !*plan) return;
    struct lipcl_plan *p = *plan;
    self_test_end(p);
    end_tuning(p);
    profile_destroy(p);
    for (size_t i = 0; i < p->step_count; i++)
        for (size_t k = 0; k < p->steps[i].launch_count; k++) device_kernel_destroy(p->device, &p->steps[i].launches[k].kernel);
    for (size_t i = 0; i < p->output_launch_count; i++) device_kernel_destroy(p->device, &p->output_launches[i].kernel);
    plan_destroy_buffers(p);
    plan_forget_parameters(p);
    lipcl_tensor_set_destroy(&p->weights);
    free(p->staging);
    arena_finish(&p->arena);
    free(p);
    *plan = NULL;
}

enum lipcl_status plan_check_tensor(struct lipcl_context *ctx, const struct lipcl_plan *plan, const char *name,
                                    const struct lipcl_tensor *tensor, lipcl_value value) {
    const struct lipcl_shape *wanted = &plan->values[value].shape;
    if (!tensor) return fail(ctx, LIPCL_ERROR_ARGUMENT, "run: \"%s\" is missing", name);
    if (tensor->dtype == LIPCL_F32 && lipcl_shape_equal(&tensor->shape, wanted)) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_SHAPE, "run: \"%s\" is %s %s, the plan was made for f32 %s", name,
                lipcl_dtype_name(tensor->dtype), shape_text(&tensor->shape).chars, shape_text(wanted).chars);
}

enum lipcl_status lipcl_plan_run(struct lipcl_context *ctx, struct lipcl_plan *plan, struct lipcl_tensor *const *outputs,
                                 const struct lipcl_tensor *const *inputs) {
    enum lipcl_status status = LIPCL_OK;
    bool in_flight = false;
    for (size_t i = 0; i < plan->input_count; i++)
        TRY(plan_check_tensor(ctx, plan, plan->input_names[i], inputs[i], plan->inputs[i]));
    for (size_t i = 0; i < plan->output_count; i++)
        TRY(plan_check_tensor(ctx, plan, plan->output_names[i], outputs[i], plan->outputs[i]));
    in_flight = true;
    profile_begin(plan);
    for (size_t i = 0; i < plan->input_count; i++)
        TRY(device_buffer_write(plan->device, plan->values[plan->inputs[i]].buffer, inputs[i]->data,
                                lipcl_tensor_bytes(inputs[i])));
    TRY(run_steps(ctx, plan, true));
    profile_step(plan, plan->step_count + 1);
    for (size_t i = 0; i < plan->output_count; i++) {
        if (device_caps(plan->device)->host)
            TRY(plan_read_value(plan, outputs[i]->data, plan->outputs[i]));
        else
            TRY(device_buffer_read(plan->device, outputs[i]->data, plan->output_buffers[i], lipcl_tensor_bytes(outputs[i])));
    }
    plan->has_run = true;
    profile_end(plan, true);
    return LIPCL_OK;

fail:
    if (in_flight && status != LIPCL_ERROR_DEVICE_LOST) device_finish(plan->device); /* the next begins afresh */
    if (in_flight) profile_end(plan, false);
    return status;
}
