/* lipcl_plan_verify_layer() and its neighbours, on a small network with every kind of layer, on every device. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <string.h>

#include <lipcl/verify.h>

#include "base/philox.h"
#include "support/test_devices.h"
#include "tensor/shape.h"

enum { BATCH = 2, FRAMES = 5 };

/* Input [2,3,5,12,16] -> conv (fused or not) [2,8,5,6,8] -> [5,2,384] -> gru [5,2,12] -> fc [5,2,7] -> [2,5,7]. */
static void describe(struct lipcl_graph *graph, const char *first) {
    struct lipcl_conv3d_params conv = {.out_channels = 8, .kernel = {3, 3, 3}, .padding = {1, 1, 1}};
    lipcl_value x = lipcl_graph_input(graph, "x", &SHAPE(BATCH, 3, FRAMES, 12, 16));
    x = lipcl_conv3d(graph, first, x, &conv);
    x = lipcl_relu(graph, "relu", x);
    x = lipcl_dropout3d(graph, "dropout", x, &(struct lipcl_dropout_params){.p = 0.5f});
    x = lipcl_maxpool3d(graph, "pool", x, &(struct lipcl_maxpool3d_params){.kernel = {1, 2, 2}});
    x = lipcl_permute(graph, "permute", x, &(struct lipcl_permute_params){{2, 0, 1, 3, 4}});
    x = lipcl_reshape(graph, "flatten", x, &(struct lipcl_reshape_params){SHAPE(FRAMES, BATCH, 8 * 6 * 8)});
    x = lipcl_gru(graph, "gru", x, 0, NULL, &(struct lipcl_gru_params){.hidden = 6, .bidirectional = true});
    x = lipcl_linear(graph, "fc", x, &(struct lipcl_linear_params){.out_features = 7});
    x = lipcl_permute(graph, "logits", x, &(struct lipcl_permute_params){{1, 0, 2}});
    lipcl_graph_output(graph, "logits", x);
    cr_assert(lipcl_graph_status(graph) == LIPCL_OK);
}

static struct lipcl_context *ctx;
static struct lipcl_graph *graph;
static struct lipcl_tensor_set *weights;
static struct lipcl_device *host, *device;
static struct lipcl_plan *reference;
static struct lipcl_tensor *x, *logits;

/* Uniform in +-scale. */
static void fill(struct lipcl_tensor *tensor, uint64_t stream, float scale) {
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++)
        ((float *)tensor->data)[i] = (philox_uniform(philox_word(99 + stream, i)) * 2 - 1) * scale;
}

static struct lipcl_plan *plan_on(struct lipcl_device *where, bool no_fusion) {
    struct lipcl_plan *plan = NULL;
    struct lipcl_plan_params params = {.no_fusion = no_fusion, .keep_values = true};
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, where, &params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return plan;
}

static void run(struct lipcl_plan *plan) {
    cr_assert(lipcl_plan_run(ctx, plan, &logits, (const struct lipcl_tensor *const *)&x) == LIPCL_OK, "%s",
              lipcl_context_error(ctx));
}

static void begin(const struct device_parameter *parameter) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, parameter->selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_device_create(ctx, &host, "host") == LIPCL_OK);
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    cr_assert(lipcl_tensor_set_create(ctx, &weights) == LIPCL_OK);
    describe(graph, "conv");
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        struct lipcl_tensor *tensor = NULL;
        cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, lipcl_graph_parameter_shape(graph, i)) == LIPCL_OK);
        /* Sums of about 1 leave the GRU's gates where a wrong weight shows. */
        float terms = (float)lipcl_tensor_count(tensor) / (float)tensor->shape.dims[0];
        fill(tensor, i, 1 / sqrtf(terms));
        cr_assert(lipcl_tensor_set_add(ctx, weights, lipcl_graph_parameter_name(graph, i), &tensor) == LIPCL_OK);
    }
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, lipcl_graph_input_shape(graph, 0)) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &logits, LIPCL_F32, lipcl_graph_output_shape(graph, 0)) == LIPCL_OK);
    fill(x, 1000, 1);
    reference = plan_on(host, true);
    run(reference);
}

