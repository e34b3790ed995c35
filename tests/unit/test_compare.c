/* The comparator decides everything else, so it is held to what the usual comparators let through. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "tensor/compare.h"

enum { COUNT = 24 };

static float wanted[COUNT], got[COUNT];
static double magnitude[COUNT];
static struct compare_result result;

static void reset(void) {
    for (size_t i = 0; i < COUNT; i++) {
        wanted[i] = (float)i * 0.37f - 3.1f;
        magnitude[i] = 10;
        got[i] = wanted[i];
    }
}

TestSuite(compare, .init = reset);

static void bounded(void) {
    compare_bounded(&result, got, wanted, magnitude, COUNT, 2400, false);
}

Test(compare, accepts_equal_and_nearly_equal) {
    bounded();
    cr_expect(result.ok && result.share == 0 && result.max_error == 0, "%s", result.reason);
    compare_exact(&result, got, wanted, COUNT);
    cr_expect(result.ok);
    got[3] += 1e-5f; /* bound: 9 sqrt(2402) 2^-24 10 = 2.6e-4 */
    bounded();
    cr_expect(result.ok && result.share > 0.01 && result.share < 1, "share %g", result.share);
    cr_expect_float_eq(result.max_error, 1e-5, 1e-6);
    cr_expect_float_eq(result.rho, result.max_error / (0x1p-24 * 10), 1e-6);
    compare_exact(&result, got, wanted, COUNT);
    cr_expect_not(result.ok);
}

Test(compare, the_bound_is_the_formula) {
    memset(wanted, 0, sizeof wanted);
    wanted[0] = got[0] = 1; /* not constant */
    for (size_t i = 1; i < COUNT; i++) got[i] = 0;
    double g = 9 * sqrt(7 + 2), bound = g * 0x1p-24 * 10;
    got[5] = (float)(bound * 0.999);
    compare_bounded(&result, got, wanted, magnitude, COUNT, 7, false);
    cr_expect(result.ok && result.share > 0.998, "share %g", result.share);
    got[5] = (float)(bound * 1.001);
    compare_bounded(&result, got, wanted, magnitude, COUNT, 7, false);
    cr_expect(!result.ok && result.worst == 5, "share %g", result.share);
}

Test(compare, nan_against_a_number) {
    got[7] = NAN;
    bounded();
    cr_expect(!result.ok && isinf(result.share) && isinf(result.max_error) && result.worst == 7);
    compare_exact(&result, got, wanted, COUNT);
    cr_expect_not(result.ok);
}

Test(compare, nan_everywhere_where_the_reference_has_none) {
    for (size_t i = 0; i < COUNT; i++) got[i] = NAN;
    bounded();
    cr_expect_not(result.ok);
}

Test(compare, a_number_against_nan) {
    wanted[7] = NAN;
    bounded();
    cr_expect(!result.ok && result.worst == 7);
    got[7] = NAN; /* where the reference has a NaN, the device must have one too */
    bounded();
    cr_expect(result.ok, "%s", result.reason);
}

Test(compare, infinities) {
    got[2] = INFINITY;
    bounded();
    cr_expect(!result.ok && isinf(result.max_error));
    wanted[2] = -INFINITY;
    bounded();
    cr_expect_not(result.ok);
    wanted[2] = INFINITY;
    bounded();
    cr_expect(result.ok && result.max_error == 0, "%s", result.reason);
    got[2] = 0;
    bounded();
    cr_expect_not(result.ok);
}

Test(compare, all_zero_output) {
    memset(got, 0, sizeof got);
    bounded();
    cr_expect_not(result.ok);
}

Test(compare, swapped_axes) {
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 6; j++) got[j * 4 + i] = wanted[i * 6 + j];
    bounded();
    cr_expect_not(result.ok);
}

Test(compare, one_wrong_element) {
    got[COUNT - 1] += 0.01f;
    bounded();
    cr_expect(!result.ok && result.worst == COUNT - 1 && result.got == got[COUNT - 1] && result.wanted == wanted[COUNT - 1]);
}

Test(compare, skipped_tail) {
    for (size_t i = COUNT - 3; i < COUNT; i++) got[i] = 0;
    bounded();
    cr_expect_not(result.ok);
}

Test(compare, constant_reference_is_mistrusted) {
    for (size_t i = 0; i < COUNT; i++) wanted[i] = got[i] = 2.5f;
    bounded();
    cr_expect(!result.ok && result.vacuous && result.share == 0 && strstr(result.reason, "mistrusted"));
    compare_exact(&result, got, wanted, COUNT);
    cr_expect(!result.ok && result.vacuous);
    compare_exact(&result, got, wanted, 1); /* a single element has nothing to differ from */
    cr_expect(result.ok);
}

Test(compare, no_magnitude_leaves_one_rounding) {
    got[4] = nextafterf(wanted[4], 100);
    compare_bounded(&result, got, wanted, NULL, COUNT, 2400, false);
    cr_expect(!result.ok, "a pooled value may not differ by even an ulp: share %g", result.share);
}

Test(compare, flushed_denormals) {
    wanted[1] = 0x1p-130f;
    got[1] = 0;
    magnitude[1] = 0x1p-130;
    bounded();
    cr_expect_not(result.ok);
    compare_bounded(&result, got, wanted, magnitude, COUNT, 2400, true);
    cr_expect(result.ok, "%s", result.reason);
}

Test(compare, denormals_differ_by_whole_steps) {
    const float tiny = 0x1p-140f, step = 0x1p-149f;
    wanted[1] = tiny;
    magnitude[1] = 0x1p-140;
    got[1] = tiny + 7 * step;
    compare_bounded(&result, got, wanted, magnitude, COUNT, 7, false);
    cr_expect(result.ok, "%s", result.reason);
    got[1] = tiny + 9 * step;
    compare_bounded(&result, got, wanted, magnitude, COUNT, 7, false);
    cr_expect(!result.ok && result.worst == 1, "each operation may lose one step, not more: share %g", result.share);
    magnitude[1] = 0;
    got[1] = tiny + step;
    compare_bounded(&result, got, wanted, magnitude, COUNT, 7, false);
    cr_expect(!result.ok && result.worst == 1, "a copied denormal is exact: share %g", result.share);
}

Test(compare, where_nothing_is_known_anything_goes_but_proves_nothing) {
    magnitude[5] = COMPARE_UNBOUNDED;
    got[5] = NAN;
    bounded();
    cr_expect(result.ok && result.max_error == 0, "%s", result.reason);
    got[6] = NAN;
    bounded();
    cr_expect(!result.ok && result.worst == 6);
    for (size_t i = 0; i < COUNT; i++) magnitude[i] = COMPARE_UNBOUNDED;
    bounded();
    cr_expect(!result.ok && result.vacuous && result.share == 0, "%s", result.reason);
}
