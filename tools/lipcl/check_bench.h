/* check_bench.h: `lipcl check --bench`, how fast each lowering is beside the device's peaks. */
#ifndef LIPCL_TOOLS_CHECK_BENCH_H
#define LIPCL_TOOLS_CHECK_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <lipcl/check.h>

#include "table.h"

struct check_bench {
    json_t *document; /* --json's, else NULL */
    struct table table;
    char *device; /* what --device takes for it */
    struct lipcl_device_peaks peaks;
};

void check_bench_init(struct check_bench *bench, json_t *document);
void check_bench_finish(struct check_bench *bench);

/* Measures a device's peaks; everything that follows is of this device. */
bool check_bench_device(struct check_bench *bench, struct lipcl_context *ctx, struct lipcl_device *device);

/* Times the cases from number `index` on, `count` of them or, for 0, all that are LipNet's own. */
bool check_bench_lowering(struct check_bench *bench, struct lipcl_context *ctx, struct lipcl_device *device, const char *op,
                          const char *lowering, uint64_t seed, uint64_t index, uint64_t count);

void check_bench_print(struct check_bench *bench);

#endif
