/* buffers.c: a plan's buffers, and the memory behind them.
 *
 * While layers are chosen, buffers are only sizes; those of a layer that has to run in order to be tested are lent memory for
 * that long. When all layers are there, it is known from when to when each buffer is in use, sharing.c decides which can be the
 * same memory, and that is allocated, once. So no more is taken at any time than what the finished plan takes.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"

enum { GUARD_BYTES = 4096 };

/* Bytes of 0xff: as floats, NaN. */
static enum lipcl_status poison(struct lipcl_plan *plan, struct device_buffer *buffer) {
    struct lipcl_context *ctx = device_context(plan->device);
    size_t bytes = device_buffer_bytes(buffer);
    unsigned char *pattern = malloc(bytes);
    if (!pattern) return fail_memory(ctx, bytes);
    memset(pattern, 0xff, bytes);
    enum lipcl_status status = device_buffer_write(plan->device, buffer, pattern, bytes);
    if (status == LIPCL_OK) status = device_finish(plan->device);
    free(pattern);
    return status;
}

static enum lipcl_status check_guard(struct lipcl_plan *plan, struct device_buffer *buffer, size_t *broken) {
    unsigned char data[GUARD_BYTES];
    enum lipcl_status status =
        device_buffer_read_part(plan->device, data, buffer, device_buffer_bytes(buffer) - GUARD_BYTES, GUARD_BYTES);
    if (status != LIPCL_OK) return status;
    size_t at = 0;
    while (at < GUARD_BYTES && data[at] == 0xff) at++;
    *broken += at < GUARD_BYTES;
    return LIPCL_OK;
}

enum lipcl_status plan_check_guards(struct lipcl_plan *plan, size_t *broken) {
    enum lipcl_status status = LIPCL_OK;
    *broken = 0;
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role == LIPCL_BUFFER_CONSTANT) TRY(check_guard(plan, plan->buffers[i].device, broken));
    for (size_t i = 0; i < plan->slot_count; i++) TRY(check_guard(plan, plan->slots[i], broken));

fail:
    return status;
}

static enum lipcl_status make_room(struct lipcl_plan *plan) {
    size_t count = plan->buffer_count;
    if (count & (count - 1)) return LIPCL_OK; /* full at powers of two */
    size_t bytes = (count ? 2 * count : 1) * sizeof *plan->buffers;
    struct plan_buffer *grown = realloc(plan->buffers, bytes);
    if (!grown) return fail_memory(device_context(plan->device), bytes);
    plan->buffers = grown;
    return LIPCL_OK;
}

static void append(struct lipcl_plan *plan, struct device_buffer *buffer, enum lipcl_buffer_role role, const char *name) {
    size_t stage = plan->step_count + 1;
    plan->buffers[plan->buffer_count++] = (struct plan_buffer){
        .device = buffer,
        .role = role,
        .name = name,
        .use = {.bytes = device_buffer_bytes(buffer), .first = stage, .last = stage},
    };
}

enum lipcl_status plan_buffer(struct lipcl_plan *plan, struct device_buffer **buffer, enum lipcl_buffer_role role,
                              const char *name, size_t bytes) {
    enum lipcl_status status = LIPCL_OK;
    *buffer = NULL;
    if (plan->checks.guard) bytes = size_round_up(bytes, 4) + GUARD_BYTES;
    TRY(make_room(plan));
    TRY(device_buffer_reserve(plan->device, buffer, bytes));
    append(plan, *buffer, role, name);

fail:
    return status;
}

