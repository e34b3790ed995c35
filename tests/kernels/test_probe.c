/* What devices reach, and what is kept of it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/device.h>

#include "support/program.h"
#include "support/test_devices.h"

static char *folder;
static struct lipcl_context *ctx;
static struct lipcl_device *device;

/* With a cache that is empty. */
static void begin(const char *selector) {
    folder = test_folder_make();
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("LIPCL_CACHE");
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
}

static void end(void) {
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
    test_folder_remove(&folder);
}

/* The cache's one file of probes. */
static const char *kept_file(void) {
    const char *path = NULL, *cache = in_folder(folder, "lipcl");
    DIR *directory = opendir(cache);
    cr_assert_not_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, "probe-", 6) != 0) continue;
        cr_assert_null(path, "one file a device");
        path = in_folder(cache, entry->d_name);
    }
    closedir(directory);
    cr_assert_not_null(path);
    return path;
}

/* Puts a number of GFLOP/s that no device reaches where the file has its own, and `tail` behind everything. */
static void claim(const char *path, const char *tail) {
    char *text = get_file(path), *line = strstr(text, "\nclock ");
    cr_assert_not_null(line);
    line = strchr(line + 1, '\n') + 1;
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "%.*s900000000000%s%s", (int)(line - text), text, strchr(line, '\n'), tail);
    cr_assert_eq(fclose(file), 0);
    free(text);
}

ParameterizedTestParameters(probe, measures_all_of_it_and_keeps_the_best) {
    return devices_as_parameters(false);
}

ParameterizedTest(const struct device_parameter *parameter, probe, measures_all_of_it_and_keeps_the_best, .timeout = 300) {
    struct lipcl_device_probe found, again;
    struct lipcl_device_peaks peaks;
    begin(parameter->selector);
    cr_assert(lipcl_device_probe(ctx, device, &found) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_expect(found.peaks.fma_gflops > 0.1 && found.peaks.fma_gflops < 1e6, "%g GFLOP/s", found.peaks.fma_gflops);
    cr_expect(found.peaks.copy_gbps > 0.01 && found.peaks.copy_gbps < 1e5, "%g GB/s", found.peaks.copy_gbps);
    cr_expect(found.local_gbps > 0.01 && found.upload_gbps > 0.01 && found.download_gbps > 0.01);
    cr_expect(found.launch_us > 0.01 && found.round_trip_us > 0.01);
    cr_expect_eq(found.fma16_gflops > 0, lipcl_device_info(device)->fp16);

    cr_assert(lipcl_device_probe(ctx, device, &again) == LIPCL_OK);
    cr_expect_geq(again.peaks.fma_gflops, found.peaks.fma_gflops - 0.001);
    cr_expect_geq(again.peaks.copy_gbps, found.peaks.copy_gbps - 0.001);
    cr_expect_leq(again.launch_us, found.launch_us + 0.001);

    claim(kept_file(), "");
    cr_assert(lipcl_device_measure(ctx, device, &peaks) == LIPCL_OK);
    cr_expect_float_eq(peaks.fma_gflops, 9e8, 1, "what was kept is the baseline: %g", peaks.fma_gflops);
    claim(kept_file(), "1\n");
    cr_assert(lipcl_device_measure(ctx, device, &peaks) == LIPCL_OK);
    cr_expect_lt(peaks.fma_gflops, 1e6, "a file that is odd is worth nothing");
    end();
}

Test(probe, host_has_no_peaks) {
    struct lipcl_device_probe found;
    begin("host");
    cr_expect(lipcl_device_probe(ctx, device, &found) == LIPCL_ERROR_UNSUPPORTED);
    cr_expect_eq(found.peaks.fma_gflops, 0);
    end();
}
