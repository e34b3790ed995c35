#include "tensor/layout.h"

/* Appends a digit, merging it with its predecessor when both form one run of the same dimension. */
static void push(struct layout *layout, struct digit digit) {
    if (digit.extent == 1) return;
    struct digit *last = layout->count ? &layout->digits[layout->count - 1] : NULL;
    if (last && last->dim == digit.dim && last->stride == digit.extent * digit.stride) {
        last->extent *= digit.extent;
        last->stride = digit.stride;
        return;
    }
    layout->digits[layout->count++] = digit;
}

struct layout layout_ordered(const struct lipcl_shape *shape, const size_t *order) {
    size_t strides[LIPCL_MAX_RANK], stride = 1;
    for (size_t i = shape->rank; i-- > 0;) {
        strides[order[i]] = stride;
        stride *= shape->dims[order[i]];
    }
    struct layout layout = {0};
    for (size_t dim = 0; dim < shape->rank; dim++) push(&layout, (struct digit){dim, shape->dims[dim], strides[dim]});
    return layout;
}

struct layout layout_row_major(const struct lipcl_shape *shape) {
    static const size_t order[LIPCL_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    return layout_ordered(shape, order);
}

struct layout layout_permute(const struct layout *layout, const size_t *order, size_t rank) {
    struct layout out = {0};
    for (size_t dim = 0; dim < rank; dim++)
        for (size_t i = 0; i < layout->count; i++)
            if (layout->digits[i].dim == order[dim])
                push(&out, (struct digit){dim, layout->digits[i].extent, layout->digits[i].stride});
    return out;
}

bool layout_reshape(struct layout *out, const struct layout *layout, const struct lipcl_shape *shape) {
    /* Deals the digits out to the new dimensions from the least significant end, splitting one where a boundary falls inside.
     */
    struct digit dealt[2 * LAYOUT_MAX_DIGITS];
    size_t dealt_count = 0, left = layout->count;
    struct digit current = {0, 1, 0};
    for (size_t dim = shape->rank; dim-- > 0;) {
        size_t need = shape->dims[dim];
        while (need > 1) {
            if (current.extent == 1) {
                if (left == 0) return false;
                current = layout->digits[--left];
            }
            size_t take = current.extent < need ? current.extent : need;
            if (current.extent % take || need % take) return false;
            if (dealt_count == 2 * LAYOUT_MAX_DIGITS) return false;
            dealt[dealt_count++] = (struct digit){dim, take, current.stride};
            current.extent /= take;
            current.stride *= take;
            need /= take;
        }
    }
    if (dealt_count > LAYOUT_MAX_DIGITS) return false;
    *out = (struct layout){0};
    while (dealt_count) push(out, dealt[--dealt_count]);
    return true;
}

bool layout_stride(const struct layout *layout, size_t dim, size_t *stride) {
    size_t found = 0;
    *stride = 0;
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->digits[i].dim != dim) continue;
        *stride = layout->digits[i].stride;
        found++;
    }
    return found <= 1;
}

bool layout_dim_is_contiguous(const struct layout *layout, size_t dim) {
    /* Repeatedly finds the digit that continues the run of `covered` elements. */
    size_t digits = 0, used = 0, covered = 1;
    for (size_t i = 0; i < layout->count; i++) digits += layout->digits[i].dim == dim;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < layout->count; i++) {
            if (layout->digits[i].dim != dim || layout->digits[i].stride != covered) continue;
            covered *= layout->digits[i].extent;
            used++;
            grew = true;
            break;
        }
    }
    return used == digits;
}

size_t layout_dim_offset(const struct layout *layout, size_t dim, size_t index) {
    size_t offset = 0;
    for (size_t i = layout->count; i-- > 0;) {
        if (layout->digits[i].dim != dim) continue;
        offset += index % layout->digits[i].extent * layout->digits[i].stride;
        index /= layout->digits[i].extent;
    }
    return offset;
}

bool layout_equal(const struct layout *a, const struct layout *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->digits[i].dim != b->digits[i].dim || a->digits[i].extent != b->digits[i].extent ||
            a->digits[i].stride != b->digits[i].stride)
            return false;
    return true;
}

bool layout_is_row_major(const struct layout *layout, const struct lipcl_shape *shape) {
    struct layout dense = layout_row_major(shape);
    return layout_equal(layout, &dense);
}

/* Visits the elements in row-major order, keeping the buffer's offset by counting the digits up like an odometer. */
struct walk {
    size_t counter[LAYOUT_MAX_DIGITS];
    size_t offset;
};

static bool walk_next(struct walk *walk, const struct layout *layout) {
    for (size_t i = layout->count; i-- > 0;) {
        const struct digit *digit = &layout->digits[i];
        walk->offset += digit->stride;
        if (++walk->counter[i] < digit->extent) return true;
        walk->offset -= digit->extent * digit->stride;
        walk->counter[i] = 0;
    }
    return false;
}

void layout_gather(float *row_major, const float *buffer, const struct layout *layout) {
    struct walk walk = {0};
    do *row_major++ = buffer[walk.offset];
    while (walk_next(&walk, layout));
}

void layout_scatter(float *buffer, const float *row_major, const struct layout *layout) {
    struct walk walk = {0};
    do buffer[walk.offset] = *row_major++;
    while (walk_next(&walk, layout));
}
