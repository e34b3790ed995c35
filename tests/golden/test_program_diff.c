/* `lipcl profile diff`: are ratios and their bands what the two documents say, what counts, and what is refused? */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"

static char *folder;
static const char *a_file, *b_file;

static void set_up(void) {
    folder = test_folder_make();
    a_file = in_folder(folder, "a.json");
    b_file = in_folder(folder, "b.json");
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_diff, .init = set_up, .fini = tear_down, .timeout = 120);

/* -- documents ----------------------------------------------------------------------------------------------------------------
 */

/* A median that is known to within `noise` of itself. */
static json_t *times(double ms, double noise) {
    return json_pack("{s:f,s:f,s:i,s:f,s:f}", "median", ms, "mean", ms, "count", 20, "low", ms * (1 - noise), "high",
                     ms * (1 + noise));
}

static json_t *kernel(const char *name, double ms) {
    return json_pack("{s:s,s:s,s:f,s:o}", "kernel", name, "tuning", "VEC=8", "limit_share", 0.5, "running_ms", times(ms, 0.05));
}

static json_t *layer(const char *name, const char *lowering, double share, double ms, json_t *kernels) {
    return json_pack("{s:s,s:s,s:s,s:f,s:f,s:o,s:o}", "layer", name, "operators", "of it", "lowering", lowering, "share", share,
                     "limit_share", 0.5, "running_ms", times(ms, 0.05), "kernels", kernels);
}

static json_t *part(const char *name, const char *kind, double share, double ms) {
    return json_pack("{s:s,s:s,s:f,s:o}", "part", name, "kind", kind, "share", share, "ms", times(ms, 0.05));
}

/* A run of 20 ms: conv 12, gru 5 of three kernels, fc 0.4, a gap of 2.4 and an upload of 0.2. */
static json_t *make_device(const char *select, const char *name) {
    json_t *layers = json_array(), *parts = json_array();
    json_array_append_new(layers, layer("conv", "direct", 0.6, 12, json_pack("[o]", kernel("conv_direct", 12))));
    json_array_append_new(
        layers, layer("gru", "packed", 0.25, 5, json_pack("[o,o,o]", kernel("gemm", 1), kernel("scan", 2), kernel("scan", 2))));
    json_array_append_new(layers, layer("fc", "packed", 0.02, 0.4, json_pack("[o]", kernel("gemm", 0.4))));
    json_array_append_new(parts, part("conv", "layer", 0.6, 12));
    json_array_append_new(parts, part("before conv", "idle", 0.12, 2.4));
    json_array_append_new(parts, part("upload of x", "transfer", 0.01, 0.2));
    return json_pack("{s:{s:s,s:s,s:s,s:s},s:n,s:o,s:o,s:o,s:o}", "device", "select", select, "name", name, "type", "gpu",
                     "platform", "Pretend", "problem", "run_ms", times(20, 0.05), "layers", layers, "output_kernels",
                     json_pack("[o]", kernel("copy", 0.1)), "breakdown", parts);
}

static json_t *make_document(json_t *device) {
    return json_pack("{s:s,s:i,s:s,s:[i,i],s:[o]}", "command", "profile", "format", 1, "lipcl", "0", "shape", 1, 3, "devices",
                     device);
}

static json_t *at(const json_t *object, const char *key, size_t i) {
    json_t *value = json_array_get(json_object_get(object, key), i);
    cr_assert_not_null(value, "no %s[%zu]", key, i);
    return value;
}

static json_t *device_of(const json_t *document) {
    return at(document, "devices", 0);
}

static json_t *kernel_of(const json_t *document, size_t of_layer, size_t i) {
    return at(at(device_of(document), "layers", of_layer), "kernels", i);
}

static void set_times(json_t *object, const char *key, json_t *value) {
    cr_assert_eq(json_object_set_new(object, key, value), 0);
}

/* Writes and forgets both. */
static void put(json_t *a, json_t *b) {
    cr_assert(a && b);
    cr_assert_eq(json_dump_file(a, a_file, 0), 0);
    cr_assert_eq(json_dump_file(b, b_file, 0), 0);
    json_decref(a);
    json_decref(b);
}

static json_t *base(void) {
    return make_document(make_device("0:0", "Alpha"));
}

/* -- what came of it ----------------------------------------------------------------------------------------------------------
 */