enum lipcl_status plan_constant(struct lipcl_plan *plan, struct device_buffer **buffer, struct lipcl_tensor **tensor,
                                const char *name) {
    enum lipcl_status status = LIPCL_OK;
    size_t bytes = lipcl_tensor_bytes(*tensor);
    if (plan->checks.guard) { /* there is no guard band behind a tensor */
        TRY(plan_buffer(plan, buffer, LIPCL_BUFFER_CONSTANT, name, bytes));
        TRY(device_buffer_allocate(plan->device, *buffer));
        TRY(poison(plan, *buffer));
        TRY(device_buffer_write(plan->device, *buffer, (*tensor)->data, bytes));
        lipcl_tensor_destroy(tensor);
        return LIPCL_OK;
    }
    TRY(make_room(plan));
    TRY(device_buffer_create_of(plan->device, buffer, tensor));
    append(plan, *buffer, LIPCL_BUFFER_CONSTANT, name);

fail:
    return status;
}

void plan_forget_buffers(struct lipcl_plan *plan, size_t first) {
    size_t count = first;
    for (size_t i = first; i < plan->buffer_count; i++) {
        if (plan->buffers[i].role == LIPCL_BUFFER_VALUE)
            plan->buffers[count++] = plan->buffers[i];
        else
            device_buffer_destroy(plan->device, &plan->buffers[i].device);
    }
    for (size_t i = count; i < plan->buffer_count; i++) plan->buffers[i].device = NULL;
    plan->buffer_count = count;
}

void plan_destroy_buffers(struct lipcl_plan *plan) {
    for (size_t i = 0; i < plan->buffer_count; i++) device_buffer_destroy(plan->device, &plan->buffers[i].device);
    for (size_t i = 0; i < plan->slot_count; i++) device_buffer_destroy(plan->device, &plan->slots[i]);
    free(plan->buffers);
    free(plan->slots);
}

static enum lipcl_status bind(struct lipcl_plan *plan, const struct plan_launch *launches, size_t count) {
    enum lipcl_status status = LIPCL_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; launches[i].kernel && k < launches[i].arg_count; k++)
            TRY(device_kernel_argument(plan->device, launches[i].kernel, k, launches[i].args[k]));

fail:
    return status;
}

/* Calls of mark() say which buffers a layer needs; its scratch has been there since the layer was made. */
struct marks {
    struct lipcl_plan *plan;
    size_t stage;
};

static void mark(const struct marks *marks, const struct device_buffer *buffer) {
    struct lipcl_plan *plan = marks->plan;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        struct plan_buffer *found = &plan->buffers[i];
        if (found->device != buffer) continue;
        found->use.first = size_min(found->use.first, marks->stage);
        found->use.last = size_max(found->use.last, marks->stage);
    }
}

static void mark_step(const struct marks *marks, const struct step *step) {
    const struct lipcl_plan *plan = marks->plan;
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    for (size_t i = 0; i < node->activation_count; i++)
        if (node->inputs[i]) mark(marks, plan->values[plan->alias[node->inputs[i]]].buffer);
    for (size_t i = 0; i < node->op->output_count; i++) mark(marks, plan->values[step_output(plan, step, i)].buffer);
}

enum lipcl_status plan_lend(struct lipcl_plan *plan, const struct step *step, bool *enough) {
    enum lipcl_status status = LIPCL_OK;
    size_t stage = plan->step_count + 1, needed = 0;
    mark_step(&(struct marks){plan, stage}, step);
    for (size_t i = 0; i < plan->buffer_count; i++) {
        const struct plan_buffer *buffer = &plan->buffers[i];
        if (buffer->role == LIPCL_BUFFER_CONSTANT || (buffer->use.first <= stage && stage <= buffer->use.last))
            needed += buffer->use.bytes;
    }
    *enough = !plan->max_memory || needed <= plan->max_memory;
    if (!*enough) return LIPCL_OK;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        const struct plan_buffer *buffer = &plan->buffers[i];
        if (buffer->use.first <= stage && stage <= buffer->use.last && !device_buffer_has_memory(buffer->device))
            TRY(device_buffer_allocate(plan->device, buffer->device));
    }
    TRY(bind(plan, step->launches, step->launch_count));

