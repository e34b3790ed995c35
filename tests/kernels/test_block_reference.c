/* A block computed alone is what the whole reference has there, for random cases of every operator on every device. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/draw.h"
#include "plan/steps.h"
#include "support/test_devices.h"

/* Kernels take long to compile; what a device changes is where elements lie. */
enum { HOST_CASES = 32, DEVICE_CASES = 4, BLOCKS = 6, MAX_PORTS = 4 };

static const draw_fn draw_table[] = {
#define OP(name) draw_##name,
#include "ops/ops.def"
#undef OP
};
static const char *const names[] = {
#define OP(name) #name,
#include "ops/ops.def"
#undef OP
};

static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct lipcl_graph *graph;
static struct lipcl_tensor_set *weights;
static struct lipcl_plan *plan;
static struct lipcl_tensor *inputs[MAX_PORTS], *outputs[MAX_PORTS];

static struct lipcl_tensor *noise(struct draw *draw, const struct lipcl_shape *shape, float scale) {
    struct lipcl_tensor *tensor;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++) ((float *)tensor->data)[i] = scale * draw_unit(draw);
    return tensor;
}

/* Plans and runs case `index` of operator `op`. */
static void run_case(size_t op, size_t index, char *text, size_t bytes) {
    struct draw draw = {.seed = 17 + op, .next = (uint64_t)index << 36, .index = index, .frames = 3};
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    draw_table[op](&draw, graph, text, bytes);
    cr_assert(lipcl_tensor_set_create(ctx, &weights) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        struct lipcl_tensor *tensor = noise(&draw, lipcl_graph_parameter_shape(graph, i), 0.25f);
        cr_assert(lipcl_tensor_set_add(ctx, weights, lipcl_graph_parameter_name(graph, i), &tensor) == LIPCL_OK);
    }
    for (size_t i = 0; i < lipcl_graph_input_count(graph); i++) inputs[i] = noise(&draw, lipcl_graph_input_shape(graph, i), 1);
    for (size_t i = 0; i < lipcl_graph_output_count(graph); i++)
        cr_assert(lipcl_tensor_create(ctx, &outputs[i], LIPCL_F32, lipcl_graph_output_shape(graph, i)) == LIPCL_OK);
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, &(struct lipcl_plan_params){.keep_values = true}) ==
                  LIPCL_OK,
              "%s", text);
    cr_assert(lipcl_plan_run(ctx, plan, outputs, (const struct lipcl_tensor *const *)inputs) == LIPCL_OK, "%s", text);
}

static void finish_case(void) {
    lipcl_plan_destroy(&plan);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    for (size_t i = 0; i < MAX_PORTS; i++) {
        lipcl_tensor_destroy(&inputs[i]);
        lipcl_tensor_destroy(&outputs[i]);
    }
}

/* Spoils everything that the step computed, so that the shares of a comparison say what the magnitudes are. */
static void spoil(const struct step *step, struct draw *draw) {
    const struct plan_value *value = &plan->values[step_output(plan, step, 0)];
    size_t bytes = lipcl_shape_count(&value->shape) * sizeof(float);
    float *data = malloc(bytes);
    cr_assert(device_buffer_read(device, data, value->buffer, bytes) == LIPCL_OK);
    for (size_t i = 0; i < bytes / sizeof(float); i++) data[i] += 0.25f * draw_unit(draw);
    cr_assert(device_buffer_write(device, value->buffer, data, bytes) == LIPCL_OK);
    cr_assert(device_finish(device) == LIPCL_OK);
    free(data);
}

static struct box draw_box(struct draw *draw, const struct lipcl_shape *shape) {
    struct box box = {.shape = {.rank = shape->rank}};
    for (size_t dim = 0; dim < shape->rank; dim++) {
        box.shape.dims[dim] = draw_size(draw, 1, size_min(shape->dims[dim], 6));
        box.start[dim] = (ptrdiff_t)draw_size(draw, 0, shape->dims[dim] - box.shape.dims[dim]);
    }
    return box;
}

