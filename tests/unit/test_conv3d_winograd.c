/* The magnitude sum behind a convolution by Winograd's filtering, which the bound stands and falls with. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "ops/conv3d_winograd.h"
#include "ops/op.h"
#include "support/test_devices.h"
#include "tensor/compare.h"

static struct lipcl_context *ctx;
static struct lipcl_tensor *x, *weight, *bias, *y;
static double *plain, *magnitude;

static struct lipcl_tensor *noise(struct lipcl_shape shape, uint64_t seed) {
    struct lipcl_tensor *tensor;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++)
        ((float *)tensor->data)[i] = 2 * philox_uniform(philox_word(seed, i)) - 1;
    return tensor;
}

/* Both magnitude sums of a convolution with `k` x `k` windows on 3 frames, into plain and magnitude. */
static struct lipcl_conv3d_params setup(size_t k, size_t stride, size_t height, size_t width) {
    ctx = test_context();
    struct lipcl_conv3d_params conv = {.out_channels = 3,
                                       .kernel = {3, k, k},
                                       .stride = {1, stride, stride},
                                       .padding = {1, k / 2, k / 2},
                                       .dilation = {1, 1, 1},
                                       .groups = 1};
    x = noise(SHAPE(1, 2, 3, height, width), 1);
    weight = noise(SHAPE(3, 2, 3, k, k), 2);
    bias = noise(SHAPE(3), 3);
    y = noise(SHAPE(1, 3, 3, (height - 1) / stride + 1, (width - 1) / stride + 1), 4);
    plain = calloc(lipcl_tensor_count(y), sizeof *plain);
    magnitude = calloc(lipcl_tensor_count(y), sizeof *magnitude);
    return conv;
}

static void compute(const struct lipcl_conv3d_params *conv, size_t step) {
    struct ref_io io = {.params = conv,
                        .inputs = (const struct lipcl_tensor *const[]){x, weight, bias},
                        .outputs = (struct lipcl_tensor *const[]){y},
                        .magnitude = plain};
    cr_assert(conv3d_ref(ctx, &io) == LIPCL_OK);
    io.magnitude = magnitude;
    cr_assert(conv3d_winograd_magnitude(ctx, &io, step) == LIPCL_OK, "%s", lipcl_context_error(ctx));
}

static void finish(void) {
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&weight);
    lipcl_tensor_destroy(&bias);
    lipcl_tensor_destroy(&y);
    free(plain);
    free(magnitude);
    lipcl_context_destroy(&ctx);
}

/* The bound must leave room for what a direct convolution may err, and stay so near to it that a wrong tap cannot hide. */
Test(conv3d_winograd, bound_is_wider_than_the_direct_one_but_not_by_much) {
    static const size_t cases[][5] = {{3, 1, 7, 9, 4}, {5, 1, 8, 5, 4}, {5, 2, 11, 14, 4}, {3, 1, 7, 9, 2}, {5, 2, 11, 14, 2}};
    static const double most[] = {100, 100, 100, 20, 20};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lipcl_conv3d_params conv = setup(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
        compute(&conv, cases[i][4]);
        double terms = 2.0 * 3 * (double)(cases[i][0] * cases[i][0]), widest = 0, narrowest = INFINITY;
        for (size_t k = 0; k < lipcl_tensor_count(y); k++) {
            double ratio = sqrt(2) * magnitude[k] / (sqrt(terms + 3) * plain[k]);
            widest = fmax(widest, ratio);
            narrowest = fmin(narrowest, ratio);
        }
        cr_expect(narrowest > 0.05 && widest < most[i], "case %zu: from %g to %g of the direct bound", i, narrowest, widest);
        finish();
    }
}

