#include "check_bench.h"

#include <math.h>
#include <stdlib.h>

#include "devices.h"
#include "document.h"

void check_bench_init(struct check_bench *bench, json_t *document) {
    static const char *const titles[] = {"DEVICE", "OPERATOR", "LOWERING", "TIME", "GFLOP/S", "GB/S", "OF LIMIT", "CASE"};
    *bench = (struct check_bench){.document = document};
    table_init(&bench->table, "lllrrrrl");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&bench->table, COLOUR_NONE, "%s", titles[i]);
    if (!document) return;
    document_set(document, "peaks", document_array());
    document_set(document, "timings", document_array());
}

void check_bench_finish(struct check_bench *bench) {
    table_finish(&bench->table);
    free(bench->device);
    *bench = (struct check_bench){0};
}

bool check_bench_device(struct check_bench *bench, struct lipcl_context *ctx, struct lipcl_device *device) {
    free(bench->device);
    bench->device = device_selector(lipcl_device_info(device));
    if (lipcl_device_measure(ctx, device, &bench->peaks) != LIPCL_OK) return false;
    if (!bench->document) {
        print("%s  reaches %.1f GFLOP/s and copies %.1f GB/s\n", bench->device, bench->peaks.fma_gflops,
              bench->peaks.copy_gbps);
        return true;
    }
    json_t *object = document_object();
    document_set(object, "device", document_text(bench->device));
    document_set(object, "fma_peak_gflops", document_number(bench->peaks.fma_gflops));
    document_set(object, "copy_gbps", document_number(bench->peaks.copy_gbps));
    document_append(json_object_get(bench->document, "peaks"), object);
    return true;
}

static void add(struct check_bench *bench, const char *op, const char *lowering, uint64_t index,
                const struct lipcl_check_timing *timing) {
    double ns = fmax((double)timing->median_ns, 1), gflops = timing->flops / ns, gbps = timing->bytes / ns;
    double roof = fmax(gflops / bench->peaks.fma_gflops, gbps / bench->peaks.copy_gbps);
    table_add(&bench->table, COLOUR_NONE, "%s", bench->device);
    table_add(&bench->table, COLOUR_NONE, "%s", op);
    table_add(&bench->table, COLOUR_NONE, "%s", lowering);
    table_add(&bench->table, COLOUR_NONE, "%.3f ms", ns / 1e6);
    table_add(&bench->table, COLOUR_NONE, "%.2f", gflops);
    table_add(&bench->table, COLOUR_NONE, "%.2f", gbps);
    table_add(&bench->table, COLOUR_NONE, "%.1f %%", 100 * roof);
    table_add(&bench->table, COLOUR_NONE, "%s", timing->text);
    if (!bench->document) return;
    json_t *object = document_object();
    document_set(object, "device", document_text(bench->device));
    document_set(object, "op", document_text(op));
    document_set(object, "lowering", document_text(lowering));
    document_set(object, "index", document_count((size_t)index));
    document_set(object, "case", document_text(timing->text));
    document_set(object, "milliseconds", document_number(ns / 1e6));
    document_set(object, "gflops", document_number(gflops));
    document_set(object, "gbps", document_number(gbps));
    document_set(object, "limit_share", document_number(roof));
    document_append(json_object_get(bench->document, "timings"), object);
}

bool check_bench_lowering(struct check_bench *bench, struct lipcl_context *ctx, struct lipcl_device *device, const char *op,
                          const char *lowering, uint64_t seed, uint64_t index, uint64_t count) {
    for (uint64_t i = 0; count == 0 || i < count; i++) {
        struct lipcl_check_timing timing;
        struct lipcl_check_case one = {
            .op = op, .lowering = lowering, .fill = LIPCL_FILL_UNIT, .seed = seed, .index = index + i};
        if (lipcl_check_time(ctx, &timing, device, &one) != LIPCL_OK) return false;
        if (count == 0 && !timing.lipnet) break;
        if (timing.supported) add(bench, op, lowering, one.index, &timing);
    }
    return true;
}

void check_bench_print(struct check_bench *bench) {
    if (!bench->document) table_print(&bench->table);
}
