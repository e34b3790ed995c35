/* Random cases of every operator with every lowering on every device: a bounded part of what `lipcl check` can draw. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include <lipcl/check.h>

#include "support/test_devices.h"

enum { CASES = 8, FILLS = LIPCL_FILL_COUNT };

static void check_lowering(struct lipcl_context *ctx, struct lipcl_device *device, const char *op, const char *lowering) {
    size_t passed = 0;
    for (int fill = 0; fill < FILLS; fill++)
        for (uint64_t index = 0; index < CASES; index++) {
            struct lipcl_check_result result;
            struct lipcl_check_case spec = {
                .op = op, .lowering = lowering, .fill = (enum lipcl_fill)fill, .seed = 20240229, .index = index};
            enum lipcl_status status = lipcl_check_run(ctx, &result, device, &spec);
            cr_assert(status == LIPCL_OK, "%s: %s", result.text, lipcl_context_error(ctx));
            cr_expect(result.verdict != LIPCL_CHECK_FAILED, "%s, fill %s, seed 20240229, case %d: %s\n  %s", result.lowering,
                      lipcl_fill_name(spec.fill), (int)index, result.text, result.reason);
            passed += result.verdict == LIPCL_CHECK_PASSED;
        }
    cr_expect(passed >= FILLS * CASES / 2, "%s %s: only %zu cases said anything", op, lowering ? lowering : "", passed);
}

ParameterizedTestParameters(random_cases, every_lowering) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *parameter, random_cases, every_lowering) {
    struct lipcl_context *ctx = test_context();
    struct lipcl_device *device = NULL;
    cr_assert(lipcl_device_create(ctx, &device, parameter->selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    bool host = strcmp(parameter->selector, "host") == 0;
    size_t lowerings = 0;
    for (size_t i = 0; lipcl_check_op_name(i); i++) {
        const char *op = lipcl_check_op_name(i);
        if (host) check_lowering(ctx, device, op, NULL);
        for (size_t k = 0; !host && lipcl_check_lowering_name(op, k); k++, lowerings++)
            check_lowering(ctx, device, op, lipcl_check_lowering_name(op, k));
    }
    cr_expect(host || lowerings >= 10, "%zu lowerings", lowerings);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}