fail:
    if (status == LIPCL_ERROR_MEMORY)
        fail(device_context(plan->device), status, "%s: it needs %zu bytes on %s at a time, which the device does not give",
             plan->nodes[step->layer.nodes[0]].name, needed, lipcl_device_info(plan->device)->name);
    return status;
}

void plan_take_back(struct lipcl_plan *plan) {
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role != LIPCL_BUFFER_CONSTANT) device_buffer_drop(plan->device, plan->buffers[i].device);
}

/* From when to when each buffer is in use. */
static void find_uses(struct lipcl_plan *plan) {
    size_t last = plan->step_count + 1;
    for (size_t i = 0; i < plan->step_count; i++) mark_step(&(struct marks){plan, i + 1}, &plan->steps[i]);
    for (size_t i = 0; i < plan->input_count; i++) mark(&(struct marks){plan, 0}, plan->values[plan->inputs[i]].buffer);
    for (size_t i = 0; i < plan->output_count; i++) mark(&(struct marks){plan, last}, plan->values[plan->outputs[i]].buffer);
    for (size_t i = 0; i < plan->buffer_count; i++) {
        struct plan_buffer *buffer = &plan->buffers[i];
        bool keep = plan->checks.guard ? !plan->checks.share : plan->keep_values && buffer->role == LIPCL_BUFFER_VALUE;
        if (buffer->role != LIPCL_BUFFER_CONSTANT && !keep) continue;
        buffer->use.first = 0;
        buffer->use.last = last;
    }
}

static size_t constant_bytes(const struct lipcl_plan *plan) {
    size_t bytes = 0;
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role == LIPCL_BUFFER_CONSTANT) bytes += plan->buffers[i].use.bytes;
    return bytes;
}

/* The buffers whose memory can be shared, and the slots that they get. */
struct sharing {
    size_t count, slot_count;
    struct memory_use *uses;
    struct memory_slot *slots;
};

static enum lipcl_status share(struct lipcl_plan *plan, struct sharing *sharing) {
    size_t count = 0;
    sharing->uses = calloc(plan->buffer_count + 1, sizeof *sharing->uses);
    sharing->slots = calloc(plan->buffer_count + 1, sizeof *sharing->slots);
    if (!sharing->uses || !sharing->slots)
        return fail_memory(device_context(plan->device), plan->buffer_count * sizeof *sharing->uses);
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role != LIPCL_BUFFER_CONSTANT) sharing->uses[count++] = plan->buffers[i].use;
    sharing->count = count;
    sharing->slot_count = memory_share(sharing->uses, count, sharing->slots);
    count = 0;
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role != LIPCL_BUFFER_CONSTANT) plan->buffers[i].use.slot = sharing->uses[count++].slot;
    return LIPCL_OK;
}

static void measure(struct lipcl_plan *plan, const struct sharing *sharing) {
    struct lipcl_plan_memory *memory = &plan->memory;
    *memory = (struct lipcl_plan_memory){.constant_bytes = constant_bytes(plan), .buffer_count = plan->buffer_count};
    for (size_t i = 0; i < sharing->slot_count; i++) memory->shared_bytes += sharing->slots[i].bytes;
    for (size_t i = 0; i < sharing->count; i++) memory->unshared_bytes += sharing->uses[i].bytes;
    memory->least_bytes = memory_bound(sharing->uses, sharing->count, &memory->fullest_stage);
    memory->device_bytes = memory->constant_bytes + memory->shared_bytes;
    memory->host_bytes = plan->staging_count * sizeof(float) + plan_parameter_bytes(plan);
}

