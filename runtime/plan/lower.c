/* lower.c: from a layer to launches. */
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"
#include "plan/tuning.h"

/* The buffers that a lowered layer's arguments stand for. */
struct bindings {
    const char *layer;     /* for messages */
    size_t max_work_group; /* comes back: that of the kernel that cannot run with its launch's work-group, else 0 */
    struct device_buffer *inputs[LAUNCH_MAX_ARGS];
    struct device_buffer *outputs[OP_MAX_OUTPUTS];
    struct device_buffer *constants[LOWERED_MAX_CONSTANTS];
    struct device_buffer *scratch[LOWERED_MAX_SCRATCH];
};

static struct device_buffer *bound(const struct bindings *bindings, struct arg arg) {
    switch (arg.kind) {
    case ARG_INPUT: return bindings->inputs[arg.index];
    case ARG_OUTPUT: return bindings->outputs[arg.index];
    case ARG_CONSTANT: return bindings->constants[arg.index];
    case ARG_SCRATCH: return bindings->scratch[arg.index];
    }
    return NULL;
}

/* NULL: CLBlast's own parameters. */
static const struct blast_choice *blast_of(struct lipcl_plan *plan) {
    const struct blast_choice *asked = &plan->checks.blast;
    if (asked->xgemm) return asked;
    if (!plan->knows_blast && plan->tuning) tuning_blast(device_context(plan->device), plan->tuning, &plan->caps, &plan->blast);
    plan->knows_blast = true;
    return plan->blast.xgemm ? &plan->blast : NULL;
}

static enum lipcl_status temporary_bytes(struct lipcl_plan *plan, size_t *bytes, struct device_gemm *gemm) {
    enum lipcl_status status = device_gemm_temporary_bytes(plan->device, bytes, gemm);
    if (status != LIPCL_ERROR_UNSUPPORTED || gemm->blast != &plan->blast) return status;
    log_message(device_context(plan->device), LIPCL_LOG_WARN, "tuning: the record of CLBlast's parameters is ignored");
    plan->blast = (struct blast_choice){0};
    gemm->blast = NULL;
    return device_gemm_temporary_bytes(plan->device, bytes, gemm);
}

static enum lipcl_status compile_gemm(struct lipcl_plan *plan, struct plan_launch *out, const struct launch *launch,
                                      const struct bindings *bindings) {
    size_t bytes;
    out->gemm = launch->gemm;
    out->gemm.a = bound(bindings, launch->args[0]);
    out->gemm.b = bound(bindings, launch->args[1]);
    out->gemm.c = bound(bindings, launch->args[2]);
    out->flops = 2.0 * (double)launch->gemm.m * (double)launch->gemm.n * (double)launch->gemm.k;
    for (size_t i = 0; i < launch->arg_count; i++) out->bytes += (double)device_buffer_bytes(bound(bindings, launch->args[i]));
    out->gemm.blast = blast_of(plan);
    enum lipcl_status status = temporary_bytes(plan, &bytes, &out->gemm);
    if (status != LIPCL_OK || bytes == 0) return status;
    return plan_buffer(plan, &out->gemm.temporary, LIPCL_BUFFER_SCRATCH, bindings->layer, bytes);
}

static enum lipcl_status compile_kernel(struct lipcl_plan *plan, struct plan_launch *out, const struct launch *launch,
                                        struct bindings *bindings) {
    enum lipcl_status status = LIPCL_OK;
    out->file = launch->file;
    out->name = launch->kernel;
    out->options = launch->options;
    log_message(device_context(plan->device), LIPCL_LOG_DEBUG, "%s launches %s %s", bindings->layer, launch->file,
                launch->options);
    TRY(device_kernel_create(plan->device, &out->kernel, launch->file, launch->kernel, launch->options));
    size_t limit = size_max(device_kernel_max_work_group(out->kernel), 1);
    if (launch->local[0] * launch->local[1] * launch->local[2] > limit) {
        bindings->max_work_group = limit;
        return LIPCL_ERROR_UNSUPPORTED;
    }
    for (size_t i = 0; i < launch->arg_count; i++) out->args[i] = bound(bindings, launch->args[i]);
    out->arg_count = launch->arg_count;
    memcpy(out->global, launch->global, sizeof out->global);
    memcpy(out->local, launch->local, sizeof out->local);
    out->flops = launch->flops;
    out->first = launch->first;
    out->advance = launch->advance;
    out->last = launch->last;
    out->in_turn = launch->in_turn;
    for (size_t i = 0; i < launch->arg_count; i++) {
        bool in_parts = launch->advance && (launch->args[i].kind == ARG_INPUT || launch->args[i].kind == ARG_OUTPUT);
        out->bytes += (double)device_buffer_bytes(bound(bindings, launch->args[i])) / (double)(in_parts ? out->repeat : 1);
    }

fail:
    return status;
}

