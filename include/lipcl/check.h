/* check.h: the kernel checker. Draws random cases of an operator, runs them on a device and holds them against the reference.
 *
 * A case is a pure function of operator, lowering, fill, seed and index, so that one line reproduces a failure anywhere. Each
 * one draws shapes from the output's side (1s, primes, tails) and parameters, fills inputs and weights, plans it with guard
 * bands behind every buffer and NaN in everything not yet written, runs it twice and demands that
 *   - every output agrees with the reference: exactly where sums of small integers are exact, else within the release bound;
 *   - both runs give the same bits, inputs are as they were, guard bands are whole.
 */
#ifndef LIPCL_CHECK_H
#define LIPCL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lipcl_fill {
    LIPCL_FILL_INT = 0, /* small integers, so few that single precision sums them exactly: answers must be exact */
    LIPCL_FILL_UNIT,    /* uniform in [-1, 1]: answers must keep the release bound */
    LIPCL_FILL_EDGE,    /* as unit, with NaN, infinities, denormals, large numbers and zeros strewn in
                           (weights stay finite) */
    LIPCL_FILL_COUNT
};

/* "int", "unit", "edge"; static, thread-safe. */
LIPCL_API const char *lipcl_fill_name(enum lipcl_fill fill);

struct lipcl_check_case {
    const char *op;       /* one of lipcl_check_op_name() */
    const char *lowering; /* one of lipcl_check_lowering_name(), or NULL: whichever planning chooses */
    enum lipcl_fill fill;
    uint64_t seed, index;
};

enum lipcl_check_verdict {
    LIPCL_CHECK_PASSED = 0,
    LIPCL_CHECK_FAILED,
    LIPCL_CHECK_VACUOUS,     /* the reference's answer is the same number everywhere: nothing was proven */
    LIPCL_CHECK_UNSUPPORTED, /* the lowering does not take this case on this device */
};

struct lipcl_check_result {
    enum lipcl_check_verdict verdict;
    char text[512];   /* the case in words: operator, parameters, shapes */
    char reason[512]; /* what is wrong, "" when passed */
    char lowering[64];
    double max_error, bound_share, rho; /* the worst of the case's outputs; see struct lipcl_layer_check */
};

/* Every operator and its lowerings; NULL beyond the last. Static, thread-safe. */
LIPCL_API const char *lipcl_check_op_name(size_t index);
LIPCL_API const char *lipcl_check_lowering_name(const char *op, size_t index);

/* Runs one case. The status tells whether it could be run; what came of it is in *result.
 * LIPCL_ERROR_NOT_FOUND: no such operator or lowering; LIPCL_ERROR_DEVICE_LOST, _MEMORY. */
LIPCL_API enum lipcl_status lipcl_check_run(struct lipcl_context *ctx, struct lipcl_check_result *result,
                                            struct lipcl_device *device, const struct lipcl_check_case *spec);

#ifdef __cplusplus
}
#endif
#endif
