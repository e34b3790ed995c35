/* `lipcl bench`: are its figures possible, and does it notice when something has become slower? */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"

static const json_t *at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    cr_assert_not_null(value, "there is no \"%s\"", key);
    return value;
}

static double number(const json_t *object, const char *key) {
    const json_t *value = at(object, key);
    cr_assert(json_is_number(value), "\"%s\" is no number", key);
    return json_number_value(value);
}

static double positive(const json_t *object, const char *key) {
    double value = number(object, key);
    cr_expect(value > 0 && isfinite(value), "\"%s\" is %g", key, value);
    return value;
}

static void expect_spread(const json_t *object, const char *key) {
    const json_t *spread = at(object, key);
    double median = positive(spread, "median");
    cr_expect_leq(positive(spread, "min"), median, "%s", key);
    cr_expect_leq(median, positive(spread, "p95"), "%s", key);
}

static json_t *bench(const char *batch, const char *starts, const char *precision) {
    struct program_run run = RUN("bench", "--device", program_device(), "--frames", "10", "--runs", "7", "--batch", batch,
                                 "--starts", starts, "--precision", precision, "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run);
    program_run_finish(&run);
    return document;
}

Test(program_bench, figures_are_possible) {
    json_t *document = bench("2", "0", "fast");
    const json_t *layers = at(document, "layers"), *layer;
    double sum_ms = 0, useful = 0, actual = 0;
    size_t index;
    cr_expect_eq(number(document, "batch"), 2);
    cr_expect_eq(number(document, "frames"), 10);
    expect_spread(document, "latency_ms");
    double median = positive(at(document, "latency_ms"), "median"), peak = positive(document, "fma_peak_gflops");
    cr_expect_float_eq(positive(document, "clips_per_s"), 2000 / median, 1e-6 * 2000 / median);
    positive(document, "copy_gbps");
    positive(document, "open_ms");
    positive(document, "plan_ms");
    json_array_foreach(layers, index, layer) {
        expect_spread(layer, "ms");
        double ms = positive(at(layer, "ms"), "median"), gflops = positive(layer, "gflops");
        cr_expect_float_eq(gflops, positive(layer, "useful_flops") / ms / 1e6, 1e-6 * gflops);
        cr_expect_float_eq(positive(layer, "fma_peak_share"), gflops / peak, 1e-6 * gflops / peak);
        positive(layer, "copy_share");
        positive(layer, "limit_share");
        /* No kernel computes faster than the device can; but padding is counted, and peaks may be disturbed. */
        cr_expect_lt(positive(layer, "actual_peak_share"), 2);
        sum_ms += positive(at(layer, "ms"), "min");
        useful += positive(layer, "useful_flops");
        actual += positive(layer, "actual_flops");
    }
    cr_expect_eq(index, 6);
    cr_expect_float_eq(useful, positive(document, "useful_flops"), 1);
    cr_expect_float_eq(actual, positive(document, "actual_flops"), 1);
    cr_expect_float_eq(useful, 2 * 18.16e9 * 10 / 75, 0.02e9, "LipNet takes 18.16 GFLOP for 75 frames, this is %g", useful);
    cr_expect(sum_ms < 2 * median && sum_ms > median / 10, "layers %g ms, the run %g ms", sum_ms, median);
    json_decref(document);
}

/* The library and the weights alone take 25 MiB; a process that measured peaks would have two buffers of 128 MiB. */
Test(program_bench, processes_of_their_own) {
    json_t *document = bench("1", "2", "fast");
    double memory = positive(document, "peak_memory_mib"), start_memory = positive(document, "start_peak_memory_mib");
    cr_expect(memory > 25 && start_memory > 25, "%g and %g MiB", memory, start_memory);
    expect_spread(at(document, "start_ms"), "warm");
    double cold = positive(at(document, "start_ms"), "cold"), warm = positive(at(at(document, "start_ms"), "warm"), "min");
    cr_expect_lt(warm, 0.7 * cold, "warm %g ms, cold %g ms: compiling takes longer", warm, cold);
    json_decref(document);
    document = bench("1", "0", "fast");
    cr_expect(json_is_null(at(at(document, "start_ms"), "cold")) && json_is_null(at(at(document, "start_ms"), "warm")));
    positive(document, "peak_memory_mib");
    json_decref(document);
}

static void expect_estimate(const json_t *object, const char *key) {
    const json_t *estimate = at(object, key);
    double low = number(estimate, "low"), median = number(estimate, "median"), high = number(estimate, "high");
    cr_expect(-1 < low && low <= median && median <= high, "%s: %g in %g to %g", key, median, low, high);
    cr_expect_lt(low, 0.5, "%s: a run is %.0f %% longer", key, 100 * low);
}

/* How much it is, other work decides as well; that it was on when it was to be, the events show. */
Test(program_bench, cost_of_profiling) {
    char *folder = test_folder_make();
    const char *clip = in_folder(folder, "short.npy");
    put_clip(clip, 20, 5);
    struct program_run run = RUN("bench", "--device", program_device(), "--frames", "5", "--runs", "1", "--starts", "0",
                                 "--profiling", "6", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run);
    program_run_finish(&run);
    run = RUN("profile", clip, "--device", program_device(), "--runs", "2", "--json");
    json_t *profile = program_json(&run);
    const json_t *cost = at(document, "profiling"), *clock = at(json_array_get(at(profile, "devices"), 0), "clock");
    cr_expect_eq(number(cost, "rounds"), 6);
    cr_expect_eq(number(cost, "events"), number(clock, "events") / 2, "%g events", number(cost, "events"));
    expect_estimate(cost, "on");
    expect_estimate(cost, "off");
    json_decref(document);
    json_decref(profile);
    program_run_finish(&run);
    document = bench("1", "0", "fast");
    cr_expect(json_is_null(at(document, "profiling")), "nobody has asked");
    json_decref(document);
    test_folder_remove(&folder);
}

static void scale(json_t *times, double factor) {
    json_object_set_new(times, "median", json_real(factor * number(times, "median")));
}

/* A baseline whose run took `whole` times as long, and conv2, by far the largest layer where arithmetic is exact, `conv2`
 * times. */
static const char *put_baseline(const char *folder, const json_t *document, double whole, double conv2) {
    const char *path = in_folder(folder, "baseline.json");
    json_t *doctored = json_deep_copy(document), *layer;
    size_t index;
    scale(json_object_get(doctored, "latency_ms"), whole);
    json_array_foreach(json_object_get(doctored, "layers"), index, layer) {
        bool second = strcmp(json_string_value(json_object_get(layer, "layer")), "conv2") == 0;
        scale(json_object_get(layer, "ms"), second ? conv2 : whole);
    }
    cr_assert_eq(json_dump_file(doctored, path, 0), 0);
    json_decref(doctored);
    return path;
}

static struct program_run compare(const char *path, const char *fail_above, bool json) {
    const char *arguments[] = {"bench",       "--device", program_device(), "--frames", "10", "--runs", "7",  "--starts", "0",
                               "--precision", "exact",    "--compare",      path,       NULL, NULL,     NULL, NULL};
    size_t used = 13;
    if (fail_above) arguments[used++] = "--fail-above", arguments[used++] = fail_above;
    if (json) arguments[used++] = "--json";
    return program_run(arguments, NULL);
}

/* Large factors, for other work on the machine must not decide. The first: a layer that took next to nothing does not count. */
Test(program_bench, what_became_slower_is_noticed) {
    static const struct {
        double whole, conv2;
        const char *fail_above;
        int status;
    } cases[] = {{20, 0.05, "100", 0}, {0.05, 0.05, "100", 3}, {1, 0.15, "150", 3}, {0.05, 0.05, NULL, 0}};
    char *folder = test_folder_make();
    json_t *document = bench("1", "0", "exact");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = put_baseline(folder, document, cases[i].whole, cases[i].conv2);
        struct program_run run = compare(path, cases[i].fail_above, false);
        cr_expect_eq(run.status, cases[i].status, "case %zu: exit %d\n%s%s", i, run.status, run.out, run.err);
        cr_expect_eq(strstr(run.out, "SLOWER") != NULL, cases[i].status == 3, "case %zu:\n%s", i, run.out);
        program_run_finish(&run);
    }
    struct program_run run = compare(put_baseline(folder, document, 0.05, 0.05), "100", true);
    json_t *found = program_json(&run);
    const json_t *comparison = at(found, "compare");
    cr_expect_eq(run.status, 3);
    cr_expect_eq(number(found, "exit_status"), 3);
    cr_expect_eq(number(comparison, "fail_above_percent"), 100);
    cr_expect_float_eq(number(comparison, "ratio"), number(comparison, "ms") / number(comparison, "baseline_ms"), 1e-6);
    cr_expect(json_is_true(at(comparison, "slower")));
    cr_expect_eq(json_array_size(at(comparison, "layers")), 6);
    json_decref(found);
    program_run_finish(&run);
    json_decref(document);
    test_folder_remove(&folder);
}

