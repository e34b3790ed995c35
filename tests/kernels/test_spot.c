/* Spot checks: quiet about what is right, and finding what is wrong in a bounded number of blocks. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "plan/steps.h"
#include "support/networks.h"
#include "support/test_devices.h"

enum { FRAMES = 3, MAX_CHECKS = 600 };

static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct lipcl_tensor_set *weights;
static struct lipcl_graph *graph;
static struct lipcl_plan *plan;
static struct lipcl_tensor *frames, *logits;

/* LipNet on a few frames, which has run once. */
static void begin(const char *selector) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, selector) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    cr_assert(lipcl_lipnet_describe(graph, 2, FRAMES, NULL) == LIPCL_OK);
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, &(struct lipcl_plan_params){.keep_values = true}) ==
              LIPCL_OK);
    struct lipcl_shape out = {3, {2, FRAMES, 28}};
    frames = test_frames(ctx, 2, FRAMES);
    cr_assert(lipcl_tensor_create(ctx, &logits, LIPCL_F32, &out) == LIPCL_OK);
    struct lipcl_spot_check spot;
    cr_expect(lipcl_plan_spot_check(ctx, plan, 1, &spot) == LIPCL_ERROR_ARGUMENT, "before the first run");
    cr_assert(lipcl_plan_run(ctx, plan, &logits, (const struct lipcl_tensor *const *)&frames) == LIPCL_OK);
}

static void end(void) {
    lipcl_tensor_destroy(&frames);
    lipcl_tensor_destroy(&logits);
    lipcl_plan_destroy(&plan);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

/* How many checks it takes to find something wrong, and in which layer; MAX_CHECKS: nothing was found. */
static size_t find(char *layer, size_t bytes) {
    for (uint64_t seed = 0; seed < MAX_CHECKS; seed++) {
        struct lipcl_spot_check spot;
        struct lipcl_layer_info info;
        cr_assert(lipcl_plan_spot_check(ctx, plan, seed, &spot) == LIPCL_OK);
        if (spot.check.ok) {
            cr_expect_leq(spot.check.bound_share, 1);
            cr_expect_str_eq(spot.check.reason, "");
            continue;
        }
        cr_expect(!(spot.check.bound_share <= 1) && strlen(spot.check.reason) > 0);
        cr_assert(lipcl_plan_layer_info(ctx, plan, spot.layer, &info) == LIPCL_OK);
        snprintf(layer, bytes, "%s", info.name);
        return (size_t)seed + 1;
    }
    return MAX_CHECKS;
}

static void expect_that_nothing_is_wrong(void) {
    size_t layers = lipcl_plan_layer_count(plan), drawn[16] = {0}, begins = 0, ends = 0;
    cr_assert_leq(layers, 16);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct lipcl_spot_check spot, again;
        struct lipcl_layer_info info;
        cr_assert(lipcl_plan_spot_check(ctx, plan, seed, &spot) == LIPCL_OK);
        cr_assert(lipcl_plan_spot_check(ctx, plan, seed, &again) == LIPCL_OK);
        cr_expect(spot.check.ok, "seed %d: %s", (int)seed, spot.check.reason);
        cr_expect(spot.layer == again.layer && memcmp(spot.start, again.start, sizeof spot.start) == 0, "a seed is a block");
        cr_assert_lt(spot.layer, layers);
        drawn[spot.layer]++;
        cr_assert(lipcl_plan_layer_info(ctx, plan, spot.layer, &info) == LIPCL_OK);
        cr_expect_eq(spot.block.rank, info.shape.rank);
        cr_expect_leq(lipcl_shape_count(&spot.block), 256);
        for (size_t dim = 0; dim < info.shape.rank; dim++) {
            cr_expect_leq(spot.start[dim] + spot.block.dims[dim], info.shape.dims[dim]);
            begins += spot.start[dim] == 0;
            ends += spot.start[dim] + spot.block.dims[dim] == info.shape.dims[dim];
        }
        cr_expect_lt(spot.check.worst, lipcl_shape_count(&info.shape));
    }
    for (size_t i = 0; i < layers; i++) cr_expect_gt(drawn[i], 0, "layer %zu is never looked at", i);
    cr_expect(begins > 60 && ends > 60, "borders are: %zu, %zu", begins, ends);
}

