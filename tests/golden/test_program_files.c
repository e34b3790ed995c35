/* The program's manifests and weights: eval, model init, model info. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/program.h"
#include "support/test_devices.h"

static struct lipcl_context *ctx;
static char *folder;

static void set_up(void) {
    ctx = test_context();
    folder = test_folder_make();
}

static void tear_down(void) {
    test_folder_remove(&folder);
    lipcl_context_destroy(&ctx);
}

TestSuite(program_files, .init = set_up, .fini = tear_down);

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

/* A clip that a grammar of one sentence reads as just that: grey frames. */
static void put_grey_clip(const char *path, size_t frames) {
    struct lipcl_tensor *clip = NULL;
    struct lipcl_shape shape = {4, {3, frames, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH}};
    cr_assert(lipcl_tensor_create(ctx, &clip, LIPCL_F32, &shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(clip); i++) ((float *)clip->data)[i] = 0.5f;
    cr_assert(lipcl_npy_save(ctx, path, clip) == LIPCL_OK);
    lipcl_tensor_destroy(&clip);
}

/* Read are "AT TEN" twice; expected the same (0 edits), and "AT TWO" (2 of 6 characters, 1 of 2 words). */
Test(program_files, eval_counts_errors) {
    const char *manifest = in_folder(folder, "list.tsv"), *grammar = in_folder(folder, "one.grammar");
    put_grey_clip(in_folder(folder, "a.npy"), 8);
    put_grey_clip(in_folder(folder, "b.npy"), 9);
    put_file(grammar, "at\nten\n");
    put_file(manifest, "# a comment\n\na.npy\tat ten\nb.npy\tAT TWO\r\n");
    struct program_run run = RUN("eval", manifest, "--device", "host", "--grammar", grammar);
    cr_expect_eq(run.status, 0, "%s", run.err);
    cr_expect_str_empty(run.err);
    expect_in("a.npy      0     0  at ten    AT TEN\n", run.out);
    expect_in("b.npy      2     1  AT TWO    AT TEN\n", run.out);
    expect_in("2 clips, 1 without an error", run.out);
    expect_in("CER  16.67 % over the corpus (2 of 12 characters),  16.67 % mean", run.out);
    expect_in("WER  25.00 % over the corpus (1 of 4 words),  25.00 % mean", run.out);
    cr_expect_null(strstr(run.out, " \n"));
    program_run_finish(&run);

    run = RUN("eval", manifest, "--device", "host", "--grammar", grammar, "--json");
    json_t *document = program_json(&run), *second = json_array_get(json_object_get(document, "clips"), 1);
    cr_expect_eq(json_integer_value(json_object_get(second, "char_edits")), 2);
    cr_expect_eq(json_integer_value(json_object_get(document, "correct")), 1);
    cr_expect_float_eq(json_real_value(json_object_get(document, "cer")), 2.0 / 12, 1e-6);
    cr_expect_float_eq(json_real_value(json_object_get(document, "mean_wer")), 0.25, 1e-6);
    json_decref(document);
    program_run_finish(&run);
}

Test(program_files, eval_counts_what_it_could_not_read) {
    const char *manifest = in_folder(folder, "list.tsv");
    put_grey_clip(in_folder(folder, "a.npy"), 2);
    put_file(manifest, "a.npy\tA\nmissing.mp4\tB\n");
    struct program_run run = RUN("eval", manifest, "--device", "host", "--json");
    cr_expect_eq(run.status, 1);
    expect_in("missing.mp4", run.err);
    json_t *document = program_json(&run);
    cr_expect_eq(json_integer_value(json_object_get(document, "sentences")), 1);
    cr_expect_eq(json_integer_value(json_object_get(document, "failed")), 1);
    json_decref(document);
    program_run_finish(&run);
}

/* The whole manifest is looked at before anything is read. */
Test(program_files, malformed_manifests_name_the_line) {
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"a.npy\tA\nb.npy B\n", "list.tsv:2: no tab"}, {"\ta text\n", "list.tsv:1: no path"},
        {"#\na\tb\tc\n", "list.tsv:2: more than one"}, {"", "list.tsv: there is no clip"},
        {"# nothing\n\n", "list.tsv: there is no"},
    };
    const char *manifest = in_folder(folder, "list.tsv");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file(manifest, cases[i].content);
        struct program_run run = RUN("eval", manifest, "--device", "host");
        cr_expect_eq(run.status, 1);
        cr_expect_str_empty(run.out);
        expect_in(cases[i].message, run.err);
        program_run_finish(&run);
    }
    struct program_run run = RUN("eval", folder, "--device", "host");
    cr_expect_eq(run.status, 1);
    expect_in(folder, run.err);
    program_run_finish(&run);
    run = RUN("eval", in_folder(folder, "missing.tsv"));
    cr_expect_eq(run.status, 1);
    program_run_finish(&run);
}

