#include "tensor/box.h"

#include <string.h>

struct box box_whole(const struct lipcl_shape *shape) {
    return (struct box){.shape = *shape};
}

struct box box_inside(const struct box *box, const struct lipcl_shape *shape) {
    struct box inside = *box;
    for (size_t dim = 0; dim < shape->rank; dim++) {
        ptrdiff_t end = box->start[dim] + (ptrdiff_t)box->shape.dims[dim], limit = (ptrdiff_t)shape->dims[dim];
        if (inside.start[dim] < 0) inside.start[dim] = 0;
        if (end > limit) end = limit;
        inside.shape.dims[dim] = end > inside.start[dim] ? (size_t)(end - inside.start[dim]) : 0;
    }
    return inside;
}

struct box box_aligned(const struct box *box, const size_t *grain, const struct lipcl_shape *shape) {
    struct box aligned = *box;
    for (size_t dim = 0; dim < shape->rank; dim++) {
        ptrdiff_t unit = (ptrdiff_t)grain[dim], end = box->start[dim] + (ptrdiff_t)box->shape.dims[dim];
        ptrdiff_t limit = (ptrdiff_t)shape->dims[dim];
        aligned.start[dim] = box->start[dim] / unit * unit;
        end = (end + unit - 1) / unit * unit;
        aligned.shape.dims[dim] = (size_t)((end < limit ? end : limit) - aligned.start[dim]);
    }
    return aligned;
}

bool box_equal(const struct box *a, const struct box *b) {
    return lipcl_shape_equal(&a->shape, &b->shape) && memcmp(a->start, b->start, a->shape.rank * sizeof *a->start) == 0;
}

size_t box_index(const struct box *box, const struct lipcl_shape *shape, size_t index) {
    size_t result = 0, factor = 1;
    for (size_t dim = shape->rank; dim-- > 0;) {
        result += ((size_t)box->start[dim] + index % box->shape.dims[dim]) * factor;
        index /= box->shape.dims[dim];
        factor *= shape->dims[dim];
    }
    return result;
}

/* Where the next element of `to`, visited in row-major order, lies in `from`; false: outside. */
struct visit {
    size_t counter[LIPCL_MAX_RANK];
};

static bool visit_find(const struct visit *visit, const struct box *to, const struct box *from, size_t *at) {
    *at = 0;
    for (size_t dim = 0; dim < to->shape.rank; dim++) {
        ptrdiff_t index = to->start[dim] + (ptrdiff_t)visit->counter[dim] - from->start[dim];
        if (index < 0 || index >= (ptrdiff_t)from->shape.dims[dim]) return false;
        *at = *at * from->shape.dims[dim] + (size_t)index;
    }
    return true;
}

static void visit_next(struct visit *visit, const struct box *to) {
    for (size_t dim = to->shape.rank; dim-- > 0;) {
        if (++visit->counter[dim] < to->shape.dims[dim]) return;
        visit->counter[dim] = 0;
    }
}

void box_copy(float *out, const struct box *to, const float *in, const struct box *from, float outside) {
    struct visit visit = {0};
    size_t count = lipcl_shape_count(&to->shape), at;
    for (size_t i = 0; i < count; i++, visit_next(&visit, to)) out[i] = visit_find(&visit, to, from, &at) ? in[at] : outside;
}

void box_copy_magnitude(double *out, const struct box *to, const double *in, const struct box *from) {
    struct visit visit = {0};
    size_t count = lipcl_shape_count(&to->shape), at;
    for (size_t i = 0; i < count; i++, visit_next(&visit, to)) out[i] = visit_find(&visit, to, from, &at) ? in[at] : 0;
}
