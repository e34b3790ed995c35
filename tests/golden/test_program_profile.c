/* `lipcl profile`: its numbers add up, and its tables, JSON, CSV and trace say the same. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"

enum { RUNS = 4, TRACK_QUEUE = 1, TRACK_HOST, TRACK_CALLS, TRACKS };

static char *folder;
static const char *clip, *trace_file;

static void set_up(void) {
    folder = test_folder_make();
    clip = in_folder(folder, "short.npy");
    trace_file = in_folder(folder, "trace.json");
    put_clip(clip, 20, 5);
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_profile, .init = set_up, .fini = tear_down, .timeout = 240);

/* On two devices where PoCL is there, and on host. */
static struct program_run run_profile(const char *const *arguments) {
    return program_run(arguments, (const char *const[]){"POCL_DEVICES=pthread pthread", NULL});
}
#define PROFILE(...) run_profile((const char *const[]){"profile", clip, __VA_ARGS__, NULL})

static json_t *get(const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    cr_assert_not_null(value, "there is no %s", key);
    return value;
}

static double number(const json_t *object, const char *key) {
    json_t *value = get(object, key);
    cr_assert(json_is_number(value), "%s is no number", key);
    return json_number_value(value);
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(get(object, key));
    cr_assert_not_null(value, "%s is no text", key);
    return value;
}

static bool on_host(const json_t *device) {
    return strcmp(text(get(device, "device"), "type"), "host") == 0;
}

static void expect_times(const json_t *times, const char *what) {
    double median = number(times, "median"), p95 = number(times, "p95"), min = number(times, "min"),
           mean = number(times, "mean");
    cr_expect(0 <= min && min <= median && median <= p95 && min <= mean * 1.000001 && mean <= p95 * 1.000001, "%s", what);
}

/* The parts of a run are the run, and most of it are the layers, whose parts are their kernels. */
static void expect_sums(const json_t *device) {
    double parts = 0, layers = 0, kernels = 0, run = number(get(device, "run_ms"), "mean");
    size_t i, k;
    json_t *part, *layer, *kernel, *stage;
    json_array_foreach(get(device, "breakdown"), i, part) {
        parts += number(get(part, "ms"), "mean");
        cr_expect_float_eq(number(part, "share"), number(get(part, "ms"), "mean") / run, 1e-6);
        if (strcmp(text(part, "kind"), "layer") == 0) layers += number(get(part, "ms"), "mean");
    }
    cr_expect_float_eq(parts, run, 1e-6 * run, "%g of %g ms have a name", parts, run);
    double sum = 0;
    json_array_foreach(get(device, "layers"), i, layer) {
        sum += number(get(layer, "running_ms"), "mean");
        double of_layer = number(get(layer, "running_ms"), "mean"), of_kernels = 0;
        json_array_foreach(get(layer, "kernels"), k, kernel) of_kernels += number(get(kernel, "running_ms"), "mean");
        cr_expect(on_host(device) ? of_kernels == 0 : fabs(of_layer - of_kernels) < 1e-6 * of_layer, "%s",
                  text(layer, "layer"));
        kernels += of_kernels;
    }
    cr_expect_float_eq(sum, layers, 1e-4 * run, "layers run one after another");
    cr_expect(on_host(device) || kernels > 0);
    double stages = 0;
    json_array_foreach(get(device, "stages"), i, stage) stages += number(get(stage, "ms"), "mean");
    cr_expect_float_eq(stages, run, 1e-6 * run, "stages cover the run");
}

