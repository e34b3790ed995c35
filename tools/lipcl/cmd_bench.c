/* cmd_bench.c: how long LipNet takes, layer by layer, and what the device could reach at best. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <lipcl/lipnet.h>

#include "command.h"
#include "datafile.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "table.h"

static int batch = 1, frames = 75, runs = 20;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct times {
    double median, p95, min; /* milliseconds */
};

static struct times summarise(uint64_t *ns, size_t count) {
    qsort(ns, count, sizeof *ns, ascending);
    size_t late = (count * 95 + 99) / 100;
    double median = count % 2 ? (double)ns[count / 2] : ((double)ns[count / 2 - 1] + (double)ns[count / 2]) / 2;
    return (struct times){median / 1e6, (double)ns[late ? late - 1 : 0] / 1e6, (double)ns[0] / 1e6};
}

/* One layer's row. */
struct row {
    struct lipcl_layer_info info;
    struct times times;
    double gflops, gbps;
    double peak_share;  /* of the FMA peak */
    double limit_share; /* of the roofline: the time that the peaks allow over the time it took */
};

struct bench {
    struct lipcl_context *ctx;
    struct lipcl_device *device;
    struct lipcl_tensor_set *weights;
    struct lipcl_graph *graph;
    struct lipcl_plan *plan;
    struct lipcl_tensor *x, *logits;
    struct lipcl_device_peaks peaks;
    double open_ms, plan_ms;
    struct times latency;
    size_t layers;
    struct row *rows;
    uint64_t *ns;
};

static bool prepare(struct bench *bench) {
    struct lipcl_plan_params params = {.gemm = options.gemm, .no_fusion = options.no_fusion};
    char *path = options.model ? format_text("%s", options.model) : datafile_model();
    if (!path) return false;
    uint64_t start = now_ns();
    bool ok = lipcl_lipnet_load(bench->ctx, &bench->weights, path) == LIPCL_OK &&
              lipcl_device_create(bench->ctx, &bench->device, options.device) == LIPCL_OK;
    free(path);
    if (!ok) return false;
    bench->open_ms = (double)(now_ns() - start) / 1e6;
    if (lipcl_device_info(bench->device)->type == LIPCL_DEVICE_HOST) {
        complain("host is the plain-C reference, made to be read, not to be fast: bench measures OpenCL devices");
        return false;
    }
    start = now_ns();
    if (lipcl_graph_create(bench->ctx, &bench->graph) != LIPCL_OK) return false;
    if (lipcl_lipnet_describe(bench->graph, (size_t)batch, (size_t)frames, NULL) != LIPCL_OK) return false;
    if (lipcl_plan_create(bench->ctx, &bench->plan, bench->graph, bench->weights, bench->device, &params) != LIPCL_OK)
        return false;
    bench->plan_ms = (double)(now_ns() - start) / 1e6;
    if (lipcl_tensor_create(bench->ctx, &bench->x, LIPCL_F32, lipcl_graph_input_shape(bench->graph, 0)) != LIPCL_OK)
        return false;
    if (lipcl_tensor_create(bench->ctx, &bench->logits, LIPCL_F32, lipcl_graph_output_shape(bench->graph, 0)) != LIPCL_OK)
        return false;
    float *data = bench->x->data; /* what is in the frames does not change how long they take; zeros might */
    for (size_t i = 0; i < lipcl_tensor_count(bench->x); i++) data[i] = (float)(i * 2654435761u >> 8 & 255) / 255;
    bench->layers = lipcl_plan_layer_count(bench->plan);
    bench->rows = allocate(bench->layers, sizeof *bench->rows);
    bench->ns = allocate((size_t)runs, sizeof *bench->ns);
    return true;
}

