/* profile_summary.h: what the events of a device's runs come to: per layer, per kernel, and where the time of a run went. */
#ifndef LIPCL_TOOLS_PROFILE_SUMMARY_H
#define LIPCL_TOOLS_PROFILE_SUMMARY_H

#include "profile_log.h"
#include "timing.h"

/* One launch of a plan. A run may repeat it, for parts of a layer: times, FLOPs and bytes are those of a run. */
struct kernel_summary {
    struct lipcl_profile_event event; /* the first one: all that does not change from run to run */
    size_t calls, invalid;            /* in all runs */
    size_t last_run;
    const char *problem; /* of the first invalid one */
    struct spread queued, submitted, running;
    struct rates rates;
};

struct layer_summary {
    const struct lipcl_layer_info *info;
    size_t first_kernel, kernel_count; /* in profile_summary.kernels */
    struct spread queued, submitted;   /* of its first kernel: how long the layer waited */
    struct spread running;             /* the sum over its kernels; on the host, the reference's time */
    struct spread wall;                /* alone, from the first enqueue to the end of the work */
    struct rates rates;                /* by the definition of its operators */
    double flops;                      /* what its kernels really compute; 0: not known */
    double share;                      /* of the run */
    double live_bytes;
};

struct transfer_summary {
    struct lipcl_profile_event event;
    size_t calls, invalid;
    const char *problem;
    struct spread queued, submitted, running;
    double gbps;
};

enum part_kind { PART_LAYER, PART_COPY, PART_TRANSFER, PART_IDLE };

/* A part of the run's time. The means of all parts together are the mean of the run. */
struct part_summary {
    enum part_kind kind;
    char *name; /* "conv1", "upload of x", "before conv1", "after the last command" */
    struct spread time;
    double share;
};

struct stage_summary {
    const char *name;
    struct spread time;
};

struct profile_summary {
    const struct profile_log *log;
    struct spread run;
    size_t typical_run; /* the one whose time is the median, or next to it */
    size_t events, invalid;
    double clock_error_ns; /* worst of the runs */
    size_t allocated_bytes, peak_live_bytes;
    size_t layer_count, kernel_count, transfer_count, part_count, stage_count;
    struct layer_summary *layers;
    struct kernel_summary *kernels; /* by layer; copies of outputs, of no layer, last */
    struct transfer_summary *transfers;
    struct part_summary *parts; /* by time, longest first */
    struct stage_summary *stages;
};

/* Of a log without a problem. */
void profile_summary_init(struct profile_summary *summary, const struct profile_log *log);
void profile_summary_finish(struct profile_summary *summary);

const char *part_kind_name(enum part_kind kind);

#endif
