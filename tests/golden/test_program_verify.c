/* `lipcl verify` on an OpenCL device: whatever is planted, it names the layer, and keeps what a bug report needs. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lipcl/lipcl.h>

#include "support/program.h"
#include "support/sabotage.h"
#include "support/test_devices.h"

static char *folder;
static const char *clip, *kernels, *device;

static void set_up(void) {
    folder = test_folder_make();
    device = program_device();
    clip = in_folder(folder, "short.npy");
    kernels = in_folder(folder, "kernels");
    put_clip(clip, 20, 5);
    cr_assert_eq(mkdir(kernels, 0777), 0);
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_verify, .init = set_up, .fini = tear_down);

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

/* Runs lipcl with the spoiled kernels. The self-test would refuse some of them before anything can be verified. */
static struct program_run run_spoiled(const char *const *arguments) {
    char variable[600];
    snprintf(variable, sizeof variable, "LIPCL_KERNEL_DIR=%s", kernels);
    return program_run(arguments, (const char *const[]){variable, "LIPCL_SELF_TEST=0", NULL});
}
#define RUN_SPOILED(...) run_spoiled((const char *const[]){__VA_ARGS__, NULL})

static json_t *first_device(json_t *document) {
    return json_array_get(json_object_get(document, "devices"), 0);
}

/* Exactly `wrong` is out of bounds when each layer is fed the reference's input, in either way of fusing. */
static void expect_named(const char *wrong) {
    for (int fused = 0; fused < 2; fused++) {
        struct program_run run =
            fused ? RUN_SPOILED("verify", clip, "--precision", "exact", "-d", device, "--json")
                  : RUN_SPOILED("verify", clip, "--precision", "exact", "-d", device, "--json", "--no-fusion");
        json_t *document = program_json(&run), *found = first_device(document), *layer;
        size_t index;
        cr_expect_eq(run.status, 3, "%s", run.err);
        cr_expect_str_eq(json_string_value(json_object_get(found, "first_mismatch")), wrong);
        cr_expect_str_eq(json_string_value(json_object_get(found, "verdict")), "mismatch");
        cr_expect(json_is_false(json_object_get(document, "ok")));
        json_array_foreach(json_object_get(found, "layers"), index, layer) {
            const char *name = json_string_value(json_object_get(layer, "layer"));
            cr_expect(json_is_true(json_object_get(layer, "ok")) == (strcmp(name, wrong) != 0), "%s: %s", name, run.err);
        }
        json_decref(document);
        program_run_finish(&run);
    }
}

/* One tap of 2,400 is one percent off, in conv2 alone: the text stays right. */
static void plant_wrong_weight(void) {
    sabotage(kernels, "conv3d_direct.cl", "load_v(w + (d * C + c) * (long)W_STEP)",
             "load_v(w + (d * C + c) * (long)W_STEP) * (K == 64 && a == 1 && b == 2 && d == 1 && c == 3 ? 1.01f : 1.0f)");
}

/* One element of conv3 is a NaN. */
static void plant_nan(void) {
    sabotage(kernels, "conv3d_direct.cl", "store_channels(RELU ?",
             "store_channels(K == 96 && out_t + out_h + out_w + channel == 0 ? (floatV)(NAN) : RELU ?");
}

Test(program_verify, names_the_layer_with_a_wrong_weight) {
    plant_wrong_weight();
    expect_named("conv2");
}

Test(program_verify, names_the_layer_with_a_nan) {
    plant_nan();
    expect_named("conv3");
}

/* gru2's product of input and weights forgets the last term. */
Test(program_verify, names_the_layer_with_a_broken_kernel) {
    sabotage(kernels, "gemm_packed.cl", "k < K;", "k < (K == 512 && N > 28 ? K - 1 : K);");
    expect_named("gru2");
}

/* FC leaves a row as it was. */
Test(program_verify, names_the_layer_that_writes_nothing) {
    sabotage(kernels, "gemm_packed.cl", "if (first + r >= M) continue;",
             "if (first + r >= M || (N == 28 && first + r == 1)) continue;");
    expect_named("FC");
}

/* What no compiler takes runs on the host: that is right, and says nothing about the device. */
Test(program_verify, names_the_layer_that_does_not_compile) {
    sabotage(kernels, "conv3d_direct.cl", "#define BLOCKS", "#if K == 96\n#error \"broken\"\n#endif\n#define BLOCKS");
    struct program_run run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", device);
    cr_expect_eq(run.status, 0, "%s", run.err);
    expect_in("conv3: no kernel does this layer", run.err);
    expect_in("on host", strstr(run.out, "\nconv3 "));
    expect_in("1 of 6 layers ran as their references on the host", run.out);
    program_run_finish(&run);
}

