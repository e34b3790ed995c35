/* maxpool3d: parameters, shapes and cost. That its kernel computes the right thing is tests/kernels' affair. */
#include <stdint.h>

#include "infer_case.h"

extern const struct op_def maxpool3d_op;

TestSuite(maxpool3d, .init = context_open, .fini = context_close);

Test(maxpool3d, zeros_stand_for_defaults) {
    struct lipcl_maxpool3d_params params = {.kernel = {1, 2, 3}};
    EXPECT_SHAPE(infer_shape(&maxpool3d_op, &params, SHAPE(2, 4, 5, 6, 7)), 2, 4, 5, 3, 2);
    for (size_t axis = 0; axis < 3; axis++) cr_expect(params.stride[axis] == axis + 1 && params.dilation[axis] == 1);
    cr_expect(maxpool3d_op.parameters == NULL);
}

Test(maxpool3d, shapes_are_those_of_pytorch) {
    struct lipcl_maxpool3d_params params = {
        .kernel = {2, 3, 4}, .stride = {1, 2, 3}, .padding = {1, 1, 2}, .dilation = {2, 1, 1}};
    EXPECT_SHAPE(infer_shape(&maxpool3d_op, &params, SHAPE(1, 2, 5, 6, 7)), 1, 2, 5, 3, 3);
    params.ceil_mode = true;
    EXPECT_SHAPE(infer_shape(&maxpool3d_op, &params, SHAPE(1, 2, 5, 6, 8)), 1, 2, 5, 4, 4);
}

Test(maxpool3d, ceil_mode_starts_no_window_in_the_right_padding) {
    struct lipcl_maxpool3d_params params = {.kernel = {2, 2, 1}, .stride = {3, 2, 4}, .padding = {1, 0, 0}, .ceil_mode = true};
    /* T: windows at -1, 2; a third at 5 would start beyond the input, whose right padding ends at 5. H: 0, 2, 4.
     * W: 0, 4; the one at 8 would lie wholly beyond. */
    EXPECT_SHAPE(infer_shape(&maxpool3d_op, &params, SHAPE(1, 1, 5, 5, 6)), 1, 1, 2, 3, 2);
}

Test(maxpool3d, cost_counts_the_definition) {
    struct lipcl_maxpool3d_params params = {.kernel = {1, 2, 2}};
    struct lipcl_shape x = SHAPE(1, 32, 75, 16, 32), y = infer_shape(&maxpool3d_op, &params, x);
    struct op_cost cost = maxpool3d_op.cost(&params, (const struct lipcl_shape *[]){&x}, 1, &y);
    cr_expect(cost.flops == 3.0 * 32 * 75 * 8 * 16, "%g", cost.flops);
    cr_expect(cost.bytes == 4.0 * 5 * 32 * 75 * 8 * 16, "%g", cost.bytes);
}

Test(maxpool3d, refuses_parameters_out_of_range) {
    struct lipcl_shape x = SHAPE(1, 4, 5, 6, 7);
    struct lipcl_maxpool3d_params params = {.kernel = {1, 2, 0}};
    expect_refusal(&maxpool3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("kernel[2]", "axis W", "is 0", "at least 1"));
    params = (struct lipcl_maxpool3d_params){.kernel = {1, 3, 2}, .padding = {0, 2, 1}};
    expect_refusal(&maxpool3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("padding[1]", "axis H", "is 2", "at most half", "3"));
    params = (struct lipcl_maxpool3d_params){.kernel = {1, 1, 1}, .stride = {1, SIZE_MAX, 1}};
    expect_refusal(&maxpool3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("stride[1]", "axis H"));
    params = (struct lipcl_maxpool3d_params){.kernel = {2, 1, 1}, .dilation = {SIZE_MAX, 1, 1}};
    expect_refusal(&maxpool3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("dilation[0]", "axis T"));
}

Test(maxpool3d, refuses_inputs_that_do_not_fit) {
    struct lipcl_maxpool3d_params params = {.kernel = {2, 2, 2}};
    expect_refusal(&maxpool3d_op, &params, SHAPE(5, 6, 7), LIPCL_ERROR_SHAPE, WORDS("[5,6,7]", "[N,C,T,H,W]"));
    expect_refusal(&maxpool3d_op, &params, SHAPE(1, 1, 5, 5, 0), LIPCL_ERROR_SHAPE, WORDS("[1,1,5,5,0]", "dimension 4"));
    expect_refusal(&maxpool3d_op, &params, SHAPE(1, 1, 1, 2, 2), LIPCL_ERROR_SHAPE, WORDS("along T", "covers 2", "only 1"));
}
