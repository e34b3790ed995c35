/* A profile of a small network with every kind of event, on every device. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include <lipcl/profile.h>

#include "base/philox.h"
#include "plan/steps.h"
#include "support/test_devices.h"
#include "tensor/shape.h"

enum { MAX_EVENTS = 128, RUNS = 3 };

static struct lipcl_context *ctx;
static struct lipcl_graph *graph;
static struct lipcl_tensor_set *weights;
static struct lipcl_device *device;
static struct lipcl_plan *plan;
static struct lipcl_tensor *inputs[2], *outputs[3];
static struct lipcl_profile_event events[MAX_EVENTS];
static size_t event_count;

static struct lipcl_tensor *noise(const struct lipcl_shape *shape, uint64_t stream) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++)
        ((float *)tensor->data)[i] = philox_uniform(philox_word(stream, i)) - 0.5f;
    return tensor;
}

/* Two inputs, three outputs, one of which has to be copied to row-major order, and a GRU of two layers. */
static void begin(const char *selector, const struct lipcl_plan_params *params) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    lipcl_value frames = lipcl_graph_input(graph, "frames", &SHAPE(2, 3, 4, 8, 8)), h_n;
    lipcl_value h_0 = lipcl_graph_input(graph, "h_0", &SHAPE(4, 2, 5)), x = frames;
    x = lipcl_conv3d(graph, "conv", x,
                     &(struct lipcl_conv3d_params){.out_channels = 6, .kernel = {3, 3, 3}, .padding = {1, 1, 1}});
    x = lipcl_relu(graph, "relu", x);
    x = lipcl_maxpool3d(graph, "pool", x, &(struct lipcl_maxpool3d_params){.kernel = {1, 2, 2}});
    lipcl_graph_output(graph, "pooled", x);
    x = lipcl_permute(graph, "permute", x, &(struct lipcl_permute_params){{2, 0, 1, 3, 4}});
    x = lipcl_reshape(graph, "flatten", x, &(struct lipcl_reshape_params){SHAPE(4, 2, 96)});
    x = lipcl_gru(graph, "gru", x, h_0, &h_n, &(struct lipcl_gru_params){.hidden = 5, .layers = 2, .bidirectional = true});
    lipcl_graph_output(graph, "state", h_n);
    x = lipcl_linear(graph, "fc", x, &(struct lipcl_linear_params){.out_features = 7});
    lipcl_graph_output(graph, "scores", lipcl_log_softmax(graph, "softmax", x));
    cr_assert(lipcl_graph_status(graph) == LIPCL_OK);
    cr_assert(lipcl_tensor_set_create(ctx, &weights) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        struct lipcl_tensor *tensor = noise(lipcl_graph_parameter_shape(graph, i), i);
        cr_assert(lipcl_tensor_set_add(ctx, weights, lipcl_graph_parameter_name(graph, i), &tensor) == LIPCL_OK);
    }
    for (size_t i = 0; i < 2; i++) inputs[i] = noise(lipcl_graph_input_shape(graph, i), 100 + i);
    for (size_t i = 0; i < 3; i++) outputs[i] = noise(lipcl_graph_output_shape(graph, i), 0);
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
}

static void end(void) {
    for (size_t i = 0; i < 2; i++) lipcl_tensor_destroy(&inputs[i]);
    for (size_t i = 0; i < 3; i++) lipcl_tensor_destroy(&outputs[i]);
    lipcl_plan_destroy(&plan);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

static void keep(void *user, const struct lipcl_profile_event *event) {
    (void)user;
    cr_assert_lt(event_count, MAX_EVENTS);
    events[event_count++] = *event;
}

static void run(void) {
    event_count = 0;
    cr_assert(lipcl_plan_run(ctx, plan, outputs, (const struct lipcl_tensor *const *)inputs) == LIPCL_OK, "%s",
              lipcl_context_error(ctx));
}

static const struct lipcl_profile_event *find(enum lipcl_profile_kind kind, const char *name) {
    for (size_t i = 0; i < event_count; i++)
        if (events[i].kind == kind && strcmp(events[i].name, name) == 0) return &events[i];
    return NULL;
}

static size_t count(enum lipcl_profile_kind kind, int layer) {
    size_t found = 0;
    for (size_t i = 0; i < event_count; i++) found += events[i].kind == kind && events[i].layer == layer;
    return found;
}

static void expect_transfer(enum lipcl_profile_kind kind, const char *name, const struct lipcl_tensor *tensor) {
    const struct lipcl_profile_event *event = find(kind, name);
    cr_assert_not_null(event, "%s", name);
    cr_expect_eq(event->layer, LIPCL_PROFILE_NO_LAYER);
    cr_expect_null(event->layer_name);
    cr_expect_float_eq(event->bytes, (double)lipcl_tensor_bytes(tensor), 0, "%s", name);
}

/* Every layer has all its launches, or one reference; actual arithmetic is at least most of the useful one. */
static void expect_layers(bool host) {
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
        struct lipcl_layer_info info;
        double flops = 0;
        cr_assert(lipcl_plan_layer_info(ctx, plan, i, &info) == LIPCL_OK);
        cr_expect_eq(count(LIPCL_PROFILE_KERNEL, (int)i), info.launches, "%s", info.name);
        cr_expect_eq(count(LIPCL_PROFILE_REFERENCE, (int)i), host ? 1 : 0, "%s", info.name);
        for (size_t k = 0; k < event_count; k++) {
            if (events[k].layer != (int)i) continue;
            cr_expect_str_eq(events[k].layer_name, info.name);
            cr_expect_str_eq(events[k].lowering, info.lowering);
            flops += events[k].flops;
            bool copies = strcmp(events[k].name, "permute_copy") == 0 || strcmp(events[k].name, "bias_rows") == 0;
            if (events[k].kind == LIPCL_PROFILE_KERNEL && !copies) cr_expect_gt(events[k].flops, 0, "%s", events[k].name);
        }
        cr_expect_gt(flops, 0.9 * info.flops, "%s: %g of %g", info.name, flops, info.flops);
    }
}

