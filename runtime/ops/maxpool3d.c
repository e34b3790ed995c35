#include <math.h>

#include "ops/op.h"
#include "ops/window.h"

extern const struct lowering maxpool3d_direct;

static enum lipcl_status maxpool3d_infer(struct lipcl_context *ctx, const char *layer, void *params,
                                         const struct lipcl_shape *const *inputs, size_t input_count,
                                         struct lipcl_shape *outputs) {
    (void)input_count;
    enum lipcl_status status;
    struct lipcl_maxpool3d_params *pool = params;
    window_default(pool->stride, pool->kernel);
    window_default(pool->dilation, (size_t[3]){1, 1, 1});
    for (size_t axis = 0; axis < 3; axis++) {
        if (pool->kernel[axis] == 0)
            TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "maxpool3d %s: kernel[%zu] (axis %c) is 0: give at least 1", layer, axis,
                     "THW"[axis]));
        if (pool->padding[axis] > pool->kernel[axis] / 2)
            TRY(fail(ctx, LIPCL_ERROR_ARGUMENT,
                     "maxpool3d %s: padding[%zu] (axis %c) is %zu: give at most half the kernel's %zu", layer, axis,
                     "THW"[axis], pool -> padding[axis], pool -> kernel[axis]));
    }
    struct window window = {pool->kernel, pool->stride, pool->padding, pool->dilation, pool->ceil_mode};
    size_t channels = inputs[0]->rank == 5 ? inputs[0]->dims[1] : 0;
    TRY(window_infer(ctx, "maxpool3d", layer, &outputs[0], inputs[0], channels, &window));
    return LIPCL_OK;
fail:
    return status;
}

static struct op_cost maxpool3d_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                     const struct lipcl_shape *outputs) {
    (void)input_count;
    const size_t *kernel = ((const struct lipcl_maxpool3d_params *)params)->kernel;
    double count = (double)lipcl_shape_count(&outputs[0]);
    return (struct op_cost){
        .flops = count * ((double)kernel[0] * (double)kernel[1] * (double)kernel[2] - 1), /* comparisons */
        .bytes = 4 * ((double)lipcl_shape_count(inputs[0]) + count),
    };
}

static bool maxpool3d_crop(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs) {
    (void)inputs, (void)outputs;
    struct lipcl_maxpool3d_params *pool = crop->params;
    struct window window = {pool->kernel, pool->stride, pool->padding, pool->dilation, false};
    struct box x = crop->output;
    window_crop(&x, &crop->output, &window, pool->padding);
    pool->ceil_mode = false;
    crop->outside = -INFINITY;
    crop->input_count = 1;
    crop_activation(crop, 0, &x);
    return true;
}

static char *maxpool3d_text(struct arena *arena, const void *params) {
    const struct lipcl_maxpool3d_params *pool = params;
    const size_t *k = pool->kernel, *s = pool->stride, *p = pool->padding, *d = pool->dilation;
    return arena_printf(arena, "maxpool3d %zu,%zu,%zu stride %zu,%zu,%zu padding %zu,%zu,%zu dilation %zu,%zu,%zu", k[0], k[1],
                        k[2], s[0], s[1], s[2], p[0], p[1], p[2], d[0], d[1], d[2]);
}

static const struct lowering *const maxpool3d_lowerings[] = {&maxpool3d_direct, NULL};

const struct op_def maxpool3d_op = {
    .name = "maxpool3d",
    .params_bytes = sizeof(struct lipcl_maxpool3d_params),
    .output_count = 1,
    .infer = maxpool3d_infer,
    .reference = maxpool3d_ref,
    .crop = maxpool3d_crop,
    .cost = maxpool3d_cost,
    .lowerings = maxpool3d_lowerings,
    .text = maxpool3d_text,
};
