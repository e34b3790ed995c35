/* Which lowering takes a gru where, and what they launch. That they compute the right thing is tests/kernels' affair. */
#include <criterion/criterion.h>
#include <string.h>

#include "ops/op.h"

extern const struct op_def gru_op;
extern const struct lowering gru_packed, gru_clblast, gru_step;

static struct lipcl_context *ctx;
static struct arena arena;
static struct lowered lowered;

static bool yes(void) {
    return true;
}

static const struct device_caps cpu = {.cpu = true, .max_work_group = 4096, .max_work_items = {4096}, .local_bytes = 512 << 10};
static const struct device_caps gpu = {
    .max_work_group = 256, .max_work_items = {256}, .local_bytes = 32 << 10, .has_clblast = yes};

/* A request with x [T,N,5] in, row-major, and both directions. */
static struct lipcl_gru_params params;
static struct lipcl_shape x, outputs[2];
static struct layout x_layout;
static const struct lipcl_shape *inputs[10];
static struct lipcl_tensor *weights[10];
static const struct lipcl_tensor *parameters[10];
static struct lower_request request;

static void make_request(size_t frames, size_t batch, size_t hidden, const struct device_caps *caps) {
    struct op_parameter wanted[8];
    params = (struct lipcl_gru_params){.hidden = hidden, .bidirectional = true};
    x = SHAPE(frames, batch, 5);
    x_layout = layout_row_major(&x);
    inputs[0] = &x;
    cr_assert(gru_op.infer(ctx, "layer7", &params, inputs, 2, outputs) == LIPCL_OK);
    gru_op.parameters(&params, inputs, wanted);
    for (size_t i = 0; i < 8; i++) {
        cr_assert(lipcl_tensor_create(ctx, &weights[2 + i], LIPCL_F32, &wanted[i].shape) == LIPCL_OK);
        inputs[2 + i] = &weights[2 + i]->shape;
        parameters[2 + i] = weights[2 + i];
    }
    lowered = (struct lowered){.arena = &arena};
    request = (struct lower_request){.layer = "layer7",
                                     .params = &params,
                                     .input_count = 10,
                                     .input_shapes = inputs,
                                     .input_layouts = &x_layout,
                                     .parameters = parameters,
                                     .op_outputs = outputs,
                                     .outputs = outputs,
                                     .caps = caps};
}

static void open_context(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
}

static void close_context(void) {
    for (size_t i = 0; i < lowered.constant_count; i++) lipcl_tensor_destroy(&lowered.constants[i]);
    for (size_t i = 0; i < 10; i++) lipcl_tensor_destroy(&weights[i]);
    arena_finish(&arena);
    lipcl_context_destroy(&ctx);
}

TestSuite(gru_lowerings, .init = open_context, .fini = close_context);

/* The first of the list that takes the request. */
static const char *chosen(void) {
    for (const struct lowering *const *lowering = gru_op.lowerings; *lowering; lowering++)
        if ((*lowering)->supports(&request)) return (*lowering)->name;
    return "none";
}

Test(gru_lowerings, all_steps_in_one_launch_where_that_is_possible) {
    make_request(75, 1, 256, &cpu);
    cr_expect_str_eq(chosen(), "gru_packed");
    request.caps = &gpu;
    cr_expect_str_eq(chosen(), "gru_clblast");
    request.gemm = LIPCL_GEMM_OWN;
    cr_expect_str_eq(chosen(), "gru_packed");
}

Test(gru_lowerings, steps_of_their_own_where_local_memory_does_not_hold_the_state) {
    struct device_caps small = gpu;
    make_request(4, 1, 64, &small);
    small.local_bytes = 2 * 64 * sizeof(float);
    cr_expect_str_eq(chosen(), "gru_clblast");
    small.local_bytes--;
    cr_expect_str_eq(chosen(), "gru_step");
    small.cpu = true;
    small.local_bytes = 0;
    cr_expect_str_eq(chosen(), "gru_step");
}

/* 256 units: 786432 bytes a step. */
Test(gru_lowerings, steps_of_their_own_where_a_driver_might_end_a_long_launch) {
    make_request(5086, 1, 256, &gpu);
    cr_expect_str_eq(chosen(), "gru_clblast");
    x.dims[0]++;
    cr_expect_str_eq(chosen(), "gru_step");
    request.caps = &cpu;
    cr_expect_str_eq(chosen(), "gru_packed");
}

/* Both directions, and the batch in blocks of rows, go side by side in a launch of which there is one in all. */
Test(gru_lowerings, a_scan_is_one_launch) {
    make_request(75, 9, 256, &cpu);
    cr_assert(gru_packed.lower(ctx, &request, &lowered) == LIPCL_OK);
    cr_assert_eq(lowered.launch_count, 2);
    const struct launch *scan = &lowered.launches[1];
    cr_expect_str_eq(scan->kernel, "gru_scan");
    cr_expect(scan->repeat <= 1);
    cr_expect(scan->global[0] == 1 && scan->global[1] == 2 && scan->global[2] == 3, "four rows of nine share W_hh");
}

Test(gru_lowerings, steps_are_one_launch_repeated) {
    make_request(75, 5, 20, &gpu);
    request.gemm = LIPCL_GEMM_OWN;
    request.tuning.values[2] = 8; /* LOCAL */
    cr_assert(gru_step.lower(ctx, &request, &lowered) == LIPCL_OK);
    cr_assert_eq(lowered.launch_count, 3);
    const struct launch *begin = &lowered.launches[1], *step = &lowered.launches[2];
    cr_expect_str_eq(begin->kernel, "gru_step_begin");
    cr_expect_str_eq(step->kernel, "gru_step");
    cr_expect_str_eq(begin->options, step->options, "one build for both");
    cr_expect(begin->repeat <= 1 && step->repeat == 75);
    cr_expect(step->global[0] == 24 && step->global[1] == 2 && step->global[2] == 2);
    cr_expect(memcmp(begin->global, step->global, sizeof begin->global) == 0);
    cr_expect_eq(lowered.scratch_bytes[begin->args[0].index], 24 * 2 * 2 * 4);
    cr_expect(step->args[6].kind == ARG_SCRATCH && step->args[6].index == begin->args[0].index);
}