static bool measure_latency(struct bench *bench) {
    const struct lipcl_tensor *inputs[] = {bench->x};
    struct lipcl_tensor *outputs[] = {bench->logits};
    if (lipcl_plan_run(bench->ctx, bench->plan, outputs, inputs) != LIPCL_OK) return false; /* warm-up */
    for (int i = 0; i < runs; i++) {
        progress_task((size_t)i, "run %d of %d", i + 1, runs);
        uint64_t start = now_ns();
        if (lipcl_plan_run(bench->ctx, bench->plan, outputs, inputs) != LIPCL_OK) return false;
        bench->ns[i] = now_ns() - start;
    }
    bench->latency = summarise(bench->ns, (size_t)runs);
    return true;
}

static bool measure_layers(struct bench *bench) {
    for (size_t i = 0; i < bench->layers; i++) {
        struct row *row = &bench->rows[i];
        if (lipcl_plan_layer_info(bench->ctx, bench->plan, i, &row->info) != LIPCL_OK) return false;
        progress_task((size_t)runs + i, "timing %s", row->info.name);
        if (lipcl_plan_time_layer(bench->ctx, bench->plan, i, (size_t)runs, bench->ns) != LIPCL_OK) return false;
        row->times = summarise(bench->ns, (size_t)runs);
        double ns = row->times.median * 1e6;
        double limit_ns = row->info.flops / bench->peaks.fma_gflops, memory_ns = row->info.bytes / bench->peaks.copy_gbps;
        if (memory_ns > limit_ns) limit_ns = memory_ns;
        row->gflops = row->info.flops / ns;
        row->gbps = row->info.bytes / ns;
        row->peak_share = row->gflops / bench->peaks.fma_gflops;
        row->limit_share = limit_ns / ns;
    }
    return true;
}

/* The peaks before and after, and the better of the two: on a shared machine either may be disturbed. */
static bool measure_peaks(struct bench *bench) {
    struct lipcl_device_peaks peaks;
    if (lipcl_device_measure(bench->ctx, bench->device, &peaks) != LIPCL_OK) return false;
    if (peaks.fma_gflops > bench->peaks.fma_gflops) bench->peaks.fma_gflops = peaks.fma_gflops;
    if (peaks.copy_gbps > bench->peaks.copy_gbps) bench->peaks.copy_gbps = peaks.copy_gbps;
    return true;
}

