/* The program's work on `host`, which needs no OpenCL: what it prints, writes and refuses. A clip of three frames keeps it
 * quick; what LipNet computes is the other suites' affair. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lipcl/lipcl.h>

#include "support/program.h"
#include "support/test_devices.h"

enum { FRAMES = 3 };

static struct lipcl_context *ctx;
static char *folder;
static const char *clip;

static void set_up(void) {
    ctx = test_context();
    folder = test_folder_make();
    clip = in_folder(folder, "three.npy");
    put_clip(clip, 20, FRAMES); /* lips that move */
}

static void tear_down(void) {
    test_folder_remove(&folder);
    lipcl_context_destroy(&ctx);
}

TestSuite(program_host, .init = set_up, .fini = tear_down);

static size_t count_lines(const char *text) {
    size_t lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

static bool exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

/* How many files a folder holds, temporary ones that were left behind included. */
static size_t count_files(const char *path) {
    char command[600];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
    FILE *pipe = popen(command, "r");
    size_t count = 0;
    cr_assert_not_null(pipe);
    cr_assert_eq(fscanf(pipe, "%zu", &count), 1);
    pclose(pipe);
    return count;
}

static const char *json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

Test(program_host, read_prints_a_line) {
    struct program_run run = RUN("read", "--device", "host", clip);
    cr_expect_eq(run.status, 0);
    cr_expect_str_empty(run.err);
    cr_expect_eq(count_lines(run.out), 1);
    cr_expect_eq(strncmp(run.out, "three.npy  ", 11), 0, "%s", run.out);
    expect_in(" ms  host\n", run.out);
    program_run_finish(&run);
}

Test(program_host, read_and_run_say_the_same) {
    const char *out = in_folder(folder, "logits.npy");
    struct lipcl_tensor *logits = NULL;
    struct lipcl_text *text = NULL;
    struct program_run run = RUN("run", MODEL_PATH, clip, "-o", out, "--device", "host");
    cr_assert_eq(run.status, 0, "%s", run.err);
    expect_in(out, run.out);
    expect_in("[1,3,28]", run.out);
    program_run_finish(&run);
    cr_assert(lipcl_npy_load(ctx, &logits, out) == LIPCL_OK);
    cr_assert(lipcl_shape_equal(&logits->shape, &(struct lipcl_shape){3, {1, FRAMES, LIPCL_LIPNET_CLASSES}}));
    cr_assert_eq(logits->dtype, LIPCL_F32);
    struct lipcl_tensor one = {LIPCL_F32, {2, {FRAMES, LIPCL_LIPNET_CLASSES}}, logits->data};
    cr_assert(lipcl_ctc_greedy(ctx, &text, &one) == LIPCL_OK);

    run = RUN("read", "--device", "host", "--json", clip);
    cr_expect_eq(run.status, 0);
    json_t *document = program_json(&run), *read = json_array_get(json_object_get(document, "clips"), 0);
    json_t *first = json_array_get(json_object_get(read, "texts"), 0);
    cr_expect_str_eq(json_text(document, "command"), "read");
    cr_expect_str_eq(json_text(document, "model"), MODEL_PATH);
    cr_expect_str_eq(json_text(read, "clip"), clip);
    cr_expect_str_eq(json_text(json_object_get(read, "device"), "select"), "host");
    cr_expect_eq(json_integer_value(json_object_get(read, "frames")), FRAMES);
    cr_expect(json_is_null(json_object_get(read, "fps")));
    cr_expect_gt(json_real_value(json_object_get(read, "milliseconds")), 0);
    cr_expect_str_eq(json_text(first, "text"), text->chars);
    cr_expect_float_eq(json_real_value(json_object_get(first, "log_probability")), text->score, 1e-6);
    json_decref(document);
    program_run_finish(&run);
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&logits);
}

Test(program_host, read_goes_on_after_a_bad_clip) {
    const char *bad = in_folder(folder, "bad.mp4"), *missing = in_folder(folder, "missing.mp4");
    put_file(bad, "no video at all");
    struct program_run run = RUN("read", "--device", "host", bad, missing, clip);
    cr_expect_eq(run.status, 1);
    cr_expect_eq(count_lines(run.out), 1, "%s", run.out);
    expect_in("three.npy", run.out);
    expect_in(bad, run.err);
    expect_in(missing, run.err);
    cr_expect_eq(count_lines(run.err), 2, "%s", run.err);
    program_run_finish(&run);

    run = RUN("read", "--device", "host", "--json", bad, clip);
    cr_expect_eq(run.status, 1);
    json_t *document = program_json(&run), *clips = json_object_get(document, "clips");
    cr_expect_eq(json_array_size(clips), 2);
    expect_in(bad, json_text(json_array_get(clips, 0), "error"));
    cr_expect_null(json_object_get(json_array_get(clips, 1), "error"));
    json_decref(document);
    program_run_finish(&run);
}