Test(program_files, init_is_a_function_of_the_seed) {
    const char *paths[] = {in_folder(folder, "one.safetensors"), in_folder(folder, "two.safetensors"),
                           in_folder(folder, "three.safetensors")};
    static const char *const seeds[] = {"18446744073709551615", "18446744073709551615", "2"};
    struct lipcl_tensor_set *sets[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        struct program_run run = RUN("model", "init", "--seed", seeds[i], paths[i]);
        cr_assert_eq(run.status, 0, "%s", run.err);
        program_run_finish(&run);
        cr_assert(lipcl_lipnet_load(ctx, &sets[i], paths[i]) == LIPCL_OK);
        cr_expect_str_eq(lipcl_tensor_set_metadata(sets[i], "model"), "LipNet");
        cr_expect_str_eq(lipcl_tensor_set_metadata(sets[i], "seed"), seeds[i]);
        cr_expect_str_eq(lipcl_tensor_set_metadata(sets[i], "lipcl"), lipcl_version());
    }
    const struct lipcl_tensor *weights[3];
    for (size_t i = 0; i < 3; i++) weights[i] = lipcl_tensor_set_find(sets[i], "gru1.weight_hh_l0");
    cr_expect_eq(memcmp(weights[0]->data, weights[1]->data, lipcl_tensor_bytes(weights[0])), 0);
    cr_expect_neq(memcmp(weights[0]->data, weights[2]->data, lipcl_tensor_bytes(weights[0])), 0);
    for (size_t i = 0; i < 3; i++) lipcl_tensor_set_destroy(&sets[i]);
    struct program_run run = RUN("model", "init", "--seed", "1", in_folder(folder, "nowhere/x.safetensors"));
    cr_expect_eq(run.status, 1);
    cr_expect_str_empty(run.out);
    program_run_finish(&run);
}

Test(program_files, info_shows_the_shipped_weights) {
    struct program_run run = RUN("model", "info");
    static const char *const parts[] = {"conv1.weight", "[32,3,3,5,5]", "gru2.bias_hh_l0_reverse",
                                        "FC.bias",      "LAYER",        "GFLOP in total"};
    cr_expect_eq(run.status, 0, "%s", run.err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) expect_in(parts[i], run.out);
    cr_expect_null(strstr(run.out, " \n"));
    program_run_finish(&run);

    struct lipcl_tensor_set *set = NULL;
    size_t parameters = 0, bytes = 0;
    cr_assert(lipcl_safetensors_load(ctx, &set, MODEL_PATH) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        parameters += lipcl_tensor_count(lipcl_tensor_set_tensor(set, i));
        bytes += lipcl_tensor_bytes(lipcl_tensor_set_tensor(set, i));
    }
    run = RUN("model", "info", "--json", MODEL_PATH);
    json_t *document = program_json(&run);
    cr_expect(json_is_true(json_object_get(document, "lipnet")));
    cr_expect_eq(json_array_size(json_object_get(document, "tensors")), lipcl_tensor_set_count(set));
    cr_expect_eq(json_integer_value(json_object_get(document, "parameters")), parameters);
    cr_expect_eq(json_integer_value(json_object_get(document, "bytes")), bytes);
    /* conv2 alone: 2 * 64 outputs * 32 inputs * 75 taps a pixel of [75,16,32] */
    cr_expect_gt(json_real_value(json_object_get(document, "flops")), 2.0 * 64 * 32 * 75 * 75 * 16 * 32);
    json_decref(document);
    program_run_finish(&run);
    lipcl_tensor_set_destroy(&set);
}

