/* `lipcl check`: its list, its rows, and what it says of a kernel that is wrong. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

static json_int_t count_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_integer(value), "\"%s\" is no number", key);
    return json_integer_value(value);
}

Test(program_check, lists_operators_and_lowerings) {
    struct program_run run = RUN("check", "--list"), part = RUN("check", "--list", "--op", "g*", "--json");
    cr_expect_eq(run.status, 0);
    expect_in("conv3d        conv3d_winograd  conv3d_winograd_2x2  conv3d_direct\n", run.out);
    expect_in("permute       permute_copy\n", run.out);
    json_t *document = program_json(&part), *operators = json_object_get(document, "operators");
    cr_assert_eq(json_array_size(operators), 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(operators, 0), "op")), "gru");
    cr_expect_eq(json_array_size(json_object_get(json_array_get(operators, 0), "lowerings")), 3);
    json_decref(document);
    program_run_finish(&run);
    program_run_finish(&part);
}

Test(program_check, a_row_a_lowering_and_fill) {
    struct program_run run = RUN("check", "--device", "cpu,host", "--op", "[lr]*", "--lowering", "re*", "-n", "5", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *rows = json_object_get(document, "rows"), *row;
    size_t index;
    cr_expect(json_is_true(json_object_get(document, "ok")));
    cr_expect_eq(json_array_size(rows), 2 * 3 + 4 * 3,
                 "relu, reshape on the device; linear, relu, reshape, log_softmax on host");
    json_array_foreach(rows, index, row) {
        cr_expect_eq(count_of(row, "cases"), 5);
        cr_expect_eq(count_of(row, "failed"), 0);
        cr_expect_eq(count_of(row, "passed") + count_of(row, "vacuous") + count_of(row, "unsupported"), 5);
    }
    json_decref(document);
    program_run_finish(&run);
}

Test(program_check, bench_times_the_cases_of_lipnet) {
    struct program_run run =
        RUN("check", "--device", "cpu", "--lowering", "linear_packed", "--fill", "int", "-q", "--bench", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *timings = json_object_get(document, "timings");
    json_t *peaks = json_array_get(json_object_get(document, "peaks"), 0), *timing = json_array_get(timings, 0);
    double flops = 2.0 * 75 * 512 * 28, ms = json_number_value(json_object_get(timing, "milliseconds"));
    double gflops = json_number_value(json_object_get(timing, "gflops"));
    double peak = json_number_value(json_object_get(peaks, "fma_peak_gflops"));
    cr_assert_eq(json_array_size(timings), 1, "LipNet has one linear layer");
    cr_expect_str_eq(json_string_value(json_object_get(timing, "case")), "linear x [75,1,512] out 28");
    cr_expect(ms > 0 && peak > 0);
    cr_expect(gflops * ms * 1e6 >= flops && gflops * ms * 1e6 <= 1.01 * flops, "%g GFLOP/s for %g ms", gflops, ms);
    cr_expect(json_number_value(json_object_get(timing, "limit_share")) >= 0.999 * gflops / peak);
    json_decref(document);
    program_run_finish(&run);
}

static const char zero_relu[] = "__kernel void relu_map(__global const float *restrict x, __global float *restrict y) {\n"
                                "    for (size_t i = get_global_id(0); i < COUNT; i += get_global_size(0))\n"
                                "        y[i] = x[i] > 0.0f ? x[i] : 0.0f; /* swallows NaN */\n"
                                "}\n";

/* Runs the line after "    lipcl check " in `text`. */
static struct program_run run_again(const char *text, const char *const *environment) {
    const char *arguments[24] = {"check"}, *line = strstr(text, "    lipcl check ");
    cr_assert_not_null(line, "no line reproduces it:\n%s", text);
    line += strlen("    lipcl check ");
    char *copy = strndup(line, strcspn(line, "\n")), *rest = NULL;
    size_t count = 1;
    for (char *word = strtok_r(copy, " ", &rest); word && count < 23; word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    struct program_run run = program_run(arguments, environment);
    free(copy);
    return run;
}

Test(program_check, a_wrong_kernel_is_told_with_a_line_that_reproduces_it) {
    char *folder = test_folder_make(), kernels[600];
    put_file(in_folder(folder, "relu_map.cl"), zero_relu);
    snprintf(kernels, sizeof kernels, "LIPCL_KERNEL_DIR=%s", folder);
    const char *const wrong[] = {kernels, NULL};
    const char *const arguments[] = {"check", "--device", "cpu", "--op", "relu", "--fill", "edge", "--fail-fast", NULL};
    struct program_run run = program_run(arguments, wrong);
    cr_expect_eq(run.status, 3, "%s%s", run.out, run.err);
    expect_in("the reference says", run.err);
    expect_in("FAILED", run.out);
    struct program_run again = run_again(run.err, wrong), healthy = run_again(run.err, NULL);
    cr_expect_eq(again.status, 3, "%s", again.err);
    expect_in("1 of 1 cases", again.out);
    cr_expect_eq(healthy.status, 0, "%s", healthy.err);
    program_run_finish(&run);
    program_run_finish(&again);
    program_run_finish(&healthy);
    test_folder_remove(&folder);
}

Test(program_check, a_kernel_that_does_not_build_has_failed) {
    char *folder = test_folder_make(), kernels[600];
    put_file(in_folder(folder, "relu_map.cl"), "__kernel void relu_map(nonsense\n");
    snprintf(kernels, sizeof kernels, "LIPCL_KERNEL_DIR=%s", folder);
    const char *const arguments[] = {"check", "--device", "cpu", "--op", "relu", "-n", "1", NULL};
    struct program_run run = program_run(arguments, (const char *const[]){kernels, NULL});
    cr_expect_eq(run.status, 3, "%s%s", run.out, run.err);
    expect_in("relu_map", run.err);
    program_run_finish(&run);
    test_folder_remove(&folder);
}