/* The run alone is looked at, and traced to the layer; the layers behind it are right about what they were given. */
Test(program_verify, cumulative_finds_the_first_layer) {
    plant_nan();
    struct program_run run =
        RUN_SPOILED("verify", clip, "--precision", "exact", "--device", device, "--mode", "cumulative", "--json");
    json_t *document = program_json(&run), *found = first_device(document), *layers = json_object_get(found, "layers");
    cr_expect_eq(run.status, 3, "%s", run.err);
    cr_expect_str_eq(json_string_value(json_object_get(found, "first_mismatch")), "conv3");
    cr_expect(json_is_null(json_object_get(found, "logits_max_error")), "it is infinite");
    cr_expect(json_is_null(json_object_get(json_array_get(layers, 2), "drift_max_error")));
    cr_expect_lt(json_real_value(json_object_get(json_array_get(layers, 1), "drift_max_error")), 1e-4);
    cr_expect_null(json_object_get(json_array_get(layers, 0), "bound_share"), "nobody asked");
    json_decref(document);
    program_run_finish(&run);

    run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", device, "--mode", "isolated", "--json");
    document = program_json(&run);
    found = first_device(document);
    cr_expect_eq(run.status, 3);
    cr_expect_null(json_object_get(found, "logits_max_error"));
    cr_expect_null(json_object_get(json_array_get(json_object_get(found, "layers"), 0), "drift_max_error"));
    json_decref(document);
    program_run_finish(&run);
}

/* A batch's logits leave the device through a copy, which is part of no layer. */
Test(program_verify, what_is_between_the_layers_is_seen) {
    struct lipcl_context *ctx = test_context();
    struct lipcl_tensor *batch = NULL;
    struct lipcl_shape shape = {5, {2, 3, 2, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH}};
    const char *in = in_folder(folder, "batch.npy");
    cr_assert(lipcl_tensor_create(ctx, &batch, LIPCL_F32, &shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(batch); i++) ((float *)batch->data)[i] = (float)(i * 7919 % 256) / 255;
    cr_assert(lipcl_npy_save(ctx, in, batch) == LIPCL_OK);
    lipcl_tensor_destroy(&batch);
    lipcl_context_destroy(&ctx);

    struct program_run run = RUN("verify", in, "--device", device);
    cr_expect_eq(run.status, 0, "%s", run.err);
    program_run_finish(&run);
    sabotage(kernels, "permute_copy.cl", "x[from]", "x[COUNT == 2 * 2 * 28 ? 0 : from]");
    run = RUN_SPOILED("verify", in, "--device", device, "--json");
    json_t *document = program_json(&run), *found = first_device(document), *layer;
    size_t index;
    cr_expect_eq(run.status, 3, "%s", run.err);
    cr_expect(json_is_null(json_object_get(found, "first_mismatch")));
    json_array_foreach(json_object_get(found, "layers"), index, layer) cr_expect(json_is_true(json_object_get(layer, "ok")));
    expect_in("every layer is right about what it was given", run.err);
    json_decref(document);
    program_run_finish(&run);
}

static struct lipcl_tensor *load(struct lipcl_context *ctx, const char *report, const char *name) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_npy_load(ctx, &tensor, in_folder(report, name)) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return tensor;
}