Test(program_files, info_plan_says_what_a_plan_takes) {
    struct program_run run = RUN("model", "info", "--plan", "--device", "cpu", "--frames", "5");
    cr_expect_eq(run.status, 0, "%s", run.err);
    expect_in("IN USE, BY STAGE", run.out);
    expect_in("7 download", run.out);
    expect_in("##......", run.out); /* the input: uploaded, read by the first layer, and no more */
    program_run_finish(&run);

    run = RUN("model", "info", "--plan", "--device", "cpu", "--frames", "5", "--batch", "2", "--json");
    json_t *document = program_json(&run), *plan = json_object_get(document, "plan"), *buffer;
    json_int_t weights = 0, shared = 0, largest[64] = {0};
    size_t i;
    json_array_foreach(json_object_get(plan, "buffers"), i, buffer) {
        json_int_t bytes = json_integer_value(json_object_get(buffer, "bytes"));
        json_t *allocation = json_object_get(buffer, "allocation");
        if (json_is_null(allocation)) {
            weights += bytes;
            continue;
        }
        size_t number = (size_t)json_integer_value(allocation);
        cr_assert_lt(number, 64);
        if (bytes > largest[number]) largest[number] = bytes;
    }
    for (i = 0; i < 64; i++) shared += largest[i];
    cr_expect_eq(weights, json_integer_value(json_object_get(plan, "weight_bytes")));
    cr_expect_eq(shared, json_integer_value(json_object_get(plan, "shared_bytes")));
    cr_expect_eq(weights + shared, json_integer_value(json_object_get(plan, "device_bytes")));
    cr_expect_eq(json_array_size(json_object_get(plan, "stages")), 8);
    cr_expect_eq(json_integer_value(json_object_get(plan, "batch")), 2);
    json_decref(document);
    program_run_finish(&run);

    run = RUN("model", "info", "--batch", "2");
    cr_expect_eq(run.status, 2, "it goes with --plan");
    program_run_finish(&run);
    run = RUN("model", "info", "--plan", "--device", "cpu", "--frames", "5", "--max-memory", "1M");
    cr_expect_eq(run.status, 1);
    expect_in("above the limit of 1.0 MB", run.err);
    program_run_finish(&run);
}

Test(program_files, info_of_other_tensors_says_why_they_are_no_lipnet) {
    const char *path = in_folder(folder, "other.safetensors");
    struct lipcl_tensor_set *set = NULL;
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_BF16, &(struct lipcl_shape){2, {3, 5}}) == LIPCL_OK);
    cr_assert(lipcl_tensor_set_add(ctx, set, "lonely", &tensor) == LIPCL_OK);
    cr_assert(lipcl_tensor_set_add_metadata(ctx, set, "paint", "\033[31mred") == LIPCL_OK);
    cr_assert(lipcl_safetensors_save(ctx, path, set) == LIPCL_OK);
    lipcl_tensor_set_destroy(&set);
    struct program_run run = RUN("model", "info", path);
    expect_in("paint: ?[31mred\n", run.out); /* a file does not drive the terminal */
    cr_expect_eq(run.status, 0);
    cr_expect_str_empty(run.err);
    expect_in("lonely", run.out);
    expect_in("bf16", run.out);
    expect_in("15", run.out);
    expect_in("not a LipNet: ", run.out);
    program_run_finish(&run);
}
