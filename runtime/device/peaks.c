/* peaks.c: what a device can reach at best, measured by small kernels and transfers, best of several. */
#include "device/peaks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

/* A measurement goes on until it has been repeated so often, and for so long: others may be disturbing it. */
enum { REPEATS = 7, LEAST_NS = 50000000, MOST_NS = 1000000000 };

/* A kernel of two arguments whose work is known. */
struct probe {
    const char *file, *name;
    char options[160];
    size_t items, local;
    size_t in_bytes, out_bytes;
    double work; /* of one launch: flops or bytes */
};

static bool is_enough(int repeats, uint64_t start) {
    uint64_t spent = time_ns() - start;
    return (repeats > REPEATS && spent > LEAST_NS) || spent > MOST_NS;
}

/* How long a launch took: by the device's own time, if it can be true, for then the way to the device does not count. */
static uint64_t launch_ns(struct lipcl_device *device, struct device_recorder *recorder, uint64_t wall_ns) {
    device_recorder_collect(device, recorder, true);
    const struct device_record *record = recorder->count ? &recorder->records[0] : NULL;
    if (!record || !record->has_stamps) return wall_ns;
    uint64_t ns = record->stamps[STAMP_ENDED] - record->stamps[STAMP_STARTED];
    return ns > wall_ns / 2 && ns <= wall_ns ? ns : wall_ns;
}

/* The best rate of several launches, in work per nanosecond: what the device can do when others leave it alone. */
static enum lipcl_status measure(struct lipcl_device *device, const struct probe *probe, double *rate) {
    enum lipcl_status status = LIPCL_OK;
    static const float seed[2] = {0.999f, 0.001f}; /* keeps every chain near 1 */
    struct device_buffer *in = NULL, *out = NULL;
    struct device_kernel *kernel = NULL;
    struct device_recorder recorder = {0};
    const size_t global[3] = {probe->items, 1, 1}, local[3] = {probe->local, 1, 1};
    uint64_t begin = time_ns();
    *rate = 0;
    TRY(device_buffer_create(device, &in, probe->in_bytes));
    TRY(device_buffer_create(device, &out, probe->out_bytes));
    TRY(device_kernel_create(device, &kernel, probe->file, probe->name, probe->options));
    TRY(device_kernel_argument(device, kernel, 0, in));
    TRY(device_kernel_argument(device, kernel, 1, out));
    TRY(device_buffer_write(device, in, seed, sizeof seed));
    for (int i = 0; !is_enough(i, begin) || i < 2; i++) { /* the first one may compile */
        TRY(device_finish(device));
        recorder.count = 0;
        uint64_t start = time_ns();
        device_record(device, &recorder);
        status = device_launch(device, kernel, NULL, global, local);
        device_record(device, NULL);
        TRY(status);
        TRY(device_finish(device));
        double reached = probe->work / (double)launch_ns(device, &recorder, time_ns() - start);
        if (i > 0 && reached > *rate) *rate = reached;
        if (i == 0) begin = time_ns();
    }

fail:
    device_recorder_collect(device, &recorder, false);
    device_recorder_finish(&recorder);
    device_kernel_destroy(device, &kernel);
    device_buffer_destroy(device, &in);
    device_buffer_destroy(device, &out);
    return status;
}

/* The kernel that multiplies and adds, at a `share`-th of the length at which launching no longer counts. */
static struct probe arithmetic(const struct device_caps *caps, const char *file, const char *name, size_t share) {
    size_t units = size_max(caps->compute_units, 1), group = size_min(64, caps->max_work_group);
    size_t loops = size_max(1, (caps->cpu ? 200000 : 4096) / share), vec = caps->cpu ? 8 : 4, chains = 12;
    struct probe probe = {.file = file, .name = name, .in_bytes = 64};
    probe.items = caps->cpu ? 2 * units : units * 32 * group;
    probe.local = caps->cpu ? 1 : group;
    probe.out_bytes = probe.items * vec * sizeof(float);
    probe.work = 2.0 * (double)probe.items * (double)loops * (double)chains * (double)vec;
    snprintf(probe.options, sizeof probe.options, "-cl-mad-enable -DVEC=%zu -DCHAINS=%zu -DLOOPS=%zu", vec, chains, loops);
    return probe;
}

static size_t copy_bytes(const struct device_caps *caps) {
    size_t bytes = (size_t)128 << 20;
    if (caps->max_alloc_bytes) bytes = size_min(bytes, caps->max_alloc_bytes / 2);
    if (caps->global_bytes) bytes = size_min(bytes, caps->global_bytes / 8);
    return bytes / 256 * 256;
}

static struct probe copying(const struct device_caps *caps) {
    size_t units = size_max(caps->compute_units, 1), group = size_min(64, caps->max_work_group);
    size_t count = copy_bytes(caps) / sizeof(float);
    struct probe probe = {.file = "peak_copy.cl", .name = "peak_copy"};
    probe.in_bytes = probe.out_bytes = count * sizeof(float);
    probe.items = caps->cpu ? 4 * units : units * 32 * group;
    probe.local = caps->cpu ? 1 : group;
    probe.work = 2.0 * (double)count * sizeof(float);
    snprintf(probe.options, sizeof probe.options, "-DCOUNT=%zu -DVEC=%d -DBLOCKED=%d", count, caps->cpu ? 16 : 4, caps->cpu);
    return probe;
}

