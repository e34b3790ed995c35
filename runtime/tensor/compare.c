#include "tensor/compare.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const double UNIT_ROUNDOFF = 0x1p-24;

/* How far apart two values are in units of their bound; infinity when they differ in kind. */
static double share_of_bound(float got, float wanted, double magnitude, double bound) {
    if (magnitude == COMPARE_UNBOUNDED) return 0;
    if (isnan(wanted)) return isnan(got) ? 0 : INFINITY;
    if (isnan(got)) return INFINITY;
    if (got == wanted) return 0;
    /* Where the magnitude sum leaves the range of single precision, a partial sum may honestly have overflowed. */
    if (isinf(got) || isinf(wanted)) return magnitude > FLT_MAX ? 0 : INFINITY;
    return fabs((double)got - (double)wanted) / bound; /* a bound of 0 gives infinity: the two are known to differ */
}

static void finish(struct compare_result *result, const float *wanted, size_t count, bool unbounded, bool exact) {
    bool constant = count > 1;
    for (size_t i = 1; i < count && constant; i++) constant = wanted[i] == wanted[0] || (isnan(wanted[i]) && isnan(wanted[0]));
    result->vacuous = constant || unbounded;
    result->ok = result->share <= 1 && !result->vacuous;
    if (!(result->share <= 1))
        snprintf(result->reason, sizeof result->reason, "element %zu is %.9g, the reference says %.9g (%s%.3g)", result->worst,
                 (double)result->got, (double)result->wanted, exact ? "must be exact, off by " : "share of the bound ",
                 exact ? result->max_error : result->share);
    else if (unbounded)
        snprintf(result->reason, sizeof result->reason, "mistrusted: intermediates may overflow behind every element");
    else if (constant)
        snprintf(result->reason, sizeof result->reason, "mistrusted: the reference is %.9g everywhere", (double)wanted[0]);
}

/* How a bound is made of a magnitude sum. */
struct rule {
    bool exact;            /* 0 everywhere, and nothing below counts */
    double g;              /* roundings, relative to the magnitude sum */
    double copied, summed; /* what underflow may take of a value, without and with arithmetic behind it */
};

static double bound_of(const struct rule *rule, double y, double magnitude) {
    if (rule->exact) return 0;
    return rule->g * UNIT_ROUNDOFF * magnitude + UNIT_ROUNDOFF * fabs(y) + (magnitude > 0 ? rule->summed : rule->copied);
}

static void compare_all(struct compare_result *result, const float *got, const float *wanted, const double *magnitude,
                        size_t count, const struct rule *rule) {
    bool unbounded = count > 0;
    *result = (struct compare_result){.share = -1};
    for (size_t i = 0; i < count; i++) {
        double s = magnitude ? magnitude[i] : 0;
        unbounded = unbounded && s == COMPARE_UNBOUNDED;
        double bound = bound_of(rule, (double)wanted[i], s);
        double share = share_of_bound(got[i], wanted[i], s, bound);
        double error = isinf(share) && bound > 0 ? INFINITY : fabs((double)got[i] - (double)wanted[i]);
        if (isnan(error)) error = share == 0 ? 0 : INFINITY; /* equal infinities or NaNs are no error */
        if (s == COMPARE_UNBOUNDED) error = 0;
        result->max_error = fmax(result->max_error, error);
        if (s > 0 && isfinite(error)) result->rho = fmax(result->rho, error / (UNIT_ROUNDOFF * s));
        if (!(share > result->share)) continue;
        result->share = share;
        result->worst = i;
        result->got = got[i];
        result->wanted = wanted[i];
    }
    if (result->share < 0) result->share = 0; /* an empty tensor */
    finish(result, wanted, count, unbounded, rule->exact);
}

void compare_exact(struct compare_result *result, const float *got, const float *wanted, size_t count) {
    compare_all(result, got, wanted, NULL, count, &(struct rule){.exact = true});
}

void compare_bounded(struct compare_result *result, const float *got, const float *wanted, const double *magnitude,
                     size_t count, size_t chain, bool flushes_denormals) {
    double operations = (double)chain + 1;
    struct rule rule = {.g = 9 * sqrt(operations + 1)};
    rule.copied = flushes_denormals ? operations * 0x1p-126 : 0;
    rule.summed = flushes_denormals ? rule.copied : operations * 0x1p-149;
    compare_all(result, got, wanted, magnitude, count, &rule);
}