static void expect_memory(void) {
    size_t allocated = lipcl_plan_memory(plan).device_bytes, least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < event_count; i++) {
        cr_expect_eq(events[i].allocated_bytes, allocated);
        if (events[i].kind == LIPCL_PROFILE_STAGE || events[i].kind == LIPCL_PROFILE_RUN) continue;
        least = size_min(least, events[i].live_bytes);
        most = size_max(most, events[i].live_bytes);
    }
    cr_expect(least > 0 && least < most && most <= allocated, "%zu to %zu of %zu", least, most, allocated);
}

ParameterizedTestParameters(profile, tells_all_of_a_run) {
    return devices_as_parameters(true);
}

ParameterizedTest(const struct device_parameter *parameter, profile, tells_all_of_a_run, .timeout = 120) {
    bool host = strcmp(parameter->selector, "host") == 0;
    begin(parameter->selector, NULL);
    run();
    cr_expect_eq(event_count, 0, "nobody has asked");
    cr_assert(lipcl_plan_set_profile(ctx, plan, keep, NULL) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    for (size_t i = 0; i < RUNS; i++) {
        run();
        expect_layers(host);
        expect_transfer(LIPCL_PROFILE_WRITE, "frames", inputs[0]);
        expect_transfer(LIPCL_PROFILE_WRITE, "h_0", inputs[1]);
        expect_transfer(LIPCL_PROFILE_READ, "pooled", outputs[0]);
        expect_transfer(LIPCL_PROFILE_READ, "state", outputs[1]);
        expect_transfer(LIPCL_PROFILE_READ, "scores", outputs[2]);
        expect_memory();
        cr_expect_eq(events[event_count - 1].kind, LIPCL_PROFILE_RUN);
        cr_expect_eq(events[event_count - 1].run, i);
    }
    if (!host) { /* pooled lies channels-last on the device */
        const struct lipcl_profile_event *copy = find(LIPCL_PROFILE_KERNEL, "permute_copy");
        cr_assert_not_null(copy);
        cr_expect_eq(copy->layer, LIPCL_PROFILE_NO_LAYER);
        const struct lipcl_profile_event *product = find(LIPCL_PROFILE_KERNEL, "gemm_packed");
        if (product) cr_expect(strstr(product->tuning, "VEC=") && strstr(product->tuning, "ROWS="), "%s", product->tuning);
    }
    cr_assert(lipcl_plan_set_profile(ctx, plan, NULL, NULL) == LIPCL_OK);
    run();
    cr_expect_eq(event_count, 0, "nobody asks any more");
    end();
}

ParameterizedTestParameters(profile, names_products_of_clblast) {
    return devices_as_parameters(false);
}

ParameterizedTest(const struct device_parameter *parameter, profile, names_products_of_clblast, .timeout = 500) {
    begin(parameter->selector, &(struct lipcl_plan_params){.gemm = LIPCL_GEMM_CLBLAST});
    cr_assert(lipcl_plan_set_profile(ctx, plan, keep, NULL) == LIPCL_OK);
    run();
    run();
    const struct lipcl_profile_event *product = find(LIPCL_PROFILE_KERNEL, "clblast_gemm");
    cr_assert_not_null(product);
    cr_expect_null(product->problem, "%s", product->problem);
    cr_expect_str_eq(product->layer_name, "gru");
    cr_expect_float_eq(product->flops, 2.0 * (4 * 2) * 96 * (2 * 3 * 16), 2.0 * (4 * 2) * 96 * (2 * 3 * 16) * 0.9, "%g",
                       product->flops);
    cr_expect_geq(product->started_ns, product[-1].ended_ns);
    expect_layers(false);
    end();
}

ParameterizedTestParameters(profile, times_all_kernels_of_a_product) {
    return devices_as_parameters(false);
}

/* Its event is that of its last kernel: it begins where a mark in front of the first one is. */
ParameterizedTest(const struct device_parameter *parameter, profile, times_all_kernels_of_a_product, .timeout = 500) {
    struct device_buffer *matrix[3];
    struct device_recorder recorder = {0};
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, parameter->selector) == LIPCL_OK);
    for (size_t i = 0; i < 3; i++) cr_assert(device_buffer_create(device, &matrix[i], 64 * sizeof(float)) == LIPCL_OK);
    struct device_gemm gemm = {.m = 8, .n = 8, .k = 8, .a = matrix[0], .b = matrix[1], .c = matrix[2]};
    gemm.a_ld = gemm.b_ld = gemm.c_ld = 8;
    cr_assert(device_profiling(device, true) == LIPCL_OK);
    device_record(device, &recorder);
    cr_assert(device_gemm(device, &gemm) == LIPCL_OK);
    device_record(device, NULL);
    cr_assert_eq(recorder.count, 1);
    cr_expect(recorder.records[0].before && recorder.records[0].event &&
              recorder.records[0].before != recorder.records[0].event);
    cr_assert(device_finish(device) == LIPCL_OK);
    device_recorder_collect(device, &recorder, true);
    cr_expect(recorder.records[0].has_stamps);
    cr_expect_null(recorder.records[0].before);
    device_recorder_finish(&recorder);
    cr_assert(device_profiling(device, false) == LIPCL_OK);
    for (size_t i = 0; i < 3; i++) device_buffer_destroy(device, &matrix[i]);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}
