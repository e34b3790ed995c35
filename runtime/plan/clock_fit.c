/* clock_fit.c: a driver's stamps: which of them can be true, and what they are on the host's clock.
 *
 * Command i was queued, at q_i on the device's clock, while the host was in the call [a_i, b_i] that enqueued it; so the offset
 * between the clocks lies in [a_i - q_i, b_i - q_i] for every i. A blocking read has ended at e_i before b_i: offset <= b_i -
 * e_i.
 */
#include <stdlib.h>

#include "plan/profiling.h"

enum { SLACK_NS = 1000000 }; /* beyond what drivers are sloppy by */

static const char *find_problem(const struct device_record *record, uint64_t run_ns) {
    const uint64_t *t = record->stamps;
    if (!record->has_stamps) return "the driver gave no times";
    for (size_t i = 0; i < STAMPS; i++)
        if (t[i] == 0) return "a time of zero";
    for (size_t i = 1; i < STAMPS; i++)
        if (t[i] < t[i - 1]) return "times out of order";
    if (t[STAMP_ENDED] - t[STAMP_QUEUED] > run_ns + SLACK_NS) return "longer than the run that it is part of";
    bool computes = record->command == DEVICE_LAUNCH || record->command == DEVICE_GEMM;
    if (computes && t[STAMP_STARTED] == t[STAMP_ENDED]) return "no time between start and end";
    return NULL;
}

static int64_t middle(const struct device_record *record) {
    uint64_t host = record->host_start_ns + (record->host_end_ns - record->host_start_ns) / 2;
    return (int64_t)(host - record->stamps[STAMP_QUEUED]);
}

static bool is_far(const struct device_record *record, int64_t offset) {
    int64_t distance = middle(record) - offset;
    uint64_t reach = (record->host_end_ns - record->host_start_ns) / 2 + SLACK_NS;
    return (distance < 0 ? 0 - (uint64_t)distance : (uint64_t)distance) > reach;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* What most commands say, whatever a few of them do; 0 when memory is out or none says anything. */
static int64_t median(const struct device_record *records, size_t count, const char *const *problems) {
    int64_t *middles = malloc((count + 1) * sizeof *middles), found = 0;
    size_t good = 0;
    for (size_t i = 0; middles && i < count; i++)
        if (!problems[i]) middles[good++] = middle(&records[i]);
    if (good) qsort(middles, good, sizeof *middles, ascending);
    if (good) found = middles[good / 2];
    free(middles);
    return found;
}

struct clock_fit clock_fit(const struct device_record *records, size_t count, uint64_t run_ns, const char **problems) {
    int64_t least = INT64_MIN, most = INT64_MAX;
    for (size_t i = 0; i < count; i++) problems[i] = find_problem(&records[i], run_ns);
    int64_t typical = median(records, count, problems);
    for (size_t i = 0; i < count; i++) {
        const struct device_record *record = &records[i];
        if (!problems[i] && is_far(record, typical)) problems[i] = "far from the host's clock";
        if (problems[i]) continue;
        int64_t from = (int64_t)(record->host_start_ns - record->stamps[STAMP_QUEUED]);
        int64_t to = (int64_t)(record->host_end_ns - record->stamps[STAMP_QUEUED]);
        if (record->command == DEVICE_READ) to = (int64_t)(record->host_end_ns - record->stamps[STAMP_ENDED]);
        if (from > least) least = from;
        if (to < most) most = to;
    }
    if (least == INT64_MIN) return (struct clock_fit){0}; /* there is no good stamp */
    int64_t width = most - least; /* below zero where the driver's stamps contradict each other a little */
    return (struct clock_fit){least + width / 2, (uint64_t)(width < 0 ? -width : width) / 2};
}
