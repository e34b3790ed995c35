/* read_box.c: a part of a value, wherever its elements lie. */
#include <stdlib.h>

#include "plan/steps.h"

/* What a read costs beside its bytes, as bytes that could be moved in that time: about 20 us at 5 GB/s. */
enum { READ_BYTES = 100000 };

/* The elements from `first` on within which the box lies in the buffer. */
struct span {
    size_t first, count;
};

static struct span dim_span(const struct layout *layout, const struct box *box, size_t dim) {
    size_t first = (size_t)-1, last = 0;
    for (size_t i = 0; i < box->shape.dims[dim]; i++) {
        size_t offset = layout_dim_offset(layout, dim, (size_t)box->start[dim] + i);
        first = size_min(first, offset);
        last = size_max(last, offset);
    }
    return (struct span){first, last - first + 1};
}

static struct span box_span(const struct layout *layout, const struct box *box) {
    struct span span = {0, 1};
    for (size_t dim = 0; dim < box->shape.rank; dim++) {
        struct span part = dim_span(layout, box, dim);
        span.first += part.first;
        span.count += part.count - 1;
    }
    return span;
}

/* The dimension whose elements had better be read one by one, as a read of all of them would bring too much else. */
static bool find_cut(size_t *cut, const struct layout *layout, const struct box *box) {
    size_t widest = 0, all = box_span(layout, box).count;
    for (size_t dim = 0; dim < box->shape.rank; dim++) {
        size_t width = box->shape.dims[dim] > 1 ? dim_span(layout, box, dim).count : 0;
        if (width > widest) *cut = dim;
        widest = size_max(widest, width);
    }
    if (widest == 0) return false;
    size_t one = (all - widest + 1) * sizeof(float) + READ_BYTES;
    return box->shape.dims[*cut] * one < all * sizeof(float) + READ_BYTES;
}

/* From the buffer's elements `span` in plan->staging to out, dense over `whole`, of which `box` is a part. */
static void gather(const struct lipcl_plan *plan, float *out, const struct box *whole, const struct layout *layout,
                   const struct box *box, struct span span) {
    size_t counter[LIPCL_MAX_RANK] = {0}, count = lipcl_shape_count(&box->shape);
    for (size_t i = 0; i < count; i++) {
        size_t from = 0, to = 0;
        for (size_t dim = 0; dim < box->shape.rank; dim++) {
            size_t index = (size_t)box->start[dim] + counter[dim];
            from += layout_dim_offset(layout, dim, index);
            to = to * whole->shape.dims[dim] + index - (size_t)whole->start[dim];
        }
        out[to] = plan->staging[from - span.first];
        for (size_t dim = box->shape.rank; dim-- > 0 && ++counter[dim] == box->shape.dims[dim];) counter[dim] = 0;
    }
}

static enum lipcl_status read_inside(struct lipcl_plan *plan, float *out, const struct box *whole,
                                     const struct plan_value *value, const struct box *box) {
    size_t cut = 0;
    if (find_cut(&cut, &value->layout, box)) {
        struct box slice = *box;
        slice.shape.dims[cut] = 1;
        for (size_t i = 0; i < box->shape.dims[cut]; i++, slice.start[cut]++) {
            enum lipcl_status status = read_inside(plan, out, whole, value, &slice);
            if (status != LIPCL_OK) return status;
        }
        return LIPCL_OK;
    }
    struct span span = box_span(&value->layout, box);
    enum lipcl_status status = device_buffer_read_part(plan->device, plan->staging, value->buffer, span.first * sizeof(float),
                                                       span.count * sizeof(float));
    if (status == LIPCL_OK) gather(plan, out, whole, &value->layout, box, span);
    return status;
}

enum lipcl_status plan_read_box(struct lipcl_plan *plan, float *row_major, lipcl_value number, const struct box *box,
                                float outside) {
    enum lipcl_status status = LIPCL_OK;
    const struct plan_value *value = &plan->values[number];
    struct box inside = box_inside(box, &value->shape);
    if (box_equal(&inside, box)) return read_inside(plan, row_major, box, value, box);
    size_t count = lipcl_shape_count(&inside.shape);
    float *part = calloc(size_max(count, 1), sizeof *part);
    if (!part) TRY(fail_memory(device_context(plan->device), count * sizeof *part));
    if (count) TRY(read_inside(plan, part, &inside, value, &inside));
    box_copy(row_major, box, part, &inside, outside);

fail:
    free(part);
    return status;
}
