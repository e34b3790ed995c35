/* tensor.h: dense arrays in host memory, and named sets of them (a model's weights).
 *
 * Data is row-major: the last dimension varies fastest. Video is always N C T H W (batch, channel, time, height, width).
 */
#ifndef LIPCL_TENSOR_H
#define LIPCL_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/context.h>
#include <lipcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LIPCL_MAX_RANK = 8 };

enum lipcl_dtype {
    LIPCL_F32 = 0,
    LIPCL_F16,  /* IEEE 754 binary16 */
    LIPCL_BF16, /* the upper half of a binary32 */
    LIPCL_F64,
    LIPCL_U8,
    LIPCL_I64,
};

/* rank == 0 is a scalar: one element. A dimension of 0 makes an empty tensor. */
struct lipcl_shape {
    size_t rank;
    size_t dims[LIPCL_MAX_RANK];
};

/* Plain data: a caller may also fill one in to lend its own memory to a function that takes a tensor. */
struct lipcl_tensor {
    enum lipcl_dtype dtype;
    struct lipcl_shape shape;
    void *data; /* lipcl_tensor_bytes() bytes, aligned to the dtype (64 when lipcl allocated it) */
};

/* "f32", "bf16", ...; "?" for a value outside the enum. Static, thread-safe. */
LIPCL_API const char *lipcl_dtype_name(enum lipcl_dtype dtype);

/* Bytes of one element; 0 for a value outside the enum. */
LIPCL_API size_t lipcl_dtype_bytes(enum lipcl_dtype dtype);

/* Product of the dimensions. Shapes that lipcl accepted never overflow. */
LIPCL_API size_t lipcl_shape_count(const struct lipcl_shape *shape);
LIPCL_API bool lipcl_shape_equal(const struct lipcl_shape *a, const struct lipcl_shape *b);

LIPCL_API size_t lipcl_tensor_count(const struct lipcl_tensor *tensor);
LIPCL_API size_t lipcl_tensor_bytes(const struct lipcl_tensor *tensor);

/* Allocates a tensor filled with zeros; the caller destroys it. On failure *tensor is NULL.
 * LIPCL_ERROR_SHAPE: rank > LIPCL_MAX_RANK or a size that overflows; LIPCL_ERROR_MEMORY. */
LIPCL_API enum lipcl_status lipcl_tensor_create(struct lipcl_context *ctx, struct lipcl_tensor **tensor, enum lipcl_dtype dtype,
                                                const struct lipcl_shape *shape);

/* Frees a tensor that lipcl allocated and sets *tensor to NULL. Does nothing when tensor or *tensor is NULL. */
LIPCL_API void lipcl_tensor_destroy(struct lipcl_tensor **tensor);

/* A new F32 tensor with the values of `source` (any floating dtype; widening is exact, F64 rounds to nearest even).
 * LIPCL_ERROR_UNSUPPORTED for integer dtypes. */
LIPCL_API enum lipcl_status lipcl_tensor_to_f32(struct lipcl_context *ctx, struct lipcl_tensor **tensor,
                                                const struct lipcl_tensor *source);

/* A set of named tensors, in the order of insertion. */
struct lipcl_tensor_set;

LIPCL_API enum lipcl_status lipcl_tensor_set_create(struct lipcl_context *ctx, struct lipcl_tensor_set **set);

/* Frees the set with every tensor and string in it and sets *set to NULL. */
LIPCL_API void lipcl_tensor_set_destroy(struct lipcl_tensor_set **set);

/* Hands *tensor over to the set and sets it to NULL; the name is copied. On failure the caller keeps the tensor.
 * LIPCL_ERROR_ARGUMENT: the name is taken. */
LIPCL_API enum lipcl_status lipcl_tensor_set_add(struct lipcl_context *ctx, struct lipcl_tensor_set *set, const char *name,
                                                 struct lipcl_tensor **tensor);

/* The tensor of that name, or NULL. Owned by the set. */
LIPCL_API const struct lipcl_tensor *lipcl_tensor_set_find(const struct lipcl_tensor_set *set, const char *name);

LIPCL_API size_t lipcl_tensor_set_count(const struct lipcl_tensor_set *set);
LIPCL_API const char *lipcl_tensor_set_name(const struct lipcl_tensor_set *set, size_t index);
LIPCL_API const struct lipcl_tensor *lipcl_tensor_set_tensor(const struct lipcl_tensor_set *set, size_t index);

/* Free-form strings beside the tensors (safetensors' __metadata__). A key that exists is replaced. */
LIPCL_API enum lipcl_status lipcl_tensor_set_add_metadata(struct lipcl_context *ctx, struct lipcl_tensor_set *set,
                                                          const char *key, const char *value);
LIPCL_API size_t lipcl_tensor_set_metadata_count(const struct lipcl_tensor_set *set);
LIPCL_API const char *lipcl_tensor_set_metadata_key(const struct lipcl_tensor_set *set, size_t index);
/* The value of that key, or NULL. Owned by the set. */
LIPCL_API const char *lipcl_tensor_set_metadata(const struct lipcl_tensor_set *set, const char *key);

#ifdef __cplusplus
}
#endif
#endif