Test(program_host, read_verifies) {
    struct program_run run = RUN("read", "--device", "host", "--verify", clip);
    cr_expect_eq(run.status, 0);
    expect_in("host is the reference", run.out);
    program_run_finish(&run);
    run = RUN("read", "--device", "host", "--verify", "--json", clip);
    json_t *document = program_json(&run), *read = json_array_get(json_object_get(document, "clips"), 0);
    cr_expect(json_is_true(json_object_get(read, "verified")));
    cr_expect(json_is_true(json_object_get(read, "trivial")));
    cr_expect_gt(json_array_size(json_object_get(read, "layers")), 5);
    json_decref(document);
    program_run_finish(&run);
}

/* In three frames a grammar of "A B" fits in one way only: a frame a character. */
Test(program_host, subtitles_are_timed_by_the_frames) {
    const char *grammar = in_folder(folder, "ab.grammar"), *srt = in_folder(folder, "three.srt");
    put_file(grammar, "first: A\nsecond: B\n");
    struct program_run run = RUN("read", "--device", "host", clip, "--grammar", grammar, "--srt", srt);
    cr_expect_eq(run.status, 0, "%s", run.err);
    expect_in("  A B  ", run.out);
    char *subtitles = get_file(srt);
    cr_assert_not_null(subtitles);
    cr_expect_str_eq(subtitles, "1\n00:00:00,000 --> 00:00:00,080\nA\n\n2\n00:00:00,080 --> 00:00:00,120\nB\n\n");
    free(subtitles);
    program_run_finish(&run);
}

Test(program_host, subtitles_of_several_clips_go_into_a_folder) {
    const char *other = in_folder(folder, "other.npy"), *subtitles = in_folder(folder, "subtitles");
    char command[1200];
    snprintf(command, sizeof command, "cp '%s' '%s'", clip, other);
    cr_assert_eq(system(command), 0);
    struct program_run run = RUN("read", "--device", "host", clip, other, "--srt", subtitles);
    cr_expect_eq(run.status, 0, "%s", run.err);
    cr_expect(exists(in_folder(subtitles, "three.srt")) && exists(in_folder(subtitles, "other.srt")));
    program_run_finish(&run);
    run = RUN("read", "--device", "host", clip, clip, "--srt", subtitles);
    cr_expect_eq(run.status, 2);
    expect_in("would both write", run.err);
    program_run_finish(&run);
    run = RUN("read", "--device", "host", clip, other, "--srt", other);
    cr_expect_eq(run.status, 1);
    program_run_finish(&run);
}

Test(program_host, a_failed_read_leaves_old_subtitles_alone) {
    const char *srt = in_folder(folder, "old.srt"), *bad = in_folder(folder, "bad.mp4");
    put_file(srt, "old");
    put_file(bad, "no video at all");
    size_t files = count_files(folder);
    struct program_run run = RUN("read", "--device", "host", bad, "--srt", srt);
    cr_expect_eq(run.status, 1);
    program_run_finish(&run);
    run = RUN("read", "--device", "host", clip, "--srt", in_folder(folder, "nowhere/x.srt"));
    cr_expect_eq(run.status, 1);
    expect_in("nowhere/x.srt", run.err);
    program_run_finish(&run);
    const char *subtitles = in_folder(folder, "subtitles"), *blocked = in_folder(folder, "subtitles/three.srt");
    cr_assert(mkdir(subtitles, 0777) == 0 && mkdir(blocked, 0777) == 0);
    run = RUN("read", "--device", "host", clip, "--srt", subtitles);
    cr_expect_eq(run.status, 1);
    expect_in(blocked, run.err);
    cr_expect_eq(count_files(subtitles), 1, "a temporary file is left");
    program_run_finish(&run);
    char *content = get_file(srt);
    cr_expect_str_eq(content, "old");
    free(content);
    cr_expect_eq(count_files(folder), files + 1);
}

