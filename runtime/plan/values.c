/* values.c: where a plan's values lie, on the device and on the host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/steps.h"

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

/* Weights saved from torch.nn.DataParallel carry a leading "module.". */
static const struct lipcl_tensor *find_weight(const struct lipcl_tensor_set *weights, const char *name) {
    char prefixed[512];
    const struct lipcl_tensor *found = lipcl_tensor_set_find(weights, name);
    if (found || snprintf(prefixed, sizeof prefixed, "module.%s", name) >= (int)sizeof prefixed) return found;
    return lipcl_tensor_set_find(weights, prefixed);
}

enum lipcl_status plan_load_parameters(struct lipcl_plan *plan, const struct lipcl_graph *graph,
                                       const struct lipcl_tensor_set *weights) {
    struct lipcl_context *ctx = device_context(plan->device);
    for (size_t i = 0; i < graph->parameter_count; i++) {
        const struct value *wanted = &graph->values[graph->parameters[i]];
        const struct lipcl_tensor *found = weights ? find_weight(weights, wanted->name) : NULL;
        if (!found) return fail(ctx, LIPCL_ERROR_NOT_FOUND, "weights: there is no \"%s\", which the graph needs", wanted->name);
        if (!lipcl_shape_equal(&found->shape, &wanted->shape))
            return fail(ctx, LIPCL_ERROR_SHAPE, "weights: \"%s\" is %s, the graph needs %s", wanted->name,
                        shape_text(&found->shape).chars, shape_text(&wanted->shape).chars);
        if (found->dtype == LIPCL_U8 || found->dtype == LIPCL_I64)
            return fail(ctx, LIPCL_ERROR_SHAPE, "weights: \"%s\" is %s, the graph needs a floating dtype", wanted->name,
                        lipcl_dtype_name(found->dtype));
        struct plan_value *value = &plan->values[graph->parameters[i]];
        enum lipcl_status status = lipcl_tensor_to_f32(ctx, &value->parameter, found);
        if (status != LIPCL_OK) return status;
    }
    return LIPCL_OK;
}