/* Uploads what `lowered` packed, allocates its scratch, builds its kernels. Appends to launches[*count]. */
static enum lipcl_status compile(struct lipcl_plan *plan, struct plan_launch *launches, size_t *count, struct lowered *lowered,
                                 struct bindings *bindings) {
    enum lipcl_status status = LIPCL_OK;
    for (size_t i = 0; i < lowered->constant_count; i++) {
        TRY(plan_constant(plan, &bindings->constants[i], &lowered->constants[i], bindings->layer));
    }
    for (size_t i = 0; i < lowered->scratch_count; i++)
        TRY(plan_buffer(plan, &bindings->scratch[i], LIPCL_BUFFER_SCRATCH, bindings->layer, lowered->scratch_bytes[i]));
    for (size_t i = 0; i < lowered->launch_count; i++) {
        const struct launch *launch = &lowered->launches[i];
        struct plan_launch *out = &launches[(*count)++];
        out->repeat = size_max(launch->repeat, 1);
        TRY(launch->file ? compile_kernel(plan, out, launch, bindings) : compile_gemm(plan, out, launch, bindings));
    }
    TRY(device_finish(plan->device)); /* what fails late fails here, at the layer that it belongs to */

fail:
    return status;
}

static void lowered_finish(struct lowered *lowered) {
    for (size_t i = 0; i < lowered->constant_count; i++) lipcl_tensor_destroy(&lowered->constants[i]);
}

/* Appends a launch that copies `value` into a new row-major buffer. */
static enum lipcl_status copy_to_row_major(struct lipcl_plan *plan, struct plan_launch *launches, size_t *count,
                                           const char *layer, const struct plan_value *value, struct device_buffer **buffer) {
    enum lipcl_status status = LIPCL_OK;
    struct lowered lowered = {.arena = &plan->arena};
    struct bindings bindings = {.layer = layer, .inputs = {value->buffer}};
    struct device_caps caps = plan->caps;
    TRY(plan_buffer(plan, buffer, LIPCL_BUFFER_SCRATCH, layer, lipcl_shape_count(&value->shape) * sizeof(float)));
    bindings.outputs[0] = *buffer;
    do {
        if (bindings.max_work_group) { /* again, in groups that the kernel can run with */
            caps.max_work_group = bindings.max_work_group;
            bindings.max_work_group = 0;
            device_kernel_destroy(plan->device, &launches[--*count].kernel);
            lowered.launch_count = 0;
        }
        TRY(lower_copy(device_context(plan->device), &lowered, &value->shape, &value->layout, arg_input(0), arg_output(0),
                       &caps));
        status = compile(plan, launches, count, &lowered, &bindings);
    } while (bindings.max_work_group);

fail:
    lowered_finish(&lowered);
    return status;
}

/* Everything a lowering is told about one layer, and the arrays that the request points into. */
struct request {
    struct lower_request lower;
    struct device_caps caps; /* lower's */
    const struct node *first, *last;
    const struct lipcl_shape **shapes;
    struct layout *layouts;
    const struct lipcl_tensor **parameters;
    struct lipcl_shape op_outputs[OP_MAX_OUTPUTS], outputs[OP_MAX_OUTPUTS];
    bool wanted[OP_MAX_OUTPUTS];
};

static lipcl_value input_value(const struct lipcl_plan *plan, const struct node *node, size_t i) {
    return plan->alias[node->inputs[i]];
}