/* The document of a diff, which has to end like that. */
static json_t *diff(int status, const char *option, const char *value) {
    struct program_run run = RUN("profile", "diff", a_file, b_file, "--json", option, value);
    cr_assert_eq(run.status, status, "exit %d, not %d\n%s%s", run.status, status, run.out, run.err);
    json_t *document = program_json(&run);
    cr_expect_eq(json_integer_value(json_object_get(document, "exit_status")), status);
    program_run_finish(&run);
    return document;
}

static const char *text(const json_t *row, const char *key) {
    const char *value = json_string_value(json_object_get(row, key));
    return value ? value : "";
}

static bool flag(const json_t *row, const char *key) {
    return json_is_true(json_object_get(row, key));
}

static void expect_row(const json_t *row, double ratio, double noise, const char *verdict, const char *what) {
    cr_expect_str_eq(text(row, "verdict"), verdict, "%s: %s", what, text(row, "verdict"));
    cr_expect_float_eq(json_number_value(json_object_get(row, "ratio")), ratio, 1e-6, "%s", what);
    cr_expect_float_eq(json_number_value(json_object_get(row, "low")), ratio * (1 - noise) / (1 + noise), 1e-6, "%s", what);
    cr_expect_float_eq(json_number_value(json_object_get(row, "high")), ratio * (1 + noise) / (1 - noise), 1e-6, "%s", what);
}

Test(program_diff, the_same_is_the_same) {
    put(base(), base());
    json_t *document = diff(0, "--fail-above", "0"), *row;
    size_t i;
    expect_row(json_object_get(document, "run"), 1, 0.05, "noise", "run");
    cr_expect_eq(json_array_size(json_object_get(document, "layers")), 3);
    cr_expect_eq(json_array_size(json_object_get(document, "kernels")), 6, "outputs' too");
    cr_expect_eq(json_array_size(json_object_get(document, "parts")), 2, "but no layers");
    json_array_foreach(json_object_get(document, "layers"), i, row) expect_row(row, 1, 0.05, "noise", text(row, "layer"));
    json_array_foreach(json_object_get(document, "kernels"), i, row) expect_row(row, 1, 0.05, "noise", text(row, "kernel"));
    json_array_foreach(json_object_get(document, "parts"), i, row) expect_row(row, 1, 0.05, "noise", text(row, "part"));
    cr_expect_eq(json_integer_value(json_object_get(document, "fails")), 0);
    json_decref(document);
}

/* The second of two kernels of one name is twice as slow, the first a tenth; another layer's is faster. */
static void put_slower(void) {
    json_t *b = base(), *device = device_of(b);
    set_times(kernel_of(b, 1, 1), "running_ms", times(2.3, 0.05));
    set_times(kernel_of(b, 1, 2), "running_ms", times(4, 0.05));
    set_times(at(device, "layers", 1), "running_ms", times(7, 0.05));
    set_times(kernel_of(b, 0, 0), "running_ms", times(9, 0.05));
    set_times(at(device, "layers", 0), "running_ms", times(9, 0.05));
    set_times(device, "run_ms", times(19, 0.05));
    put(base(), b);
}

Test(program_diff, slower_ones_come_first_with_their_ratios) {
    put_slower();
    json_t *document = diff(0, NULL, NULL);
    expect_row(json_object_get(document, "run"), 0.95, 0.05, "noise", "run");
    expect_row(at(document, "layers", 0), 1.4, 0.05, "slower", "gru");
    expect_row(at(document, "layers", 1), 1, 0.05, "noise", "fc");
    expect_row(at(document, "layers", 2), 0.75, 0.05, "faster", "conv");
    cr_expect_str_eq(text(at(document, "layers", 0), "layer"), "gru");
    cr_expect_str_eq(text(at(document, "kernels", 0), "kernel"), "scan");
    expect_row(at(document, "kernels", 0), 2, 0.05, "slower", "the second scan");
    expect_row(at(document, "kernels", 1), 1.15, 0.05, "slower", "the first scan");
    for (size_t i = 2; i < 5; i++)
        expect_row(at(document, "kernels", i), 1, 0.05, "noise", text(at(document, "kernels", i), "kernel"));
    expect_row(at(document, "kernels", 5), 0.75, 0.05, "faster", "conv_direct");
    json_decref(document);
}

