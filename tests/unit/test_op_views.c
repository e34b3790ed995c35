/* permute, reshape, and the operators that keep the shape: shapes, and which of them are views of their input. */
#include <stdint.h>

#include "infer_case.h"

extern const struct op_def permute_op, reshape_op, relu_op, log_softmax_op;

TestSuite(views, .init = context_open, .fini = context_close);

Test(views, permute_orders_the_dimensions) {
    struct lipcl_permute_params params = {.order = {2, 0, 1, 3, 4}};
    EXPECT_SHAPE(infer_shape(&permute_op, &params, SHAPE(1, 96, 75, 4, 8)), 75, 1, 96, 4, 8);
    EXPECT_SHAPE(infer_shape(&permute_op, &(struct lipcl_permute_params){0}, SHAPE(7)), 7);
}

Test(views, permute_refuses_what_is_no_permutation) {
    struct lipcl_permute_params params = {.order = {0, 1, 1}};
    expect_refusal(&permute_op, &params, SHAPE(2, 3, 4), LIPCL_ERROR_ARGUMENT, WORDS("permute", "order[2] is 1", "[2,3,4]"));
    params.order[2] = 3;
    expect_refusal(&permute_op, &params, SHAPE(2, 3, 4), LIPCL_ERROR_ARGUMENT, WORDS("permute", "order[2] is 3", "0 to 2"));
    params.order[1] = SIZE_MAX;
    expect_refusal(&permute_op, &params, SHAPE(2, 3, 4), LIPCL_ERROR_ARGUMENT, WORDS("permute", "order[1]"));
}

/* Where the element that is `index` of the row-major tensor lies in the buffer. */
static size_t offset_of(const struct layout *layout, const struct lipcl_shape *shape, size_t index) {
    size_t offset = 0;
    for (size_t dim = shape->rank; dim-- > 0; index /= shape->dims[dim])
        offset += layout_dim_offset(layout, dim, index % shape->dims[dim]);
    return offset;
}

Test(views, permute_is_a_view_of_any_layout) {
    struct lipcl_shape x = SHAPE(2, 3, 4), y = SHAPE(4, 2, 3);
    struct lipcl_permute_params params = {.order = {2, 0, 1}};
    struct layout in = layout_ordered(&x, (size_t[]){1, 2, 0}), out; /* x[a,b,c] lies at (b 4 + c) 2 + a */
    cr_assert(permute_op.view(&out, &params, &in, &x));
    for (size_t i = 0; i < 24; i++) {
        size_t c = i / 6, a = i / 3 % 2, b = i % 3;
        cr_expect(offset_of(&out, &y, i) == (b * 4 + c) * 2 + a, "element %zu", i);
    }
}

Test(views, reshape_takes_as_many_elements) {
    struct lipcl_reshape_params params = {.shape = SHAPE(75, 1, 3072)};
    EXPECT_SHAPE(infer_shape(&reshape_op, &params, SHAPE(75, 1, 96, 4, 8)), 75, 1, 3072);
    params.shape = (struct lipcl_shape){0};
    infer_shape(&reshape_op, &params, SHAPE(1, 1)); /* to a scalar */
}

Test(views, reshape_refuses_other_sizes) {
    struct lipcl_reshape_params params = {.shape = SHAPE(5, 5)};
    expect_refusal(&reshape_op, &params, SHAPE(2, 12), LIPCL_ERROR_SHAPE, WORDS("reshape", "[5,5]", "[2,12]"));
    params.shape = SHAPE(0, 24);
    expect_refusal(&reshape_op, &params, SHAPE(2, 12), LIPCL_ERROR_SHAPE, WORDS("reshape", "[0,24]", "[2,12]"));
    params.shape = SHAPE((size_t)1 << 32, (size_t)1 << 32, 24); /* 0 when it overflows */
    expect_refusal(&reshape_op, &params, SHAPE(2, 12), LIPCL_ERROR_SHAPE, WORDS("reshape", "[2,12]"));
    params.shape.rank = LIPCL_MAX_RANK + 1;
    expect_refusal(&reshape_op, &params, SHAPE(2, 12), LIPCL_ERROR_SHAPE, WORDS("reshape", "rank 9", "above 8"));
}

Test(views, reshape_is_a_view_where_digits_can_be_regrouped) {
    struct lipcl_shape x = SHAPE(75, 1, 96, 4, 8), y = SHAPE(75, 1, 3072);
    struct lipcl_reshape_params flatten = {.shape = y};
    struct layout in = layout_ordered(&x, (size_t[]){0, 1, 3, 4, 2}), out; /* channels-last */
    cr_assert(reshape_op.view(&out, &flatten, &in, &x));
    cr_expect(layout_dim_is_contiguous(&out, 2));
    for (size_t i = 0; i < 3072; i++)
        cr_expect(offset_of(&out, &y, 3 * 3072 + i) == 3 * 3072 + i % 32 * 96 + i / 32, "feature %zu", i);

    struct lipcl_shape small = SHAPE(4, 6);
    struct layout transposed = layout_ordered(&small, (size_t[]){1, 0});
    cr_expect(!reshape_op.view(&out, &(struct lipcl_reshape_params){SHAPE(3, 8)}, &transposed, &small),
              "rows of 8 cut through columns of 4 in steps of 6");
}

Test(views, relu_and_log_softmax_keep_the_shape) {
    EXPECT_SHAPE(infer_shape(&relu_op, NULL, SHAPE(2, 3, 4)), 2, 3, 4);
    EXPECT_SHAPE(infer_shape(&log_softmax_op, NULL, SHAPE(75, 1, 28)), 75, 1, 28);
    cr_expect(!relu_op.view && !log_softmax_op.view && !relu_op.is_identity && !log_softmax_op.is_identity);
}

Test(views, log_softmax_wants_a_dimension) {
    expect_refusal(&log_softmax_op, NULL, (struct lipcl_shape){0}, LIPCL_ERROR_SHAPE, WORDS("log_softmax", "scalar"));
}