static enum lipcl_status request_init(struct request *request, struct lipcl_plan *plan, const struct layer *layer,
                                      const struct lipcl_plan_params *params) {
    const struct node *first = &plan->nodes[layer->nodes[0]];
    size_t count = first->input_count;
    *request = (struct request){
        .caps = plan->caps,
        .first = first,
        .last = &plan->nodes[layer->nodes[layer->node_count - 1]],
        .shapes = arena_alloc(&plan->arena, count * sizeof *request->shapes),
        .layouts = arena_alloc(&plan->arena, count * sizeof *request->layouts),
        .parameters = arena_alloc(&plan->arena, count * sizeof *request->parameters),
    };
    if (!request->shapes || !request->layouts || !request->parameters)
        return fail_memory(device_context(plan->device), count * sizeof *request->layouts);
    for (size_t i = 0; i < count; i++) {
        if (!first->inputs[i]) continue;
        const struct plan_value *value = &plan->values[input_value(plan, first, i)];
        request->shapes[i] = &value->shape;
        request->layouts[i] = value->layout;
        request->parameters[i] = value->stored; /* widened when a lowering needs it */
    }
    for (size_t i = 0; i < first->op->output_count; i++) {
        request->op_outputs[i] = plan->values[first->outputs[i]].shape;
        request->outputs[i] = request->op_outputs[i];
        request->wanted[i] = i == 0 || first->outputs[i] != 0;
    }
    request->outputs[0] = plan->values[request->last->outputs[0]].shape;
    request->lower = (struct lower_request){
        .layer = first->name,
        .params = first->params,
        .input_count = count,
        .input_shapes = request->shapes,
        .input_layouts = request->layouts,
        .parameters = request->parameters,
        .op_outputs = request->op_outputs,
        .outputs = request->outputs,
        .wanted = request->wanted,
        .caps = &request->caps,
        .gemm = params->gemm,
        .scratch_bytes = plan->checks.scratch_bytes,
        .exact = params->precision == LIPCL_PRECISION_EXACT,
    };
    if (plan->checks.lowering && strcmp(first->op->name, plan->checks.op) == 0) request->lower.tuning = plan->checks.tuning;
    for (size_t i = 1; i < layer->node_count; i++) { /* the fusion pass lets only these two follow */
        const struct node *node = &plan->nodes[layer->nodes[i]];
        if (strcmp(node->op->name, "relu") == 0)
            request->lower.epilogue.relu = true;
        else
            request->lower.epilogue.pool = node->params;
    }
    return LIPCL_OK;
}

static enum lipcl_status create_outputs(struct lipcl_plan *plan, const struct request *request) {
    for (size_t i = 0; i < request->first->op->output_count; i++) {
        struct plan_value *value = &plan->values[i == 0 ? request->last->outputs[0] : request->first->outputs[i]];
        if (value->buffer) continue; /* made for a lowering that failed */
        enum lipcl_status status = plan_buffer(plan, &value->buffer, LIPCL_BUFFER_VALUE, value->name,
                                               lipcl_shape_count(&value->shape) * sizeof(float));
        if (status != LIPCL_OK) return status;
        value->layout = layout_row_major(&value->shape);
    }
    return LIPCL_OK;
}

/* Leaves no trace of a lowering that failed but the outputs' buffers. */
static void give_up(struct lipcl_plan *plan, struct step *step, const struct request *request) {
    for (size_t i = 0; i < step->launch_count; i++) device_kernel_destroy(plan->device, &step->launches[i].kernel);
    step->launch_count = 0;
    step->lowering = NULL;
    step->chain = 0;
    plan_forget_buffers(plan, step->first_buffer);
    for (size_t i = 0; i < request->first->op->output_count; i++) {
        struct plan_value *value = &plan->values[i == 0 ? request->last->outputs[0] : request->first->outputs[i]];
        value->layout = layout_row_major(&value->shape);
    }
}