Test(program_diff, fails_beyond_what_is_allowed_only) {
    static const struct {
        const char *allowed;
        int status, fails;
    } cases[] = {{"30", 3, 2}, {"50", 3, 1}, {"101", 0, 0}};
    put_slower();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *document = diff(cases[i].status, "--fail-above", cases[i].allowed);
        cr_expect_eq(json_integer_value(json_object_get(document, "fails")), cases[i].fails, "%s %%", cases[i].allowed);
        cr_expect_eq(flag(at(document, "kernels", 0), "fails"), cases[i].status == 3);
        json_decref(document);
        struct program_run run = RUN("profile", "diff", a_file, b_file, "--fail-above", cases[i].allowed);
        cr_expect_eq(run.status, cases[i].status);
        cr_expect_eq(strstr(run.out, "SLOWER") != NULL, cases[i].status == 3, "%s", run.out);
        cr_expect_eq(strstr(run.out, "scan of gru\n") != NULL, cases[i].status == 3, "%s", run.out);
        program_run_finish(&run);
    }
}

/* Three times as long by the medians, but either might be the other's. */
Test(program_diff, what_noise_explains_never_fails) {
    json_t *a = base(), *b = base();
    set_times(device_of(a), "run_ms", times(20, 0.6));
    set_times(device_of(b), "run_ms", times(60, 0.6));
    put(a, b);
    json_t *document = diff(0, "--fail-above", "5");
    expect_row(json_object_get(document, "run"), 3, 0.6, "noise", "run");
    cr_expect(flag(json_object_get(document, "run"), "counts"));
    json_decref(document);
}

/* fc is 2 % of the run, before and after; when it has grown to 20 %, it counts. */
Test(program_diff, what_is_short_in_both_never_fails) {
    for (int grown = 0; grown < 2; grown++) {
        json_t *b = base(), *fc = at(device_of(b), "layers", 2);
        set_times(fc, "running_ms", times(4, 0.05));
        if (grown) json_object_set_new(fc, "share", json_real(0.2));
        put(base(), b);
        json_t *document = diff(grown ? 3 : 0, "--fail-above", "5");
        expect_row(at(document, "layers", 0), 10, 0.05, "slower", "fc");
        cr_expect_eq(flag(at(document, "layers", 0), "counts"), grown);
        json_decref(document);
    }
}

Test(program_diff, gaps_and_transfers_are_compared) {
    json_t *b = base();
    set_times(at(device_of(b), "breakdown", 1), "ms", times(4.8, 0.05));
    put(base(), b);
    json_t *document = diff(3, "--fail-above", "5");
    expect_row(at(document, "parts", 0), 2, 0.05, "slower", "gap");
    cr_expect_str_eq(text(at(document, "parts", 0), "part"), "before conv");
    cr_expect_str_eq(text(at(document, "parts", 0), "kind"), "idle");
    json_decref(document);
}

/* Nothing tells the noise of a few runs, or of times that cannot be true. */
Test(program_diff, what_is_not_known_never_fails) {
    json_t *b = base(), *few = times(90, 0.05);
    json_object_set_new(few, "count", json_integer(3));
    json_object_set_new(few, "low", json_null());
    json_object_set_new(few, "high", json_null());
    set_times(device_of(b), "run_ms", few);
    set_times(at(device_of(b), "layers", 0), "running_ms", json_null());
    put(base(), b);
    json_t *document = diff(0, "--fail-above", "5");
    cr_expect_str_eq(text(json_object_get(document, "run"), "verdict"), "unknown");
    cr_expect_float_eq(json_number_value(json_object_get(json_object_get(document, "run"), "ratio")), 4.5, 1e-6);
    cr_expect(json_is_null(json_object_get(json_object_get(document, "run"), "low")));
    cr_expect_str_eq(text(at(document, "layers", 2), "layer"), "conv", "last");
    cr_expect_str_eq(text(at(document, "layers", 2), "verdict"), "unknown");
    cr_expect(json_is_null(json_object_get(at(document, "layers", 2), "ratio")));
    json_decref(document);
}

