/* gru: parameters, shapes and cost. That its kernels compute the right thing is tests/kernels' affair. */
#include <stdint.h>

#include "infer_case.h"

extern const struct op_def gru_op;

TestSuite(gru, .init = context_open, .fini = context_close);

/* infer with an initial state or, h0 == NULL, without. */
static enum lipcl_status infer(struct lipcl_gru_params *params, struct lipcl_shape x, const struct lipcl_shape *h0,
                               struct lipcl_shape outputs[2]) {
    return gru_op.infer(ctx, "layer7", params, (const struct lipcl_shape *[]){&x, h0}, 2, outputs);
}

Test(gru, shapes_are_those_of_pytorch) {
    struct lipcl_shape outputs[2];
    struct lipcl_gru_params params = {.hidden = 256, .bidirectional = true};
    cr_assert(infer(&params, SHAPE(75, 2, 3072), NULL, outputs) == LIPCL_OK);
    EXPECT_SHAPE(outputs[0], 75, 2, 512);
    EXPECT_SHAPE(outputs[1], 2, 2, 256);
    cr_expect(params.layers == 1, "0 layers stand for 1");
    params = (struct lipcl_gru_params){.hidden = 7, .layers = 3};
    cr_assert(infer(&params, SHAPE(1, 5, 1), &SHAPE(3, 5, 7), outputs) == LIPCL_OK);
    EXPECT_SHAPE(outputs[0], 1, 5, 7);
    EXPECT_SHAPE(outputs[1], 3, 5, 7);
}

static void expect_parameter(const struct op_parameter *parameter, const char *name, struct lipcl_shape shape) {
    cr_expect_str_eq(parameter->name, name);
    cr_expect(lipcl_shape_equal(&parameter->shape, &shape), "%s is %s", name, shape_text(&parameter->shape).chars);
    cr_expect(!parameter->absent, "%s", name);
}

Test(gru, parameters_are_those_of_pytorch_in_its_order) {
    struct lipcl_gru_params params = {.hidden = 4, .layers = 2, .bidirectional = true};
    struct lipcl_shape x = SHAPE(9, 1, 10);
    struct op_parameter out[16];
    cr_assert(gru_op.parameters(&params, (const struct lipcl_shape *[]){&x, NULL}, NULL) == 16);
    cr_assert(gru_op.parameters(&params, (const struct lipcl_shape *[]){&x, NULL}, out) == 16);
    expect_parameter(&out[0], "weight_ih_l0", SHAPE(12, 10));
    expect_parameter(&out[1], "weight_hh_l0", SHAPE(12, 4));
    expect_parameter(&out[2], "bias_ih_l0", SHAPE(12));
    expect_parameter(&out[3], "bias_hh_l0", SHAPE(12));
    expect_parameter(&out[4], "weight_ih_l0_reverse", SHAPE(12, 10));
    expect_parameter(&out[7], "bias_hh_l0_reverse", SHAPE(12));
    expect_parameter(&out[8], "weight_ih_l1", SHAPE(12, 8));
    expect_parameter(&out[12], "weight_ih_l1_reverse", SHAPE(12, 8));
    expect_parameter(&out[13], "weight_hh_l1_reverse", SHAPE(12, 4));
}

Test(gru, one_direction_has_half_the_parameters) {
    struct lipcl_gru_params params = {.hidden = 4, .layers = 2, .no_bias = true};
    struct lipcl_shape x = SHAPE(9, 1, 10);
    struct op_parameter out[8];
    cr_assert(gru_op.parameters(&params, (const struct lipcl_shape *[]){&x, NULL}, out) == 8);
    expect_parameter(&out[0], "weight_ih_l0", SHAPE(12, 10));
    expect_parameter(&out[4], "weight_ih_l1", SHAPE(12, 4));
    for (size_t i = 0; i < 8; i++) cr_expect(out[i].absent == (i % 4 >= 2), "%s", out[i].name);
}

Test(gru, cost_counts_the_products_and_every_byte_once) {
    struct lipcl_gru_params params = {.hidden = 256, .layers = 1, .bidirectional = true};
    struct lipcl_shape x = SHAPE(75, 2, 3072), h0 = SHAPE(2, 2, 256), outputs[2];
    cr_assert(infer(&params, x, &h0, outputs) == LIPCL_OK);
    const struct lipcl_shape *inputs[] = {&x, &h0};
    struct op_cost cost = gru_op.cost(&params, inputs, 2, outputs);
    double products = 150.0 * 1536 * (3072 + 256);
    cr_expect(cost.flops > 2 * products && cost.flops < 2.02 * products, "%g against %g", cost.flops, 2 * products);
    cr_expect(cost.bytes == 4.0 * (150 * 3072 + 1536 * (3072 + 256 + 2) + 150 * 512 + 2 * 2 * 2 * 256), "%g", cost.bytes);
}

Test(gru, refuses_parameters_out_of_range) {
    struct lipcl_gru_params params = {.hidden = 0};
    expect_refusal(&gru_op, &params, SHAPE(3, 2, 4), LIPCL_ERROR_ARGUMENT, WORDS("gru", "hidden is 0", "give 1 to"));
    params.hidden = SIZE_MAX / 3 + 2; /* three times it is 2 */
    expect_refusal(&gru_op, &params, SHAPE(3, 2, 4), LIPCL_ERROR_ARGUMENT, WORDS("gru", "hidden"));
    params = (struct lipcl_gru_params){.hidden = 4, .layers = SIZE_MAX};
    expect_refusal(&gru_op, &params, SHAPE(3, 2, 4), LIPCL_ERROR_ARGUMENT, WORDS("gru", "layers"));
}

Test(gru, refuses_inputs_that_do_not_fit) {
    struct lipcl_gru_params params = {.hidden = 4, .layers = 2, .bidirectional = true};
    expect_refusal(&gru_op, &params, SHAPE(3, 4), LIPCL_ERROR_SHAPE, WORDS("gru", "[3,4]", "rank 2", "[T,N,features]"));
    struct lipcl_shape outputs[2], swapped = SHAPE(4, 4, 5);
    cr_expect(infer(&params, SHAPE(3, 5, 6), &swapped, outputs) == LIPCL_ERROR_SHAPE);
    const char *message = lipcl_context_error(ctx);
    cr_expect(strstr(message, "layer7") && strstr(message, "[4,4,5]") && strstr(message, "[4,5,4]"), "%s", message);
}
