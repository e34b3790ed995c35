/* bench_measure.c: what `lipcl bench` measures in its own process. */
#include <stdlib.h>

#include "bench.h"
#include "datafile.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

static bool open_all(struct bench *bench) {
    char *path = options.model ? format_text("%s", options.model) : datafile_model();
    if (!path) return false;
    uint64_t start = now_ns();
    bool ok = lipcl_lipnet_load(bench->ctx, &bench->weights, path) == LIPCL_OK &&
              lipcl_device_create(bench->ctx, &bench->device, options.device) == LIPCL_OK;
    free(path);
    bench->open_ms = (double)(now_ns() - start) / 1e6;
    if (ok && lipcl_device_info(bench->device)->type == LIPCL_DEVICE_HOST) {
        complain("host is the plain-C reference, made to be read, not to be fast: bench measures OpenCL devices");
        return false;
    }
    return ok;
}

bool bench_prepare(struct bench *bench) {
    const struct bench_job *job = &bench->job;
    const struct lipcl_plan_params params = options_plan();
    if (!open_all(bench)) return false;
    uint64_t start = now_ns();
    if (lipcl_graph_create(bench->ctx, &bench->graph) != LIPCL_OK) return false;
    if (lipcl_lipnet_describe(bench->graph, job->batch, job->frames, NULL) != LIPCL_OK) return false;
    if (lipcl_plan_create(bench->ctx, &bench->plan, bench->graph, bench->weights, bench->device, &params) != LIPCL_OK)
        return false;
    bench->plan_ms = (double)(now_ns() - start) / 1e6;
    if (lipcl_tensor_create(bench->ctx, &bench->x, LIPCL_F32, lipcl_graph_input_shape(bench->graph, 0)) != LIPCL_OK)
        return false;
    if (lipcl_tensor_create(bench->ctx, &bench->logits, LIPCL_F32, lipcl_graph_output_shape(bench->graph, 0)) != LIPCL_OK)
        return false;
    float *data = bench->x->data; /* what is in the frames does not change how long they take; zeros might */
    for (size_t i = 0; i < lipcl_tensor_count(bench->x); i++) data[i] = (float)(i * 2654435761u >> 8 & 255) / 255;
    bench->layer_count = lipcl_plan_layer_count(bench->plan);
    bench->layers = allocate(bench->layer_count, sizeof *bench->layers);
    return true;
}

bool bench_run_once(struct bench *bench) {
    const struct lipcl_tensor *inputs[] = {bench->x};
    struct lipcl_tensor *outputs[] = {bench->logits};
    return lipcl_plan_run(bench->ctx, bench->plan, outputs, inputs) == LIPCL_OK;
}

static bool measure_latency(struct bench *bench, size_t first_task) {
    size_t runs = bench->job.runs;
    double *ns = allocate(runs, sizeof *ns);
    bool ok = bench_run_once(bench); /* warm-up */
    for (size_t i = 0; ok && i < runs; i++) {
        progress_task(first_task + i, "run %zu of %zu", i + 1, runs);
        uint64_t start = now_ns();
        ok = bench_run_once(bench);
        ns[i] = (double)(now_ns() - start);
    }
    if (ok) bench->latency = spread_of(ns, runs);
    free(ns);
    return ok;
}

static bool measure_layer(struct bench *bench, size_t index, uint64_t *wall_ns, double *ns) {
    struct bench_layer *layer = &bench->layers[index];
    size_t runs = bench->job.runs;
    if (lipcl_plan_time_layer(bench->ctx, bench->plan, index, runs, wall_ns) != LIPCL_OK) return false;
    for (size_t i = 0; i < runs; i++) ns[i] = (double)wall_ns[i];
    layer->time = spread_of(ns, runs);
    layer->useful = rates_of(&bench->peaks, layer->info.flops, layer->info.bytes, layer->time.median);
    layer->actual = rates_of(&bench->peaks, layer->info.actual_flops, layer->info.bytes, layer->time.median);
    return true;
}

static bool measure_layers(struct bench *bench, size_t first_task) {
    uint64_t *wall_ns = allocate(bench->job.runs, sizeof *wall_ns);
    double *ns = allocate(bench->job.runs, sizeof *ns);
    bool ok = true;
    for (size_t i = 0; ok && i < bench->layer_count; i++) {
        struct lipcl_layer_info *info = &bench->layers[i].info;
        ok = lipcl_plan_layer_info(bench->ctx, bench->plan, i, info) == LIPCL_OK;
        if (!ok) break;
        progress_task(first_task + i, "timing %s", info->name);
        ok = measure_layer(bench, i, wall_ns, ns);
    }
    free(wall_ns);
    free(ns);
    return ok;
}

/* The peaks before and after, and the better of the two: on a shared machine either may be disturbed. */
static bool measure_peaks(struct bench *bench) {
    struct lipcl_device_peaks peaks;
    if (lipcl_device_measure(bench->ctx, bench->device, &peaks) != LIPCL_OK) return false;
    if (peaks.fma_gflops > bench->peaks.fma_gflops) bench->peaks.fma_gflops = peaks.fma_gflops;
    if (peaks.copy_gbps > bench->peaks.copy_gbps) bench->peaks.copy_gbps = peaks.copy_gbps;
    return true;
}

enum { LAYERS_EXPECTED = 6 };

size_t bench_tasks(const struct bench_job *job) {
    return 3 + job->runs + LAYERS_EXPECTED;
}

bool bench_measure(struct bench *bench, size_t first_task) {
    progress_task(first_task, "planning");
    if (!bench_prepare(bench)) return false;
    progress_task(first_task + 1, "measuring the device's peaks");
    if (!measure_peaks(bench)) return false;
    if (!measure_latency(bench, first_task + 2)) return false;
    progress_task(first_task + 2 + bench->job.runs, "measuring the device's peaks");
    if (!measure_peaks(bench)) return false;
    return measure_layers(bench, first_task + 3 + bench->job.runs);
}

void bench_finish(struct bench *bench) {
    free(bench->layers);
    lipcl_tensor_destroy(&bench->x);
    lipcl_tensor_destroy(&bench->logits);
    lipcl_plan_destroy(&bench->plan);
    lipcl_graph_destroy(&bench->graph);
    lipcl_device_destroy(&bench->device);
    lipcl_tensor_set_destroy(&bench->weights);
}
