/* compare.h: the one place that decides whether a result is right.
 *
 * Release bound, for an output y with magnitude sum S behind it, computed in single precision as y':
 *
 *     |y' - y| <= g u S + u |y|,   g = 9 sqrt(l + 2),   u = 2^-24
 *
 * l is the longest serial chain of additions that the lowering declares. Rounding errors grow like the square root of the
 * chain with high probability (Higham & Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput.
 * 41(5), 2019); 9 is their lambda, whose failure probability is below 1e-15 an output. Loosening a constant needs a reason
 * written here.
 *
 * Next to 0 roundings are no longer relative: fl(a b) = a b (1 + delta) + eta with |eta| <= 2^-150, half the distance of two
 * denormals (Higham, Accuracy and Stability, eq. 2.8; sums have no eta). A device may lose as much, and whole steps in exp and
 * tanh, in each of the l + 1 operations that lead to an output, so where S > 0 the bound has (l + 1) 2^-149 more. Devices that
 * flush denormals lose up to 2^-126 each, also where nothing is computed, and are given (l + 1) 2^-126 everywhere.
 */
#ifndef LIPCL_TENSOR_COMPARE_H
#define LIPCL_TENSOR_COMPARE_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>

/* A magnitude that says: the lowering's own intermediates may overflow behind this output, nothing is known of it. */
#define COMPARE_UNBOUNDED DBL_MAX

struct compare_result {
    bool ok;
    bool vacuous;      /* nothing was proven: several elements, and the reference has the same number or no bound everywhere */
    double max_error;  /* max |y' - y| */
    double share;      /* max of |y' - y| / bound; infinity where one is a NaN or an infinity and the other is not the same */
    double rho;        /* max |y' - y| / (u S) over the elements with S > 0 */
    size_t worst;      /* the element with the largest share */
    float got, wanted; /* its values */
    double kappa;      /* left 0 here; see struct lipcl_layer_check */
    char reason[160];  /* "" when ok */
};

/* Layer A: the same number everywhere (a NaN matches a NaN, zero's sign is free). */
void compare_exact(struct compare_result *result, const float *got, const float *wanted, size_t count);

/* Layer B: the release bound. magnitude holds S, one per element; NULL means S = 0, which leaves u |y|. */
void compare_bounded(struct compare_result *result, const float *got, const float *wanted, const double *magnitude,
                     size_t count, size_t chain, bool flushes_denormals);

#endif
