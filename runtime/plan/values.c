/* values.c: where a plan's values lie, on the device and on the host. */
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"
#include "tensor/tensor_match.h"

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

enum lipcl_status plan_check_guards(struct lipcl_plan *plan, size_t *broken) {
    enum lipcl_status status = LIPCL_OK;
    unsigned char *data = NULL;
    *broken = 0;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        size_t bytes = device_buffer_bytes(plan->buffers[i]);
        data = malloc(bytes);
        if (!data) TRY(fail_memory(device_context(plan->device), bytes));
        TRY(device_buffer_read(plan->device, data, plan->buffers[i], bytes));
        size_t at = bytes - GUARD_BYTES;
        while (at < bytes && data[at] == 0xff) at++;
        *broken += at < bytes;
        free(data);
        data = NULL;
    }

fail:
    free(data);
    return status;
}

static enum lipcl_status make_room(struct lipcl_plan *plan) {
    size_t count = plan->buffer_count;
    if (count & (count - 1)) return LIPCL_OK; /* full at powers of two */
    struct device_buffer **grown = realloc(plan->buffers, (count ? 2 * count : 1) * sizeof *grown);
    if (!grown) return fail_memory(device_context(plan->device), 2 * count * sizeof *grown);
    plan->buffers = grown;
    return LIPCL_OK;
}

enum lipcl_status plan_buffer(struct lipcl_plan *plan, struct device_buffer **buffer, size_t bytes) {
    enum lipcl_status status = LIPCL_OK;
    *buffer = NULL;
    if (plan->checks.guard) bytes = size_round_up(bytes, 4) + GUARD_BYTES;
    TRY(make_room(plan));
    TRY(device_buffer_create(plan->device, buffer, bytes));
    plan->buffers[plan->buffer_count++] = *buffer;
    if (plan->checks.guard) TRY(poison(plan, *buffer));

fail:
    return status;
}

enum lipcl_status plan_constant(struct lipcl_plan *plan, struct device_buffer **buffer, struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    size_t bytes = lipcl_tensor_bytes(*tensor);
    if (plan->checks.guard) { /* there is no guard band behind a tensor */
        TRY(plan_buffer(plan, buffer, bytes));
        TRY(device_buffer_write(plan->device, *buffer, (*tensor)->data, bytes));
        lipcl_tensor_destroy(tensor);
        return LIPCL_OK;
    }
    TRY(make_room(plan));
    TRY(device_buffer_create_of(plan->device, buffer, tensor));
    plan->buffers[plan->buffer_count++] = *buffer;

fail:
    return status;
}

enum lipcl_status plan_parameter(struct lipcl_plan *plan, lipcl_value number, const struct lipcl_tensor **parameter) {
    enum lipcl_status status = LIPCL_OK;
    struct plan_value *value = &plan->values[number];
    *parameter = value->stored;
    if (!value->stored || value->stored->dtype == LIPCL_F32) return LIPCL_OK;
    if (!value->widened) TRY(lipcl_tensor_to_f32(device_context(plan->device), &value->widened, value->stored));
    *parameter = value->widened;

fail:
    return status;
}

void plan_forget_parameters(struct lipcl_plan *plan) {
    for (size_t i = 1; plan->values && i < plan->value_count; i++) lipcl_tensor_destroy(&plan->values[i].widened);
}

enum lipcl_status plan_read_value(struct lipcl_plan *plan, float *row_major, lipcl_value number) {
    const struct plan_value *value = &plan->values[number];
    size_t bytes = lipcl_shape_count(&value->shape) * sizeof(float);
    if (layout_is_row_major(&value->layout, &value->shape))
        return device_buffer_read(plan->device, row_major, value->buffer, bytes);
    enum lipcl_status status = device_buffer_read(plan->device, plan->staging, value->buffer, bytes);
    if (status == LIPCL_OK) layout_gather(row_major, plan->staging, &value->layout);
    return status;
}

enum lipcl_status plan_write_value(struct lipcl_plan *plan, lipcl_value number, const float *row_major) {
    const struct plan_value *value = &plan->values[number];
    size_t bytes = lipcl_shape_count(&value->shape) * sizeof(float);
    const float *from = row_major;
    if (!layout_is_row_major(&value->layout, &value->shape)) {
        layout_scatter(plan->staging, row_major, &value->layout);
        from = plan->staging;
    }
    enum lipcl_status status = device_buffer_write(plan->device, value->buffer, from, bytes);
    return status == LIPCL_OK ? device_finish(plan->device) : status;
}

enum lipcl_status plan_load_parameters(struct lipcl_plan *plan, const struct lipcl_graph *graph,
                                       const struct lipcl_tensor_set *weights) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = device_context(plan->device);
    size_t count = graph->parameter_count;
    struct tensor_wanted *wanted = calloc(count + 1, sizeof *wanted);
    const struct lipcl_tensor **found = calloc(count + 1, sizeof *found);
    if (!wanted || !found) TRY(fail_memory(ctx, (count + 1) * sizeof *wanted));
    if (count && !weights) TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "plan: the graph has parameters, but there are no weights"));
    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct tensor_wanted){lipcl_graph_parameter_name(graph, i), *lipcl_graph_parameter_shape(graph, i)};
    TRY(tensor_set_find_all(ctx, found, weights, "weights", wanted, count));
    for (size_t i = 0; i < count; i++) plan->values[graph->parameters[i]].stored = found[i];
    plan->weights = tensor_set_share(weights);

fail:
    free(wanted);
    free(found);
    return status;
}
