/* probe.c: what a device was found to reach, kept in the user's cache: the best of all that was ever measured on it, for on a
 * shared machine each measurement may have been disturbed, and none exceeds what the device can do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache.h"
#include "base/hash.h"
#include "device/identity.h"
#include "device/peaks.h"

enum { MAX_BYTES = 4096 };

/* The file's name, and what it begins with. */
struct entry {
    char name[40], header[MAX_BYTES / 2];
};

static struct entry entry_of(const struct lipcl_device *device) {
    struct entry entry;
    const struct lipcl_device_info *info = lipcl_device_info(device);
    snprintf(entry.header, sizeof entry.header, "lipcl probe 1\n%sunits %u\nclock %u\n", device_identity(info).text,
             info->compute_units, info->clock_mhz);
    snprintf(entry.name, sizeof entry.name, "probe-%016" PRIx64 ".txt", hash_text(HASH_START, entry.header));
    return entry;
}

/* The fields in the order of the file. Times count downwards: less is better. */
enum { FIELDS = 8, TIMES_FROM = 6 };

static void fields_of(struct lipcl_device_probe *probe, double *fields[FIELDS]) {
    double *all[FIELDS] = {&probe->peaks.fma_gflops, &probe->peaks.copy_gbps, &probe->fma16_gflops, &probe->local_gbps,
                           &probe->upload_gbps,      &probe->download_gbps,   &probe->launch_us,    &probe->round_trip_us};
    memcpy(fields, all, sizeof all);
}

/* Keeps the better of each. 0 is not measured. */
static void take_better(struct lipcl_device_probe *probe, struct lipcl_device_probe *other) {
    double *mine[FIELDS], *its[FIELDS];
    fields_of(probe, mine);
    fields_of(other, its);
    for (size_t i = 0; i < FIELDS; i++) {
        bool better = i < TIMES_FROM ? *its[i] > *mine[i] : *its[i] < *mine[i];
        if (*its[i] > 0 && (*mine[i] <= 0 || better)) *mine[i] = *its[i];
    }
}

/* Numbers are whole, in thousandths, so that no locale can touch them. */
static bool load(const struct lipcl_device *device, struct lipcl_device_probe *probe) {
    struct entry entry = entry_of(device);
    double *fields[FIELDS];
    char *text = NULL;
    size_t bytes, header = strlen(entry.header);
    *probe = (struct lipcl_device_probe){0};
    bool found = cache_read(&text, &bytes, entry.name, MAX_BYTES);
    bool ok = found && bytes > header && memcmp(text, entry.header, header) == 0;
    char *at = ok ? text + header : NULL;
    fields_of(probe, fields);
    for (size_t i = 0; ok && i < FIELDS; i++) {
        uint64_t number;
        int length = 0;
        ok = sscanf(at, "%15" SCNu64 "%n", &number, &length) == 1 && at[length] == '\n';
        if (ok) *fields[i] = (double)number / 1e3;
        at += ok ? length + 1 : 0;
    }
    ok = ok && *at == '\0';
    free(text);
    if (!ok) *probe = (struct lipcl_device_probe){0};
    return ok;
}

static void save(const struct lipcl_device *device, struct lipcl_device_probe *probe) {
    struct entry entry = entry_of(device);
    double *fields[FIELDS];
    char text[MAX_BYTES];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", entry.header);
    fields_of(probe, fields);
    for (size_t i = 0; i < FIELDS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%" PRIu64 "\n", (uint64_t)(*fields[i] * 1e3 + 0.5));
    cache_write(entry.name, text, used);
}

static enum lipcl_status refuse_host(struct lipcl_context *ctx, const struct lipcl_device *device) {
    if (!device_caps(device)->host) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "host: has no kernels to measure a peak with; choose an OpenCL device");
}

enum lipcl_status lipcl_device_measure(struct lipcl_context *ctx, struct lipcl_device *device,
                                       struct lipcl_device_peaks *peaks) {
    struct lipcl_device_probe found = {0}, before;
    *peaks = (struct lipcl_device_peaks){0};
    enum lipcl_status status = refuse_host(ctx, device);
    if (status == LIPCL_OK) status = peaks_measure(device, &found.peaks);
    if (status != LIPCL_OK) return status;
    if (load(device, &before)) take_better(&found, &before);
    *peaks = found.peaks;
    return LIPCL_OK;
}

enum lipcl_status lipcl_device_probe(struct lipcl_context *ctx, struct lipcl_device *device, struct lipcl_device_probe *probe) {
    struct lipcl_device_probe before;
    *probe = (struct lipcl_device_probe){0};
    enum lipcl_status status = refuse_host(ctx, device);
    if (status == LIPCL_OK) status = probe_measure(device, probe);
    if (status != LIPCL_OK) return status;
    if (load(device, &before)) take_better(probe, &before);
    save(device, probe);
    return LIPCL_OK;
}
