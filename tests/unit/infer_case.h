/* infer_case.h: what the tests of operators' shape inference share. */
#ifndef TESTS_INFER_CASE_H
#define TESTS_INFER_CASE_H

#include <criterion/criterion.h>
#include <string.h>

#include <lipcl/context.h>

#include "ops/op.h"

static struct lipcl_context *ctx;

static inline void context_open(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
}

static inline void context_close(void) {
    lipcl_context_destroy(&ctx);
}

/* The output shape of an operator with one activation; fails the test when infer refuses. */
static inline struct lipcl_shape infer_shape(const struct op_def *op, void *params, struct lipcl_shape x) {
    struct lipcl_shape y = {0};
    const struct lipcl_shape *inputs[1] = {&x};
    cr_assert(op->infer(ctx, "layer7", params, inputs, 1, &y) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return y;
}

#define EXPECT_SHAPE(got, ...)                                                                                                 \
    do {                                                                                                                       \
        struct lipcl_shape got_ = (got);                                                                                       \
        cr_expect(lipcl_shape_equal(&got_, &SHAPE(__VA_ARGS__)), "got %s, wanted %s", shape_text(&got_).chars,                 \
                  shape_text(&SHAPE(__VA_ARGS__)).chars);                                                                      \
    } while (0)

/* infer has to refuse with that status, naming the layer and every word of `words` (up to a NULL). */
static inline void expect_refusal(const struct op_def *op, void *params, struct lipcl_shape x, enum lipcl_status wanted,
                                  const char *const *words) {
    struct lipcl_shape y = {0};
    const struct lipcl_shape *inputs[1] = {&x};
    enum lipcl_status status = op->infer(ctx, "layer7", params, inputs, 1, &y);
    cr_expect(status == wanted, "%s instead of %s", lipcl_status_name(status), lipcl_status_name(wanted));
    const char *message = lipcl_context_error(ctx);
    cr_expect(strstr(message, "layer7"), "no layer in: %s", message);
    for (; *words; words++) cr_expect(strstr(message, *words), "no '%s' in: %s", *words, message);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