/* Values that the transforms cannot carry leave their own tiles without a bound, and no others. */
Test(conv3d_winograd, has_no_bound_where_it_may_overflow) {
    static const float values[] = {INFINITY, NAN, 3e38f};
    for (size_t i = 0; i < 3; i++) {
        struct lipcl_conv3d_params conv = setup(3, 1, 4, 12); /* three tiles; the first one's window ends before column 5 */
        ((float *)x->data)[0] = values[i];
        compute(&conv, 4);
        for (size_t k = 0; k < lipcl_tensor_count(y); k++) {
            bool touched = k % 12 < 4 && k / 48 % 3 < 2; /* the taps reach one frame far */
            cr_expect((magnitude[k] == COMPARE_UNBOUNDED) == touched, "%g: element %zu has S_w %g", (double)values[i], k,
                      magnitude[k]);
        }
        finish();
    }
}

/* Rounding errors of denormals are not relative: something is always added for them. */
Test(conv3d_winograd, leaves_room_for_underflow) {
    struct lipcl_conv3d_params conv = setup(3, 1, 4, 4);
    for (size_t k = 0; k < lipcl_tensor_count(x); k++) ((float *)x->data)[k] *= 1e-42f;
    memset(bias->data, 0, lipcl_tensor_bytes(bias));
    compute(&conv, 4);
    for (size_t k = 0; k < lipcl_tensor_count(y); k++)
        cr_expect(0x1p-24 * magnitude[k] >= 0x1p-149, "element %zu has S_w %g", k, magnitude[k]);
    finish();
}

extern const struct lowering conv3d_winograd;

/* Parts of at most `tiles` tiles (0: as the lowering likes), of 30 a clip. */
static void expect_parts(size_t tiles, size_t batch, struct lower_request *request) {
    enum { TILES = 30, TILE_BYTES = (5 + 2) * 6 * 6 * 2 * sizeof(float) };
    struct arena arena = {0};
    struct lowered lowered = {.arena = &arena};
    request->scratch_bytes = tiles * TILE_BYTES;
    cr_assert(conv3d_winograd.supports(request));
    cr_assert(conv3d_winograd.lower(ctx, request, &lowered) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lowered.launch_count == 2 && lowered.scratch_count == 1);
    const struct launch *in = &lowered.launches[0], *out = &lowered.launches[1];
    cr_expect(in->in_turn && !out->in_turn && in->repeat == out->repeat && in->advance == out->advance &&
              in->last == out->last);
    cr_expect(in->global[1] == out->global[1] && in->global[1] == in->advance && in->first == 1 && out->first == 1);
    cr_expect_leq(in->global[1], tiles ? tiles : TILES * batch);
    cr_expect_eq(lowered.scratch_bytes[0], in->global[1] * TILE_BYTES);
    cr_expect_geq(in->repeat * in->advance, TILES * batch, "all tiles are made");
    cr_expect_lt((in->repeat - 1) * in->advance, TILES * batch, "no part is empty");
    cr_expect_eq(in->last + in->global[1] - 1, TILES * batch, "the last part ends with the last tile");
    for (size_t i = 0; i < lowered.constant_count; i++) lipcl_tensor_destroy(&lowered.constants[i]);
    arena_finish(&arena);
}

Test(conv3d_winograd, makes_v_in_parts_that_fit) {
    struct lipcl_conv3d_params conv = setup(3, 1, 24, 20);
    static const struct device_caps caps = {.cpu = true, .compute_units = 2, .max_work_group = 4096};
    for (size_t batch = 1; batch <= 2; batch++) {
        struct lipcl_shape x_shape = SHAPE(batch, 2, 5, 24, 20), y_shape = SHAPE(batch, 3, 5, 24, 20);
        struct layout layout = layout_row_major(&x_shape);
        struct lower_request request = {
            .params = &conv,
            .input_count = 3,
            .input_shapes = (const struct lipcl_shape *const[]){&x_shape, &weight->shape, &bias->shape},
            .input_layouts = &layout,
            .parameters = (const struct lipcl_tensor *const[]){NULL, weight, bias},
            .op_outputs = &y_shape,
            .outputs = &y_shape,
            .caps = &caps,
        };
        static const size_t most[] = {0, 1, 2, 4, 7, 11, 29, 30, 31, 1000};
        for (size_t i = 0; i < sizeof most / sizeof *most; i++) expect_parts(most[i], batch, &request);
    }
    finish();
}