static void end(void) {
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&logits);
    lipcl_plan_destroy(&reference);
    lipcl_tensor_set_destroy(&weights);
    lipcl_graph_destroy(&graph);
    lipcl_device_destroy(&device);
    lipcl_device_destroy(&host);
    lipcl_context_destroy(&ctx);
}

static const char *layer_name(const struct lipcl_plan *plan, size_t layer) {
    struct lipcl_layer_info info;
    cr_assert(lipcl_plan_layer_info(ctx, plan, layer, &info) == LIPCL_OK);
    return info.name;
}

static struct lipcl_layer_check verify(struct lipcl_plan *plan, size_t layer, struct lipcl_layer_drift *drift) {
    struct lipcl_layer_check check;
    cr_assert(lipcl_plan_verify_layer(ctx, plan, layer, reference, &check, drift) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return check;
}

ParameterizedTestParameters(verify, right_layers) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *parameter, verify, right_layers) {
    begin(parameter);
    for (int unfused = 0; unfused < 2; unfused++) {
        struct lipcl_plan *plan = plan_on(device, unfused);
        run(plan);
        cr_assert_geq(lipcl_plan_layer_count(plan), unfused ? 5 : 3);
        for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
            struct lipcl_layer_drift drift = {-1, -1}, alone = {-1, -1};
            cr_assert(lipcl_plan_verify_layer(ctx, plan, i, reference, NULL, &alone) == LIPCL_OK);
            struct lipcl_layer_check check = verify(plan, i, &drift);
            cr_expect(check.ok, "%s: %s", layer_name(plan, i), check.reason);
            cr_expect(drift.max_error >= 0 && drift.max_error < 1e-4 && drift.rho < 1000, "%s", layer_name(plan, i));
            cr_expect_eq(drift.max_error, alone.max_error, "%s", layer_name(plan, i));
            cr_expect_float_eq(drift.rho, alone.rho, 1e-3 * (1 + alone.rho));
        }
        lipcl_plan_destroy(&plan);
    }
    end();
}

static struct lipcl_tensor_set *copy_of_weights(void) {
    struct lipcl_tensor_set *copy;
    cr_assert(lipcl_tensor_set_create(ctx, &copy) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_set_count(weights); i++) {
        struct lipcl_tensor *tensor;
        cr_assert(lipcl_tensor_to_f32(ctx, &tensor, lipcl_tensor_set_tensor(weights, i)) == LIPCL_OK);
        cr_assert(lipcl_tensor_set_add(ctx, copy, lipcl_tensor_set_name(weights, i), &tensor) == LIPCL_OK);
    }
    return copy;
}

/* The first number of each parameter in turn is wrong on the device: that layer is named, and no other. */
ParameterizedTestParameters(verify, a_wrong_weight) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *parameter, verify, a_wrong_weight) {
    begin(parameter);
    cr_assert_geq(lipcl_tensor_set_count(weights), 12);
    for (size_t w = 0; w < lipcl_tensor_set_count(weights); w++) {
        const char *parameter_name = lipcl_tensor_set_name(weights, w);
        struct lipcl_tensor_set *right = weights;
        weights = copy_of_weights();
        *(float *)lipcl_tensor_set_tensor(weights, w)->data += 0.05f;
        struct lipcl_plan *plan = plan_on(device, false);
        lipcl_tensor_set_destroy(&weights);
        weights = right;
        run(plan);
        for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
            const char *name = layer_name(plan, i);
            bool guilty = strncmp(parameter_name, name, strlen(name)) == 0;
            struct lipcl_layer_check check = verify(plan, i, NULL);
            cr_expect(check.ok == !guilty, "%s is wrong, %s: share %g", parameter_name, name, check.bound_share);
        }
        lipcl_plan_destroy(&plan);
    }
    end();
}

