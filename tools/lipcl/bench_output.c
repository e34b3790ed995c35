/* bench_output.c: what `lipcl bench` found, as tables and as JSON. */
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "devices.h"
#include "table.h"

/* Both kinds of arithmetic of the whole network. */
struct total {
    double useful, actual;
};

static struct total total_of(const struct bench *bench) {
    struct total total = {0};
    for (size_t i = 0; i < bench->layer_count; i++) {
        total.useful += bench->layers[i].info.flops;
        total.actual += bench->layers[i].info.actual_flops;
    }
    return total;
}

static double clips_per_s(const struct bench *bench) {
    return 1000 * (double)bench->job.batch / bench->latency.median;
}

static void add_rates(struct table *table, const struct lipcl_device_peaks *peaks, double useful, double actual) {
    table_add(table, COLOUR_NONE, "%.1f", useful);
    table_add(table, COLOUR_NONE, "%.0f %%", 100 * useful / peaks->fma_gflops);
    table_add(table, COLOUR_NONE, "%.1f", actual);
    table_add(table, COLOUR_NONE, "%.0f %%", 100 * actual / peaks->fma_gflops);
}

static void print_layers(const struct bench *bench) {
    static const char *const titles[] = {"LAYER",   "LOWERING", "MEDIAN MS", "MIN MS", "GFLOP/S",
                                         "OF PEAK", "DONE",     "OF PEAK",   "GB/S",   "OF COPY"};
    const struct lipcl_device_peaks *peaks = &bench->peaks;
    struct table table;
    table_init(&table, "llrrrrrrrr");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < bench->layer_count; i++) {
        const struct bench_layer *layer = &bench->layers[i];
        table_add(&table, COLOUR_NONE, "%s", layer->info.name);
        table_add(&table, COLOUR_NONE, "%s%s", layer->info.lowering, layer->info.tuning ? "*" : "");
        table_add(&table, COLOUR_NONE, "%.2f", layer->time.median);
        table_add(&table, COLOUR_NONE, "%.2f", layer->time.min);
        add_rates(&table, peaks, layer->useful.gflops, layer->actual.gflops);
        table_add(&table, COLOUR_NONE, "%.1f", layer->useful.gbps);
        table_add(&table, COLOUR_NONE, "%.0f %%", 100 * layer->useful.gbps / peaks->copy_gbps);
    }
    struct total total = total_of(bench);
    table_add(&table, COLOUR_BOLD, "whole run");
    table_add(&table, COLOUR_NONE, "-");
    table_add(&table, COLOUR_NONE, "%.2f", bench->latency.median);
    table_add(&table, COLOUR_NONE, "%.2f", bench->latency.min);
    add_rates(&table, peaks, total.useful / bench->latency.median / 1e6, total.actual / bench->latency.median / 1e6);
    table_add(&table, COLOUR_NONE, "-");
    table_add(&table, COLOUR_NONE, "-");
    table_print(&table);
    table_finish(&table);
}

static void print_estimate(const char *what, const struct estimate *estimate) {
    print("  %s: %+.2f %%", what, 100 * estimate->median);
    if (!isnan(estimate->low)) print(" (%+.2f to %+.2f %%)", 100 * estimate->low, 100 * estimate->high);
    print("\n");
}

static void print_profiling(const struct bench_profiling *profiling) {
    print("what profiling adds to a run, which tells of %zu events, in %zu rounds (95 %% confidence):\n", profiling->events,
          profiling->rounds);
    print_estimate("on, beside off", &profiling->on);
    print_estimate("off, beside a plan that never had it on", &profiling->off);
}

void bench_print(const struct bench *bench) {
    const struct bench_children *children = &bench->children;
    char *label = device_label(lipcl_device_info(bench->device));
    struct total total = total_of(bench);
    print("%s\n", label);
    print("FMA peak %.1f GFLOP/s, copy %.1f GB/s (measured just now)\n\n", bench->peaks.fma_gflops, bench->peaks.copy_gbps);
    print_layers(bench);
    print("\n%zu clip%s of %zu frames, %zu runs, from host tensor to host logits:\n", bench->job.batch,
          bench->job.batch == 1 ? "" : "s", bench->job.frames, bench->job.runs);
    print("  median %.1f ms, p95 %.1f ms, min %.1f ms: %.2f clips/s\n", bench->latency.median, bench->latency.p95,
          bench->latency.min, clips_per_s(bench));
    print("  %.2f GFLOP by the definition, %.2f really done\n", total.useful / 1e9, total.actual / 1e9);
    print("  before the first run: %.0f ms to load and open, %.0f ms to plan\n", bench->open_ms, bench->plan_ms);
    if (!isnan(children->run_memory_mib))
        print("  peak memory of a process that does this: %.0f MiB\n", children->run_memory_mib);
    if (children->warm.count) {
        print("from the start of `lipcl read` to the first text, a clip of 75 frames:\n");
        print("  caches empty %.2f s, warm %.2f s (median of %zu, min %.2f s), then %.0f MiB\n", children->cold_ms / 1e3,
              children->warm.median / 1e3, children->warm.count, children->warm.min / 1e3, children->start_memory_mib);
    }
    if (bench->profiling.rounds) print_profiling(&bench->profiling);
    free(label);
}