static double peak_memory_mib(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

static void print_results(const struct bench *bench) {
    char *label = device_label(lipcl_device_info(bench->device));
    struct table table;
    print("%s\n", label);
    print("FMA peak %.1f GFLOP/s, copy %.1f GB/s (measured just now)\n\n", bench->peaks.fma_gflops, bench->peaks.copy_gbps);
    table_init(&table, "llrrrrrr");
    static const char *const titles[] = {"layer",   "lowering",    "median ms", "min ms",
                                         "GFLOP/s", "of FMA peak", "GB/s",      "of limit"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < bench->layers; i++) {
        const struct row *row = &bench->rows[i];
        table_add(&table, COLOUR_NONE, "%s", row->info.name);
        table_add(&table, COLOUR_NONE, "%s", row->info.lowering);
        table_add(&table, COLOUR_NONE, "%.2f", row->times.median);
        table_add(&table, COLOUR_NONE, "%.2f", row->times.min);
        table_add(&table, COLOUR_NONE, "%.1f", row->gflops);
        table_add(&table, COLOUR_NONE, "%.0f %%", 100 * row->peak_share);
        table_add(&table, COLOUR_NONE, "%.1f", row->gbps);
        table_add(&table, COLOUR_NONE, "%.0f %%", 100 * row->limit_share);
    }
    table_print(&table);
    table_finish(&table);
    print("\nbatch %d of %d frames, %d runs, from host tensor to host logits:\n", batch, frames, runs);
    print("  median %.1f ms, p95 %.1f ms, min %.1f ms: %.2f clips/s\n", bench->latency.median, bench->latency.p95,
          bench->latency.min, 1000.0 * batch / bench->latency.median);
    print("  before the first run: %.0f ms to load and open, %.0f ms to plan; peak memory %.0f MiB\n", bench->open_ms,
          bench->plan_ms, peak_memory_mib());
    free(label);
}

static json_t *document_times(const struct times *times) {
    json_t *object = document_object();
    document_set(object, "median", document_number(times->median));
    document_set(object, "p95", document_number(times->p95));
    document_set(object, "min", document_number(times->min));
    return object;
}

static void fill_document(const struct bench *bench, json_t *document) {
    document_set(document, "device", document_device(lipcl_device_info(bench->device)));
    document_set(document, "batch", document_count((size_t)batch));
    document_set(document, "frames", document_count((size_t)frames));
    document_set(document, "runs", document_count((size_t)runs));
    document_set(document, "latency_ms", document_times(&bench->latency));
    document_set(document, "clips_per_s", document_number(1000.0 * batch / bench->latency.median));
    document_set(document, "fma_peak_gflops", document_number(bench->peaks.fma_gflops));
    document_set(document, "copy_gbps", document_number(bench->peaks.copy_gbps));
    document_set(document, "open_ms", document_number(bench->open_ms));
    document_set(document, "plan_ms", document_number(bench->plan_ms));
    document_set(document, "peak_memory_mib", document_number(peak_memory_mib()));
    json_t *layers = document_array();
    for (size_t i = 0; i < bench->layers; i++) {
        const struct row *row = &bench->rows[i];
        json_t *object = document_object();
        document_set(object, "layer", document_text(row->info.name));
        document_set(object, "operators", document_text(row->info.op));
        document_set(object, "lowering", document_text(row->info.lowering));
        document_set(object, "ms", document_times(&row->times));
        document_set(object, "gflops", document_number(row->gflops));
        document_set(object, "gbps", document_number(row->gbps));
        document_set(object, "fma_peak_share", document_number(row->peak_share));
        document_set(object, "limit_share", document_number(row->limit_share));
        document_append(layers, object);
    }
    document_set(document, "layers", layers);
}

static void bench_finish(struct bench *bench) {
    free(bench->rows);
    free(bench->ns);
    lipcl_tensor_destroy(&bench->x);
    lipcl_tensor_destroy(&bench->logits);
    lipcl_plan_destroy(&bench->plan);
    lipcl_graph_destroy(&bench->graph);
    lipcl_device_destroy(&bench->device);
    lipcl_tensor_set_destroy(&bench->weights);
}

static enum exit_code run_bench(struct invocation *invocation) {
    struct bench bench = {.ctx = invocation->ctx};
    enum exit_code code = EXIT_FAILED;
    if (batch < 1 || frames < 1 || runs < 1)
        return usage_error(&command_bench, "--batch, --frames and --runs take numbers of at least 1");
    progress_begin((size_t)runs + 8);
    progress_task(0, "planning");
    if (!prepare(&bench) || !measure_peaks(&bench) || !measure_latency(&bench)) goto fail;
    if (!measure_peaks(&bench) || !measure_layers(&bench)) goto fail;
    code = EXIT_DONE;
    progress_end();
    if (options.json)
        fill_document(&bench, invocation->document);
    else
        print_results(&bench);

fail:
    progress_end();
    bench_finish(&bench);
    return code;
}

static struct poptOption bench_options[] = {
    {"batch", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &batch, 0, "clips a run", "N"},
    {"frames", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &frames, 0, "frames a clip", "T"},
    {"runs", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &runs, 0, "how often to measure", "R"},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_bench = {
    .name = "bench",
    .summary = "time LipNet, layer by layer, beside the device's measured peaks",
    .usage = "[OPTIONS]",
    .description = "Measures the device's peak of multiply-adds and its copy bandwidth, then LipNet: a\n"
                   "whole run from host tensor to host logits, and each layer alone. \"of FMA peak\" is\n"
                   "the layer's useful arithmetic (by its definition) a second over the peak; \"of\n"
                   "limit\" is the time that the nearer of the two peaks would allow over the time it\n"
                   "took. Compare figures of one call only: machines are rarely as quiet as they seem.\n",
    .examples = "  lipcl bench\n"
                "  lipcl bench --device gpu --batch 4 --runs 50 --json\n",
    .min_arguments = 0,
    .max_arguments = 0,
    .options = bench_options,
    .run = run_bench,
};
