/* --check-every: a block of one run in N is computed once more; and the self-test as a user meets it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/sabotage.h"

enum { FRAMES = 5 };

static char *folder, *kernels;
static const char *clip;
static char kernel_dir[600];

static void setup(void) {
    folder = test_folder_make();
    kernels = test_folder_make();
    clip = in_folder(folder, "short.npy");
    put_clip(clip, 20, FRAMES);
    snprintf(kernel_dir, sizeof kernel_dir, "LIPCL_KERNEL_DIR=%s", kernels);
}

static void teardown(void) {
    test_folder_remove(&folder);
    test_folder_remove(&kernels);
}

TestSuite(program_spot, .init = setup, .fini = teardown, .timeout = 300);

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

static json_int_t count_of(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    cr_assert(json_is_integer(value), "%s", key);
    return json_integer_value(value);
}

/* Every layer computes something wrong: whatever is drawn, it is found. */
static void spoil_all(void) {
    sabotage(kernels, "conv3d_direct.cl", "load_v(bias", "0.01f + load_v(bias");
    sabotage(kernels, "winograd_output.cl", "load_v(bias", "1.0f + load_v(bias");
    sabotage(kernels, "gemm_packed.cl", "load_v(bias", "0.01f + load_v(bias");
    sabotage(kernels, "gru_scan.cl", "floatV n = tanh(", "floatV n = 0.01f + tanh(");
}

Test(program_spot, one_run_in_n) {
    struct program_run run = RUN("read", clip, clip, clip, clip, clip, "--device", "cpu", "--check-every", "2", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *spots = json_object_get(document, "spot_checks");
    cr_expect_eq(count_of(spots, "every"), 2);
    cr_expect_eq(count_of(spots, "runs"), 5);
    cr_expect_eq(count_of(spots, "blocks"), 3, "the first, the third and the fifth");
    cr_expect_eq(count_of(spots, "mismatches"), 0);
    double share = json_number_value(json_object_get(spots, "worst_bound_share"));
    cr_expect(share >= 0 && share <= 1, "%g", share);
    cr_expect(json_number_value(json_object_get(spots, "milliseconds")) > 0);
    json_decref(document);
    program_run_finish(&run);

    run = RUN("read", clip, "--device", "cpu", "--check-every", "16");
    cr_expect_eq(run.status, 0);
    expect_in("spot checks: 1 block in 1 run, at most ", run.out);
    program_run_finish(&run);
}

Test(program_spot, none_unless_asked_for) {
    struct program_run run = RUN("read", clip, "--device", "cpu", "--json");
    json_t *document = program_json(&run);
    cr_expect_null(json_object_get(document, "spot_checks"));
    json_decref(document);
    program_run_finish(&run);
    run = RUN("read", clip, "--device", "cpu", "--check-every", "0");
    cr_expect_null(strstr(run.out, "spot checks"));
    program_run_finish(&run);
}

Test(program_spot, not_a_number) {
    static const char *const wrong[] = {"", "-1", "x", "1.5", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct program_run run = RUN("read", clip, "--check-every", wrong[i]);
        cr_expect_eq(run.status, 2, "\"%s\"", wrong[i]);
        expect_in("--check-every", run.err);
        program_run_finish(&run);
    }
}

Test(program_spot, eval_counts_too) {
    char manifest[2048];
    snprintf(manifest, sizeof manifest, "%s\tBIN BLUE\n%s\tBIN RED\n", clip, clip);
    put_file(in_folder(folder, "list.tsv"), manifest);
    struct program_run run = RUN("eval", in_folder(folder, "list.tsv"), "--device", "cpu", "--check-every", "1");
    cr_expect_eq(run.status, 0, "%s", run.err);
    expect_in("spot checks: 2 blocks in 2 runs, at most ", run.out);
    program_run_finish(&run);
    run = RUN("eval", in_folder(folder, "list.tsv"), "--device", "cpu", "--check-every", "1", "--json");
    json_t *document = program_json(&run);
    cr_expect_eq(count_of(json_object_get(document, "spot_checks"), "blocks"), 2);
    json_decref(document);
    program_run_finish(&run);
}

Test(program_spot, a_mismatch_names_layer_lowering_and_device) {
    char manifest[1024];
    const char *const environment[] = {kernel_dir, "LIPCL_SELF_TEST=0", NULL};
    spoil_all();
    struct program_run run =
        program_run((const char *const[]){"read", clip, "--device", "cpu", "--check-every", "4", NULL}, environment);
    cr_expect_eq(run.status, 3, "%d: %s", run.status, run.err);
    expect_in("spot check: layer ", run.err);
    cr_expect(strstr(run.err, "(conv3d_winograd) on ") || strstr(run.err, "(gru_packed) on ") ||
                  strstr(run.err, "(linear_packed) on "),
              "%s", run.err);
    expect_in("(driver ", run.err);
    expect_in("1 MISMATCH", run.out);
    program_run_finish(&run);

    snprintf(manifest, sizeof manifest, "%s\tBIN BLUE\n", clip);
    put_file(in_folder(folder, "list.tsv"), manifest);
    run = program_run(
        (const char *const[]){"eval", in_folder(folder, "list.tsv"), "--device", "cpu", "--check-every", "4", "--json", NULL},
        environment);
    cr_expect_eq(run.status, 3, "%d: %s", run.status, run.err);
    json_t *document = program_json(&run);
    cr_expect_eq(count_of(json_object_get(document, "spot_checks"), "mismatches"), 1);
    json_decref(document);
    program_run_finish(&run);
}

static char *read_text(const char *const *environment) {
    struct program_run run = program_run((const char *const[]){"read", clip, "--device", "cpu", "--json", NULL}, environment);
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *first = json_array_get(json_object_get(document, "clips"), 0);
    char *text = strdup(json_string_value(json_object_get(json_array_get(json_object_get(first, "texts"), 0), "text")));
    if (environment) {
        expect_in("fails its self-test", run.err);
        expect_in("reference on the host", run.err);
        cr_expect_null(strstr(run.err, "error"), "%s", run.err);
    } else {
        cr_expect_str_eq(run.err, "");
    }
    json_decref(document);
    program_run_finish(&run);
    return text;
}

Test(program_spot, the_right_text_comes_from_broken_kernels) {
    const char *const environment[] = {kernel_dir, NULL};
    char *wanted = read_text(NULL);
    spoil_all();
    char *got = read_text(environment);
    cr_expect_str_eq(got, wanted);
    free(got);
    free(wanted);
}