/* conv goes by another lowering with two kernels of its own; fc is another operator in B. */
Test(program_diff, other_lowerings_and_kernels_are_told) {
    json_t *b = base(), *layers = json_object_get(device_of(b), "layers");
    json_array_set_new(layers, 0,
                       layer("conv", "winograd", 0.5, 6, json_pack("[o,o]", kernel("to_tiles", 2), kernel("multiply", 4))));
    json_object_set_new(json_array_get(layers, 2), "operators", json_string("of another"));
    json_object_set_new(kernel_of(b, 1, 0), "tuning", json_string("VEC=4"));
    put(base(), b);
    json_t *document = diff(0, "--fail-above", "5"), *row;
    size_t i, only_a = 0, only_b = 0;
    json_array_foreach(json_object_get(document, "kernels"), i, row) {
        only_a += strcmp(text(row, "verdict"), "only A") == 0;
        only_b += strcmp(text(row, "verdict"), "only B") == 0;
        if (strcmp(text(row, "verdict"), "only B") == 0) cr_expect(json_is_null(json_object_get(row, "a_ms")));
    }
    cr_expect_eq(only_a, 2, "conv_direct and fc's gemm, not %zu", only_a);
    cr_expect_eq(only_b, 3);
    cr_expect_eq(json_array_size(json_object_get(document, "layers")), 4, "fc twice");
    cr_expect_str_eq(text(at(document, "layers", 1), "a_lowering"), "direct");
    cr_expect_str_eq(text(at(document, "layers", 1), "b_lowering"), "winograd");
    expect_row(at(document, "layers", 1), 0.5, 0.05, "faster", "conv");
    json_decref(document);
    struct program_run run = RUN("profile", "diff", a_file, b_file);
    static const char *const told[] = {"direct -> winograd", "VEC=8 -> VEC=4", "only A", "only B"};
    for (i = 0; i < sizeof told / sizeof *told; i++) cr_expect_not_null(strstr(run.out, told[i]), "%s: %s", told[i], run.out);
    program_run_finish(&run);
}

/* Nobody should take another precision for another driver. */
Test(program_diff, what_was_run_differently_is_told) {
    json_t *a = base(), *b = base();
    json_object_set_new(a, "options", json_pack("{s:s,s:s}", "gemm", "own", "precision", "fast"));
    json_object_set_new(b, "options", json_pack("{s:s,s:s,s:i}", "gemm", "own", "precision", "exact", "new", 7));
    json_object_set_new(b, "clip", json_string("other.npy"));
    put(a, b);
    json_t *document = diff(0, NULL, NULL), *differences = json_object_get(document, "differences");
    cr_expect_eq(json_object_size(differences), 3);
    cr_expect_str_eq(text(json_object_get(differences, "precision"), "a"), "fast");
    cr_expect_str_eq(text(json_object_get(differences, "precision"), "b"), "exact");
    cr_expect(json_is_null(json_object_get(json_object_get(differences, "new"), "a")));
    cr_expect_str_eq(text(json_object_get(differences, "clip"), "b"), "other.npy");
    json_decref(document);
    struct program_run run = RUN("profile", "diff", a_file, b_file);
    cr_expect_not_null(strstr(run.out, "precision: \"fast\" in A, \"exact\" in B\n"), "%s", run.out);
    cr_expect_null(strstr(run.out, "gemm:"), "%s", run.out);
    program_run_finish(&run);
}

/* -- devices -------------------------------------------------------------------------------------------------------------- */

static void expect_devices(const char *option, const char *value, const char *a, const char *b) {
    json_t *document = diff(0, option, value);
    cr_expect_str_eq(text(json_object_get(json_object_get(document, "a"), "device"), "select"), a);
    cr_expect_str_eq(text(json_object_get(json_object_get(document, "b"), "device"), "select"), b);
    json_decref(document);
}

Test(program_diff, devices_are_chosen) {
    json_t *a = base(), *b = make_document(json_pack("{s:n,s:s}", "device", "problem", "it did not open"));
    json_t *burnt = make_device("2:0", "Alpha");
    json_object_set_new(burnt, "problem", json_string("it burnt"));
    json_array_append_new(json_object_get(a, "devices"), make_device("0:1", "Beta"));
    json_array_append_new(json_object_get(b, "devices"), burnt);
    json_array_append_new(json_object_get(b, "devices"), make_device("0:0", "Beta"));
    json_array_append_new(json_object_get(b, "devices"), make_device("1:0", "Alpha"));
    json_array_append_new(json_object_get(b, "devices"), make_device("1:1", "Alpha"));
    put(a, b);
    expect_devices(NULL, NULL, "0:0", "1:0");
    expect_devices("--device", "beta", "0:1", "0:0");
    expect_devices("--device", "0:1,1:1", "0:1", "1:1");
    expect_devices("--device", "0:1,gpu", "0:1", "0:0");
    struct program_run run = RUN("profile", "diff", a_file, b_file, "--device", "0:1");
    cr_expect_eq(run.status, 1);
    cr_expect(strstr(run.err, "b.json") && strstr(run.err, "0:1") && strstr(run.err, "1:1"), "%s", run.err);
    cr_expect_str_empty(run.out);
    program_run_finish(&run);
    run = RUN("profile", "diff", a_file, b_file, "--device", "0:0,2:0");
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(run.err, "it burnt"), "%s", run.err);
    program_run_finish(&run);
}