/* *max_work_group comes back as 0, or as what a kernel can run with when it is too little for its launch. */
static enum lipcl_status try_once(struct lipcl_plan *plan, struct step *step, struct request *request,
                                  const struct lowering *lowering, size_t *max_work_group) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    const struct node *first = request->first;
    struct bindings bindings = {.layer = first->name};
    struct lowered *lowered = calloc(1, sizeof *lowered);
    step->first_buffer = plan->buffer_count;
    step->launch_count = 0;
    step->launches = arena_alloc(&plan->arena, (LOWERED_MAX_LAUNCHES + LAUNCH_MAX_ARGS) * sizeof *step->launches);
    if (!lowered || !step->launches) TRY(fail_memory(ctx, sizeof *lowered));
    lowered->arena = &plan->arena;

    for (size_t i = 0; i < first->activation_count; i++) {
        if (!first->inputs[i]) continue;
        const struct plan_value *value = &plan->values[input_value(plan, first, i)];
        bindings.inputs[i] = value->buffer;
        request->layouts[i] = value->layout;
        if (lowering->accepts(&request->lower, i, &value->layout)) continue;
        TRY(copy_to_row_major(plan, step->launches, &step->launch_count, first->name, value, &bindings.inputs[i]));
        request->layouts[i] = layout_row_major(&value->shape);
    }
    for (size_t i = first->activation_count; i < first->input_count; i++)
        if (first->inputs[i] && !lowering->reads_any_dtype)
            TRY(plan_parameter(plan, input_value(plan, first, i), &request->parameters[i]));
    TRY(create_outputs(plan, request));
    for (size_t i = 0; i < first->op->output_count; i++)
        bindings.outputs[i] = plan->values[i == 0 ? request->last->outputs[0] : first->outputs[i]].buffer;

    TRY(lowering->lower(ctx, &request->lower, lowered));
    TRY(compile(plan, step->launches, &step->launch_count, lowered, &bindings));
    for (size_t i = 0; i < first->op->output_count; i++)
        plan->values[i == 0 ? request->last->outputs[0] : first->outputs[i]].layout = lowered->outputs[i];
    step->lowering = lowering;
    step->chain = lowered->chain;
    TRY(self_test_step(plan, step));

fail:
    *max_work_group = bindings.max_work_group;
    if (lowered) lowered_finish(lowered);
    free(lowered);
    if (status != LIPCL_OK) give_up(plan, step, request);
    return status;
}

/* A kernel with many registers may run in smaller work-groups only than its device: then the lowering has to do with these. */
static enum lipcl_status try_lowering(struct lipcl_plan *plan, struct step *step, struct request *request,
                                      const struct lowering *lowering) {
    struct lipcl_context *ctx = device_context(plan->device);
    size_t limit = 0;
    enum lipcl_status status = try_once(plan, step, request, lowering, &limit);
    while (limit && limit < request->caps.max_work_group) {
        log_message(ctx, LIPCL_LOG_DEBUG, "%s: %s: work-groups of %zu at most", request->first->name, lowering->name, limit);
        request->caps.max_work_group = limit;
        if (!lowering->supports(&request->lower)) break;
        status = try_once(plan, step, request, lowering, &limit);
    }
    request->caps = plan->caps;
    if (limit)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: %s: %s cannot run its kernels with work-groups of more than %zu",
                    request->first->name, lowering->name, lipcl_device_info(plan->device)->name, limit);
    return status;
}

/* A kernel that a driver refuses, or that computes something else than the reference, makes way for the next lowering; anything
 * else ends the planning. */
static bool may_try_next(enum lipcl_status status) {
    return status == LIPCL_ERROR_BUILD || status == LIPCL_ERROR_UNSUPPORTED || status == LIPCL_ERROR_DEVICE ||
           status == LIPCL_ERROR_MISMATCH;
}

/* The kernel checker asks for one lowering of one operator. */
static bool is_barred(const struct lipcl_plan *plan, const struct request *request, const struct lowering *lowering) {
    const struct plan_checks *checks = &plan->checks;
    return checks->lowering && strcmp(request->first->op->name, checks->op) == 0 &&
           strcmp(lowering->name, checks->lowering) != 0;
}

static bool supports(const struct lipcl_plan *plan, struct request *request, const struct lowering *lowering) {
    if (lowering->supports(&request->lower)) return plan->checks.lowering || !lowering->pays || lowering->pays(&request->lower);
    if (!plan->checks.lowering) return false;
    /* Asked for by name, a matrix product is no matter of preference. */
    request->lower.gemm = request->lower.gemm == LIPCL_GEMM_AUTO ? LIPCL_GEMM_CLBLAST : LIPCL_GEMM_AUTO;
    return lowering->supports(&request->lower);
}

