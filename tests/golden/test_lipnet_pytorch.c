/* LipNet against tensors that PyTorch computed from the same frames and weights, on every device there is and on `host`. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/test_devices.h"

#define REFERENCE TEST_DATA_DIR "/reference/"

static struct lipcl_context *ctx;

/* The largest |a - b|; infinity when the counts differ or a number is a NaN. */
static double distance(const struct lipcl_tensor *a, const struct lipcl_tensor *b) {
    struct lipcl_tensor *x = NULL, *y = NULL;
    cr_assert(lipcl_tensor_to_f32(ctx, &x, a) == LIPCL_OK && lipcl_tensor_to_f32(ctx, &y, b) == LIPCL_OK);
    double largest = lipcl_tensor_count(x) == lipcl_tensor_count(y) ? 0 : INFINITY;
    for (size_t i = 0; isfinite(largest) && i < lipcl_tensor_count(x); i++) {
        double d = fabs((double)((float *)x->data)[i] - (double)((float *)y->data)[i]);
        if (!(d <= largest)) largest = isnan(d) ? INFINITY : d;
    }
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
    return largest;
}

static void expect_near(const struct lipcl_tensor *got, const char *file, double limit) {
    struct lipcl_tensor *wanted = NULL;
    char path[512];
    snprintf(path, sizeof path, REFERENCE "%s", file);
    cr_assert(lipcl_npy_load(ctx, &wanted, path) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    double d = distance(got, wanted);
    cr_expect(d <= limit, "%s: max |d| %g is above %g", file, d, limit);
    lipcl_tensor_destroy(&wanted);
}

static void expect_layers(struct lipcl_plan *plan) {
    static const char *const layers[][2] = {
        {"conv1", "pool1.npy"}, {"conv2", "pool2.npy"}, {"conv3", "pool3.npy"}, {"gru1", "gru1.npy"}, {"gru2", "gru2.npy"}};
    size_t seen = 0;
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
        struct lipcl_layer_info info;
        struct lipcl_layer_check check;
        struct lipcl_tensor *output = NULL;
        cr_assert(lipcl_plan_layer_info(ctx, plan, i, &info) == LIPCL_OK);
        cr_assert(lipcl_plan_read_layer(ctx, plan, i, &output) == LIPCL_OK);
        for (size_t k = 0; k < sizeof layers / sizeof *layers; k++)
            if (strcmp(info.name, layers[k][0]) == 0) expect_near(output, layers[k][1], 1e-4), seen++;
        lipcl_tensor_destroy(&output);
        if (strcmp(info.lowering, "reference") == 0) continue; /* nothing but itself to compare with */
        cr_assert(lipcl_plan_check_layer(ctx, plan, i, &check) == LIPCL_OK, "%s", lipcl_context_error(ctx));
        cr_expect(check.ok, "%s (%s): %s", info.name, info.lowering, check.reason);
        cr_expect(check.bound_share > 0 || check.max_error == 0, "%s: a share of exactly 0 with an error", info.name);
    }
    cr_expect_eq(seen, 5, "all five layers of the files were met, not %zu", seen);
}

ParameterizedTestParameters(lipnet, matches_pytorch) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *device, lipnet, matches_pytorch) {
    struct lipcl_tensor_set *weights = NULL;
    struct lipcl_lipnet_reader *reader = NULL;
    struct lipcl_tensor *frames = NULL, *logits = NULL;
    struct lipcl_text *text = NULL;
    ctx = test_context();
    cr_assert(lipcl_lipnet_load(ctx, &weights, MODEL_PATH) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_clip_load(ctx, &frames, NULL, REFERENCE "frames.npy", NULL) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    struct lipcl_lipnet_reader_params params = {.device = device->selector, .plan.keep_values = true};
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_lipnet_reader_run(ctx, reader, &logits, frames) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    expect_near(logits, "logits.npy", 1e-4);
    expect_near(logits, "logits_fp64.npy", 1e-4);
    expect_layers(lipcl_lipnet_reader_plan(reader));
    struct lipcl_tensor clip = {LIPCL_F32, {2, {75, 28}}, logits->data};
    cr_assert(lipcl_ctc_greedy(ctx, &text, &clip) == LIPCL_OK);
    cr_expect_str_eq(text->chars, "BIN BLUE A FIVE AGAIN");
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&frames);
    lipcl_tensor_destroy(&logits);
    lipcl_lipnet_reader_destroy(&reader);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

/* Each bundled clip, from the video file, reads as PyTorch reads it. */
ParameterizedTestParameters(lipnet, reads_the_bundled_clips) {
    return devices_as_parameters(false);
}

ParameterizedTest(struct device_parameter *device, lipnet, reads_the_bundled_clips) {
    struct lipcl_tensor_set *weights = NULL;
    struct lipcl_lipnet_reader *reader = NULL;
    char line[256], path[512];
    size_t clips = 0;
    ctx = test_context();
    struct lipcl_lipnet_reader_params params = {.device = device->selector};
    cr_assert(lipcl_lipnet_load(ctx, &weights, MODEL_PATH) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    FILE *list = fopen(TEST_DATA_DIR "/clips/pytorch_text.tsv", "r");
    cr_assert_not_null(list);
    while (fgets(line, sizeof line, list)) {
        struct lipcl_tensor *frames = NULL, *logits = NULL;
        struct lipcl_text *text = NULL;
        line[strcspn(line, "\r\n")] = '\0';
        char *wanted = strchr(line, '\t');
        cr_assert_not_null(wanted);
        *wanted++ = '\0';
        snprintf(path, sizeof path, TEST_DATA_DIR "/clips/%s", line);
        cr_assert(lipcl_clip_load(ctx, &frames, NULL, path, NULL) == LIPCL_OK, "%s", lipcl_context_error(ctx));
        cr_assert(lipcl_lipnet_reader_run(ctx, reader, &logits, frames) == LIPCL_OK, "%s", lipcl_context_error(ctx));
        struct lipcl_tensor clip = {LIPCL_F32, {2, {logits->shape.dims[1], 28}}, logits->data};
        cr_assert(lipcl_ctc_greedy(ctx, &text, &clip) == LIPCL_OK);
        cr_expect_str_eq(text->chars, wanted, "%s: \"%s\", PyTorch reads \"%s\"", line, text->chars, wanted);
        lipcl_text_destroy(&text);
        lipcl_tensor_destroy(&frames);
        lipcl_tensor_destroy(&logits);
        clips++;
    }
    fclose(list);
    cr_expect_eq(clips, 8);
    lipcl_lipnet_reader_destroy(&reader);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}