/* A run on another input drifts everywhere, though every layer is right. */
ParameterizedTestParameters(verify, drift) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *parameter, verify, drift) {
    begin(parameter);
    struct lipcl_plan *plan = plan_on(device, false);
    ((float *)x->data)[1000] += 0.5f;
    run(plan);
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
        struct lipcl_layer_drift drift;
        cr_expect(verify(plan, i, &drift).ok, "%s", layer_name(plan, i));
        cr_expect(drift.max_error > 1e-5 && drift.rho > 10, "%s drifts by %g", layer_name(plan, i), drift.max_error);
    }
    ((float *)x->data)[1000] = NAN;
    run(plan);
    struct lipcl_layer_drift drift;
    cr_expect(verify(plan, 0, &drift).ok);
    cr_expect(isinf(drift.max_error), "%g", drift.max_error);
    lipcl_plan_destroy(&plan);
    end();
}

/* A layer alone takes any input and shows it, its parameters and both answers; the first layer's output lies channels-last, so
 * what goes in here has been through another layout and back. */
ParameterizedTestParameters(verify, a_layer_alone) {
    return devices_as_parameters(true);
}

ParameterizedTest(struct device_parameter *parameter, verify, a_layer_alone) {
    begin(parameter);
    struct lipcl_plan *plan = plan_on(device, false);
    struct lipcl_tensor *input = NULL, *output = NULL;
    struct lipcl_tensor_set *set = NULL;
    struct lipcl_layer_check check;
    size_t gru = 0;
    while (strcmp(layer_name(plan, gru), "gru") != 0) gru++;
    cr_assert(lipcl_tensor_create(ctx, &input, LIPCL_F32, &SHAPE(FRAMES, BATCH, 8 * 6 * 8)) == LIPCL_OK);
    fill(input, 2000, 1);
    cr_assert(lipcl_plan_run_layer(ctx, plan, gru, (const struct lipcl_tensor *const[]){input, NULL}) == LIPCL_OK);
    cr_assert(lipcl_plan_check_layer(ctx, plan, gru, &check) == LIPCL_OK);
    cr_expect(check.ok, "%s", check.reason);
    cr_assert(lipcl_plan_read_layer(ctx, plan, gru, &output) == LIPCL_OK);
    cr_assert(lipcl_plan_layer_tensors(ctx, plan, gru, &set) == LIPCL_OK);
    const struct lipcl_tensor *seen = lipcl_tensor_set_find(set, "input.0"), *got = lipcl_tensor_set_find(set, "output.0");
    const struct lipcl_tensor *wanted = lipcl_tensor_set_find(set, "reference.0");
    const struct lipcl_tensor *weight = lipcl_tensor_set_find(set, "gru.weight_hh_l0_reverse");
    cr_assert(seen && got && wanted && weight);
    cr_expect_eq(memcmp(seen->data, input->data, lipcl_tensor_bytes(input)), 0);
    cr_expect_eq(memcmp(got->data, output->data, lipcl_tensor_bytes(output)), 0);
    cr_expect_eq(
        memcmp(weight->data, lipcl_tensor_set_find(weights, "gru.weight_hh_l0_reverse")->data, lipcl_tensor_bytes(weight)), 0);
    double most = 0;
    for (size_t i = 0; i < lipcl_tensor_count(got); i++)
        most = fmax(most, fabs((double)((float *)got->data)[i] - (double)((float *)wanted->data)[i]));
    cr_expect_eq(most, check.max_error);
    cr_expect_eq(lipcl_tensor_set_count(set), 1 + 8 + 4);
    lipcl_tensor_set_destroy(&set);
    lipcl_tensor_destroy(&input);
    lipcl_tensor_destroy(&output);
    lipcl_plan_destroy(&plan);
    end();
}

ParameterizedTestParameters(verify, launches) {
    return devices_as_parameters(false);
}

