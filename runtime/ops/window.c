#include "ops/window.h"

#include <stdint.h>

static const char axis_names[3] = {'T', 'H', 'W'};

void window_default(size_t triple[3], const size_t defaults[3]) {
    for (size_t axis = 0; axis < 3; axis++)
        if (triple[axis] == 0) triple[axis] = defaults[axis];
}

bool window_shape_fits(const struct lipcl_shape *shape) {
    size_t count;
    return shape_count_checked(&count, shape) && count <= SIZE_MAX / sizeof(float);
}

/* Bounds that keep every sum and product below within 64 bits. */
static enum lipcl_status check_triple(struct lipcl_context *ctx, const char *op, const char *layer, const char *name,
                                      const size_t triple[3]) {
    for (size_t axis = 0; axis < 3; axis++)
        if (triple[axis] > INT32_MAX)
            return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s %s: %s[%zu] (axis %c) is %zu: give at most %d", op, layer, name, axis,
                        axis_names[axis], triple[axis], INT32_MAX);
    return LIPCL_OK;
}

static enum lipcl_status check_input(struct lipcl_context *ctx, const char *op, const char *layer,
                                     const struct lipcl_shape *x) {
    if (x->rank != 5)
        return fail(ctx, LIPCL_ERROR_SHAPE, "%s %s: input %s has %zu dimensions: give it five, [N,C,T,H,W]", op, layer,
                    shape_text(x).chars, x->rank);
    for (size_t dim = 0; dim < 5; dim++)
        if (x->dims[dim] == 0 || x->dims[dim] > INT32_MAX)
            return fail(ctx, LIPCL_ERROR_SHAPE, "%s %s: input %s: dimension %zu is %zu: it has to be 1 to %d", op, layer,
                        shape_text(x).chars, dim, x->dims[dim], INT32_MAX);
    return LIPCL_OK;
}

enum lipcl_status window_infer(struct lipcl_context *ctx, const char *op, const char *layer, struct lipcl_shape *y,
                               const struct lipcl_shape *x, size_t channels, const struct window *window) {
    enum lipcl_status status;
    TRY(check_input(ctx, op, layer, x));
    TRY(check_triple(ctx, op, layer, "kernel", window->kernel));
    TRY(check_triple(ctx, op, layer, "stride", window->stride));
    TRY(check_triple(ctx, op, layer, "padding", window->padding));
    TRY(check_triple(ctx, op, layer, "dilation", window->dilation));
    *y = SHAPE(x->dims[0], channels, 0, 0, 0);
    for (size_t axis = 0; axis < 3; axis++) {
        uint64_t size = x->dims[2 + axis], kernel = window->kernel[axis], stride = window->stride[axis];
        uint64_t padding = window->padding[axis], dilation = window->dilation[axis];
        if (kernel == 0)
            TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s %s: kernel[%zu] (axis %c) is 0: give at least 1", op, layer, axis,
                     axis_names[axis]));
        uint64_t reach = dilation * (kernel - 1) + 1, padded = size + 2 * padding;
        if (reach > padded)
            TRY(fail(ctx, LIPCL_ERROR_SHAPE,
                     "%s %s: along %c the kernel covers %llu (kernel %llu, dilation %llu) but the input only %llu "
                     "(size %llu + 2 x padding %llu): use a smaller kernel or dilation, more padding, or a larger input",
                     op, layer, axis_names[axis], (unsigned long long)reach, (unsigned long long)kernel,
                     (unsigned long long)dilation, (unsigned long long)padded, (unsigned long long)size,
                     (unsigned long long)padding));
        uint64_t span = padded - reach, count = span / stride + 1;
        if (window->ceil_mode && span % stride != 0 && count * stride < size + padding) count++;
        if (count > SIZE_MAX) count = SIZE_MAX; /* refused below, with the whole shape in the message */
        y->dims[2 + axis] = (size_t)count;
    }
    if (!window_shape_fits(y))
        TRY(fail(ctx, LIPCL_ERROR_SHAPE, "%s %s: output %s is too large to address: use less padding or a larger stride", op,
                 layer, shape_text(y).chars));
    return LIPCL_OK;
fail:
    return status;
}

void window_crop(struct box *input, const struct box *output, const struct window *window, size_t padding[3]) {
    for (size_t axis = 0; axis < 3; axis++) {
        size_t dim = 2 + axis, reach = window->dilation[axis] * (window->kernel[axis] - 1) + 1;
        input->start[dim] = output->start[dim] * (ptrdiff_t)window->stride[axis] - (ptrdiff_t)window->padding[axis];
        input->shape.dims[dim] = (output->shape.dims[dim] - 1) * window->stride[axis] + reach;
        padding[axis] = 0;
    }
}
