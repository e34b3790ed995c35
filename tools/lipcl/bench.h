/* bench.h: the parts of `lipcl bench`. */
#ifndef LIPCL_TOOLS_BENCH_H
#define LIPCL_TOOLS_BENCH_H

#include <stdbool.h>

#include <lipcl/lipnet.h>

#include "document.h"
#include "timing.h"

/* What is to be measured. */
struct bench_job {
    size_t batch, frames, runs, starts, profiling_rounds;
};

struct bench_layer {
    struct lipcl_layer_info info;
    struct spread time;  /* of the layer alone */
    struct rates useful; /* of the arithmetic of its definition */
    struct rates actual; /* of what its kernels really do */
};

/* Of processes of their own. NAN: not known. */
struct bench_children {
    double run_memory_mib; /* of a process that loads, plans and runs the batch; NAN: it failed */
    double cold_ms;        /* of `lipcl read` to the first text, all caches empty; NAN: not measured */
    struct spread warm;    /* the same when they are not */
    double start_memory_mib;
};

/* By how much of itself a run is longer than one of a plan that was never profiled, or than one that is not profiled now. */
struct bench_profiling {
    size_t rounds; /* 0: not measured */
    size_t events; /* that a run tells of while it is profiled */
    struct estimate off, on;
};

struct bench {
    struct lipcl_context *ctx;
    struct bench_job job;
    struct lipcl_device *device;
    struct lipcl_tensor_set *weights;
    struct lipcl_graph *graph;
    struct lipcl_plan *plan;
    struct lipcl_tensor *x, *logits;
    struct lipcl_device_peaks peaks;
    double open_ms, plan_ms;
    struct spread latency; /* of a whole batch, from host tensor to host logits */
    size_t layer_count;
    struct bench_layer *layers;
    struct bench_children children;
    struct bench_profiling profiling;
};

/* bench_measure.c. False after an error, which stderr tells. */
bool bench_prepare(struct bench *bench);  /* loads, opens, plans, and makes an input */
bool bench_run_once(struct bench *bench); /* also what a child does of which the memory is measured */
bool bench_measure(struct bench *bench, size_t first_task);
void bench_finish(struct bench *bench);

/* bench_profiling.c. A task of progress a round. */
bool bench_measure_profiling(struct bench *bench, size_t first_task);

/* How many tasks of progress bench_measure() and bench_measure_children() have. */
size_t bench_tasks(const struct bench_job *job);
size_t bench_child_tasks(const struct bench_job *job);

/* bench_children.c. Runs this program again and again, before this process opens a device: its own memory and threads would get
 * in the way. A child that fails leaves NANs; why it failed, the caller will see for itself. */
void bench_measure_children(struct bench *bench);

/* bench_output.c */
void bench_print(const struct bench *bench);
void bench_fill_document(const struct bench *bench, json_t *document);

/* bench_baseline.c: an earlier bench --json to compare with. */
struct bench_baseline {
    const char *path;
    json_t *document;
};

/* False, after a message, unless the file is one, and of the same batch and frames. */
bool bench_baseline_load(struct bench_baseline *baseline, const char *path, const struct bench_job *job);
void bench_baseline_finish(struct bench_baseline *baseline);

/* Prints how the medians compare, or puts it into `document` when that is not NULL. True when something that counts takes over
 * `fail_above` percent longer than in the baseline: the whole run, or a layer that is at least a twentieth of it. Infinity:
 * nothing ever does. */
bool bench_compare(const struct bench *bench, const struct bench_baseline *baseline, double fail_above, json_t *document);

#endif