/* Twice where the first failed by programs out of the cache. */
static enum lipcl_status try_lowering_again(struct lipcl_plan *plan, struct step *step, struct request *request,
                                            const struct lowering *lowering) {
    step->again = false;
    enum lipcl_status status = try_lowering(plan, step, request, lowering);
    return status != LIPCL_OK && step->again ? try_lowering(plan, step, request, lowering) : status;
}

/* Asked for by a record or the tuner, which choose among all that the caller allows, whatever pays by default. */
static bool takes(struct lower_request *request, const struct lowering *lowering) {
    if (lowering->supports(request)) return true;
    if (request->gemm != LIPCL_GEMM_AUTO) return false;
    request->gemm = LIPCL_GEMM_CLBLAST;
    if (lowering->supports(request)) return true;
    request->gemm = LIPCL_GEMM_AUTO;
    return false;
}

bool plan_takes(struct lipcl_plan *plan, const struct step *step, const struct lipcl_plan_params *params,
                const struct lowering *lowering, const struct tuning *tuning) {
    struct request request;
    if (request_init(&request, plan, &step->layer, params) != LIPCL_OK) return false;
    request.lower.tuning = *tuning;
    return takes(&request.lower, lowering);
}

char *plan_step_text(struct lipcl_plan *plan, const struct step *step, const struct lipcl_plan_params *params) {
    struct request request;
    if (request_init(&request, plan, &step->layer, params) != LIPCL_OK) return NULL;
    return tuning_layer_text(&plan->arena, request.first->op, &request.lower);
}

/* The layer as its record says; *done stays false where there is none, or none that works. */
static enum lipcl_status try_record(struct lipcl_plan *plan, struct step *step, struct request *request, bool *done) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    const char *name = request->first->name;
    const struct lower_request before = request->lower;
    uint64_t build = 0;
    char *layer = tuning_layer_text(&plan->arena, request->first->op, &request->lower);
    if (!layer) return fail_memory(ctx, 1);
    const struct tuning_record *record = tuning_file_find(plan->tuning, layer);
    const struct lowering *lowering =
        record ? tuning_record_choice(ctx, record, request->first->op, name, &request->lower.tuning) : NULL;
    if (!lowering) goto fail;
    if (!takes(&request->lower, lowering)) {
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: %s does not take this layer as the record has it; ignored", name,
                    lowering->name);
        goto fail;
    }
    status = try_lowering_again(plan, step, request, lowering);
    if (status == LIPCL_OK) TRY(tuning_build(ctx, step, &build));
    *done = status == LIPCL_OK && build == record->build;
    if (*done) {
        step->tuning = tuning_text(&plan->arena, lowering, &request->lower.tuning);
        log_message(ctx, LIPCL_LOG_INFO, "tuning: %s is done by %s %s", name, lowering->name, step->tuning ? step->tuning : "");
    } else if (status == LIPCL_OK) {
        give_up(plan, step, request);
        log_message(ctx, LIPCL_LOG_INFO, "tuning: %s: its kernels are not those that were measured; run `lipcl tune`", name);
    } else if (may_try_next(status)) {
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: %s does not work on %s as the record has it; ignored", name,
                    lowering->name, lipcl_device_info(plan->device)->name);
        status = LIPCL_OK;
    }

fail:
    if (!*done) request->lower = before;
    return status;
}

/* *done tells whether a lowering took the layer. */
static enum lipcl_status lower_layer(struct lipcl_plan *plan, struct step *step, const struct lipcl_plan_params *params,
                                     bool *done) {
    struct lipcl_context *ctx = device_context(plan->device);
    struct request request;
    enum lipcl_status status = request_init(&request, plan, &step->layer, params);
    if (status == LIPCL_OK && plan->tuning) status = try_record(plan, step, &request, done);
    if (status != LIPCL_OK || *done) return status;
    for (const struct lowering *const *lowering = request.first->op->lowerings; *lowering; lowering++) {
        if (is_barred(plan, &request, *lowering) || !supports(plan, &request, *lowering)) continue;
        status = try_lowering_again(plan, step, &request, *lowering);
        *done = status == LIPCL_OK;
        if (*done || plan->checks.lowering || !may_try_next(status)) return status;
        log_message(ctx, LIPCL_LOG_WARN, "%s: %s does not work on %s; trying the next way", request.first->name,
                    (*lowering)->name, lipcl_device_info(plan->device)->name);
    }
    return LIPCL_OK;
}