ParameterizedTest(struct device_parameter *parameter, verify, launches) {
    begin(parameter);
    struct lipcl_plan *plan = plan_on(device, false);
    struct lipcl_layer_info layer;
    struct lipcl_launch_info launch;
    cr_assert(lipcl_plan_layer_info(ctx, plan, 0, &layer) == LIPCL_OK);
    cr_assert(lipcl_plan_launch_info(ctx, plan, 0, 0, &launch) == LIPCL_OK);
    cr_expect_str_eq(launch.file, "conv3d_direct.cl");
    cr_expect_str_eq(launch.kernel, "conv3d_direct");
    cr_expect_not_null(strstr(launch.options, "-DKT=3 "), "%s", launch.options);
    cr_expect_gt(launch.global[0] * launch.global[1] * launch.global[2], 0);
    cr_expect(lipcl_plan_launch_info(ctx, plan, 0, layer.launches, &launch) == LIPCL_ERROR_ARGUMENT);
    cr_expect(lipcl_plan_launch_info(ctx, plan, 99, 0, &launch) == LIPCL_ERROR_ARGUMENT);
    lipcl_plan_destroy(&plan);
    end();
}

/* What makes no sense is refused, and says why. */
Test(verify, refusals) {
    begin(&(struct device_parameter){"host", "host"});
    struct lipcl_plan *plan = plan_on(host, false), *other = NULL;
    struct lipcl_graph *renamed = NULL;
    struct lipcl_layer_check check;
    struct lipcl_tensor_set *set;
    const struct lipcl_tensor *wrong[] = {logits}, *none[] = {NULL};
    cr_expect(lipcl_plan_verify_layer(ctx, plan, 0, reference, &check, NULL) == LIPCL_ERROR_ARGUMENT, "it has not run");
    cr_expect(lipcl_plan_layer_tensors(ctx, plan, 0, &set) == LIPCL_ERROR_ARGUMENT && !set);
    run(plan);
    cr_expect(lipcl_plan_verify_layer(ctx, plan, 99, reference, &check, NULL) == LIPCL_ERROR_ARGUMENT);
    cr_expect(lipcl_plan_layer_tensors(ctx, plan, 99, &set) == LIPCL_ERROR_ARGUMENT && !set);
    cr_expect(lipcl_plan_run_layer(ctx, plan, 99, none) == LIPCL_ERROR_ARGUMENT);
    cr_expect(lipcl_plan_run_layer(ctx, plan, 0, none) == LIPCL_ERROR_ARGUMENT);
    cr_expect(lipcl_plan_run_layer(ctx, plan, 0, wrong) == LIPCL_ERROR_SHAPE);
    cr_expect_not_null(strstr(lipcl_context_error(ctx), "conv"));
    cr_expect(lipcl_plan_verify_layer(ctx, reference, 1, plan, &check, NULL) == LIPCL_ERROR_ARGUMENT,
              "fused: no value between");
    cr_expect_not_null(strstr(lipcl_context_error(ctx), "no_fusion"));

    cr_assert(lipcl_graph_create(ctx, &renamed) == LIPCL_OK);
    describe(renamed, "convolution");
    for (size_t i = 0; i < 2; i++) {
        struct lipcl_tensor *copy = NULL;
        const char *from[] = {"conv.weight", "conv.bias"}, *to[] = {"convolution.weight", "convolution.bias"};
        cr_assert(lipcl_tensor_to_f32(ctx, &copy, lipcl_tensor_set_find(weights, from[i])) == LIPCL_OK);
        cr_assert(lipcl_tensor_set_add(ctx, weights, to[i], &copy) == LIPCL_OK);
    }
    cr_assert(lipcl_plan_create(ctx, &other, renamed, weights, host, &(struct lipcl_plan_params){.keep_values = true}) ==
                  LIPCL_OK,
              "%s", lipcl_context_error(ctx));
    run(other);
    cr_expect(lipcl_plan_verify_layer(ctx, other, 0, reference, &check, NULL) == LIPCL_ERROR_ARGUMENT);
    cr_expect_not_null(strstr(lipcl_context_error(ctx), "another graph"));
    lipcl_plan_destroy(&other);
    lipcl_graph_destroy(&renamed);
    lipcl_plan_destroy(&plan);
    end();
}
