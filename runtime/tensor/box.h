/* box.h: a rectangular part of a tensor, for computing and comparing just that part.
 *
 * A box may reach beyond its tensor: a convolution's window into its padding. What lies outside has a value of its own.
 */
#ifndef LIPCL_TENSOR_BOX_H
#define LIPCL_TENSOR_BOX_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/tensor.h>

struct box {
    ptrdiff_t start[LIPCL_MAX_RANK]; /* negative: before the tensor's first element */
    struct lipcl_shape shape;
};

/* The whole tensor. */
struct box box_whole(const struct lipcl_shape *shape);

/* The part of `box` that lies inside a tensor of `shape`; of an empty part the shape's count is 0. */
struct box box_inside(const struct box *box, const struct lipcl_shape *shape);

/* The smallest box around this one that begins and ends on multiples of `grain`, or where `shape` ends. */
struct box box_aligned(const struct box *box, const size_t *grain, const struct lipcl_shape *shape);

bool box_equal(const struct box *a, const struct box *b);

/* The row-major index in a tensor of `shape` of the box's element with row-major index `index` in the box, which lies inside.
 */
size_t box_index(const struct box *box, const struct lipcl_shape *shape, size_t index);

/* out, dense over box `to`, from in, dense over box `from` of the same tensor; what `from` lacks becomes `outside`.
 * The second is the same for magnitudes. */
void box_copy(float *out, const struct box *to, const float *in, const struct box *from, float outside);
void box_copy_magnitude(double *out, const struct box *to, const double *in, const struct box *from);

#endif
