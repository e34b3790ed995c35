/* `lipcl profile` on a device whose times cannot be true: they are marked everywhere, and no number is made of them. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_layer.h"
#include "support/program.h"

enum { RUNS = 3 };

static char *folder;
static const char *clip, *trace_file, *device;

static void set_up(void) {
    folder = test_folder_make();
    clip = in_folder(folder, "short.npy");
    trace_file = in_folder(folder, "trace.json");
    put_clip(clip, 20, 5);
    device = program_device();
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_stamps, .init = set_up, .fini = tear_down, .timeout = 240);

static struct program_run profile(enum fault_stamps stamps, const char *option, const char *more, const char *value) {
    char lie[32];
    snprintf(lie, sizeof lie, "FAULT_STAMPS=%d", (int)stamps);
    const char *const environment[] = {"OPENCL_LAYERS=" LAYER_DIR "/fault_layer.so", lie, NULL};
    const char *const arguments[] = {"profile", clip, "--device", device, "--runs", "3", option, more, value, NULL};
    struct program_run run = program_run(arguments, environment);
    cr_assert_eq(run.status, 0, "%s", run.err);
    return run;
}

static json_t *get(const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    cr_assert_not_null(value, "there is no %s", key);
    return value;
}

static double number(const json_t *object, const char *key) {
    cr_assert(json_is_number(get(object, key)), "%s is no number", key);
    return json_number_value(get(object, key));
}

/* Marked, and nothing made of it. Returns how many were marked. */
static size_t expect_unknown(const json_t *commands, const char *problem) {
    static const char *const keys[] = {"queued_ms", "submitted_ms", "running_ms", "gbps"};
    size_t i, calls = 0;
    json_t *command;
    json_array_foreach(commands, i, command) {
        cr_expect_eq(number(command, "calls"), RUNS);
        cr_expect_eq(number(command, "invalid"), RUNS);
        cr_expect_str_eq(json_string_value(get(command, "problem")), problem);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) cr_expect(json_is_null(get(command, keys[k])), "%s", keys[k]);
        calls += RUNS;
    }
    return calls;
}

/* The run is the host's, and what it was made of is not known. */
static void expect_run(const json_t *of_device) {
    double run = number(get(of_device, "run_ms"), "mean"), sum = 0;
    size_t i;
    json_t *part;
    json_array_foreach(get(of_device, "breakdown"), i, part) {
        cr_expect_str_eq(json_string_value(get(part, "kind")), "idle");
        cr_expect_not_null(strstr(json_string_value(get(part, "part")), "untimed"));
        sum += number(get(part, "ms"), "mean");
    }
    cr_expect_gt(run, 0);
    cr_expect_float_eq(sum, run, 1e-6 * run);
}

static void expect_trace(size_t commands) {
    char *content = get_file(trace_file);
    cr_assert_not_null(content);
    json_t *trace = json_loads(content, 0, NULL), *event;
    size_t i, marks = 0;
    json_array_foreach(get(trace, "traceEvents"), i, event) {
        const char *phase = json_string_value(get(event, "ph")), *category = json_string_value(json_object_get(event, "cat"));
        marks += strcmp(phase, "i") == 0 && json_string_value(get(get(event, "args"), "problem"));
        cr_expect(strcmp(phase, "s") != 0 && strcmp(phase, "f") != 0, "an arrow to nowhere");
        cr_expect(!category || (strcmp(category, "kernel") != 0 && strcmp(category, "transfer") != 0), "%s", category);
    }
    cr_expect_eq(marks, commands, "%zu of %zu are marked", marks, commands);
    json_decref(trace);
    free(content);
}

Test(program_stamps, all_numbers_are_unknown) {
    static const struct {
        enum fault_stamps stamps;
        const char *problem;
    } lies[] = {{STAMPS_BACKWARDS, "times out of order"}, {STAMPS_MISSING, "the driver gave no times"}};
    for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
        struct program_run run = profile(lies[k].stamps, "--json", "--trace", trace_file);
        json_t *document = program_json(&run), *of_device = json_array_get(get(document, "devices"), 0), *layer;
        size_t i, marked = expect_unknown(get(of_device, "transfers"), lies[k].problem);
        json_array_foreach(get(of_device, "layers"), i, layer) {
            marked += expect_unknown(get(layer, "kernels"), lies[k].problem);
            cr_expect(json_is_null(get(layer, "running_ms")) && json_is_null(get(layer, "gflops")));
            cr_expect(json_is_null(get(layer, "share")) && json_is_null(get(layer, "limit_share")));
            cr_expect_gt(number(get(layer, "wall_ms"), "median"), 0, "the host's clock is still good");
        }
        marked += expect_unknown(get(of_device, "output_kernels"), lies[k].problem);
        cr_expect_eq(number(get(of_device, "clock"), "invalid"), (double)marked);
        expect_run(of_device);
        expect_trace(marked);
        json_decref(document);
        program_run_finish(&run);
    }
}

Test(program_stamps, tables_and_csv_mark_them) {
    struct program_run run = profile(STAMPS_BACKWARDS, NULL, NULL, NULL);
    cr_expect_not_null(strstr(run.out, "cannot be true"), "%s", run.out);
    cr_expect_not_null(strstr(run.out, "times out of order"), "%s", run.out);
    cr_expect_null(strstr(run.out, "nan"), "%s", run.out);
    program_run_finish(&run);
    run = profile(STAMPS_BACKWARDS, "--csv", NULL, NULL);
    size_t marked = 0;
    for (char *line = strtok(run.out, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "kernel,", 7) != 0 && strncmp(line, "transfer,", 9) != 0) continue;
        cr_expect_not_null(strstr(line, ",3,3,times out of order,,,,,,,,,"), "%s", line);
        marked++;
    }
    cr_expect_gt(marked, 6);
    program_run_finish(&run);
}