/* The step's blocks against the whole of its reference. */
static void compare_blocks(const struct step *step, struct draw *draw, const char *text) {
    lipcl_value value = step_output(plan, step, 0);
    const struct box whole = box_whole(&plan->values[value].shape);
    struct step_tensors tensors;
    struct lipcl_tensor *got;
    cr_assert(lipcl_tensor_create(ctx, &got, LIPCL_F32, &whole.shape) == LIPCL_OK);
    cr_assert(plan_read_value(plan, got->data, value) == LIPCL_OK);
    cr_assert(step_tensors_init(plan, step, &tensors) == LIPCL_OK);
    cr_assert(step_reference(plan, step, &tensors, true, got) == LIPCL_OK);
    size_t count = lipcl_tensor_count(got);
    float *y = malloc(count * sizeof *y), *wanted = malloc(count * sizeof *wanted), *read = malloc(count * sizeof *read);
    double *S = malloc(count * sizeof *S);
    for (size_t i = 0; i < BLOCKS; i++) {
        struct compare_result result, expected;
        struct box block =
            i % 2 ? draw_box(draw, &whole.shape) : step_block(plan, step, (enum block_place)(i / 2), draw_word(draw));
        cr_assert(step_check_block(plan, step, false, &block, &result) == LIPCL_OK, "%s", text);
        box_copy(y, &block, got->data, &whole, NAN);
        box_copy(wanted, &block, tensors.outputs[0]->data, &whole, NAN);
        box_copy_magnitude(S, &block, tensors.magnitude[0], &whole);
        size_t block_count = lipcl_shape_count(&block.shape);
        compare_bounded(&expected, y, wanted, S, block_count, step->chain, device_caps(device)->flushes_denormals);
        cr_expect_eq(result.share, expected.share, "%s: a share of %.17g, of the whole %.17g", text, result.share,
                     expected.share);
        cr_expect_eq(result.worst, expected.worst, "%s", text);
        cr_expect_eq(result.got, expected.got, "%s", text);
        cr_expect_eq(result.wanted, expected.wanted, "%s: %.9g, of the whole %.9g", text, (double)result.wanted,
                     (double)expected.wanted);
        cr_expect_eq(result.rho, expected.rho, "%s", text);
        struct box inside = box_inside(&block, &whole.shape);
        cr_expect(box_equal(&inside, &block), "%s: the block lies in the output", text);
        size_t first = 0, at = box_index(&block, &whole.shape, 0);
        for (size_t dim = 0; dim < whole.shape.rank; dim++) first = first * whole.shape.dims[dim] + (size_t)block.start[dim];
        cr_expect_eq(at, first);
        cr_assert(plan_read_box(plan, read, value, &block, NAN) == LIPCL_OK);
        cr_expect_eq(memcmp(read, y, block_count * sizeof *y), 0, "%s: read_box", text);
    }
    free(y), free(wanted), free(read), free(S);
    lipcl_tensor_destroy(&got);
    step_tensors_finish(&tensors);
}

ParameterizedTestParameters(block_reference, is_the_whole_one_at_that_place) {
    return devices_as_parameters(true);
}

ParameterizedTest(const struct device_parameter *parameter, block_reference, is_the_whole_one_at_that_place, .timeout = 300) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, parameter->selector) == LIPCL_OK);
    size_t cases = device_caps(device)->host ? HOST_CASES : DEVICE_CASES;
    for (size_t op = 0; op < sizeof names / sizeof *names; op++)
        for (size_t index = 0; index < cases; index++) {
            char text[512], label[700];
            struct draw draw = {.seed = 99, .next = (uint64_t)(op * HOST_CASES + index) << 32};
            run_case(op, index, text, sizeof text);
            snprintf(label, sizeof label, "%s on %s", text, parameter->name);
            for (size_t i = 0; i < plan->step_count; i++) {
                spoil(&plan->steps[i], &draw);
                compare_blocks(&plan->steps[i], &draw, label);
            }
            finish_case();
        }
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

/* Which operators are cut at all: a crop that says no would pass the test above unseen. */
Test(block_reference, small_blocks_stay_small) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, "host") == LIPCL_OK);
    static const char *const cut[] = {"conv3d", "maxpool3d", "linear", "relu"};
    for (size_t op = 0; op < sizeof names / sizeof *names; op++)
        for (size_t index = 0; index < 8; index++) {
            char text[512];
            struct compare_result result;
            run_case(op, index, text, sizeof text);
            bool expected = false;
            for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) expected |= strcmp(cut[i], names[op]) == 0;
            for (size_t i = 0; expected && i < plan->step_count; i++) {
                struct box block = step_block(plan, &plan->steps[i], BLOCK_DRAWN, index);
                size_t wanted = lipcl_shape_count(&block.shape);
                cr_assert(step_check_block(plan, &plan->steps[i], true, &block, &result) == LIPCL_OK);
                cr_expect_leq(lipcl_shape_count(&block.shape), 64 * wanted, "%s", text); /* whole groups of channels */
                cr_expect(result.share == 0, "%s: %s", text, result.reason);
            }
            finish_case();
        }
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}
