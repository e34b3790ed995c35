#include <string.h>

#include "ops/op.h"

bool accepts_strided(const struct lower_request *request, size_t input, const struct layout *layout) {
    size_t stride;
    for (size_t dim = 0; dim < request->input_shapes[input]->rank; dim++)
        if (!layout_stride(layout, dim, &stride)) return false;
    return true;
}

bool accepts_row_major(const struct lower_request *request, size_t input, const struct layout *layout) {
    return layout_is_row_major(layout, request->input_shapes[input]);
}

enum lipcl_status lowered_constant(struct lipcl_context *ctx, struct lowered *lowered, struct arg *arg, float **data,
                                   size_t count) {
    if (lowered->constant_count == LOWERED_MAX_CONSTANTS)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "lowering: more than %d constants in one layer", LOWERED_MAX_CONSTANTS);
    struct lipcl_tensor **made = &lowered->constants[lowered->constant_count];
    enum lipcl_status status = lipcl_tensor_create(ctx, made, LIPCL_F32, &SHAPE(count));
    if (status != LIPCL_OK) return status;
    *arg = (struct arg){ARG_CONSTANT, lowered->constant_count++};
    *data = (*made)->data;
    return LIPCL_OK;
}

enum lipcl_status lowered_scratch(struct lipcl_context *ctx, struct lowered *lowered, struct arg *arg, size_t bytes) {
    if (lowered->scratch_count == LOWERED_MAX_SCRATCH)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "lowering: more than %d scratch buffers in one layer", LOWERED_MAX_SCRATCH);
    lowered->scratch_bytes[lowered->scratch_count] = bytes;
    *arg = (struct arg){ARG_SCRATCH, lowered->scratch_count++};
    return LIPCL_OK;
}

static enum lipcl_status next_launch(struct lipcl_context *ctx, struct lowered *lowered, struct launch **launch) {
    if (lowered->launch_count == LOWERED_MAX_LAUNCHES)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "lowering: more than %d launches in one layer", LOWERED_MAX_LAUNCHES);
    *launch = &lowered->launches[lowered->launch_count++];
    return LIPCL_OK;
}

enum lipcl_status lowered_launch(struct lipcl_context *ctx, struct lowered *lowered, struct launch **launch, const char *file,
                                 const char *kernel, const char *options, ...) {
    enum lipcl_status status = next_launch(ctx, lowered, launch);
    if (status != LIPCL_OK) return status;
    va_list args;
    va_start(args, options);
    char *text = arena_vprintf(lowered->arena, options, args);
    va_end(args);
    if (!text) return fail_memory(ctx, strlen(options));
    **launch = (struct launch){.file = file, .kernel = kernel, .options = text, .global = {1, 1, 1}, .local = {1, 1, 1}};
    return LIPCL_OK;
}

void lowered_spread(struct launch *launch, size_t count, const struct device_caps *caps) {
    /* CPU devices: a few large shares a core. GPUs: an element a work-item, up to what keeps any of them busy. */
    size_t limit = caps->cpu ? 1 : size_min(64, size_min(caps->max_work_group, caps->max_work_items[0]));
    size_t groups = caps->cpu ? 4 * size_max(caps->compute_units, 1) : 16384;
    launch->local[0] = limit;
    launch->global[0] = limit * size_min(groups, size_ceil_div(count, limit));
}

enum lipcl_status lowered_gemm(struct lipcl_context *ctx, struct lowered *lowered, const struct device_gemm *gemm, struct arg a,
                               struct arg b, struct arg c) {
    struct launch *launch = NULL;
    enum lipcl_status status = next_launch(ctx, lowered, &launch);
    if (status != LIPCL_OK) return status;
    *launch = (struct launch){.gemm = *gemm, .arg_count = 3, .args = {a, b, c}};
    return LIPCL_OK;
}
