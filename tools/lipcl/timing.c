#include "timing.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "messages.h"

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The rank j, from 1, for which the j-th smallest and the j-th largest of n numbers hold their distribution's median between
 * them with a probability of at least 95 %, whatever the distribution is: of n fair coins, fewer than j are heads in 2.5 %. 0:
 * no rank does, as with n < 6. (Order statistics: W. J. Conover, Practical Nonparametric Statistics, 3.2.) */
static size_t median_rank(size_t n) {
    size_t j = 0;
    if (n > 1000) return (size_t)(((double)n - 1.96 * sqrt((double)n)) / 2); /* the coins' normal distribution */
    double term = ldexp(1, -(int)n), sum = term;
    while (sum <= 0.025) {
        j++;
        term *= (double)(n + 1 - j) / (double)j;
        sum += term;
    }
    return j;
}

static void set_noise(struct spread *spread, const double *sorted) {
    size_t n = spread->count, quarter = (n + 3) / 4, rank = median_rank(n);
    size_t j = rank < quarter ? rank : quarter;
    spread->low = rank ? sorted[j - 1] / 1e6 : NAN;
    spread->high = rank ? sorted[n - j] / 1e6 : NAN;
}

struct spread spread_of(const double *ns, size_t count) {
    struct spread spread = {0};
    double *sorted = allocate(count, sizeof *sorted), sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(ns[i])) continue;
        sorted[spread.count++] = ns[i];
        sum += ns[i];
    }
    size_t n = spread.count;
    if (n) {
        qsort(sorted, n, sizeof *sorted, ascending);
        spread.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2e6;
        spread.p95 = sorted[(n * 95 + 99) / 100 - 1] / 1e6;
        spread.min = sorted[0] / 1e6;
        spread.mean = sum / (double)n / 1e6;
        set_noise(&spread, sorted);
    }
    free(sorted);
    return spread;
}

struct estimate estimate_of(const double *numbers, size_t count) {
    double *sorted = allocate(count, sizeof *sorted);
    struct estimate estimate = {NAN, NAN, NAN};
    size_t rank = median_rank(count);
    for (size_t i = 0; i < count; i++) sorted[i] = numbers[i];
    if (count) qsort(sorted, count, sizeof *sorted, ascending);
    if (count) estimate.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    if (rank) estimate.low = sorted[rank - 1];
    if (rank) estimate.high = sorted[count - rank];
    free(sorted);
    return estimate;
}

struct rates rates_of(const struct lipcl_device_peaks *peaks, double flops, double bytes, double ms) {
    struct rates rates = {.flops = flops, .bytes = bytes};
    if (bytes > 0) rates.intensity = flops / bytes;
    if (peaks->fma_gflops > 0 && peaks->copy_gbps > 0)
        rates.bound = flops / peaks->fma_gflops > bytes / peaks->copy_gbps ? "compute" : "memory";
    if (ms <= 0) return rates;
    rates.gflops = flops / (ms * 1e6);
    rates.gbps = bytes / (ms * 1e6);
    if (rates.bound) rates.limit_share = *rates.bound == 'c' ? rates.gflops / peaks->fma_gflops : rates.gbps / peaks->copy_gbps;
    return rates;
}

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
