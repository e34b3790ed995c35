/* conv3d: parameters, shapes and cost. That its kernels compute the right thing is tests/kernels' affair. */
#include <stdint.h>

#include "infer_case.h"

extern const struct op_def conv3d_op;

TestSuite(conv3d, .init = context_open, .fini = context_close);

static struct lipcl_conv3d_params small(void) {
    return (struct lipcl_conv3d_params){.out_channels = 8, .kernel = {3, 3, 3}, .padding = {1, 1, 1}};
}

Test(conv3d, zeros_stand_for_defaults) {
    struct lipcl_conv3d_params params = {.out_channels = 8, .kernel = {1, 2, 3}};
    EXPECT_SHAPE(infer_shape(&conv3d_op, &params, SHAPE(2, 4, 5, 6, 7)), 2, 8, 5, 5, 5);
    for (int axis = 0; axis < 3; axis++) cr_expect(params.stride[axis] == 1 && params.dilation[axis] == 1);
    cr_expect(params.groups == 1);
}

Test(conv3d, shapes_are_those_of_pytorch) {
    struct lipcl_conv3d_params lipnet1 = {.out_channels = 32, .kernel = {3, 5, 5}, .stride = {1, 2, 2}, .padding = {1, 2, 2}};
    EXPECT_SHAPE(infer_shape(&conv3d_op, &lipnet1, SHAPE(1, 3, 75, 64, 128)), 1, 32, 75, 32, 64);
    struct lipcl_conv3d_params dilated = {
        .out_channels = 6, .kernel = {2, 3, 4}, .stride = {2, 3, 1}, .padding = {0, 1, 5}, .dilation = {3, 2, 4}, .groups = 2};
    EXPECT_SHAPE(infer_shape(&conv3d_op, &dilated, SHAPE(3, 4, 9, 11, 13)), 3, 6, 3, 3, 11);
    struct lipcl_conv3d_params exact = {.out_channels = 1, .kernel = {3, 4, 5}};
    EXPECT_SHAPE(infer_shape(&conv3d_op, &exact, SHAPE(1, 1, 3, 4, 5)), 1, 1, 1, 1, 1);
}

Test(conv3d, parameters_have_their_names_and_shapes) {
    struct lipcl_conv3d_params params = {.out_channels = 6, .kernel = {1, 2, 3}, .groups = 2};
    struct lipcl_shape x = SHAPE(1, 4, 5, 5, 5);
    infer_shape(&conv3d_op, &params, x);
    struct op_parameter out[2];
    cr_assert(conv3d_op.parameters(&params, (const struct lipcl_shape *[]){&x}, NULL) == 2);
    cr_assert(conv3d_op.parameters(&params, (const struct lipcl_shape *[]){&x}, out) == 2);
    cr_expect_str_eq(out[0].name, "weight");
    EXPECT_SHAPE(out[0].shape, 6, 2, 1, 2, 3);
    cr_expect_str_eq(out[1].name, "bias");
    EXPECT_SHAPE(out[1].shape, 6);
    cr_expect(!out[0].absent && !out[1].absent);
    params.no_bias = true;
    conv3d_op.parameters(&params, (const struct lipcl_shape *[]){&x}, out);
    cr_expect(!out[0].absent && out[1].absent);
}

Test(conv3d, cost_counts_the_definition) {
    struct lipcl_conv3d_params params = {.out_channels = 64, .kernel = {3, 5, 5}, .padding = {1, 2, 2}, .no_bias = true};
    struct lipcl_shape x = SHAPE(1, 32, 75, 16, 32), y = infer_shape(&conv3d_op, &params, x);
    struct op_cost cost = conv3d_op.cost(&params, (const struct lipcl_shape *[]){&x}, 1, &y);
    cr_expect(cost.flops == 2.0 * 38400 * 64 * 2400, "%g", cost.flops);
    cr_expect(cost.bytes == 4.0 * (38400 * 32 + 38400 * 64 + 64 * 2400), "%g", cost.bytes);
}

Test(conv3d, refuses_parameters_out_of_range) {
    struct lipcl_conv3d_params params = small();
    struct lipcl_shape x = SHAPE(1, 4, 5, 6, 7);
    params.kernel[1] = 0;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("kernel[1]", "axis H", "is 0", "at least 1"));
    params = small();
    params.out_channels = 0;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("out_channels is 0"));
    params = small();
    params.out_channels = SIZE_MAX;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("out_channels"));
    params = small();
    params.stride[0] = SIZE_MAX;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("stride[0]", "axis T"));
    params = small();
    params.padding[2] = SIZE_MAX / 2 + 1; /* twice it is 0 */
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("padding[2]", "axis W"));
    params = small();
    params.dilation[1] = SIZE_MAX / 2 + 2;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("dilation[1]", "axis H"));
    params = small();
    params.kernel[0] = SIZE_MAX;
    expect_refusal(&conv3d_op, &params, x, LIPCL_ERROR_ARGUMENT, WORDS("kernel[0]", "axis T"));
}

Test(conv3d, refuses_groups_that_divide_nothing) {
    struct lipcl_conv3d_params params = small();
    params.groups = 8;
    expect_refusal(&conv3d_op, &params, SHAPE(1, 4, 5, 6, 7), LIPCL_ERROR_SHAPE, WORDS("groups is 8", "4 channels"));
    params.groups = 3;
    expect_refusal(&conv3d_op, &params, SHAPE(1, 6, 5, 6, 7), LIPCL_ERROR_ARGUMENT, WORDS("groups is 3", "out_channels 8"));
}

Test(conv3d, refuses_inputs_that_do_not_fit) {
    struct lipcl_conv3d_params params = small();
    expect_refusal(&conv3d_op, &params, SHAPE(4, 5, 6, 7), LIPCL_ERROR_SHAPE, WORDS("[4,5,6,7]", "[N,C,T,H,W]"));
    expect_refusal(&conv3d_op, &params, SHAPE(1, 4, 0, 6, 7), LIPCL_ERROR_SHAPE, WORDS("[1,4,0,6,7]", "dimension 2"));
    expect_refusal(&conv3d_op, &params, SHAPE(1, 0, 5, 6, 7), LIPCL_ERROR_SHAPE, WORDS("[1,0,5,6,7]", "dimension 1"));
    params.kernel[1] = 9;
    expect_refusal(&conv3d_op, &params, SHAPE(1, 4, 5, 6, 7), LIPCL_ERROR_SHAPE,
                   WORDS("along H", "covers 9", "only 8", "smaller kernel"));
    params = small();
    params.dilation[2] = INT32_MAX;
    expect_refusal(&conv3d_op, &params, SHAPE(1, 4, 5, 6, 7), LIPCL_ERROR_SHAPE, WORDS("along W", "dilation 2147483647"));
}

Test(conv3d, refuses_sizes_that_overflow) {
    struct lipcl_conv3d_params params = {.out_channels = 1, .kernel = {1, 1, 1}, .padding = {1u << 30, 1u << 30, 1u << 30}};
    expect_refusal(&conv3d_op, &params, SHAPE(1, 1, 1, 1, 1), LIPCL_ERROR_SHAPE, WORDS("output", "too large"));
    params = (struct lipcl_conv3d_params){
        .out_channels = 1u << 30, .kernel = {1u << 30, 4, 1}, .padding = {1u << 30, 2, 0}, .stride = {INT32_MAX, 9, 1}};
    expect_refusal(&conv3d_op, &params, SHAPE(1, 1, 1, 1, 1), LIPCL_ERROR_SHAPE, WORDS("weight", "too large"));
}
