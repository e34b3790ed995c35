/* dropout and dropout3d: their parameter, shapes and when they do nothing. */
#include <math.h>

#include "infer_case.h"

extern const struct op_def dropout_op, dropout3d_op;

TestSuite(dropout, .init = context_open, .fini = context_close);

Test(dropout, keeps_the_shape) {
    struct lipcl_dropout_params params = {.p = 0.5f};
    EXPECT_SHAPE(infer_shape(&dropout_op, &params, SHAPE(75, 2, 512)), 75, 2, 512);
    EXPECT_SHAPE(infer_shape(&dropout_op, &params, SHAPE(9)), 9);
    EXPECT_SHAPE(infer_shape(&dropout3d_op, &params, SHAPE(2, 3, 4, 5, 6)), 2, 3, 4, 5, 6);
}

Test(dropout, does_nothing_when_evaluating_or_when_nothing_can_drop) {
    const struct op_def *const ops[] = {&dropout_op, &dropout3d_op};
    for (size_t i = 0; i < 2; i++) {
        cr_expect(ops[i]->is_identity(&(struct lipcl_dropout_params){.p = 0.5f}));
        cr_expect(ops[i]->is_identity(&(struct lipcl_dropout_params){.p = 0, .training = true}));
        cr_expect(!ops[i]->is_identity(&(struct lipcl_dropout_params){.p = 0.5f, .training = true}));
    }
}

Test(dropout, refuses_what_is_no_probability_below_one) {
    const struct op_def *const ops[] = {&dropout_op, &dropout3d_op};
    const float bad[] = {-0.1f, 1.0f, 1.5f, NAN, INFINITY, -INFINITY};
    for (size_t op = 0; op < 2; op++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            struct lipcl_dropout_params params = {.p = bad[i], .training = i % 2};
            expect_refusal(ops[op], &params, SHAPE(1, 2, 3, 4, 5), LIPCL_ERROR_ARGUMENT,
                           WORDS(ops[op]->name, "p is", "0 <= p < 1"));
        }
}

Test(dropout, dropout3d_wants_five_dimensions) {
    struct lipcl_dropout_params params = {.p = 0.5f, .training = true};
    expect_refusal(&dropout3d_op, &params, SHAPE(2, 3, 4, 5), LIPCL_ERROR_SHAPE,
                   WORDS("dropout3d", "[2,3,4,5]", "rank 4", "[N,C,T,H,W]"));
}