/* The first of those that could be profiled, where none has the name. */
Test(program_diff, devices_that_failed_are_left_out) {
    json_t *a = base(), *b = make_document(json_pack("{s:n,s:s}", "device", "problem", "it did not open"));
    json_array_append_new(json_object_get(b, "devices"), make_device("1:0", "Gamma"));
    put(a, b);
    expect_devices(NULL, NULL, "0:0", "1:0");
}

/* -- what is refused ------------------------------------------------------------------------------------------------------ */

static void expect_refused(const char *reason) {
    struct program_run run = RUN("profile", "diff", a_file, b_file, "--fail-above", "5");
    cr_expect_eq(run.status, 1, "%s: exit %d", reason, run.status);
    cr_expect(strstr(run.err, "b.json") && strstr(run.err, reason), "%s is not in %s", reason, run.err);
    cr_expect_str_empty(run.out);
    program_run_finish(&run);
}

Test(program_diff, files_that_are_none) {
    static const char *const files[][2] = {
        {"{\"command\": \"profile\",", "line 1"},
        {"", "b.json"},
        {"[]", "not what"},
        {"{\"command\": \"bench\"}", "not what"},
        {"{\"command\": \"profile\", \"format\": 2}", "format"},
        {"{\"command\": \"profile\", \"format\": 1}", "shape"},
        {"{\"command\": \"profile\", \"format\": 1, \"shape\": []}", "devices"},
        {"{\"command\": \"profile\", \"format\": 1, \"shape\": [], \"devices\": [7]}", "devices[0]"},
        {"{\"command\": \"profile\", \"format\": 1, \"shape\": [], \"devices\": [{\"problem\": null}]}", "which device"},
        {"{\"command\": \"profile\", \"format\": 1, \"shape\": [], \"devices\": [{\"problem\": \"burnt\"}]}", "burnt"},
    };
    put(base(), base());
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put_file(b_file, files[i][0]);
        expect_refused(files[i][1]);
    }
    remove(b_file);
    expect_refused("No such file");
}

/* Spoils one thing. */
static void spoil(size_t which, json_t *b) {
    json_t *device = device_of(b), *run = json_object_get(device, "run_ms");
    switch (which) {
    case 0: json_object_set_new(run, "median", json_string("fast")); break;
    case 1: json_object_set_new(run, "median", json_real(-1)); break;
    case 2: json_object_del(run, "low"); break;
    case 3: json_object_set_new(run, "high", json_true()); break;
    case 4: json_object_del(kernel_of(b, 1, 2), "kernel"); break;
    case 5: json_object_set_new(kernel_of(b, 1, 2), "running_ms", json_integer(3)); break;
    case 6: json_object_del(at(device, "layers", 1), "operators"); break;
    case 7: json_object_set_new(at(device, "layers", 1), "kernels", json_object()); break;
    case 8: json_object_del(at(device, "breakdown", 1), "kind"); break;
    case 9: json_object_del(device, "output_kernels"); break;
    case 10: json_object_set_new(b, "shape", json_pack("[i,i]", 1, 4)); break;
    }
}

Test(program_diff, documents_with_something_wrong) {
    static const char *const reasons[] = {
        "devices[0].run_ms: a number in it",
        "devices[0].run_ms: a number in it is none, or below 0",
        "devices[0].run_ms: nothing tells its noise",
        "devices[0].run_ms: an end of its band",
        "devices[0].layers[1].kernels[2]: its \"kernel\"",
        "devices[0].layers[1].kernels[2].running_ms: there are no times",
        "devices[0].layers[1]: its \"operators\"",
        "devices[0].layers[1]: there is no list of kernels",
        "devices[0].breakdown[1]: its \"kind\"",
        "devices[0].output_kernels: there is no list",
        "[1,4]",
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        json_t *b = base();
        spoil(i, b);
        put(base(), b);
        expect_refused(reasons[i]);
    }
}

/* Texts of a file must not drive the terminal. */
Test(program_diff, control_characters_are_harmless) {
    json_t *b = make_document(make_device("0:0", "Alpha \033[2J"));
    json_object_set_new(kernel_of(b, 1, 2), "kernel", json_string("\033[31mscan"));
    put(base(), b);
    struct program_run run = RUN("profile", "diff", a_file, b_file);
    cr_expect_eq(run.status, 0);
    cr_expect_null(strchr(run.out, '\033'));
    cr_expect_not_null(strstr(run.out, "[31mscan"));
    program_run_finish(&run);
}