Test(program_verify, a_failure_is_saved_whole) {
    struct lipcl_context *ctx = test_context();
    const char *report = in_folder(folder, "report");
    plant_wrong_weight();
    struct program_run run =
        RUN_SPOILED("verify", MODEL_PATH, clip, "--precision", "exact", "-d", device, "--save-failure", report);
    cr_assert_eq(run.status, 3, "%s", run.err);
    expect_in("conv2 is the first layer that computes something else", run.out);
    expect_in(report, run.out);
    program_run_finish(&run);

    json_t *document = json_load_file(in_folder(report, "report.json"), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(document);
    json_t *launch = json_array_get(json_object_get(document, "launches"), 0), *worst = json_object_get(document, "worst");
    cr_expect_str_eq(json_string_value(json_object_get(document, "layer")), "conv2");
    cr_expect_str_eq(json_string_value(json_object_get(document, "lowering")), "conv3d_direct");
    cr_expect_str_eq(json_string_value(json_object_get(document, "kernel_folder")), kernels);
    cr_expect_str_eq(json_string_value(json_object_get(launch, "file")), "conv3d_direct.cl");
    expect_in("-DK=64 ", json_string_value(json_object_get(launch, "options")));
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(document, "device"), "select")), device);
    expect_in(".", json_string_value(json_object_get(json_object_get(document, "device"), "driver")));

    static const char *const names[] = {"input.0.npy", "conv2.weight.npy", "conv2.bias.npy", "output.0.npy", "reference.0.npy"};
    static const struct lipcl_shape shapes[] = {
        {5, {1, 32, 5, 16, 32}}, {5, {64, 32, 3, 5, 5}}, {1, {64}}, {5, {1, 64, 5, 8, 16}}, {5, {1, 64, 5, 8, 16}}};
    cr_expect_eq(json_array_size(json_object_get(document, "tensors")), 5);
    struct lipcl_tensor *tensors[5];
    for (size_t i = 0; i < 5; i++) {
        tensors[i] = load(ctx, report, names[i]);
        cr_expect(lipcl_shape_equal(&tensors[i]->shape, &shapes[i]), "%s", names[i]);
    }
    size_t index = (size_t)json_integer_value(json_object_get(worst, "index"));
    cr_assert_lt(index, lipcl_tensor_count(tensors[3]));
    cr_expect_float_eq(((float *)tensors[3]->data)[index], json_real_value(json_object_get(worst, "device")), 1e-6);
    cr_expect_float_eq(((float *)tensors[4]->data)[index], json_real_value(json_object_get(worst, "reference")), 1e-6);
    cr_expect_gt(fabs(json_real_value(json_object_get(worst, "device")) - json_real_value(json_object_get(worst, "reference"))),
                 1e-4);
    for (size_t i = 0; i < 5; i++) lipcl_tensor_destroy(&tensors[i]);
    json_decref(document);

    run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", device, "--save-failure", report);
    cr_expect_eq(run.status, 1);
    expect_in("the folder is not empty", run.err);
    program_run_finish(&run);
    const char *nowhere = in_folder(folder, "missing/report");
    run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", device, "--save-failure", nowhere);
    cr_expect_eq(run.status, 3);
    expect_in("no folder can be made there", run.err);
    program_run_finish(&run);
    const char *unneeded = in_folder(folder, "unneeded");
    run = RUN("verify", clip, "--device", device, "--save-failure", unneeded);
    cr_expect_eq(run.status, 0, "%s", run.err);
    struct stat info;
    cr_expect_neq(stat(unneeded, &info), 0, "there was nothing to save");
    program_run_finish(&run);
    lipcl_context_destroy(&ctx);
}

/* One device is right, the other is not, a third does not exist. */
Test(program_verify, several_devices_make_a_matrix) {
    char list[64], all_three[96];
    plant_wrong_weight();
    snprintf(list, sizeof list, "host,%s", device);
    snprintf(all_three, sizeof all_three, "host,%s,99:0", device);
    struct program_run run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", list);
    cr_expect_eq(run.status, 3, "%s", run.err);
    expect_in("\nconv1 ", run.out);
    expect_in("mismatch: conv2", run.out);
    expect_in(": layer conv2 (conv3d_direct): ", run.err);
    program_run_finish(&run);

    run = RUN_SPOILED("verify", clip, "--precision", "exact", "--device", all_three, "--json");
    json_t *document = program_json(&run), *devices = json_object_get(document, "devices");
    static const char *const verdicts[] = {"ok", "mismatch", "failed"};
    cr_expect_eq(run.status, 3);
    cr_assert_eq(json_array_size(devices), 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(json_string_value(json_object_get(json_array_get(devices, i), "verdict")), verdicts[i]);
    expect_in("99:0", json_string_value(json_object_get(json_array_get(devices, 2), "error")));
    json_decref(document);
    program_run_finish(&run);

    run = RUN("verify", clip, "--device", "all", "--json");
    document = program_json(&run);
    cr_expect_eq(run.status, 0, "%s", run.err);
    cr_expect_geq(json_array_size(json_object_get(document, "devices")), 1);
    json_decref(document);
    program_run_finish(&run);
}

/* Weights of nothing but zeros give the same answer whatever a kernel does. */
Test(program_verify, nothing_is_proven_by_zeros) {
    struct lipcl_context *ctx = test_context();
    struct lipcl_tensor_set *set = NULL;
    const char *model = in_folder(folder, "zeros.safetensors");
    cr_assert(lipcl_lipnet_load(ctx, &set, MODEL_PATH) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, i);
        memset(tensor->data, 0, lipcl_tensor_bytes(tensor));
    }
    cr_assert(lipcl_safetensors_save(ctx, model, set) == LIPCL_OK);
    lipcl_tensor_set_destroy(&set);
    lipcl_context_destroy(&ctx);
    struct program_run run = RUN("verify", model, clip, "--device", device);
    cr_expect_eq(run.status, 1, "%s", run.err);
    expect_in("UNPROVEN", run.out);
    program_run_finish(&run);
}