static void expect_layer(const json_t *device, const json_t *layer) {
    const char *name = text(layer, "layer");
    size_t i;
    json_t *kernel;
    expect_times(get(layer, "running_ms"), name);
    expect_times(get(layer, "wall_ms"), name);
    double ms = number(get(layer, "running_ms"), "median"), useful = number(layer, "useful_flops");
    cr_expect_float_eq(number(layer, "gflops"), useful / ms / 1e6, 1e-5 * useful / ms / 1e6);
    /* F(4x4, 5x5) multiplies 6.25 times less than the definition and transforms besides; nobody else does less than that. */
    bool winograd = strcmp(text(layer, "lowering"), "conv3d_winograd") == 0;
    double actual = number(layer, "actual_flops");
    cr_expect_gt(actual, (winograd ? 1 / 6.25 : 0.9) * useful, "%s", name);
    cr_expect(!winograd || actual < 0.7 * useful, "%s: %g of %g", name, actual, useful);
    cr_expect_eq(json_is_null(get(layer, "limit_share")), on_host(device));
    json_array_foreach(get(layer, "kernels"), i, kernel) {
        cr_expect_eq(number(kernel, "calls"), RUNS);
        cr_expect_eq(number(kernel, "invalid"), 0);
        expect_times(get(kernel, "queued_ms"), name);
        expect_times(get(kernel, "submitted_ms"), name);
        cr_expect_eq(json_array_size(get(kernel, "global")), 3);
        cr_expect_not_null(strstr(text(kernel, "options"), "-D"));
    }
}

static void expect_timeline(const json_t *device) {
    double end = 0;
    size_t i, kernels = 0, calls = 0;
    json_t *event, *layer;
    json_array_foreach(get(device, "timeline"), i, event) {
        cr_expect(number(event, "started_ns") > -1e6 && number(event, "started_ns") <= number(event, "ended_ns"));
        if (strcmp(text(event, "kind"), "kernel") == 0) kernels++;
        if (strcmp(text(event, "kind"), "run") == 0) end = number(event, "ended_ns");
    }
    json_array_foreach(get(device, "layers"), i, layer) calls += json_array_size(get(layer, "kernels"));
    cr_expect_eq(kernels, calls + json_array_size(get(device, "output_kernels")));
    cr_expect(end >= number(get(device, "run_ms"), "min") * 1e6 - 2 && end <= number(get(device, "run_ms"), "p95") * 1e6 + 2);
}

/* -- the trace ----------------------------------------------------------------------------------------------------------------
 */

static const char *phase_of(const json_t *event) {
    return text(event, "ph");
}

static bool is_slice(const json_t *event, size_t process, size_t track) {
    return strcmp(phase_of(event), "X") == 0 && number(event, "pid") == (double)process &&
           number(event, "tid") == (double)track;
}

/* A slice of the track that holds `ts`, or begins there. */
static bool has_slice_at(const json_t *events, size_t process, size_t track, double ts, bool begins) {
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event) {
        if (!is_slice(event, process, track)) continue;
        double start = number(event, "ts"), end = start + number(event, "dur");
        if (begins ? fabs(start - ts) < 1e-3 : start - 1e-3 <= ts && ts <= end + 1e-3) return true;
    }
    return false;
}

/* Slices of a track lie in each other or apart, or no viewer can show them. */
static void expect_nested(const json_t *events, size_t process, size_t track) {
    size_t i, k;
    json_t *a, *b;
    json_array_foreach(events, i, a) {
        if (!is_slice(a, process, track)) continue;
        double from = number(a, "ts"), to = from + number(a, "dur");
        json_array_foreach(events, k, b) {
            if (k <= i || !is_slice(b, process, track)) continue;
            double start = number(b, "ts"), end = start + number(b, "dur");
            bool apart = end <= from + 2e-3 || to <= start + 2e-3;
            bool inside = (from <= start + 2e-3 && end <= to + 2e-3) || (start <= from + 2e-3 && to <= end + 2e-3);
            cr_expect(apart || inside, "%s and %s overlap", text(a, "name"), text(b, "name"));
        }
    }
}

static void expect_arrows(const json_t *events, size_t process) {
    size_t i, k, arrows = 0;
    json_t *from, *to;
    json_array_foreach(events, i, from) {
        if (strcmp(phase_of(from), "s") != 0 || number(from, "pid") != (double)process) continue;
        size_t ends = 0;
        json_array_foreach(events, k, to) {
            if (strcmp(phase_of(to), "f") != 0 || number(to, "id") != number(from, "id")) continue;
            ends++;
            cr_expect_leq(number(from, "ts"), number(to, "ts") + 50, "from the call to the run");
            cr_expect(has_slice_at(events, process, TRACK_CALLS, number(from, "ts"), true));
            cr_expect(has_slice_at(events, process, TRACK_QUEUE, number(to, "ts"), true));
        }
        cr_expect_eq(ends, 1);
        arrows++;
    }
    cr_expect_gt(arrows, 0);
}

