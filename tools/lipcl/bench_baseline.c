/* bench_baseline.c: `lipcl bench --compare`. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "comparison.h"
#include "table.h"

/* A positive number, or NAN. */
static double number(const json_t *object, const char *key) {
    double value = json_number_value(json_object_get(object, key));
    return value > 0 ? value : NAN;
}

/* The median below `key`, or NAN. */
static double median(const json_t *object, const char *key) {
    return number(json_object_get(object, key), "median");
}

bool bench_baseline_load(struct bench_baseline *baseline, const char *path, const struct bench_job *job) {
    *baseline = (struct bench_baseline){.path = path, .document = comparison_load("--compare ", path)};
    const json_t *document = baseline->document;
    if (!document) return false;
    double batch = number(document, "batch"), frames = number(document, "frames");
    if (isnan(median(document, "latency_ms")) || isnan(batch) || isnan(frames) ||
        !json_is_array(json_object_get(document, "layers"))) {
        complain("--compare %s: not what `lipcl bench --json` prints", path);
        return false;
    }
    if (batch == (double)job->batch && frames == (double)job->frames) return true;
    complain("--compare %s: is of --batch %.0f --frames %.0f, this is --batch %zu --frames %zu", path, batch, frames,
             job->batch, job->frames);
    return false;
}

void bench_baseline_finish(struct bench_baseline *baseline) {
    json_decref(baseline->document);
    *baseline = (struct bench_baseline){0};
}

/* The layer's median in the baseline; NAN: there is none of that name. */
static double layer_median(const struct bench_baseline *baseline, const char *name) {
    const json_t *layer;
    size_t index;
    json_array_foreach(json_object_get(baseline->document, "layers"), index, layer) {
        const char *found = json_string_value(json_object_get(layer, "layer"));
        if (found && strcmp(found, name) == 0) return median(layer, "ms");
    }
    return NAN;
}

struct comparison {
    const char *name;
    double before, now;
    bool counts, slower;
};

static struct comparison compare(const char *name, double before, double now, double run_before, double fail_above) {
    struct comparison row = {name, before, now, before >= LEAST_SHARE * run_before, false};
    row.slower = row.counts && takes_longer(before, now, fail_above);
    return row;
}

static void add_row(struct table *table, const struct comparison *row) {
    table_add(table, COLOUR_NONE, "%s", row->name);
    if (isnan(row->before)) {
        table_add(table, COLOUR_NONE, "-");
        table_add(table, COLOUR_NONE, "%.2f", row->now);
        table_add(table, COLOUR_NONE, "-");
        table_add(table, COLOUR_NONE, "-");
        return;
    }
    table_add(table, COLOUR_NONE, "%.2f", row->before);
    table_add(table, COLOUR_NONE, "%.2f", row->now);
    table_add(table, COLOUR_NONE, "%.3f", row->now / row->before);
    table_add(table, row->slower ? COLOUR_RED : COLOUR_NONE, "%s", row->slower ? "SLOWER" : row->counts ? "ok" : "-");
}

static json_t *row_object(const struct comparison *row) {
    json_t *object = document_object();
    document_set(object, "baseline_ms", document_number(row->before));
    document_set(object, "ms", document_number(row->now));
    document_set(object, "ratio", document_number(row->now / row->before));
    document_set(object, "counts", json_boolean(row->counts));
    document_set(object, "slower", json_boolean(row->slower));
    return object;
}

bool bench_compare(const struct bench *bench, const struct bench_baseline *baseline, double fail_above, json_t *document) {
    static const char *const titles[] = {"LAYER", "BASELINE MS", "NOW MS", "RATIO", "VERDICT"};
    double run_before = median(baseline->document, "latency_ms");
    struct comparison whole = compare("whole run", run_before, bench->latency.median, run_before, fail_above);
    bool slower = whole.slower;
    json_t *layers = document_array();
    struct table table;
    table_init(&table, "lrrrl");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < bench->layer_count; i++) {
        const struct bench_layer *layer = &bench->layers[i];
        struct comparison row =
            compare(layer->info.name, layer_median(baseline, layer->info.name), layer->time.median, run_before, fail_above);
        json_t *object = row_object(&row);
        document_set(object, "layer", document_text(row.name));
        document_append(layers, object);
        add_row(&table, &row);
        if (row.slower) slower = true;
    }
    add_row(&table, &whole);
    if (document) {
        json_t *object = row_object(&whole);
        document_set(object, "baseline", document_text(baseline->path));
        document_set(object, "fail_above_percent", document_number(fail_above));
        document_set(object, "layers", json_incref(layers));
        document_set(document, "compare", object);
    } else {
        print("\nagainst %s, whose device reached %.1f GFLOP/s and %.1f GB/s:\n", baseline->path,
              number(baseline->document, "fma_peak_gflops"), number(baseline->document, "copy_gbps"));
        table_print(&table);
    }
    json_decref(layers);
    table_finish(&table);
    return slower;
}
