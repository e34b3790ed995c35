/* conv3d_direct: what it takes on, how it packs weights, and the sizes of its launch. Results are tests/kernels' affair. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

extern const struct op_def conv3d_op;
extern const struct lowering conv3d_direct;

static struct lipcl_context *ctx;
static struct arena arena;
static struct lowered lowered;

static const struct device_caps cpu = {.cpu = true, .max_work_group = 4096, .max_work_items = {4096, 4096, 4096}};
static const struct device_caps gpu = {.max_work_group = 256, .max_work_items = {256, 256, 64}};

/* A request with x [2,4,T=5,H=6,W=23] in, row-major, and a kernel of 1 x 2 x 3: y [2,5,5,5,21]. */
static struct lipcl_conv3d_params params;
static struct lipcl_maxpool3d_params pool;
static struct lipcl_shape x, conv_y, y;
static struct layout x_layout;
static const struct lipcl_shape *inputs[3] = {&x};
static struct lipcl_tensor *weight, *bias;
static const struct lipcl_tensor *parameters[3];
static struct lower_request request;

static void open_request(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
    params = (struct lipcl_conv3d_params){.out_channels = 5, .kernel = {1, 2, 3}};
    x = SHAPE(2, 4, 5, 6, 23);
    cr_assert(conv3d_op.infer(ctx, "layer7", &params, inputs, 1, &conv_y) == LIPCL_OK);
    y = conv_y;
    x_layout = layout_row_major(&x);
    struct op_parameter wanted[2];
    conv3d_op.parameters(&params, inputs, wanted);
    cr_assert(lipcl_tensor_create(ctx, &weight, LIPCL_F32, &wanted[0].shape) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &bias, LIPCL_F32, &wanted[1].shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(weight); i++) ((float *)weight->data)[i] = (float)(i + 1);
    for (size_t i = 0; i < lipcl_tensor_count(bias); i++) ((float *)bias->data)[i] = -(float)(i + 1);
    inputs[1] = &weight->shape;
    inputs[2] = &bias->shape;
    parameters[1] = weight;
    parameters[2] = bias;
    lowered = (struct lowered){.arena = &arena};
    request = (struct lower_request){.layer = "layer7",
                                     .params = &params,
                                     .input_count = 3,
                                     .input_shapes = inputs,
                                     .input_layouts = &x_layout,
                                     .parameters = parameters,
                                     .op_outputs = &conv_y,
                                     .outputs = &y,
                                     .caps = &cpu};
}

static void close_request(void) {
    for (size_t i = 0; i < lowered.constant_count; i++) lipcl_tensor_destroy(&lowered.constants[i]);
    arena_finish(&arena);
    lipcl_tensor_destroy(&weight);
    lipcl_tensor_destroy(&bias);
    lipcl_context_destroy(&ctx);
}

TestSuite(conv3d_direct, .init = open_request, .fini = close_request);

static void fuse(struct lipcl_maxpool3d_params with, size_t t, size_t h, size_t w) {
    pool = with;
    request.epilogue.pool = &pool;
    y = SHAPE(2, 5, t, h, w);
}

static void lower(void) {
    cr_assert(conv3d_direct.supports(&request));
    cr_assert(conv3d_direct.lower(ctx, &request, &lowered) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lowered.launch_count == 1);
}

static size_t option(const char *name) {
    char text[64];
    snprintf(text, sizeof text, " -D%s=", name);
    const char *at = strstr(lowered.launches[0].options, text);
    cr_assert(at, "no %s in %s", name, lowered.launches[0].options);
    return strtoul(at + strlen(text), NULL, 10);
}

static const float *constant(size_t argument) {
    struct arg arg = lowered.launches[0].args[argument];
    cr_assert(arg.kind == ARG_CONSTANT);
    return lowered.constants[arg.index]->data;
}

Test(conv3d_direct, fuses_pools_of_disjoint_whole_windows) {
    struct lipcl_maxpool3d_params disjoint = {.kernel = {1, 2, 2}, .stride = {1, 2, 2}, .dilation = {1, 1, 1}};
    fuse(disjoint, 5, 2, 10);
    cr_expect(conv3d_direct.supports(&request));
    pool.ceil_mode = true; /* H: 5 is not a multiple of 2, so a last window would hang over the edge */
    cr_expect(!conv3d_direct.supports(&request));
    pool.kernel[1] = pool.stride[1] = 5; /* W: 21 is no multiple of 2 */
    cr_expect(!conv3d_direct.supports(&request));
    pool.kernel[2] = pool.stride[2] = 7;
    cr_expect(conv3d_direct.supports(&request));
    fuse(disjoint, 5, 2, 10);
    pool.padding[2] = 1;
    cr_expect(!conv3d_direct.supports(&request));
    fuse(disjoint, 5, 4, 10);
    pool.stride[1] = 1;
    cr_expect(!conv3d_direct.supports(&request));
    fuse(disjoint, 5, 2, 10);
    pool.dilation[2] = 2;
    cr_expect(!conv3d_direct.supports(&request));
}

Test(conv3d_direct, leaves_sizes_beyond_32_bits_alone) {
    cr_expect(conv3d_direct.supports(&request));
    params.padding[0] = 1 << 30;
    cr_expect(!conv3d_direct.supports(&request));
    params.padding[0] = 0;
    params.stride[1] = 1 << 28;
    cr_expect(!conv3d_direct.supports(&request));
    params.stride[1] = 1;
    y.dims[0] = (size_t)1 << 40;
    cr_expect(!conv3d_direct.supports(&request));
}