/* A tile of 8 KiB: within what every device has, and within the nearest cache where it is emulated. */
static struct probe local_reading(const struct device_caps *caps) {
    struct probe probe = arithmetic(caps, "peak_local.cl", "peak_local", 1);
    size_t loops = caps->cpu ? 400000 : 4096, vec = caps->cpu ? 8 : 4, tile = 8192 / (vec * sizeof(float));
    probe.work = (double)probe.items * (double)loops * (double)(vec * sizeof(float));
    snprintf(probe.options, sizeof probe.options, "-DLOCAL=%zu -DVEC=%zu -DTILE=%zu -DLOOPS=%zu", probe.local, vec, tile,
             loops);
    return probe;
}

enum lipcl_status peaks_measure(struct lipcl_device *device, struct lipcl_device_peaks *peaks) {
    enum lipcl_status status = LIPCL_OK;
    const struct device_caps *caps = device_caps(device);
    struct probe fma = arithmetic(caps, "peak_fma.cl", "peak_fma", 1), copy = copying(caps);
    bool profiling = device_profiling(device, true) == LIPCL_OK; /* without it, by the host's clock */
    TRY(measure(device, &fma, &peaks->fma_gflops));
    TRY(measure(device, &copy, &peaks->copy_gbps));

fail:
    if (profiling) device_profiling(device, false);
    return status;
}

/* The way to the device and back: one launch that does next to nothing, and many of them in a row. */
static enum lipcl_status measure_launches(struct lipcl_device *device, struct lipcl_device_probe *found) {
    enum lipcl_status status = LIPCL_OK;
    enum { LAUNCHES = 200 };
    struct device_buffer *buffer = NULL;
    struct device_kernel *kernel = NULL;
    const size_t one[3] = {1, 1, 1};
    TRY(device_buffer_create(device, &buffer, 64));
    TRY(device_kernel_create(device, &kernel, "peak_fma.cl", "peak_fma", "-DVEC=1 -DCHAINS=1 -DLOOPS=1"));
    for (size_t i = 0; i < 2; i++) TRY(device_kernel_argument(device, kernel, i, buffer));
    uint64_t begin = time_ns();
    for (int i = 0; !is_enough(i, begin); i++) {
        for (size_t k = 0; k < 2; k++) {
            size_t launches = k ? LAUNCHES : 1;
            double *best = k ? &found->launch_us : &found->round_trip_us;
            TRY(device_finish(device));
            uint64_t start = time_ns();
            for (size_t n = 0; n < launches; n++) TRY(device_launch(device, kernel, NULL, one, one));
            TRY(device_finish(device));
            double us = (double)(time_ns() - start) / 1e3 / (double)launches;
            if (i > 0 && (*best <= 0 || us < *best)) *best = us;
        }
    }

fail:
    device_kernel_destroy(device, &kernel);
    device_buffer_destroy(device, &buffer);
    return status;
}

static enum lipcl_status measure_transfers(struct lipcl_device *device, struct lipcl_device_probe *found) {
    enum lipcl_status status = LIPCL_OK;
    struct arena arena = {0};
    struct device_buffer *buffer = NULL;
    size_t bytes = size_min(copy_bytes(device_caps(device)), (size_t)32 << 20);
    void *data = arena_alloc(&arena, bytes);
    if (!data) TRY(fail_memory(device_context(device), bytes));
    TRY(device_buffer_create(device, &buffer, bytes));
    uint64_t begin = time_ns();
    for (int i = 0; !is_enough(i, begin); i++) {
        TRY(device_finish(device));
        uint64_t start = time_ns();
        TRY(device_buffer_write(device, buffer, data, bytes));
        uint64_t between = time_ns();
        TRY(device_buffer_read(device, data, buffer, bytes));
        double up = (double)bytes / (double)(between - start), down = (double)bytes / (double)(time_ns() - between);
        if (i > 0 && up > found->upload_gbps) found->upload_gbps = up;
        if (i > 0 && down > found->download_gbps) found->download_gbps = down;
    }

fail:
    device_buffer_destroy(device, &buffer);
    arena_finish(&arena);
    return status;
}

enum lipcl_status probe_measure(struct lipcl_device *device, struct lipcl_device_probe *found) {
    enum lipcl_status status = LIPCL_OK;
    const struct device_caps *caps = device_caps(device);
    struct probe half = arithmetic(caps, "peak_fma16.cl", "peak_fma16", 1000), local = local_reading(caps);
    bool profiling = device_profiling(device, true) == LIPCL_OK;
    *found = (struct lipcl_device_probe){0};
    TRY(peaks_measure(device, &found->peaks));
    TRY(measure(device, &local, &found->local_gbps));
    if (lipcl_device_info(device)->fp16) TRY(measure(device, &half, &found->fma16_gflops));
    half = arithmetic(caps, "peak_fma16.cl", "peak_fma16", 1);
    /* Where half precision is emulated, a thousandth of the work takes long enough. */
    if (found->fma16_gflops > 1) TRY(measure(device, &half, &found->fma16_gflops));
    if (profiling) TRY(device_profiling(device, false));
    profiling = false;
    TRY(measure_launches(device, found));
    TRY(measure_transfers(device, found));

fail:
    if (profiling) device_profiling(device, false);
    return status;
}