/* What a layer took in all runs together, in milliseconds. */
static double traced(const json_t *events, size_t process, const char *layer, const char *category) {
    double sum = 0;
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event) {
        if (strcmp(phase_of(event), "X") != 0 || number(event, "pid") != (double)process) continue;
        const json_t *args = get(event, "args");
        const char *of = json_string_value(json_object_get(args, "layer"));
        if (strcmp(text(event, "cat"), category) == 0 && of && strcmp(of, layer) == 0) sum += number(event, "dur") / 1e3;
    }
    return sum;
}

static void expect_trace(const json_t *document) {
    char *content = get_file(trace_file);
    cr_assert_not_null(content);
    json_t *trace = json_loads(content, 0, NULL), *device, *layer;
    cr_assert_not_null(trace);
    const json_t *events = get(trace, "traceEvents");
    size_t i, k;
    json_array_foreach(get(document, "devices"), i, device) {
        for (size_t track = 1; track < TRACKS; track++) expect_nested(events, i + 1, track);
        if (!on_host(device)) expect_arrows(events, i + 1);
        json_array_foreach(get(device, "layers"), k, layer) {
            double ms = traced(events, i + 1, text(layer, "layer"), on_host(device) ? "reference" : "kernel");
            double wanted = number(get(layer, "running_ms"), "mean") * number(device, "runs");
            cr_expect_float_eq(ms, wanted, 1e-5 * wanted + 1e-5, "%s: %g, not %g ms", text(layer, "layer"), ms, wanted);
        }
    }
    json_decref(trace);
    free(content);
}

/* Winograd's V is made and used up in parts, unless there are many cores: still two kernels, whose times, FLOPs and bytes are
 * those of a run. */
Test(program_profile, a_launch_that_is_repeated_is_one_kernel) {
    const char *longer = in_folder(folder, "longer.npy");
    put_clip(longer, 20, 30);
    struct program_run run = RUN("profile", longer, "--device", program_device(), "--runs", "3", "--json");
    json_t *document = program_json(&run), *device = json_array_get(get(document, "devices"), 0);
    json_t *conv1 = json_array_get(get(device, "layers"), 0), *kernels = get(conv1, "kernels");
    const json_t *in = json_array_get(kernels, 0), *out = json_array_get(kernels, 1);
    cr_assert_eq(json_array_size(kernels), 2);
    cr_expect_str_eq(text(in, "kernel"), "winograd_input");
    cr_expect_str_eq(text(out, "kernel"), "winograd_output");
    double calls = number(in, "calls");
    cr_expect(number(get(device, "device"), "compute_units") > 4 || calls >= 6, "%g calls in 3 runs", calls);
    cr_expect_eq(number(out, "calls"), calls);
    double products = 2.0 * 30 * 128 * 36 * 3 * 12 * 32; /* frames, tiles, points, taps, channels of the phases, outputs */
    cr_expect(number(out, "flops") > products && number(out, "flops") < 1.3 * products);
    cr_expect_float_eq(number(in, "flops") + number(out, "flops"), number(conv1, "actual_flops"), 1);
    cr_expect_geq(number(in, "bytes"), 4.0 * 3 * 30 * 64 * 128, "all of x is read");
    expect_sums(device);
    json_decref(document);
    program_run_finish(&run);
}