static void describe(struct lipcl_plan *plan, struct step *step) {
    step->op_text = "";
    for (size_t i = 0; i < step->layer.node_count; i++) {
        const struct node *node = &plan->nodes[step->layer.nodes[i]];
        const struct lipcl_shape *shapes[OP_MAX_ACTIVATIONS] = {0};
        struct lipcl_shape outputs[OP_MAX_OUTPUTS] = {0};
        for (size_t k = 0; k < node->activation_count; k++)
            if (node->inputs[k]) shapes[k] = &plan->values[input_value(plan, node, k)].shape;
        for (size_t k = 0; k < node->op->output_count; k++) outputs[k] = plan->values[node->outputs[k]].shape;
        struct op_cost cost = node->op->cost(node->params, shapes, node->activation_count, outputs);
        step->cost.flops += cost.flops;
        step->cost.bytes += cost.bytes;
        char *text = arena_printf(&plan->arena, "%s%s%s", step->op_text, i ? "+" : "", node->op->name);
        if (text) step->op_text = text;
    }
}

/* A view shares its source's buffer; true when the layer is one. */
static bool add_view(struct lipcl_plan *plan, const struct layer *layer) {
    const struct node *node = &plan->nodes[layer->nodes[0]];
    if (layer->node_count > 1 || !node->op->view) return false;
    if (plan->checks.no_views && strcmp(node->op->name, plan->checks.op) == 0) return false;
    const struct plan_value *source = &plan->values[input_value(plan, node, 0)];
    struct plan_value *view = &plan->values[node->outputs[0]];
    if (!node->op->view(&view->layout, node->params, &source->layout, &source->shape)) return false;
    view->buffer = source->buffer;
    return true;
}

enum lipcl_status plan_add_layer(struct lipcl_plan *plan, const struct layer *layer, const struct lipcl_plan_params *params) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    bool done = false;
    if (add_view(plan, layer)) return LIPCL_OK;
    struct step step = {.layer = *layer};
    /* The longest run of fused nodes that a lowering takes; what is left over becomes layers of its own. */
    if (!device_caps(plan->device)->host)
        for (step.layer.node_count = layer->node_count; step.layer.node_count > 0; step.layer.node_count--) {
            TRY(lower_layer(plan, &step, params, &done));
            if (done) break;
        }
    if (!done) {
        struct request request;
        step.layer = *layer;
        if (plan->checks.lowering)
            TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: %s does not take this on %s", plan->nodes[layer->nodes[0]].name,
                     plan->checks.lowering, lipcl_device_info(plan->device)->name));
        TRY(request_init(&request, plan, layer, params));
        TRY(create_outputs(plan, &request));
        if (!device_caps(plan->device)->host)
            log_message(ctx, LIPCL_LOG_WARN, "%s: no kernel does this layer on %s; it runs as its reference on the host",
                        request.first->name, lipcl_device_info(plan->device)->name);
    }
    describe(plan, &step);
    plan->steps[plan->step_count++] = step;
    for (size_t i = step.layer.node_count; i < layer->node_count; i++)
        TRY(plan_add_layer(plan, &(struct layer){1, {layer->nodes[i]}}, params));

fail:
    return status;
}

enum lipcl_status plan_add_output(struct lipcl_plan *plan, size_t output) {
    const struct plan_value *value = &plan->values[plan->outputs[output]];
    plan->output_buffers[output] = value->buffer;
    if (device_caps(plan->device)->host || layout_is_row_major(&value->layout, &value->shape)) return LIPCL_OK;
    return copy_to_row_major(plan, plan->output_launches, &plan->output_launch_count, plan->output_names[output], value,
                             &plan->output_buffers[output]);
}
