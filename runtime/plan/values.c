/* values.c: where a plan's values lie, on the device and on the host. */
#include <stdlib.h>

#include "plan/steps.h"
#include "tensor/tensor_match.h"

enum lipcl_status plan_buffer(struct lipcl_plan *plan, struct device_buffer **buffer, size_t bytes) {
    enum lipcl_status status = device_buffer_create(plan->device, buffer, bytes);
    if (status != LIPCL_OK) return status;
    size_t count = plan->buffer_count;
    if (count == 0 || (count & (count - 1)) == 0) { /* a power of two: full */
        struct device_buffer **grown = realloc(plan->buffers, (count ? 2 * count : 8) * sizeof *grown);
        if (!grown) {
            device_buffer_destroy(plan->device, buffer);
            return fail_memory(device_context(plan->device), 2 * count * sizeof *grown);
        }
        plan->buffers = grown;
    }
    plan->buffers[plan->buffer_count++] = *buffer;
    return LIPCL_OK;
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
    for (size_t i = 0; i < count; i++) TRY(lipcl_tensor_to_f32(ctx, &plan->values[graph->parameters[i]].parameter, found[i]));

fail:
    free(wanted);
    free(found);
    return status;
}
