/* check.h: the kernel checker. Draws random cases of an operator, runs them on a device and holds them against the reference.
 *
 * A case is a pure function of operator, lowering, fill, seed and index, so that one line reproduces a failure anywhere. Each
 * one draws shapes from the output's side (1s, primes, tails), parameters, the input's order in memory, and how to run it: with
 * values from the lowering's tuning space, and on CPU devices by the code that GPUs are given, too. The first cases of an
 * operator are LipNet's own (two frames of them), run as planning would. It fills inputs and weights, plans with guard bands
 * behind every buffer and NaN in everything not yet written, runs it twice and demands that
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
    bool small; /* no dimension beyond a handful, and none of LipNet's own cases: for simulators of devices */
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

/* How long the kernels of one case take. */
struct lipcl_check_timing {
    char text[512];      /* the case in words */
    bool lipnet;         /* one of LipNet's own shapes, here 75 frames long; they are an operator's first cases */
    bool supported;      /* false: the lowering does not take the case, or it needs no kernel; the rest is 0 */
    uint64_t median_ns;  /* of several runs, from the first enqueue to the end of the work */
    double flops, bytes; /* useful ones, by the definition; see struct lipcl_layer_info */
};

/* Times one case, comparing nothing. Errors as for lipcl_check_run(); LIPCL_ERROR_UNSUPPORTED on `host`. */
LIPCL_API enum lipcl_status lipcl_check_time(struct lipcl_context *ctx, struct lipcl_check_timing *timing,
                                             struct lipcl_device *device, const struct lipcl_check_case *spec);

#ifdef __cplusplus
}
#endif
#endif
