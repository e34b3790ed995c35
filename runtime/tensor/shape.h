/* shape.h: shapes as the runtime's own code builds, checks and prints them. */
#ifndef LIPCL_TENSOR_SHAPE_H
#define LIPCL_TENSOR_SHAPE_H

#include <lipcl/tensor.h>

#define SHAPE(...) ((struct lipcl_shape){sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), {__VA_ARGS__}})

/* *count = product of the dimensions; false when that overflows. */
bool shape_count_checked(size_t *count, const struct lipcl_shape *shape);

/* "[1,3,75,64,128]", returned by value for use inside one printf. */
struct shape_text {
    char chars[8 * 21 + 3];
};
struct shape_text shape_text(const struct lipcl_shape *shape);

#endif
