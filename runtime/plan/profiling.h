/* profiling.h: where a run tells its profile how far it has come. Without a profile each is one test of a pointer. */
#ifndef LIPCL_PLAN_PROFILING_H
#define LIPCL_PLAN_PROFILING_H

#include <lipcl/profile.h>

#include "plan/steps.h"

void profile_mark(struct lipcl_plan *plan, size_t step);
void profile_start(struct lipcl_plan *plan);
void profile_stop(struct lipcl_plan *plan, bool ok);
void profile_destroy(struct lipcl_plan *plan);

/* Around a run, which is over for the device, too, at its end. */
static inline void profile_begin(struct lipcl_plan *plan) {
    if (plan->profile) profile_start(plan);
}
static inline void profile_end(struct lipcl_plan *plan, bool ok) {
    if (plan->profile) profile_stop(plan, ok);
}

/* What follows belongs to this step; step_count: to the copies of outputs to row-major order; one more: to the download. */
static inline void profile_step(struct lipcl_plan *plan, size_t step) {
    if (plan->profile) profile_mark(plan, step);
}

/* clock_fit.c: between a device's clock and the host's. */
struct clock_fit {
    int64_t offset_ns; /* host = device + offset */
    uint64_t error_ns; /* how far that may be off */
};

/* Finds the stamps that cannot be true, leaving the reason, or NULL, a record in problems[], and fits the device's clock to
 * the host's by the others. The records are of one run that took `run_ns`. */
struct clock_fit clock_fit(const struct device_record *records, size_t count, uint64_t run_ns, const char **problems);

#endif