Test(program_profile, all_of_it_adds_up_on_every_device) {
    struct program_run listing = program_run((const char *const[]){"devices", "--json", NULL},
                                             (const char *const[]){"POCL_DEVICES=pthread pthread", NULL});
    struct program_run run = PROFILE("--device", "all,host", "--runs", "4", "--json", "--trace", trace_file);
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_expect_str_empty(run.err);
    json_t *list = program_json(&listing), *document = program_json(&run), *device, *layer;
    cr_expect_eq(json_array_size(get(document, "devices")), json_array_size(get(list, "devices")), "each of them, and host");
    cr_expect_str_eq(text(document, "clip"), clip);
    size_t i, k;
    json_array_foreach(get(document, "devices"), i, device) {
        cr_expect(json_is_null(get(device, "problem")));
        expect_times(get(device, "run_ms"), "run");
        expect_sums(device);
        json_array_foreach(get(device, "layers"), k, layer) expect_layer(device, layer);
        expect_timeline(device);
        cr_expect_eq(number(get(device, "clock"), "invalid"), 0);
        cr_expect_lt(number(get(device, "clock"), "error_ns"), 1e6);
        cr_expect_leq(number(get(device, "memory"), "peak_live_bytes"), number(get(device, "memory"), "allocated_bytes"));
    }
    expect_trace(document);
    json_decref(list);
    json_decref(document);
    program_run_finish(&listing);
    program_run_finish(&run);
}

Test(program_profile, tables_are_clear) {
    struct program_run run = PROFILE("--device", "all,host", "--runs", "2");
    static const char *const parts[] = {
        "conv1",       "conv3d",       "gemm_packed", "RUNNING", "QUEUED",    "SUBMITTED",           "WALL",        "MFLOP",
        "ACTUAL",      "MB",           "GFLOP/s",     "GB/s",    "OF LIMIT",  "PART OF A RUN",       "upload of x", "idle",
        "on the host", "LOCAL MEMORY", "PRIVATE",     "TUNING",  "MEDIAN MS", "memory on the device"};
    cr_assert_eq(run.status, 0, "%s", run.err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect_not_null(strstr(run.out, parts[i]), "%s is not in:\n%s", parts[i], run.out);
    program_run_finish(&run);
}

enum { MAX_COLUMNS = 64 };

/* Cuts a line of CSV in place; quotes stay. Returns how many cells there are. */
static size_t cut_line(char *line, char *cells[MAX_COLUMNS]) {
    size_t count = 0;
    bool quoted = false;
    cells[count++] = line;
    for (char *c = line; *c; c++) {
        quoted ^= *c == '"';
        if (*c != ',' || quoted) continue;
        *c = '\0';
        cr_assert_lt(count, MAX_COLUMNS);
        cells[count++] = c + 1;
    }
    return count;
}

static char **titles;
static size_t title_count;

static const char *cell(char *const *cells, const char *title) {
    for (size_t i = 0; i < title_count; i++)
        if (strcmp(titles[i], title) == 0) return cells[i];
    cr_assert(false, "there is no column %s", title);
    return "";
}

/* A driver may take no time to submit something, but for the rest. */
static void expect_cells(char *const *cells, const char *const *wanted) {
    for (; *wanted; wanted++) {
        const char *found = cell(cells, *wanted);
        double least = strstr(*wanted, "queued") || strstr(*wanted, "submitted") ? 0 : 1e-12;
        cr_expect(*found && strtod(found, NULL) >= least, "%s of %s %s is \"%s\"", *wanted, cell(cells, "row"),
                  cell(cells, "name"), found);
    }
}

/* On each device but host: every kind of row, with all that it is to tell. */
Test(program_profile, csv_tells_everything) {
    static const char *const kinds[] = {"run", "stage", "layer", "kernel", "transfer", "idle"};
    static const char *const of_layer[] = {
        "running_ms",   "running_p95_ms",   "wall_ms", "wall_p95_ms", "share", "useful_flops", "actual_flops",
        "bytes",        "gflops",           "gbps",    "limit_share", "calls", "queued_ms",    "queued_p95_ms",
        "submitted_ms", "submitted_p95_ms", NULL};
    static const char *const of_kernel[] = {"running_ms",    "running_p95_ms",   "share", "actual_flops", "bytes", "gflops",
                                            "gbps",          "limit_share",      "calls", "global",       "local", "work_group",
                                            "queued_p95_ms", "submitted_p95_ms", NULL};
    static const char *const of_transfer[] = {"running_ms", "bytes", "gbps", "calls", NULL};
    static const char *const of_time[] = {"running_p95_ms", "share", NULL};
    struct program_run run = PROFILE("--device", "all,host", "--runs", "2", "--csv");
    char *title_cells[MAX_COLUMNS], *cells[MAX_COLUMNS], *rest = run.out;
    size_t counts[sizeof kinds / sizeof *kinds] = {0}, hosts = 0;
    cr_assert_eq(run.status, 0, "%s", run.err);
    titles = title_cells;
    title_count = cut_line(strsep(&rest, "\n"), titles);
    for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
        size_t kind = 0;
        cr_assert_eq(cut_line(line, cells), title_count, "%s", line);
        while (kind < sizeof kinds / sizeof *kinds && strcmp(kinds[kind], cell(cells, "row")) != 0) kind++;
        cr_assert_lt(kind, sizeof kinds / sizeof *kinds, "%s", cell(cells, "row"));
        cr_expect(*cell(cells, "name") && *cell(cells, "device") && *cell(cells, "driver"));
        if (strcmp(cell(cells, "select"), "host") == 0) {
            hosts += kind == 2;
            continue;
        }
        counts[kind]++;
        const char *const *const wanted[] = {of_time, NULL, of_layer, of_kernel, of_transfer, of_time};
        if (wanted[kind]) expect_cells(cells, wanted[kind]);
        if (strcmp(cell(cells, "name"), "gemm_packed") == 0) cr_expect_not_null(strstr(cell(cells, "tuning"), "ROWS="));
    }
    size_t devices = counts[0];
    cr_expect_gt(devices, 0);
    cr_expect_eq(counts[1], 4 * devices, "stages");
    cr_expect_eq(counts[2], 6 * devices, "layers");
    cr_expect_geq(counts[3], 6 * devices, "kernels");
    cr_expect_eq(counts[4], 2 * devices, "x and logits");
    cr_expect_gt(counts[5], 0, "gaps");
    cr_expect_eq(hosts, 6);
    program_run_finish(&run);
}

