/* layout.h: where an element of a logical tensor lies in a buffer.
 *
 * A layout writes every logical dimension as a mixed-radix number: a list of digits, most significant first, each with an
 * extent and a stride in elements. [T,N,3072] that came from channels-last [N,T,4,8,96] is the digits
 *     T: (T, 3072)   N: (N, T*3072)   2: (96, 1) (4, 768) (8, 96)
 * so permuting and reshaping a tensor only regroups digits and moves no data.
 *
 * Layouts are kept normal: no digit of extent 1; neighbours of one dimension that form one run are merged.
 */
#ifndef LIPCL_TENSOR_LAYOUT_H
#define LIPCL_TENSOR_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/tensor.h>

struct digit {
    size_t dim; /* the logical dimension */
    size_t extent;
    size_t stride; /* in elements */
};

enum { LAYOUT_MAX_DIGITS = 16 };

struct layout {
    size_t count;
    struct digit digits[LAYOUT_MAX_DIGITS]; /* by dimension, then most significant first */
};

struct layout layout_row_major(const struct lipcl_shape *shape);

/* Dense, with the dimensions nested in memory as `order` says, outermost first: {0,2,3,4,1} is channels-last N T H W C. */
struct layout layout_ordered(const struct lipcl_shape *shape, const size_t *order);

/* The layout of permute(x, order) over x's own buffer. */
struct layout layout_permute(const struct layout *layout, const size_t *order, size_t rank);

/* The layout of reshape(x, shape) over x's own buffer; false when no regrouping of digits gives it. */
bool layout_reshape(struct layout *out, const struct layout *layout, const struct lipcl_shape *shape);

/* True when dimension `dim` is one digit or none; *stride is then its stride, 0 for none. */
bool layout_stride(const struct layout *layout, size_t dim, size_t *stride);

/* True when the digits of dimension `dim` cover 0..extent-1 densely, in whatever order (a permuted, contiguous block). */
bool layout_dim_is_contiguous(const struct layout *layout, size_t dim);

/* The offset of coordinate `index` of dimension `dim`; an element's offset is the sum over its dimensions. */
size_t layout_dim_offset(const struct layout *layout, size_t dim, size_t index);

bool layout_equal(const struct layout *a, const struct layout *b);
bool layout_is_row_major(const struct layout *layout, const struct lipcl_shape *shape);

/* Copies F32 elements between a buffer in `layout` and dense row-major memory. */
void layout_gather(float *row_major, const float *buffer, const struct layout *layout);
void layout_scatter(float *buffer, const float *row_major, const struct layout *layout);

#endif