static json_t *document_spread(const struct spread *spread) {
    if (!spread->count) return json_null();
    json_t *object = document_object();
    document_set(object, "median", document_number(spread->median));
    document_set(object, "p95", document_number(spread->p95));
    document_set(object, "min", document_number(spread->min));
    return object;
}

static json_t *document_estimate(const struct estimate *estimate) {
    json_t *object = document_object();
    document_set(object, "median", document_number(estimate->median));
    document_set(object, "low", document_number(estimate->low));
    document_set(object, "high", document_number(estimate->high));
    return object;
}

static json_t *document_profiling(const struct bench_profiling *profiling) {
    if (!profiling->rounds) return json_null();
    json_t *object = document_object();
    document_set(object, "rounds", document_count(profiling->rounds));
    document_set(object, "events", document_count(profiling->events));
    document_set(object, "on", document_estimate(&profiling->on));
    document_set(object, "off", document_estimate(&profiling->off));
    return object;
}

static json_t *document_layer(const struct bench_layer *layer, const struct lipcl_device_peaks *peaks) {
    json_t *object = document_object();
    document_set(object, "layer", document_text(layer->info.name));
    document_set(object, "operators", document_text(layer->info.op));
    document_set(object, "lowering", document_text(layer->info.lowering));
    document_set(object, "tuning", document_text(layer->info.tuning));
    document_set(object, "ms", document_spread(&layer->time));
    document_set(object, "useful_flops", document_number(layer->info.flops));
    document_set(object, "actual_flops", document_number(layer->info.actual_flops));
    document_set(object, "bytes", document_number(layer->info.bytes));
    document_set(object, "gflops", document_number(layer->useful.gflops));
    document_set(object, "actual_gflops", document_number(layer->actual.gflops));
    document_set(object, "gbps", document_number(layer->useful.gbps));
    document_set(object, "fma_peak_share", document_number(layer->useful.gflops / peaks->fma_gflops));
    document_set(object, "actual_peak_share", document_number(layer->actual.gflops / peaks->fma_gflops));
    document_set(object, "copy_share", document_number(layer->useful.gbps / peaks->copy_gbps));
    document_set(object, "limit_share", document_number(layer->useful.limit_share));
    document_set(object, "actual_limit_share", document_number(layer->actual.limit_share));
    return object;
}

void bench_fill_document(const struct bench *bench, json_t *document) {
    const struct bench_children *children = &bench->children;
    struct total total = total_of(bench);
    json_t *layers = document_array(), *start = document_object();
    for (size_t i = 0; i < bench->layer_count; i++) document_append(layers, document_layer(&bench->layers[i], &bench->peaks));
    document_set(start, "cold", document_number(children->cold_ms));
    document_set(start, "warm", document_spread(&children->warm));
    document_set(document, "device", document_device(lipcl_device_info(bench->device)));
    document_set(document, "batch", document_count(bench->job.batch));
    document_set(document, "frames", document_count(bench->job.frames));
    document_set(document, "runs", document_count(bench->job.runs));
    document_set(document, "latency_ms", document_spread(&bench->latency));
    document_set(document, "clips_per_s", document_number(clips_per_s(bench)));
    document_set(document, "useful_flops", document_number(total.useful));
    document_set(document, "actual_flops", document_number(total.actual));
    document_set(document, "fma_peak_gflops", document_number(bench->peaks.fma_gflops));
    document_set(document, "copy_gbps", document_number(bench->peaks.copy_gbps));
    document_set(document, "open_ms", document_number(bench->open_ms));
    document_set(document, "plan_ms", document_number(bench->plan_ms));
    document_set(document, "peak_memory_mib", document_number(children->run_memory_mib));
    document_set(document, "start_ms", start);
    document_set(document, "start_peak_memory_mib", document_number(children->start_memory_mib));
    document_set(document, "layers", layers);
    document_set(document, "profiling", document_profiling(&bench->profiling));
}