Test(conv3d_direct, reads_x_in_any_strided_layout) {
    x_layout = layout_ordered(&x, (size_t[]){4, 2, 0, 3, 1});
    cr_expect(conv3d_direct.accepts(&request, 0, &x_layout));
    lower();
    cr_expect(option("X_C") == 1 && option("X_H") == 4 && option("X_N") == 24 && option("X_T") == 48 && option("X_W") == 240);
    struct layout last = layout_ordered(&y, (size_t[]){0, 2, 3, 4, 1});
    cr_expect(layout_equal(&lowered.outputs[0], &last));
}

Test(conv3d_direct, declares_its_chain_of_additions) {
    lower();
    cr_expect(lowered.chain == 4 * 1 * 2 * 3 + 1);
}

/* Every weight where the kernel's head says, zeros in the lanes beyond K, on CPUs and on GPUs. */
static void check_packing(const struct device_caps *caps) {
    request.caps = caps;
    lower();
    size_t vec = option("VEC"), block_stride = option("W_BLOCK"), step = option("W_STEP");
    size_t lanes = size_round_up(5, vec);
    const float *packed = constant(1), *packed_bias = constant(2), *zeros = constant(3);
    for (size_t k = 0; k < lanes; k++)
        for (size_t c = 0; c < 4; c++)
            for (size_t tap = 0; tap < 6; tap++) {
                float got = packed[k / vec * block_stride + (tap * 4 + c) * step + k % vec];
                float wanted = k < 5 ? (float)((k * 4 + c) * 6 + tap + 1) : 0;
                cr_assert(got == wanted, "k %zu c %zu tap %zu: %g instead of %g", k, c, tap, got, wanted);
            }
    for (size_t k = 0; k < lanes; k++) cr_assert(packed_bias[k] == (k < 5 ? -(float)(k + 1) : 0));
    for (size_t c = 0; c < 4; c++) cr_assert(zeros[c] == 0);
}

Test(conv3d_direct, packs_weights_for_cpus) {
    check_packing(&cpu);
}

Test(conv3d_direct, packs_weights_for_gpus) {
    check_packing(&gpu);
}

Test(conv3d_direct, a_missing_bias_is_zero) {
    params.no_bias = true;
    inputs[2] = NULL;
    parameters[2] = NULL;
    lower();
    for (size_t k = 0; k < 5; k++) cr_assert(constant(2)[k] == 0);
}

/* The launch covers every block, column and row, in whole work-groups that the device can hold. */
static void check_sizes(const struct device_caps *caps) {
    request.caps = caps;
    fuse((struct lipcl_maxpool3d_params){.kernel = {1, 2, 2}, .stride = {1, 2, 2}, .dilation = {1, 1, 1}}, 5, 2, 10);
    lower();
    const struct launch *launch = &lowered.launches[0];
    size_t needed[3];
    needed[option("BLOCK_ID")] = size_ceil_div(5, option("VEC"));
    needed[option("COLUMN_ID")] = size_ceil_div(10, option("TILE_W"));
    needed[option("ROW_ID")] = 2 * size_ceil_div(5, option("TILE_T")) * 2;
    size_t group = 1;
    for (size_t dim = 0; dim < 3; dim++) {
        cr_expect(launch->global[dim] >= needed[dim] && launch->global[dim] % launch->local[dim] == 0);
        cr_expect(launch->local[dim] >= 1 && launch->local[dim] <= caps->max_work_items[dim]);
        group *= launch->local[dim];
    }
    cr_expect(group <= caps->max_work_group);
    cr_expect(!caps->cpu || group == 1);
}

Test(conv3d_direct, sizes_its_launch_for_cpus) {
    check_sizes(&cpu);
}

Test(conv3d_direct, sizes_its_launch_for_gpus) {
    check_sizes(&gpu);
}

Test(conv3d_direct, sizes_its_launch_for_small_devices) {
    static const struct device_caps small[] = {
        {.max_work_group = 1, .max_work_items = {1, 1, 1}},
        {.max_work_group = 24, .max_work_items = {3, 24, 5}},
        {.max_work_group = 4, .max_work_items = {4, 4, 4}},
    };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        check_sizes(&small[i]);
        for (size_t k = 0; k < lowered.constant_count; k++) lipcl_tensor_destroy(&lowered.constants[k]);
        lowered = (struct lowered){.arena = &arena};
    }
}

/* A GPU whose compiler can be told keeps the accumulators in registers; others are not given an attribute they do not know. */
Test(conv3d_direct, asks_for_small_sub_groups_on_gpus_that_have_them) {
    struct device_caps intel = gpu;
    intel.sub_group = 16;
    request.caps = &intel;
    lower();
    cr_expect(option("SUB_GROUP") == 16);
}

Test(conv3d_direct, asks_for_no_sub_groups_elsewhere) {
    struct device_caps intel_cpu = cpu;
    intel_cpu.sub_group = 4;
    request.caps = &intel_cpu;
    lower();
    cr_expect(!strstr(lowered.launches[0].options, "SUB_GROUP"));
    lowered.launch_count = 0;
    request.caps = &gpu;
    lower();
    cr_expect(!strstr(lowered.launches[0].options, "SUB_GROUP"));
}