/* "123456 bytes (...)": what a plan takes, for messages. */
static const char *figure(struct lipcl_plan *plan) {
    const struct lipcl_plan_memory *memory = &plan->memory;
    size_t stage = memory->fullest_stage;
    bool layer = stage > 0 && stage <= plan->step_count;
    const char *text = arena_printf(
        &plan->arena, "%.1f MB on %s (weights %.1f MB, values and scratch %.1f MB%s%s)", 1e-6 * (double)memory->device_bytes,
        lipcl_device_info(plan->device)->name, 1e-6 * (double)memory->constant_bytes, 1e-6 * (double)memory->shared_bytes,
        layer ? ", most of it for " : "", layer ? plan->nodes[plan->steps[stage - 1].layer.nodes[0]].name : "");
    return text ? text : "more than there is";
}

static enum lipcl_status check_limit(struct lipcl_plan *plan, bool quietly) {
    struct lipcl_context *ctx = device_context(plan->device);
    if (!plan->max_memory || plan->memory.device_bytes <= plan->max_memory) return LIPCL_OK;
    static const char text[] =
        "plan: it takes %s%s, above the limit of %.1f MB; a smaller batch, fewer frames or a higher limit would do";
    const char *least = plan->checks.scratch_bytes ? "at least " : "";
    if (!quietly) return fail(ctx, LIPCL_ERROR_MEMORY, text, least, figure(plan), 1e-6 * (double)plan->max_memory);
    log_message(ctx, LIPCL_LOG_INFO, text, least, figure(plan), 1e-6 * (double)plan->max_memory);
    return LIPCL_ERROR_MEMORY;
}

static enum lipcl_status allocate(struct lipcl_plan *plan, const struct sharing *sharing) {
    enum lipcl_status status = LIPCL_OK;
    plan->slots = calloc(sharing->slot_count + 1, sizeof *plan->slots);
    if (!plan->slots) TRY(fail_memory(device_context(plan->device), sharing->slot_count * sizeof *plan->slots));
    for (size_t i = 0; i < sharing->slot_count; i++) {
        TRY(device_buffer_create(plan->device, &plan->slots[i], sharing->slots[i].bytes));
        plan->slot_count++;
        if (plan->checks.guard) TRY(poison(plan, plan->slots[i]));
    }
    for (size_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].role != LIPCL_BUFFER_CONSTANT)
            device_buffer_share(plan->buffers[i].device, plan->slots[plan->buffers[i].use.slot]);
    return LIPCL_OK;

fail:
    if (status == LIPCL_ERROR_MEMORY)
        fail(device_context(plan->device), status,
             "plan: it takes %s, which the device does not give; a smaller batch would do", figure(plan));
    return status;
}

enum lipcl_status plan_place(struct lipcl_plan *plan, const struct lipcl_plan_params *params) {
    enum lipcl_status status = LIPCL_OK;
    struct sharing sharing = {0};
    find_uses(plan);
    TRY(share(plan, &sharing));
    measure(plan, &sharing);
    if (params->memory) *params->memory = plan->memory;
    TRY(check_limit(plan, params->memory || plan->checks.may_fail));
    TRY(allocate(plan, &sharing));
    for (size_t i = 0; i < plan->step_count; i++) TRY(bind(plan, plan->steps[i].launches, plan->steps[i].launch_count));
    TRY(bind(plan, plan->output_launches, plan->output_launch_count));

fail:
    free(sharing.uses);
    free(sharing.slots);
    return status;
}

struct lipcl_plan_memory lipcl_plan_memory(const struct lipcl_plan *plan) {
    return plan->memory;
}

enum lipcl_status lipcl_plan_buffer_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t buffer,
                                         struct lipcl_buffer_info *info) {
    if (buffer >= plan->buffer_count)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: there is no buffer %zu, it has %zu", buffer, plan->buffer_count);
    const struct plan_buffer *from = &plan->buffers[buffer];
    *info = (struct lipcl_buffer_info){
        .name = from->name,
        .role = from->role,
        .bytes = from->use.bytes,
        .first_stage = from->use.first,
        .last_stage = from->use.last,
        .allocation = from->role == LIPCL_BUFFER_CONSTANT ? LIPCL_BUFFER_ALONE : from->use.slot,
    };
    return LIPCL_OK;
}
