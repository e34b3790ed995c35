#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

enum { ALIGNMENT = 64 };

/* A tensor that lipcl allocated: its data lies behind it in the same block. */
struct own_tensor {
    struct lipcl_tensor tensor;
    void *block; /* for free() */
};

bool shape_count_checked(size_t *count, const struct lipcl_shape *shape) {
    *count = 1;
    for (size_t i = 0; i < shape->rank; i++)
        if (!size_multiply(count, *count, shape->dims[i])) return false;
    return true;
}

size_t lipcl_shape_count(const struct lipcl_shape *shape) {
    size_t count = 1;
    for (size_t i = 0; i < shape->rank; i++) count *= shape->dims[i];
    return count;
}

bool lipcl_shape_equal(const struct lipcl_shape *a, const struct lipcl_shape *b) {
    if (a->rank != b->rank) return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

struct shape_text shape_text(const struct lipcl_shape *shape) {
    struct shape_text text = {"["};
    size_t used = 1;
    for (size_t i = 0; i < shape->rank && i < LIPCL_MAX_RANK; i++)
        used += (size_t)snprintf(text.chars + used, sizeof text.chars - used, i ? ",%zu" : "%zu", shape->dims[i]);
    snprintf(text.chars + used, sizeof text.chars - used, "]");
    return text;
}

size_t lipcl_tensor_count(const struct lipcl_tensor *tensor) {
    return lipcl_shape_count(&tensor->shape);
}

size_t lipcl_tensor_bytes(const struct lipcl_tensor *tensor) {
    return lipcl_tensor_count(tensor) * lipcl_dtype_bytes(tensor->dtype);
}

enum lipcl_status lipcl_tensor_create(struct lipcl_context *ctx, struct lipcl_tensor **tensor, enum lipcl_dtype dtype,
                                      const struct lipcl_shape *shape) {
    *tensor = NULL;
    size_t count, bytes, total;
    if (lipcl_dtype_bytes(dtype) == 0) return fail(ctx, LIPCL_ERROR_ARGUMENT, "tensor: %d is not a dtype", (int)dtype);
    if (shape->rank > LIPCL_MAX_RANK)
        return fail(ctx, LIPCL_ERROR_SHAPE, "tensor: rank %zu is above %d", shape->rank, LIPCL_MAX_RANK);
    if (!shape_count_checked(&count, shape) || !size_multiply(&bytes, count, lipcl_dtype_bytes(dtype)) ||
        !size_add(&total, bytes, 3 * ALIGNMENT) || total > PTRDIFF_MAX)
        return fail(ctx, LIPCL_ERROR_SHAPE, "tensor: the size of %s overflows", shape_text(shape).chars);
    _Static_assert(sizeof(struct own_tensor) <= 2 * ALIGNMENT, "the header fits in front of the data");
    void *block;
    struct own_tensor *made = zeroed_alloc(2 * ALIGNMENT + bytes, &block);
    if (!made) return fail_memory(ctx, total);
    made->tensor = (struct lipcl_tensor){dtype, *shape, (unsigned char *)made + 2 * ALIGNMENT};
    made->block = block;
    *tensor = &made->tensor;
    return LIPCL_OK;
}

void lipcl_tensor_destroy(struct lipcl_tensor **tensor) {
    if (!tensor || !*tensor) return;
    free(((struct own_tensor *)*tensor)->block);
    *tensor = NULL;
}

enum lipcl_status lipcl_tensor_to_f32(struct lipcl_context *ctx, struct lipcl_tensor **tensor,
                                      const struct lipcl_tensor *source) {
    *tensor = NULL;
    if (source->dtype == LIPCL_U8 || source->dtype == LIPCL_I64)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "tensor: %s does not convert to f32", lipcl_dtype_name(source->dtype));
    enum lipcl_status status = lipcl_tensor_create(ctx, tensor, LIPCL_F32, &source->shape);
    if (status != LIPCL_OK) return status;
    tensor_read_f32((*tensor)->data, source, 0, lipcl_tensor_count(source));
    return LIPCL_OK;
}
