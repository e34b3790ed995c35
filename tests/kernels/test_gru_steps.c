/* gru_step as a plan runs it: again and again, a launch a step, with the answers of gru_scan. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <lipcl/lipcl.h>
#include <lipcl/profile.h>

#include "plan/steps.h"
#include "support/program.h"
#include "support/test_devices.h"

enum { FRAMES = 7, BATCH = 3, IN = 4, HIDDEN = 11 };

static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct lipcl_graph *graph;
static struct lipcl_tensor_set *weights;
static struct lipcl_tensor *input, *output, *state;
static size_t begun, stepped;

static void fill(struct lipcl_tensor *tensor, unsigned seed) {
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++)
        ((float *)tensor->data)[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
}

static struct lipcl_tensor *tensor_of(const struct lipcl_shape *shape, unsigned seed) {
    struct lipcl_tensor *tensor;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, shape) == LIPCL_OK);
    fill(tensor, seed);
    return tensor;
}

static void begin(void) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, program_device()) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    lipcl_value x = lipcl_graph_input(graph, "x", &(struct lipcl_shape){3, {FRAMES, BATCH, IN}}), h_n;
    x = lipcl_gru(graph, "gru", x, 0, &h_n, &(struct lipcl_gru_params){.hidden = HIDDEN, .bidirectional = true});
    lipcl_graph_output(graph, "y", x);
    lipcl_graph_output(graph, "h_n", h_n);
    cr_assert(lipcl_tensor_set_create(ctx, &weights) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        struct lipcl_tensor *tensor = tensor_of(lipcl_graph_parameter_shape(graph, i), (unsigned)i);
        cr_assert(lipcl_tensor_set_add(ctx, weights, lipcl_graph_parameter_name(graph, i), &tensor) == LIPCL_OK);
    }
    input = tensor_of(lipcl_graph_input_shape(graph, 0), 100);
    output = tensor_of(lipcl_graph_output_shape(graph, 0), 0);
    state = tensor_of(lipcl_graph_output_shape(graph, 1), 0);
}

static void end(void) {
    lipcl_tensor_destroy(&input);
    lipcl_tensor_destroy(&output);
    lipcl_tensor_destroy(&state);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

TestSuite(gru_steps, .init = begin, .fini = end);

static struct lipcl_plan *plan_with(const char *lowering) {
    struct lipcl_plan *plan;
    struct plan_checks checks = {.op = "gru", .lowering = lowering};
    cr_assert(plan_create(ctx, &plan, graph, weights, device, &(struct lipcl_plan_params){0}, &checks) == LIPCL_OK, "%s",
              lipcl_context_error(ctx));
    return plan;
}

static void run(struct lipcl_plan *plan) {
    struct lipcl_tensor *outputs[] = {output, state};
    fill(output, 5); /* what was there before is no help */
    fill(state, 6);
    cr_assert(lipcl_plan_run(ctx, plan, outputs, (const struct lipcl_tensor *const[]){input}) == LIPCL_OK, "%s",
              lipcl_context_error(ctx));
}

/* Every run counts its steps anew. */
Test(gru_steps, every_run_gives_the_answer_of_the_scan) {
    struct lipcl_plan *scan = plan_with("gru_packed"), *steps = plan_with("gru_step");
    for (unsigned time = 0; time < 3; time++) {
        fill(input, 200 + time);
        run(scan);
        struct lipcl_tensor *wanted = tensor_of(&output->shape, 0), *wanted_state = tensor_of(&state->shape, 0);
        memcpy(wanted->data, output->data, lipcl_tensor_bytes(output));
        memcpy(wanted_state->data, state->data, lipcl_tensor_bytes(state));
        run(steps);
        for (size_t i = 0; i < lipcl_tensor_count(output); i++)
            cr_assert(fabsf(((float *)output->data)[i] - ((float *)wanted->data)[i]) < 1e-5f, "run %u, y %zu", time, i);
        for (size_t i = 0; i < lipcl_tensor_count(state); i++)
            cr_assert(fabsf(((float *)state->data)[i] - ((float *)wanted_state->data)[i]) < 1e-5f, "run %u, h_n %zu", time, i);
        lipcl_tensor_destroy(&wanted);
        lipcl_tensor_destroy(&wanted_state);
    }
    lipcl_plan_destroy(&scan);
    lipcl_plan_destroy(&steps);
}

static void count(void *user, const struct lipcl_profile_event *event) {
    (void)user;
    if (event->kind != LIPCL_PROFILE_KERNEL) return;
    begun += strcmp(event->name, "gru_step_begin") == 0;
    stepped += strcmp(event->name, "gru_step") == 0;
}

Test(gru_steps, a_profile_tells_of_every_step) {
    struct lipcl_plan *steps = plan_with("gru_step");
    cr_assert(lipcl_plan_set_profile(ctx, steps, count, NULL) == LIPCL_OK);
    run(steps);
    cr_expect_eq(begun, 1, "%zu", begun);
    cr_expect_eq(stepped, FRAMES, "%zu", stepped);
    lipcl_plan_destroy(&steps);
}

/* The arithmetic of all steps counts. */
Test(gru_steps, all_steps_count_as_work) {
    struct lipcl_plan *scan = plan_with("gru_packed"), *steps = plan_with("gru_step");
    struct lipcl_layer_info of_scan, of_steps;
    cr_assert(lipcl_plan_layer_info(ctx, scan, 0, &of_scan) == LIPCL_OK);
    cr_assert(lipcl_plan_layer_info(ctx, steps, 0, &of_steps) == LIPCL_OK);
    cr_expect(fabs(of_steps.actual_flops / of_scan.actual_flops - 1) < 1e-12, "%g and %g", of_steps.actual_flops,
              of_scan.actual_flops);
    lipcl_plan_destroy(&scan);
    lipcl_plan_destroy(&steps);
}