Test(program_profile, a_device_that_fails_does_not_stop_the_others) {
    struct program_run run = PROFILE("--device", "no such device,host", "--runs", "1", "--json");
    json_t *document = program_json(&run);
    const json_t *devices = get(document, "devices");
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(text(json_array_get(devices, 0), "problem"), "no such device"));
    cr_expect(json_is_null(get(json_array_get(devices, 0), "device")));
    cr_expect_eq(number(json_array_get(devices, 1), "runs"), 1);
    json_decref(document);
    program_run_finish(&run);
}

Test(program_profile, what_makes_no_sense_is_refused) {
    static const char *const bad[][3] = {{"--runs", "0", NULL}, {"--runs", "x", NULL}, {"--csv", "--json", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct program_run run = PROFILE(bad[i][0], bad[i][1], bad[i][2]);
        cr_expect_eq(run.status, 2, "%s %s", bad[i][0], bad[i][1]);
        cr_expect_str_empty(run.out);
        program_run_finish(&run);
    }
    struct program_run run = PROFILE("--device", "host", "--runs", "1", "--trace", "/nonexistent/trace.json");
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(run.err, "/nonexistent/trace.json"), "%s", run.err);
    program_run_finish(&run);
}

Test(program_profile, devices_are_probed) {
    struct program_run run = RUN("devices", "--probe", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *device;
    size_t i, probed = 0;
    json_array_foreach(get(document, "devices"), i, device) {
        json_t *probe = json_object_get(device, "probe");
        bool usable = json_is_true(get(device, "usable")), host = strcmp(text(device, "type"), "host") == 0;
        cr_expect_eq(json_is_object(probe), usable && !host);
        if (!json_is_object(probe)) continue;
        static const char *const keys[] = {"fma_gflops",    "copy_gbps", "local_gbps",   "upload_gbps",
                                           "download_gbps", "launch_us", "round_trip_us"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) cr_expect_gt(number(probe, keys[k]), 0, "%s", keys[k]);
        cr_expect_eq(json_is_number(get(probe, "fma16_gflops")), json_is_true(get(device, "fp16")));
        probed++;
    }
    cr_expect_gt(probed, 0);
    json_decref(document);
    program_run_finish(&run);
}