static void expect_refused(const char *folder, const char *text, const char *reason) {
    const char *path = in_folder(folder, "wrong.json");
    put_file(path, text);
    struct program_run run = compare(path, NULL, false);
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(run.err, reason), "%s", run.err);
    cr_expect_str_empty(run.out);
    program_run_finish(&run);
}

Test(program_bench, baselines_that_are_none) {
    char *folder = test_folder_make();
    expect_refused(folder, "{\"batch\": 1,", "line 1");
    expect_refused(folder, "[]", "not what");
    expect_refused(folder, "{\"batch\": 1, \"frames\": 10, \"latency_ms\": {\"median\": -1}, \"layers\": []}", "not what");
    expect_refused(folder, "{\"batch\": 4, \"frames\": 10, \"latency_ms\": {\"median\": 1}, \"layers\": []}", "--batch 4");
    test_folder_remove(&folder);
}

Test(program_bench, command_lines_that_make_no_sense) {
    static const char *const wrong[][2] = {{"--fail-above", "5"}, {"--runs", "0"},   {"--batch", "-1"},
                                           {"--starts", "-1"},    {"--frames", "x"}, {"--profiling", "-1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct program_run run = RUN("bench", wrong[i][0], wrong[i][1]);
        cr_expect_eq(run.status, 2, "%s", wrong[i][0]);
        program_run_finish(&run);
    }
    struct program_run run = RUN("bench", "--device", "host");
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(run.err, "host"));
    program_run_finish(&run);
}