/* Every command that takes weights refuses bad ones by name, and writes nothing. */
Test(program_host, bad_models_are_refused) {
    const char *missing = in_folder(folder, "missing.safetensors"), *corrupt = in_folder(folder, "corrupt.safetensors");
    const char *out = in_folder(folder, "out.npy");
    const char *const models[] = {missing, corrupt};
    put_file(corrupt, "\x10\x01\x01\x01\x01\x01\x01\x01{\"conv1.weight\":");
    size_t files = count_files(folder);
    for (size_t i = 0; i < 2; i++) {
        struct program_run runs[] = {
            RUN("read", "--device", "host", "--model", models[i], clip),
            RUN("run", "--device", "host", models[i], clip, "-o", out, "--dump-layers", in_folder(folder, "layers")),
            RUN("verify", "--device", "host", models[i], clip),
            RUN("eval", "--device", "host", "--model", models[i], TEST_DATA_DIR "/clips/manifest.tsv"),
            RUN("model", "info", models[i]),
        };
        for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
            cr_expect_eq(runs[k].status, 1, "run %zu: exit %d", k, runs[k].status);
            cr_expect_str_empty(runs[k].out);
            expect_in(models[i], runs[k].err);
            program_run_finish(&runs[k]);
        }
    }
    cr_expect_eq(count_files(folder), files);
    struct program_run run = RUN("read", "--json", "--device", "host", "--model", corrupt, clip);
    json_t *document = program_json(&run);
    expect_in(corrupt, json_text(document, "error"));
    json_decref(document);
    program_run_finish(&run);
}

Test(program_host, missing_weights_are_looked_for_in_public) {
    const char *const environment[] = {"LIPCL_DATA_DIR=/nonexistent", NULL};
    struct program_run run = program_run((const char *const[]){"model", "info", NULL}, environment);
    cr_expect_eq(run.status, 0, "the next place is tried: %s", run.err);
    program_run_finish(&run);
}

Test(program_host, run_dumps_layers) {
    const char *out = in_folder(folder, "logits.npy"), *layers = in_folder(folder, "layers");
    static const struct {
        const char *name;
        struct lipcl_shape shape;
    } wanted[] = {
        {"conv1.npy", {5, {1, 32, FRAMES, 16, 32}}}, {"conv2.npy", {5, {1, 64, FRAMES, 8, 16}}},
        {"conv3.npy", {5, {1, 96, FRAMES, 4, 8}}},   {"gru1.npy", {3, {FRAMES, 1, 512}}},
        {"gru2.npy", {3, {FRAMES, 1, 512}}},
    };
    struct program_run run = RUN("run", MODEL_PATH, clip, "-o", out, "--dump-layers", layers, "--device", "host");
    cr_assert_eq(run.status, 0, "%s", run.err);
    program_run_finish(&run);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct lipcl_tensor *tensor = NULL;
        cr_assert(lipcl_npy_load(ctx, &tensor, in_folder(layers, wanted[i].name)) == LIPCL_OK);
        cr_expect(lipcl_shape_equal(&tensor->shape, &wanted[i].shape), "%s", wanted[i].name);
        lipcl_tensor_destroy(&tensor);
    }
    const char *unfused = in_folder(folder, "unfused"), *again = in_folder(folder, "again.npy");
    run = RUN("run", MODEL_PATH, clip, "-o", again, "--dump-layers", unfused, "--no-fusion", "--device", "host", "--json");
    json_t *document = program_json(&run);
    cr_expect(exists(in_folder(unfused, "relu1.npy")) && exists(in_folder(unfused, "pool1.npy")));
    cr_expect_gt(json_array_size(json_object_get(document, "layers")), 10);
    json_decref(document);
    program_run_finish(&run);
    char *one = get_file(out), *other = get_file(again);
    cr_expect_eq(memcmp(one, other, 128 + FRAMES * LIPCL_LIPNET_CLASSES * sizeof(float)), 0, "fusion changes nothing on host");
    free(one);
    free(other);
}

