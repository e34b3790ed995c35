/* values.c: where a plan's values lie, on the device and on the host. */
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"
#include "tensor/tensor_match.h"

size_t plan_parameter_bytes(const struct lipcl_plan *plan) {
    size_t bytes = 0;
    for (size_t i = 1; i < plan->value_count; i++)
        if (plan->values[i].widened) bytes += lipcl_tensor_bytes(plan->values[i].widened);
    return bytes;
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

void plan_drop_weights(struct lipcl_plan *plan) {
    plan_forget_parameters(plan);
    for (size_t i = 1; i < plan->value_count; i++) plan->values[i].stored = NULL;
    lipcl_tensor_set_destroy(&plan->weights);
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