static size_t layer_of(const char *name) {
    struct lipcl_layer_info info;
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++)
        if (lipcl_plan_layer_info(ctx, plan, i, &info) == LIPCL_OK && strcmp(info.name, name) == 0) return i;
    cr_assert_fail("there is no layer %s", name);
    return 0;
}

/* Changes one element of what the device holds for a layer's output; puts it back when called again with what it returned. */
static float plant(const char *name, size_t index, float value) {
    const struct plan_value *output = &plan->values[step_output(plan, &plan->steps[layer_of(name)], 0)];
    size_t bytes = device_buffer_bytes(output->buffer);
    float *data = malloc(bytes), before;
    cr_assert(device_buffer_read(device, data, output->buffer, bytes) == LIPCL_OK);
    before = data[index];
    data[index] = value;
    cr_assert(device_buffer_write(device, output->buffer, data, bytes) == LIPCL_OK);
    cr_assert(device_finish(device) == LIPCL_OK);
    free(data);
    return before;
}

/* One weight of what the device holds, at a layer's first constant: the launches' buffers that no value has. */
static void spoil_weight(struct device_buffer *buffer, size_t index, float by) {
    size_t bytes = device_buffer_bytes(buffer);
    float *data = malloc(bytes);
    cr_assert(device_buffer_read(device, data, buffer, bytes) == LIPCL_OK);
    data[index] += by;
    cr_assert(device_buffer_write(device, buffer, data, bytes) == LIPCL_OK);
    cr_assert(device_finish(device) == LIPCL_OK);
    free(data);
}

static bool is_value(const struct device_buffer *buffer) {
    for (size_t i = 1; i < plan->value_count; i++)
        if (plan->values[i].buffer == buffer) return true;
    return false;
}

static void expect_that_wrong_numbers_are_found(const char *device_name) {
    char layer[64];
    /* A NaN, and a number that is off by a little, in what a layer put out: that layer is blamed, or the one that it misled
     * (whose input has changed since it ran). */
    static const struct {
        const char *planted, *next;
        float value;
    } numbers[] = {{"FC", "FC", NAN}, {"gru2", "FC", NAN}, {"gru1", "gru2", 0.5f}, {"gru2", "FC", INFINITY}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        float before = plant(numbers[i].planted, 37, numbers[i].value);
        size_t checks = find(layer, sizeof layer);
        fprintf(stderr, "%s: %g in %s: found in %s after %zu checks\n", device_name, (double)numbers[i].value,
                numbers[i].planted, layer, checks);
        cr_expect_lt(checks, MAX_CHECKS, "case %zu", i);
        cr_expect(strcmp(layer, numbers[i].planted) == 0 || strcmp(layer, numbers[i].next) == 0, "case %zu: %s", i, layer);
        plant(numbers[i].planted, 37, before);
    }
    cr_expect_eq(find(layer, sizeof layer), MAX_CHECKS, "all as it was: %s", layer);
}

static void expect_that_wrong_weights_are_found(const char *device_name) {
    char layer[64];
    /* One wrong weight on the device, in each of the constants that are not all padding and zeros. */
    size_t found = 0, constants = 0;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        if (is_value(plan->buffers[i].device)) continue;
        spoil_weight(plan->buffers[i].device, 1, 1);
        cr_assert(lipcl_plan_run(ctx, plan, &logits, (const struct lipcl_tensor *const *)&frames) == LIPCL_OK);
        size_t checks = find(layer, sizeof layer);
        constants++;
        found += checks < MAX_CHECKS;
        if (checks < MAX_CHECKS) fprintf(stderr, "%s: a weight of %s: %zu checks\n", device_name, layer, checks);
        spoil_weight(plan->buffers[i].device, 1, -1);
    }
    /* Scratch is overwritten by a run and so never wrong; three convolutions, two GRUs and a linear layer hold weights. */
    cr_expect_geq(found, 8, "%zu of %zu", found, constants);
}

ParameterizedTestParameters(spot, finds_what_is_wrong_and_nothing_else) {
    return devices_as_parameters(true);
}

ParameterizedTest(const struct device_parameter *parameter, spot, finds_what_is_wrong_and_nothing_else, .timeout = 600) {
    begin(parameter->selector);
    expect_that_nothing_is_wrong();
    if (!device_caps(device)->host) {
        expect_that_wrong_numbers_are_found(parameter->name);
        expect_that_wrong_weights_are_found(parameter->name);
    }
    end();
}
