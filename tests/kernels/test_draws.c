/* What the kernel checker draws: the same case from the same numbers, and every kind of case soon. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/check.h>

#include "ops/op.h"
#include "support/test_devices.h"

static struct lipcl_context *ctx;
static struct lipcl_device *device;

static void open_device(const char *selector) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
}

static void close_device(void) {
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

static struct lipcl_check_result run(const struct lipcl_check_case *one) {
    struct lipcl_check_result result;
    cr_assert(lipcl_check_run(ctx, &result, device, one) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_expect(result.verdict != LIPCL_CHECK_FAILED, "%s: %s", result.text, result.reason);
    return result;
}

/* Each of `wanted` is in the words of one of the first cases. */
static void expect_drawn(const char *op, const char *lowering, size_t cases, const char *const *wanted) {
    bool seen[16] = {false};
    for (uint64_t index = 0; index < cases; index++) {
        struct lipcl_check_result result =
            run(&(struct lipcl_check_case){.op = op, .lowering = lowering, .fill = LIPCL_FILL_UNIT, .seed = 3, .index = index});
        for (size_t i = 0; wanted[i]; i++) seen[i] |= strstr(result.text, wanted[i]) != NULL;
    }
    for (size_t i = 0; wanted[i]; i++) cr_expect(seen[i], "%s: no \"%s\" in %zu cases", op, wanted[i], cases);
}

Test(draws, recurrences_of_every_kind) {
    open_device("host");
    expect_drawn("gru", NULL, 60,
                 (const char *const[]){"T 1 ", "T 3 ", "N 1 ", "N 5 ", "hidden 1 ", "hidden 37 ", "layers 2", "layers 3",
                                       "bidirectional", "no bias", " h0", " h_n", "stored as", "input 3072", NULL});
    close_device();
}

Test(draws, tuning_values_and_the_gpus_code) {
    open_device("cpu");
    expect_drawn("linear", "linear_packed", 40,
                 (const char *const[]){" as on a GPU", " VEC=", " ROWS=", "stored as", "no bias", "x [2,1,512] out 28", NULL});
    close_device();
}

Test(draws, a_case_is_a_function_of_its_numbers) {
    open_device("host");
    const struct lipcl_check_case one = {.op = "maxpool3d", .fill = LIPCL_FILL_EDGE, .seed = 5, .index = 17};
    struct lipcl_check_case other = one, later = one;
    other.seed++;
    later.index++;
    struct lipcl_check_result first = run(&one), again = run(&one), seed = run(&other), index = run(&later);
    cr_expect_str_eq(first.text, again.text);
    cr_expect_str_neq(first.text, seed.text);
    cr_expect_str_neq(first.text, index.text);
    cr_expect_eq(first.bound_share, again.bound_share);
    close_device();
}

/* For simulators: nothing that takes them long, so LipNet's own cases neither, which are an operator's first. */
Test(draws, small_cases_are_small) {
    open_device("host");
    for (uint64_t index = 0; index < 40; index++) {
        struct lipcl_check_result result = run(&(struct lipcl_check_case){.op = "relu", .index = index, .small = true});
        const char *at = strchr(result.text, '[');
        cr_assert(at, "%s", result.text);
        while (*at != ']') cr_expect_leq(strtoul(at + 1, (char **)&at, 10), 5, "case %zu: %s", (size_t)index, result.text);
    }
    close_device();
}

Test(draws, unknown_operators_and_lowerings) {
    open_device("host");
    struct lipcl_check_result result;
    struct lipcl_check_case one = {.op = "conv4d"};
    cr_expect_eq(lipcl_check_run(ctx, &result, device, &one), LIPCL_ERROR_NOT_FOUND);
    one.op = "relu";
    one.lowering = "relu_magic";
    cr_expect_eq(lipcl_check_run(ctx, &result, device, &one), LIPCL_ERROR_NOT_FOUND);
    close_device();
}

/* What tuner and checker rely on. */
Test(draws, tuning_spaces_are_in_order) {
    size_t knobs = 0;
    for (size_t i = 0; op_table[i]; i++)
        for (size_t k = 0; op_table[i]->lowerings[k]; k++) {
            const struct lowering *lowering = op_table[i]->lowerings[k];
            for (size_t j = 0; lowering->knobs && lowering->knobs[j].name; j++, knobs++) {
                const struct tuning_knob *knob = &lowering->knobs[j];
                cr_expect_lt(j, TUNING_MAX_KNOBS, "%s has too many", lowering->name);
                cr_expect(knob->values[0] && knob->values[1], "%s %s: nothing to choose", lowering->name, knob->name);
                for (size_t v = 1; v < TUNING_MAX_VALUES && knob->values[v]; v++)
                    cr_expect_gt(knob->values[v], knob->values[v - 1], "%s %s: out of order", lowering->name, knob->name);
            }
        }
    cr_expect_geq(knobs, 15);
}
