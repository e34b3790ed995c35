/* bench_children.c: what `lipcl bench` measures of processes of their own: memory, and the time from their start. */
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "child.h"
#include "datafile.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

enum { MAX_ARGUMENTS = 20 };

struct arguments {
    const char *list[MAX_ARGUMENTS]; /* ends with NULL */
    size_t count;
};

static void add(struct arguments *arguments, const char *argument) {
    arguments->list[arguments->count++] = argument;
}

/* What this process was told about model and device. */
static void add_common(struct arguments *arguments) {
    if (options.device) add(arguments, "--device"), add(arguments, options.device);
    if (options.model) add(arguments, "--model"), add(arguments, options.model);
    if (options.gemm == LIPCL_GEMM_CLBLAST) add(arguments, "--gemm"), add(arguments, "clblast");
    if (options.gemm == LIPCL_GEMM_OWN) add(arguments, "--gemm"), add(arguments, "own");
    if (options.precision == LIPCL_PRECISION_EXACT) add(arguments, "--precision"), add(arguments, "exact");
}

/* The first run fills the caches where they are empty: a compiler in the process would count as its memory. */
static double run_memory(const struct bench_job *job) {
    struct arguments arguments = {0};
    struct child_usage usage;
    char *batch = format_text("%zu", job->batch), *frames = format_text("%zu", job->frames);
    add(&arguments, "bench");
    add(&arguments, "--run-only");
    add(&arguments, "--batch");
    add(&arguments, batch);
    add(&arguments, "--frames");
    add(&arguments, frames);
    add_common(&arguments);
    if (options.no_fusion) add(&arguments, "--no-fusion");
    bool ok = child_run(arguments.list, NULL, &usage) && child_run(arguments.list, NULL, &usage);
    free(batch);
    free(frames);
    return ok ? usage.peak_memory_mib : NAN;
}

static void measure_starts(struct bench *bench) {
    struct bench_children *children = &bench->children;
    struct arguments arguments = {0};
    struct child_usage usage;
    size_t starts = bench->job.starts;
    double *ns = allocate(starts, sizeof *ns);
    char *clip = datafile_clip(), *caches = caches_make();
    if (!clip || !caches) goto fail;
    add(&arguments, "read");
    add(&arguments, clip);
    add_common(&arguments);
    progress_task(1, "a cold start");
    if (!child_run(arguments.list, caches, &usage)) goto fail;
    children->cold_ms = usage.first_output_ms;
    for (size_t i = 0; i < starts; i++) {
        progress_task(2 + i, "warm start %zu of %zu", i + 1, starts);
        if (!child_run(arguments.list, caches, &usage)) goto fail;
        ns[i] = usage.first_output_ms * 1e6;
        children->start_memory_mib = fmax(children->start_memory_mib, usage.peak_memory_mib); /* fmax drops NANs */
    }
    children->warm = spread_of(ns, starts);

fail:
    caches_remove(&caches);
    free(clip);
    free(ns);
}

size_t bench_child_tasks(const struct bench_job *job) {
    return job->starts ? 2 + job->starts : 1;
}

void bench_measure_children(struct bench *bench) {
    bench->children = (struct bench_children){.run_memory_mib = NAN, .cold_ms = NAN, .start_memory_mib = NAN};
    progress_task(0, "a process of its own, for its memory");
    bench->children.run_memory_mib = run_memory(&bench->job);
    if (bench->job.starts && !isnan(bench->children.run_memory_mib)) measure_starts(bench);
}
