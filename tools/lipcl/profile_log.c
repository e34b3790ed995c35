#include "profile_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lipcl/graph.h>
#include <lipcl/lipnet.h>

#include "messages.h"
#include "options.h"
#include "progress.h"
#include "timing.h"

/* `host` takes seconds a run, and its times hardly vary. */
enum { WARM_UP = 2, HOST_SECONDS = 10 };

/* Of Linux; elsewhere unknown. */
static size_t resident_bytes(void) {
    unsigned long long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2) resident = 0;
    fclose(file);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Ends the phase before, if there is one, and begins the next, if it has a name. */
static void next_phase(struct profile_log *log, const char *name) {
    if (log->phase_count) {
        struct profile_phase *phase = &log->phases[log->phase_count - 1];
        if (!phase->end_ns) phase->end_ns = now_ns();
        if (!phase->resident_bytes) phase->resident_bytes = resident_bytes();
    }
    if (name) log->phases[log->phase_count++] = (struct profile_phase){.name = name, .start_ns = now_ns()};
}

static void keep_event(void *user, const struct lipcl_profile_event *event) {
    struct profile_log *log = user;
    if (log->event_count == log->event_capacity) {
        log->event_capacity = log->event_capacity ? 2 * log->event_capacity : 256;
        log->events = realloc(log->events, log->event_capacity * sizeof *log->events);
        if (!log->events) die_of_memory();
    }
    log->events[log->event_count++] = *event;
}

static bool is_host(const struct profile_log *log) {
    return lipcl_device_info(log->device)->type == LIPCL_DEVICE_HOST;
}

static bool prepare(struct profile_log *log, const struct profile_job *job) {
    const struct lipcl_shape *x = &job->frames->shape;
    struct lipcl_plan_params params = options_plan();
    next_phase(log, "open");
    if (lipcl_device_create(job->ctx, &log->device, log->selector) != LIPCL_OK) return false;
    next_phase(log, "plan");
    if (lipcl_graph_create(job->ctx, &log->graph) != LIPCL_OK) return false;
    if (lipcl_lipnet_describe(log->graph, x->dims[0], x->dims[2], NULL) != LIPCL_OK) return false;
    if (lipcl_plan_create(job->ctx, &log->plan, log->graph, job->weights, log->device, &params) != LIPCL_OK) return false;
    if (lipcl_tensor_create(job->ctx, &log->logits, LIPCL_F32, lipcl_graph_output_shape(log->graph, 0)) != LIPCL_OK)
        return false;
    log->layer_count = lipcl_plan_layer_count(log->plan);
    log->layers = allocate(log->layer_count, sizeof *log->layers);
    for (size_t i = 0; i < log->layer_count; i++)
        if (lipcl_plan_layer_info(job->ctx, log->plan, i, &log->layers[i]) != LIPCL_OK) return false;
    return true;
}

/* The better of this measurement and the one before: on a shared machine either may be disturbed. */
static bool measure_peaks(struct profile_log *log, const struct profile_job *job) {
    struct lipcl_device_peaks peaks;
    if (is_host(log)) return true;
    next_phase(log, "peaks");
    if (lipcl_device_measure(job->ctx, log->device, &peaks) != LIPCL_OK) return false;
    if (peaks.fma_gflops > log->peaks.fma_gflops) log->peaks.fma_gflops = peaks.fma_gflops;
    if (peaks.copy_gbps > log->peaks.copy_gbps) log->peaks.copy_gbps = peaks.copy_gbps;
    return true;
}

static bool run_once(struct profile_log *log, const struct profile_job *job) {
    return lipcl_plan_run(job->ctx, log->plan, &log->logits, &job->frames) == LIPCL_OK;
}

static bool run_all(struct profile_log *log, const struct profile_job *job) {
    bool host = is_host(log);
    if (!host) next_phase(log, "warm-up");
    for (size_t i = 0; i < WARM_UP && !host; i++)
        if (!run_once(log, job)) return false;
    next_phase(log, "runs");
    if (lipcl_plan_set_profile(job->ctx, log->plan, keep_event, log) != LIPCL_OK) return false;
    uint64_t start = now_ns();
    for (log->runs = 0; log->runs < job->runs; log->runs++) {
        if (host && log->runs && now_ns() - start > HOST_SECONDS * 1000000000ull) break;
        if (!run_once(log, job)) return false;
    }
    next_phase(log, NULL);
    return lipcl_plan_set_profile(job->ctx, log->plan, NULL, NULL) == LIPCL_OK;
}

static bool run_layers_alone(struct profile_log *log, const struct profile_job *job) {
    log->alone_ns = allocate(log->layer_count * log->runs, sizeof *log->alone_ns);
    next_phase(log, is_host(log) ? NULL : "layers alone");
    for (size_t i = 0; i < log->layer_count; i++) {
        if (strcmp(log->layers[i].lowering, "reference") == 0) continue;
        if (lipcl_plan_time_layer(job->ctx, log->plan, i, log->runs, &log->alone_ns[i * log->runs]) != LIPCL_OK) return false;
    }
    next_phase(log, NULL);
    return true;
}

void profile_log_init(struct profile_log *log, const struct profile_job *job, const char *selector) {
    *log = (struct profile_log){.selector = selector ? format_text("%s", selector) : NULL};
    bool ok = prepare(log, job) && measure_peaks(log, job) && run_all(log, job) && run_layers_alone(log, job) &&
              measure_peaks(log, job);
    next_phase(log, NULL);
    if (!ok) log->problem = format_text("%s", lipcl_context_error(job->ctx));
}

void profile_log_finish(struct profile_log *log) {
    lipcl_tensor_destroy(&log->logits);
    lipcl_plan_destroy(&log->plan);
    lipcl_graph_destroy(&log->graph);
    lipcl_device_destroy(&log->device);
    free(log->alone_ns);
    free(log->layers);
    free(log->events);
    free(log->selector);
    free(log->problem);
    *log = (struct profile_log){0};
}

const struct lipcl_device_info *profile_log_device(const struct profile_log *log) {
    return log->device ? lipcl_device_info(log->device) : NULL;
}
