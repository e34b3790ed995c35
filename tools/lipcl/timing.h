/* timing.h: the clock, what a number of times come to, and how fast that is. */
#ifndef LIPCL_TOOLS_TIMING_H
#define LIPCL_TOOLS_TIMING_H

#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>

/* Of a number of times, in milliseconds. */
struct spread {
    size_t count; /* 0: there is none, and the rest is 0 */
    double median, p95, min, mean;
    /* How far the median is to be trusted: from the lower to the upper quartile or, where that is wider, as with few times, the
     * 95 % confidence interval of the median. NAN with fewer than SPREAD_LEAST times, which tell nothing of it. */
    double low, high;
};
enum { SPREAD_LEAST = 6 };

/* From nanoseconds; NAN stands for a time that is not known and does not count. */
struct spread spread_of(const double *ns, size_t count);

/* The median of some numbers and the ends of its 95 % confidence interval, which are NAN with fewer than SPREAD_LEAST. */
struct estimate {
    double median, low, high;
};

struct estimate estimate_of(const double *numbers, size_t count);

/* How fast something was, beside what the device's peaks allow. Zeros where a peak, a time or an amount is not known. */
struct rates {
    double flops, bytes; /* what the rates are of */
    double gflops, gbps;
    double intensity;   /* FLOPs a byte */
    double limit_share; /* of the roofline: the time that the nearer of the two peaks would allow over the time it took */
    const char *bound;  /* which peak is the nearer one: "compute", "memory"; NULL: not known */
};

struct rates rates_of(const struct lipcl_device_peaks *peaks, double flops, double bytes, double ms);

/* Since some moment in the past. */
uint64_t now_ns(void);

#endif