Test(program_host, run_takes_a_batch_and_fails_cleanly) {
    const char *in = in_folder(folder, "batch.npy"), *out = in_folder(folder, "out.npy");
    struct lipcl_tensor *batch = NULL, *logits = NULL;
    struct lipcl_shape shape = {5, {2, 3, 2, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH}};
    cr_assert(lipcl_tensor_create(ctx, &batch, LIPCL_F32, &shape) == LIPCL_OK);
    size_t half = lipcl_tensor_count(batch) / 2;
    for (size_t i = half; i < 2 * half; i++) ((float *)batch->data)[i] = 0.5f; /* a black clip and a grey one */
    cr_assert(lipcl_npy_save(ctx, in, batch) == LIPCL_OK);
    struct program_run run = RUN("run", MODEL_PATH, in, "-o", out, "--device", "host");
    cr_assert_eq(run.status, 0, "%s", run.err);
    program_run_finish(&run);
    cr_assert(lipcl_npy_load(ctx, &logits, out) == LIPCL_OK);
    cr_assert(lipcl_shape_equal(&logits->shape, &(struct lipcl_shape){3, {2, 2, LIPCL_LIPNET_CLASSES}}));
    const float *values = logits->data;
    cr_expect_neq(memcmp(values, values + 2 * LIPCL_LIPNET_CLASSES, 2 * LIPCL_LIPNET_CLASSES * sizeof *values), 0);
    run = RUN("read", "--device", "host", in);
    cr_expect_eq(count_lines(run.out), 2);
    expect_in("batch.npy[1]", run.out);
    program_run_finish(&run);
    run = RUN("read", "--device", "host", "--json", in);
    json_t *document = program_json(&run), *read = json_array_get(json_object_get(document, "clips"), 0);
    for (size_t n = 0; n < 2; n++) {
        struct lipcl_tensor one = {
            LIPCL_F32, {2, {2, LIPCL_LIPNET_CLASSES}}, (float *)logits->data + n * 2 * LIPCL_LIPNET_CLASSES};
        struct lipcl_text *text = NULL;
        cr_assert(lipcl_ctc_greedy(ctx, &text, &one) == LIPCL_OK);
        json_t *said = json_array_get(json_object_get(read, "texts"), n);
        cr_expect_float_eq(json_real_value(json_object_get(said, "log_probability")), text->score, 1e-6, "clip %zu", n);
        lipcl_text_destroy(&text);
    }
    json_decref(document);
    program_run_finish(&run);
    size_t files = count_files(folder);
    run = RUN("run", MODEL_PATH, in, "-o", in_folder(folder, "nowhere/out.npy"), "--device", "host");
    cr_expect_eq(run.status, 1);
    cr_expect_str_empty(run.out);
    cr_expect_eq(count_files(folder), files);
    program_run_finish(&run);
    lipcl_tensor_destroy(&batch);
    lipcl_tensor_destroy(&logits);
}

Test(program_host, verify_says_that_host_proves_nothing) {
    struct program_run run = RUN("verify", "--device", "host", clip);
    static const char *const rows[] = {"\nLAYER ", "\nconv1 ", "\ngru2 ", "\nFC ",
                                       "\ntrivial: every layer ran as its reference"};
    cr_expect_eq(run.status, 0, "%s", run.err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_in(rows[i], run.out);
    program_run_finish(&run);
    run = RUN("verify", MODEL_PATH, clip, "--device", "host", "--json", "--no-fusion");
    json_t *document = program_json(&run), *found = json_array_get(json_object_get(document, "devices"), 0), *layer;
    json_t *layers = json_object_get(found, "layers");
    size_t index;
    cr_expect_eq(run.status, 0);
    cr_expect(json_is_true(json_object_get(found, "trivial")) && json_is_true(json_object_get(document, "ok")));
    cr_expect_gt(json_array_size(layers), 10);
    json_array_foreach(layers, index, layer) {
        cr_expect_str_eq(json_text(layer, "lowering"), "reference");
        /* Not always 0: a GRU's check goes on from the rounded states of each step. */
        cr_expect_leq(json_real_value(json_object_get(layer, "max_error")), 1e-6);
    }
    json_decref(document);
    program_run_finish(&run);
}

Test(program_host, without_opencl_auto_goes_on_with_host) {
    static const char *const nothing[] = {"OCL_ICD_VENDORS=/nonexistent", NULL};
    struct program_run run = program_run((const char *const[]){"read", clip, NULL}, nothing);
    cr_expect_eq(run.status, 0);
    cr_expect_eq(count_lines(run.out), 1);
    expect_in(" ms  host\n", run.out);
    cr_expect_eq(count_lines(run.err), 1, "%s", run.err);
    expect_in("going on with host", run.err);
    program_run_finish(&run);
    run = program_run((const char *const[]){"read", "-q", clip, NULL}, nothing);
    cr_expect_str_empty(run.err);
    program_run_finish(&run);
    run = program_run((const char *const[]){"read", "--device", "gpu", clip, NULL}, nothing);
    cr_expect_eq(run.status, 1);
    cr_expect_str_empty(run.out);
    cr_expect_eq(count_lines(run.err), 1, "%s", run.err);
    program_run_finish(&run);
}
