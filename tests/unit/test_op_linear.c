/* linear: parameters, shapes and cost. That its kernels compute the right thing is tests/kernels' affair. */
#include <stdint.h>

#include "infer_case.h"

extern const struct op_def linear_op;

TestSuite(linear, .init = context_open, .fini = context_close);

Test(linear, keeps_every_dimension_but_the_last) {
    struct lipcl_linear_params params = {.out_features = 28};
    EXPECT_SHAPE(infer_shape(&linear_op, &params, SHAPE(75, 1, 512)), 75, 1, 28);
    EXPECT_SHAPE(infer_shape(&linear_op, &params, SHAPE(512)), 28);
    EXPECT_SHAPE(infer_shape(&linear_op, &params, SHAPE(2, 3, 4, 5, 6, 7, 8, 9)), 2, 3, 4, 5, 6, 7, 8, 28);
}

Test(linear, parameters_have_their_names_and_shapes) {
    struct lipcl_linear_params params = {.out_features = 28};
    struct lipcl_shape x = SHAPE(75, 1, 512);
    struct op_parameter out[2];
    cr_assert(linear_op.parameters(&params, (const struct lipcl_shape *[]){&x}, NULL) == 2);
    cr_assert(linear_op.parameters(&params, (const struct lipcl_shape *[]){&x}, out) == 2);
    cr_expect_str_eq(out[0].name, "weight");
    EXPECT_SHAPE(out[0].shape, 28, 512);
    cr_expect_str_eq(out[1].name, "bias");
    EXPECT_SHAPE(out[1].shape, 28);
    cr_expect(!out[0].absent && !out[1].absent);
    params.no_bias = true;
    linear_op.parameters(&params, (const struct lipcl_shape *[]){&x}, out);
    cr_expect(!out[0].absent && out[1].absent);
}

Test(linear, cost_counts_the_definition) {
    struct lipcl_linear_params params = {.out_features = 28};
    struct lipcl_shape x = SHAPE(75, 2, 512), y = infer_shape(&linear_op, &params, x);
    struct op_cost cost = linear_op.cost(&params, (const struct lipcl_shape *[]){&x}, 1, &y);
    cr_expect(cost.flops == 150.0 * 28 * (2 * 512 + 1), "%g", cost.flops);
    cr_expect(cost.bytes == 4.0 * (150 * 512 + 28 * 512 + 28 + 150 * 28), "%g", cost.bytes);
}

Test(linear, refuses_what_does_not_fit) {
    struct lipcl_linear_params params = {.out_features = 0};
    expect_refusal(&linear_op, &params, SHAPE(3, 4), LIPCL_ERROR_ARGUMENT, WORDS("linear", "out_features is 0", "give 1 to"));
    params.out_features = SIZE_MAX;
    expect_refusal(&linear_op, &params, SHAPE(3, 4), LIPCL_ERROR_ARGUMENT, WORDS("linear", "out_features"));
    params.out_features = 4;
    expect_refusal(&linear_op, &params, (struct lipcl_shape){0}, LIPCL_ERROR_SHAPE,
                   WORDS("linear", "scalar", "[...,features]"));
}
