#include <criterion/criterion.h>

#include <string.h>

#include "tensor/layout.h"
#include "tensor/shape.h"

static size_t offset(const struct layout *layout, const struct lipcl_shape *shape, size_t linear) {
    size_t at = 0;
    for (size_t dim = shape->rank; dim-- > 0;) {
        at += layout_dim_offset(layout, dim, linear % shape->dims[dim]);
        linear /= shape->dims[dim];
    }
    return at;
}

Test(layout, row_major) {
    struct lipcl_shape shape = SHAPE(2, 3, 4);
    struct layout layout = layout_row_major(&shape);
    for (size_t i = 0; i < 24; i++) cr_expect_eq(offset(&layout, &shape, i), i);
    cr_expect(layout_is_row_major(&layout, &shape));
}

Test(layout, channels_last) {
    struct lipcl_shape shape = SHAPE(2, 3, 1, 4, 5); /* N C T H W */
    static const size_t order[] = {0, 2, 3, 4, 1};
    struct layout layout = layout_ordered(&shape, order);
    size_t stride;
    cr_expect(layout_stride(&layout, 1, &stride) && stride == 1);
    cr_expect(layout_stride(&layout, 4, &stride) && stride == 3);
    cr_expect(layout_stride(&layout, 3, &stride) && stride == 15);
    cr_expect(layout_stride(&layout, 2, &stride) && stride == 0, "an extent of 1 has no digit");
    cr_expect(layout_stride(&layout, 0, &stride) && stride == 60);
    cr_expect_not(layout_is_row_major(&layout, &shape));
}

/* The flatten in front of LipNet's first GRU: channels-last [N,C,T,H,W] -> permute to [T,N,C,H,W] -> [T,N,C H W]. */
Test(layout, flatten_moves_no_data) {
    struct lipcl_shape shape = SHAPE(2, 3, 7, 4, 5), permuted = SHAPE(7, 2, 3, 4, 5), flat = SHAPE(7, 2, 60);
    static const size_t memory[] = {0, 2, 3, 4, 1}, order[] = {2, 0, 1, 3, 4};
    struct layout source = layout_ordered(&shape, memory), view = layout_permute(&source, order, 5), out;
    cr_assert(layout_reshape(&out, &view, &flat));
    for (size_t t = 0; t < 7; t++)
        for (size_t n = 0; n < 2; n++)
            for (size_t c = 0; c < 3; c++)
                for (size_t h = 0; h < 4; h++)
                    for (size_t w = 0; w < 5; w++)
                        cr_expect_eq(offset(&out, &flat, (t * 2 + n) * 60 + (c * 4 + h) * 5 + w),
                                     (((n * 7 + t) * 4 + h) * 5 + w) * 3 + c);
    cr_expect(layout_dim_is_contiguous(&out, 2), "60 features in 60 neighbouring elements, in another order");
    cr_expect_not(layout_dim_is_contiguous(&out, 1));
    size_t stride;
    cr_expect(layout_stride(&out, 0, &stride) && stride == 60);
    cr_expect_not(layout_stride(&out, 2, &stride));
    cr_expect(layout_is_row_major(&(struct layout){1, {{0, 60, 1}}}, &SHAPE(60)));
    (void)permuted;
}

Test(layout, reshape_splits_and_joins) {
    struct layout layout = layout_row_major(&SHAPE(4, 6)), out;
    cr_assert(layout_reshape(&out, &layout, &SHAPE(2, 12)));
    cr_expect(layout_is_row_major(&out, &SHAPE(2, 12)));
    cr_assert(layout_reshape(&out, &layout, &SHAPE(24)));
    cr_expect(layout_is_row_major(&out, &SHAPE(24)));
    cr_assert(layout_reshape(&out, &layout, &SHAPE(2, 2, 1, 3, 2)));
    cr_expect(layout_is_row_major(&out, &SHAPE(2, 2, 1, 3, 2)));
}

Test(layout, reshape_that_needs_a_copy_is_refused) {
    /* [4,6] transposed to [6,4]: the digits are 6 and 4; rows of 3 would cut across the 4. */
    struct layout layout = layout_row_major(&SHAPE(4, 6)), out;
    struct layout transposed = layout_permute(&layout, (const size_t[]){1, 0}, 2);
    cr_expect_not(layout_reshape(&out, &transposed, &SHAPE(8, 3)));
    cr_expect(layout_reshape(&out, &transposed, &SHAPE(24)), "two digits, but one dimension");
    cr_expect_eq(offset(&out, &SHAPE(24), 1), 6);
}

Test(layout, gather_and_scatter_are_inverse) {
    struct lipcl_shape shape = SHAPE(2, 3, 4);
    static const size_t order[] = {2, 0, 1};
    struct layout layout = layout_ordered(&shape, order);
    float rows[24], buffer[24], back[24];
    for (size_t i = 0; i < 24; i++) rows[i] = (float)i;
    layout_scatter(buffer, rows, &layout);
    for (size_t i = 0; i < 24; i++) cr_expect_eq(buffer[offset(&layout, &shape, i)], rows[i]);
    layout_gather(back, buffer, &layout);
    cr_expect_arr_eq(back, rows, sizeof rows);
    layout_gather(back, rows, &(struct layout){0}); /* a scalar */
    cr_expect_eq(back[0], rows[0]);
}
