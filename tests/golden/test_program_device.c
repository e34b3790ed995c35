/* The program on an OpenCL device: it reads PyTorch's words from the bundled clips, and notices a kernel that is wrong. */
#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/sabotage.h"

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

/* The text that PyTorch reads from a clip, from the lines "name<TAB>text" of `table`. */
static bool is_wanted(const char *table, const char *name, const char *text) {
    char line[256];
    snprintf(line, sizeof line, "%s\t%s\n", name, text);
    return strstr(table, line) != NULL;
}

Test(program_device, eval_reads_what_pytorch_reads) {
    char *table = get_file(TEST_DATA_DIR "/clips/pytorch_text.tsv");
    cr_assert_not_null(table);
    struct program_run run =
        RUN("eval", TEST_DATA_DIR "/clips/manifest.tsv", "--device", program_device(), "--decoder", "greedy", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *clips = json_object_get(document, "clips"), *clip;
    size_t index;
    cr_expect_eq(json_array_size(clips), 8);
    json_array_foreach(clips, index, clip) {
        const char *name = json_string_value(json_object_get(clip, "clip"));
        const char *text = json_string_value(json_object_get(clip, "read"));
        cr_assert(name && text);
        cr_expect(is_wanted(table, name, text), "%s: \"%s\" is not in\n%s", name, text, table);
    }
    json_decref(document);
    program_run_finish(&run);
    free(table);
}

Test(program_device, grammar_and_subtitles) {
    char *folder = test_folder_make();
    const char *srt = in_folder(folder, "a.srt");
    struct program_run run =
        RUN("read", TEST_DATA_DIR "/clips/bbaf5a.mp4", "--device", program_device(), "--grammar", "grid", "--srt", srt);
    cr_assert_eq(run.status, 0, "%s", run.err);
    expect_in("  BIN BLUE AT F FIVE AGAIN  ", run.out); /* greedily, one word is wrong and one is missing */
    program_run_finish(&run);
    char *subtitles = get_file(srt);
    cr_assert_not_null(subtitles);
    expect_in("\nBIN\n\n2\n00:00:0", subtitles);
    expect_in("\nAGAIN\n\n", subtitles);
    free(subtitles);
    test_folder_remove(&folder);
}

Test(program_device, verify_proves_the_default_clip) {
#ifdef __SANITIZE_ADDRESS__ /* sanitized references take minutes of 75 frames, which they all treat alike */
    enum { FRAMES = 30 };
    char *folder = test_folder_make();
    const char *clip = in_folder(folder, "part.npy");
    put_clip(clip, 20, FRAMES);
    struct program_run run = RUN("verify", clip, "--device", program_device(), "--json");
    test_folder_remove(&folder);
#else
    enum { FRAMES = 75 };
    struct program_run run = RUN("verify", "--device", program_device(), "--json");
#endif
    cr_expect_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *found = json_array_get(json_object_get(document, "devices"), 0), *layer;
    json_t *layers = json_object_get(found, "layers");
    size_t index;
    cr_expect(json_is_true(json_object_get(document, "ok")) && json_is_true(json_object_get(found, "ok")));
    cr_expect(json_is_true(json_object_get(found, "texts_agree")) && json_is_false(json_object_get(found, "trivial")));
    cr_expect_lt(json_real_value(json_object_get(found, "logits_max_error")), 1e-4);
    cr_expect_eq(json_integer_value(json_object_get(found, "frames")), FRAMES);
    json_array_foreach(layers, index, layer) {
        cr_expect_str_neq(json_string_value(json_object_get(layer, "lowering")), "reference");
        cr_expect_leq(json_real_value(json_object_get(layer, "bound_share")), 1);
        cr_expect_lt(json_real_value(json_object_get(layer, "drift_max_error")), 1e-4);
    }
    cr_expect_gt(index, 5);
    json_decref(document);
    program_run_finish(&run);
}

/* A convolution that adds a thousandth too much: the text stays right, and only the checks can tell. */
Test(program_device, a_wrong_kernel_is_a_mismatch) {
    char *folder = test_folder_make();
    const char *clip = in_folder(folder, "short.npy");
    char variable[600];
    put_clip(clip, 20, 5);
    snprintf(variable, sizeof variable, "LIPCL_KERNEL_DIR=%s", folder);
    const char *const environment[] = {variable, NULL};
    sabotage(folder, "conv3d_direct.cl", "load_v(bias", "0.001f + load_v(bias");

    struct program_run run = program_run(
        (const char *const[]){"verify", clip, "--device", program_device(), "--precision", "exact", NULL}, environment);
    cr_expect_eq(run.status, 3, "exit %d", run.status);
    expect_in("MISMATCH", run.out);
    expect_in("layer conv1 (conv3d_direct): ", run.err);
    expect_in("layer conv3 (conv3d_direct): ", run.err);
    cr_expect_null(strstr(run.err, "layer gru1"), "it is right about what it was given:\n%s", run.err);
    program_run_finish(&run);

    run = program_run(
        (const char *const[]){"read", clip, "--device", program_device(), "--verify", "--json", "--precision", "exact", NULL},
        environment);
    cr_expect_eq(run.status, 3);
    json_t *document = program_json(&run);
    cr_expect(json_is_false(json_object_get(json_array_get(json_object_get(document, "clips"), 0), "verified")));
    json_decref(document);
    program_run_finish(&run);

    run = program_run((const char *const[]){"read", clip, "--device", program_device(), NULL}, environment);
    cr_expect_eq(run.status, 0, "nobody asked");
    program_run_finish(&run);
    test_folder_remove(&folder);
}