Test(program_diff, command_lines_that_make_no_sense) {
    static const char *const wrong[][3] = {{"a.json", NULL}, {"a.json", "--fail-above", "-1"}, {"a.json", "--fail-above", "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct program_run run = RUN("profile", "diff", wrong[i][0], wrong[i][1] ? "b.json" : NULL, wrong[i][1], wrong[i][2]);
        cr_expect_eq(run.status, 2, "case %zu: exit %d", i, run.status);
        program_run_finish(&run);
    }
    struct program_run run = RUN("profile", "diff", "--help");
    cr_expect_eq(run.status, 0);
    cr_expect_not_null(strstr(run.out, "--fail-above"));
    program_run_finish(&run);
}

/* -- real ones ------------------------------------------------------------------------------------------------------------ */

/* Of 8 numbers, the smallest and the largest have the median between them with 99 %, the next ones with 93 % only. */
static void expect_band(const json_t *object) {
    double low = json_number_value(json_object_get(object, "low")), high = json_number_value(json_object_get(object, "high"));
    cr_expect_eq(json_integer_value(json_object_get(object, "count")), 8);
    cr_expect_eq(low, json_number_value(json_object_get(object, "min")));
    cr_expect_eq(high, json_number_value(json_object_get(object, "p95")));
    cr_expect_leq(low, json_number_value(json_object_get(object, "median")));
}

static double running(const json_t *of_device, size_t i, const char *key) {
    return json_number_value(json_object_get(json_object_get(at(of_device, "layers", i), "running_ms"), key));
}

/* The example of the guide: two devices that are called the same, and host, in one file. */
Test(program_diff, the_example_is_compared) {
    a_file = b_file = TEST_DATA_DIR "/profile.json";
    json_t *example = json_load_file(a_file, 0, NULL), *document = diff(0, "--device", "0:0,0:1"), *row;
    const json_t *a = at(example, "devices", 0), *b = at(example, "devices", 1);
    size_t i, k;
    cr_expect_eq(json_array_size(json_object_get(document, "layers")), 6);
    json_array_foreach(json_object_get(document, "layers"), i, row) {
        for (k = 0; strcmp(text(at(a, "layers", k), "layer"), text(row, "layer")) != 0;) k++;
        double ratio = running(b, k, "median") / running(a, k, "median");
        cr_expect_float_eq(json_number_value(json_object_get(row, "ratio")), ratio, 1e-6 * ratio, "%s", text(row, "layer"));
        double low = running(b, k, "low") / running(a, k, "high"), high = running(b, k, "high") / running(a, k, "low");
        cr_expect_float_eq(json_number_value(json_object_get(row, "low")), low, 1e-6 * low);
        cr_expect_float_eq(json_number_value(json_object_get(row, "high")), high, 1e-6 * high);
        cr_expect_str_eq(text(row, "verdict"), low > 1 ? "slower" : high < 1 ? "faster" : "noise");
    }
    json_decref(document);
    document = diff(0, "--fail-above", "0");
    cr_expect_str_eq(text(json_object_get(json_object_get(document, "b"), "device"), "select"), "0:0", "beside itself");
    json_decref(document);
    json_decref(example);
}

static json_t *profile(const char *path, const char *clip, const char *runs) {
    struct program_run run = RUN("profile", clip, "--device", program_device(), "--runs", runs, "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    put_file(path, run.out);
    json_t *document = program_json(&run);
    program_run_finish(&run);
    return document;
}

Test(program_diff, profiles_are_compared, .timeout = 240) {
    const char *clip = in_folder(folder, "short.npy");
    put_clip(clip, 20, 5);
    json_t *a = profile(a_file, clip, "8"), *b = profile(b_file, clip, "5"), *document = diff(0, NULL, NULL), *row;
    size_t i;
    expect_band(json_object_get(device_of(a), "run_ms"));
    json_array_foreach(json_object_get(device_of(a), "layers"), i, row) expect_band(json_object_get(row, "running_ms"));
    cr_expect(json_is_null(json_object_get(json_object_get(device_of(b), "run_ms"), "low")), "of 5 runs");
    json_array_foreach(json_object_get(document, "layers"), i, row) {
        cr_expect_str_eq(text(row, "verdict"), "unknown");
        cr_expect_gt(json_number_value(json_object_get(row, "ratio")), 0);
    }
    cr_expect_eq(i, 6, "each once");
    json_decref(a);
    json_decref(b);
    json_decref(document);
}
