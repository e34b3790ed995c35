/* peaks.c: what a device can reach at best, measured by two small kernels. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "device/front.h"

enum { REPEATS = 7 };

/* One of the two measurements. */
struct probe {
    const char *file, *name;
    char options[160];
    size_t items, local;
    size_t in_bytes, out_bytes;
    double work; /* of one launch: flops or bytes */
};

/* The best rate of several launches, in work per nanosecond: what the device can do when others leave it alone. */
static enum lipcl_status measure(struct lipcl_device *device, const struct probe *probe, double *rate) {
    enum lipcl_status status = LIPCL_OK;
    static const float seed[2] = {0.999f, 0.001f}; /* keeps every chain near 1 */
    struct device_buffer *in = NULL, *out = NULL;
    struct device_kernel *kernel = NULL;
    const size_t global[3] = {probe->items, 1, 1}, local[3] = {probe->local, 1, 1};
    *rate = 0;
    TRY(device_buffer_create(device, &in, probe->in_bytes));
    TRY(device_buffer_create(device, &out, probe->out_bytes));
    TRY(device_kernel_create(device, &kernel, probe->file, probe->name, probe->options));
    TRY(device_kernel_argument(device, kernel, 0, in));
    TRY(device_kernel_argument(device, kernel, 1, out));
    TRY(device_buffer_write(device, in, seed, sizeof seed));
    for (int i = 0; i <= REPEATS; i++) { /* the first one may compile */
        TRY(device_finish(device));
        uint64_t start = time_ns();
        TRY(device_launch(device, kernel, global, local));
        TRY(device_finish(device));
        double reached = probe->work / (double)(time_ns() - start);
        if (i > 0 && reached > *rate) *rate = reached;
    }

fail:
    device_kernel_destroy(device, &kernel);
    device_buffer_destroy(device, &in);
    device_buffer_destroy(device, &out);
    return status;
}

enum lipcl_status lipcl_device_measure(struct lipcl_context *ctx, struct lipcl_device *device,
                                       struct lipcl_device_peaks *peaks) {
    enum lipcl_status status = LIPCL_OK;
    const struct device_caps *caps = device_caps(device);
    *peaks = (struct lipcl_device_peaks){0};
    if (caps->host)
        TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "host: has no kernels to measure a peak with; choose an OpenCL device"));

    size_t units = size_max(caps->compute_units, 1), group = size_min(64, caps->max_work_group);
    size_t loops = caps->cpu ? 200000 : 4096, vec = caps->cpu ? 8 : 4, chains = 12;
    struct probe fma = {.file = "peak_fma.cl", .name = "peak_fma", .in_bytes = 64};
    fma.items = caps->cpu ? 2 * units : units * 32 * group;
    fma.local = caps->cpu ? 1 : group;
    fma.out_bytes = fma.items * vec * sizeof(float);
    fma.work = 2.0 * (double)fma.items * (double)loops * (double)chains * (double)vec;
    snprintf(fma.options, sizeof fma.options, "-cl-mad-enable -DVEC=%zu -DCHAINS=%zu -DLOOPS=%zu", vec, chains, loops);
    TRY(measure(device, &fma, &peaks->fma_gflops));

    size_t bytes = (size_t)128 << 20;
    if (caps->max_alloc_bytes) bytes = size_min(bytes, caps->max_alloc_bytes / 2);
    if (caps->global_bytes) bytes = size_min(bytes, caps->global_bytes / 8);
    size_t count = bytes / sizeof(float) / 64 * 64;
    struct probe copy = {.file = "peak_copy.cl", .name = "peak_copy"};
    copy.in_bytes = copy.out_bytes = count * sizeof(float);
    copy.items = caps->cpu ? 4 * units : units * 32 * group;
    copy.local = caps->cpu ? 1 : group;
    copy.work = 2.0 * (double)count * sizeof(float);
    snprintf(copy.options, sizeof copy.options, "-DCOUNT=%zu -DVEC=%d -DBLOCKED=%d", count, caps->cpu ? 16 : 4, caps->cpu);
    TRY(measure(device, &copy, &peaks->copy_gbps));

fail:
    return status;
}
