#include <criterion/criterion.h>

#include "tensor/box.h"
#include "tensor/shape.h"

static void expect_aligned(ptrdiff_t start, size_t extent, ptrdiff_t wanted_start, size_t wanted_extent) {
    const struct lipcl_shape shape = SHAPE(10, 3);
    struct box box = {.start = {start, 1}, .shape = SHAPE(extent, 2)};
    struct box aligned = box_aligned(&box, (const size_t[]){4, 1}, &shape);
    cr_expect(aligned.start[0] == wanted_start && aligned.shape.dims[0] == wanted_extent, "%td + %zu became %td + %zu", start,
              extent, aligned.start[0], aligned.shape.dims[0]);
    cr_expect(aligned.start[1] == 1 && aligned.shape.dims[1] == 2);
}

Test(box, aligned_begins_and_ends_on_multiples_or_at_the_end) {
    expect_aligned(0, 4, 0, 4);
    expect_aligned(3, 2, 0, 8);
    expect_aligned(4, 1, 4, 4);
    expect_aligned(7, 2, 4, 6); /* 4 to 12, of 10 */
    expect_aligned(9, 1, 8, 2);
    expect_aligned(0, 10, 0, 10);
}

Test(box, inside_cuts_at_both_ends) {
    struct box box = {.start = {-2, 1}, .shape = SHAPE(5, 4)};
    struct box inside = box_inside(&box, &SHAPE(10, 3));
    cr_expect(inside.start[0] == 0 && inside.shape.dims[0] == 3 && inside.start[1] == 1 && inside.shape.dims[1] == 2);
}
