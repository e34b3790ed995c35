/* The references on examples small enough to check by hand, and conv3d against the textbook's seven loops. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/operators.h>

#include "base/philox.h"
#include "reference/reference.h"
#include "tensor/compare.h"

static struct lipcl_context context;
static struct lipcl_context *const ctx = &context;

/* A tensor over literal values: TENSOR(SHAPE(2, 2), 1, 2, 3, 4). */
#define TENSOR(shape, ...) (&(struct lipcl_tensor){LIPCL_F32, shape, (float[]){__VA_ARGS__}})

/* Runs a reference with up to three inputs; S may be NULL. */
static void run(op_ref_fn op, const void *params, struct lipcl_tensor *y, double *S, const struct lipcl_tensor *x,
                const double *S_x, const struct lipcl_tensor *weight, const struct lipcl_tensor *bias) {
    struct ref_io io = {.params = params,
                        .inputs = (const struct lipcl_tensor *[]){x, weight, bias},
                        .outputs = (struct lipcl_tensor *[]){y},
                        .magnitude = S,
                        .input_magnitude = S_x};
    cr_assert_eq(op(ctx, &io), LIPCL_OK);
}

static void expect_values(const struct lipcl_tensor *y, const float *expected, size_t count) {
    cr_assert_eq(lipcl_tensor_count(y), count);
    for (size_t i = 0; i < count; i++) {
        float got = ((const float *)y->data)[i];
        bool same = isnan(expected[i]) ? isnan(got) : got == expected[i];
        cr_expect(same, "[%zu]: %.9g instead of %.9g", i, (double)got, (double)expected[i]);
    }
}
#define EXPECT_VALUES(y, ...) expect_values(y, (float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / sizeof(float))

/* A pseudo-random number in [0, 1) for `index` of a fixed sequence. */
static float uniform(size_t index) {
    return philox_uniform(philox_word(2026, index));
}

static struct lipcl_conv3d_params conv3d_params(size_t out_channels, size_t kernel_t, size_t kernel_h, size_t kernel_w) {
    return (struct lipcl_conv3d_params){.out_channels = out_channels,
                                        .kernel = {kernel_t, kernel_h, kernel_w},
                                        .stride = {1, 1, 1},
                                        .dilation = {1, 1, 1},
                                        .groups = 1};
}

Test(reference, conv3d_with_one_tap_is_a_matrix_product_over_channels) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 1);
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 2), 0, 0);
    double S[2];
    run(conv3d_ref, &p, y, S, TENSOR(SHAPE(1, 2, 1, 1, 2), 1, 2, 10, -20), NULL, TENSOR(SHAPE(1, 2, 1, 1, 1), 3, -1),
        TENSOR(SHAPE(1), -0.5f));
    EXPECT_VALUES(y, 3 - 10 - 0.5f, 6 + 20 - 0.5f);
    cr_expect_eq(S[0], 3 + 10 + 0.5);
    cr_expect_eq(S[1], 6 + 20 + 0.5);
}

Test(reference, conv3d_pads_with_zeros_and_strides) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 3);
    p.padding[2] = 1;
    p.stride[2] = 2;
    p.no_bias = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 3), 0, 0, 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 5), 1, 2, 3, 4, 5), NULL, TENSOR(SHAPE(1, 1, 1, 1, 3), 1, 10, 100),
        NULL);
    EXPECT_VALUES(y, 210, 432, 54);
}

Test(reference, conv3d_dilates) {
    struct lipcl_conv3d_params p = conv3d_params(1, 2, 1, 1);
    p.dilation[0] = 3;
    p.no_bias = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 2, 1, 1), 0, 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 5, 1, 1), 1, 2, 3, 4, 5), NULL, TENSOR(SHAPE(1, 1, 2, 1, 1), 1, 10), NULL);
    EXPECT_VALUES(y, 41, 52);
}

Test(reference, conv3d_groups_see_their_own_channels) {
    struct lipcl_conv3d_params p = conv3d_params(4, 1, 1, 1);
    p.groups = 2;
    p.no_bias = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 4, 1, 1, 1), 0, 0, 0, 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 4, 1, 1, 1), 1, 2, 3, 4), NULL,
        TENSOR(SHAPE(4, 2, 1, 1, 1), 1, 10, 2, 20, 1, 10, 2, 20), NULL);
    EXPECT_VALUES(y, 21, 42, 43, 86);
}

Test(reference, conv3d_keeps_axes_apart_and_rounds_once) {
    struct lipcl_conv3d_params p = conv3d_params(1, 2, 2, 2);
    p.no_bias = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 1), 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), NULL,
        TENSOR(SHAPE(1, 1, 2, 2, 2), 1, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f), NULL);
    EXPECT_VALUES(y, (float)87654321.0);
}

/* Products of 24-bit numbers and sums of distant ones are exact in double and lost in float. */
Test(reference, conv3d_and_linear_accumulate_in_double) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 4);
    p.no_bias = true;
    float a = 1 + 0x1p-12f, x[] = {0x1p26f, a, 1 + 0x1p-11f, -0x1p26f}, w[] = {1, a, -1, 1};
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 1), 0);
    run(conv3d_ref, &p, y, NULL, &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, 1, 1, 1, 4), x}, NULL,
        &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, 1, 1, 1, 4), w}, NULL);
    EXPECT_VALUES(y, 0x1p-24f);
    struct lipcl_linear_params linear = {.out_features = 1, .no_bias = true};
    y = TENSOR(SHAPE(1, 1), 0);
    run(linear_ref, &linear, y, NULL, &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, 4), x}, NULL,
        &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, 4), w}, NULL);
    EXPECT_VALUES(y, 0x1p-24f);
}

Test(reference, conv3d_in_the_padding_is_the_bias) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 1);
    p.padding[0] = p.padding[1] = p.padding[2] = 1;
    float data[27];
    struct lipcl_tensor y = {LIPCL_F32, SHAPE(1, 1, 3, 3, 3), data};
    double S[27];
    run(conv3d_ref, &p, &y, S, TENSOR(SHAPE(1, 1, 1, 1, 1), 3), NULL, TENSOR(SHAPE(1, 1, 1, 1, 1), 2), TENSOR(SHAPE(1), -7));
    for (size_t i = 0; i < 27; i++) {
        cr_expect_eq(data[i], i == 13 ? -1.0f : -7.0f, "[%zu]", i);
        cr_expect_eq(S[i], i == 13 ? 13 : 7, "S[%zu]", i);
    }
}

Test(reference, conv3d_carries_the_input_s_magnitude) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 2);
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 1), 0);
    double S[1];
    run(conv3d_ref, &p, y, S, TENSOR(SHAPE(1, 1, 1, 1, 2), 1, -2), (double[]){10, 100}, TENSOR(SHAPE(1, 1, 1, 1, 2), -3, 5),
        TENSOR(SHAPE(1), 1));
    EXPECT_VALUES(y, -12);
    cr_expect_eq(S[0], 3 * (1 + 10) + 5 * (2 + 100) + 1);
}

Test(reference, conv3d_spreads_nan_and_infinity_to_their_windows_only) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 2);
    p.no_bias = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 6), 0, 0, 0, 0, 0, 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 7), 1, NAN, 1, 1, 1, INFINITY, 1), NULL,
        TENSOR(SHAPE(1, 1, 1, 1, 2), 0, 1), NULL);
    EXPECT_VALUES(y, NAN, NAN, 1, 1, INFINITY, NAN); /* the last is 0 * infinity */
}

/* As kernels do along W: what lies outside is a 0 that is multiplied. */
Test(reference, conv3d_multiplies_an_infinite_weight_by_padding) {
    struct lipcl_conv3d_params p = conv3d_params(1, 1, 1, 2);
    p.no_bias = true;
    p.padding[2] = 1;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 3), 0, 0, 0);
    run(conv3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 2), 3, 5), NULL, TENSOR(SHAPE(1, 1, 1, 1, 2), INFINITY, 1), NULL);
    EXPECT_VALUES(y, NAN, INFINITY, INFINITY);
}

/* The definition once more, as slowly and literally as it can be written, in integers. */
static void seven_loops(const struct lipcl_conv3d_params *p, const struct lipcl_tensor *x, const struct lipcl_tensor *weight,
                        const struct lipcl_tensor *bias, const struct lipcl_tensor *y, const double *S) {
    const size_t *xd = x->shape.dims, *wd = weight->shape.dims, *yd = y->shape.dims;
    const float *xs = x->data, *ws = weight->data, *bs = bias->data, *ys = y->data;
    for (size_t i = 0; i < lipcl_tensor_count(y); i++) {
        size_t ow = i % yd[4], oh = i / yd[4] % yd[3], ot = i / yd[4] / yd[3] % yd[2];
        size_t k = i / yd[4] / yd[3] / yd[2] % yd[1], n = i / yd[4] / yd[3] / yd[2] / yd[1];
        long sum = (long)bs[k], magnitude = labs((long)bs[k]);
        for (size_t tap = 0; tap < wd[1] * wd[2] * wd[3] * wd[4]; tap++) {
            size_t kw = tap % wd[4], kh = tap / wd[4] % wd[3], kt = tap / wd[4] / wd[3] % wd[2];
            size_t c = tap / wd[4] / wd[3] / wd[2] + k / (yd[1] / p->groups) * wd[1];
            long t = (long)(ot * p->stride[0] + kt * p->dilation[0]) - (long)p->padding[0];
            long h = (long)(oh * p->stride[1] + kh * p->dilation[1]) - (long)p->padding[1];
            long w = (long)(ow * p->stride[2] + kw * p->dilation[2]) - (long)p->padding[2];
            if (t < 0 || h < 0 || w < 0 || t >= (long)xd[2] || h >= (long)xd[3] || w >= (long)xd[4]) continue;
            size_t at = (((n * xd[1] + c) * xd[2] + (size_t)t) * xd[3] + (size_t)h) * xd[4] + (size_t)w;
            long product = (long)xs[at] * (long)ws[k * wd[1] * wd[2] * wd[3] * wd[4] + tap];
            sum += product;
            magnitude += labs(product);
        }
        cr_assert_eq(ys[i], (float)sum, "y[%zu]: %g instead of %ld", i, (double)ys[i], sum);
        cr_assert_eq(S[i], (double)magnitude, "S[%zu]: %g instead of %ld", i, S[i], magnitude);
    }
}

static struct lipcl_tensor *integers(const struct lipcl_shape *shape, size_t seed) {
    struct lipcl_tensor *made;
    cr_assert_eq(lipcl_tensor_create(ctx, &made, LIPCL_F32, shape), LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(made); i++) ((float *)made->data)[i] = floorf(33 * uniform(1000 * seed + i)) - 16;
    return made;
}

Test(reference, conv3d_is_the_seven_loops_on_random_shapes) {
    for (size_t round = 0, draw = 0; round < 200; round++) {
#define DRAW(low, high) ((low) + (size_t)((float)((high) - (low) + 1) * uniform(draw++)))
        size_t groups = DRAW(1, 3), group_inputs = DRAW(1, 3), group_outputs = DRAW(1, 3), N = DRAW(1, 2);
        struct lipcl_conv3d_params p = {.out_channels = groups * group_outputs, .groups = groups};
        size_t in[3], out[3];
        for (size_t d = 0; d < 3; d++) {
            p.kernel[d] = DRAW(1, 4);
            p.stride[d] = DRAW(1, 3);
            p.padding[d] = DRAW(0, 5); /* as far as whole windows in the padding */
            p.dilation[d] = DRAW(1, 3);
            size_t reach = p.dilation[d] * (p.kernel[d] - 1) + 1;
            in[d] = DRAW(1, 7);
            if (in[d] + 2 * p.padding[d] < reach) in[d] = reach;
            out[d] = (in[d] + 2 * p.padding[d] - reach) / p.stride[d] + 1;
        }
#undef DRAW
        struct lipcl_tensor *x = integers(&SHAPE(N, groups * group_inputs, in[0], in[1], in[2]), 4 * round + 1);
        struct lipcl_tensor *weight =
            integers(&SHAPE(p.out_channels, group_inputs, p.kernel[0], p.kernel[1], p.kernel[2]), 4 * round + 2);
        struct lipcl_tensor *bias = integers(&SHAPE(p.out_channels), 4 * round + 3);
        struct lipcl_tensor *y = integers(&SHAPE(N, p.out_channels, out[0], out[1], out[2]), 4 * round + 4);
        double *S = malloc(lipcl_tensor_count(y) * sizeof *S);
        run(conv3d_ref, &p, y, S, x, NULL, weight, bias);
        seven_loops(&p, x, weight, bias, y, S);
        free(S);
        lipcl_tensor_destroy(&x);
        lipcl_tensor_destroy(&weight);
        lipcl_tensor_destroy(&bias);
        lipcl_tensor_destroy(&y);
    }
}

static struct lipcl_maxpool3d_params pool_params(size_t kernel_h, size_t kernel_w, size_t stride_h, size_t stride_w) {
    return (struct lipcl_maxpool3d_params){
        .kernel = {1, kernel_h, kernel_w}, .stride = {1, stride_h, stride_w}, .dilation = {1, 1, 1}};
}

Test(reference, maxpool3d_takes_the_largest_of_each_window_and_of_its_magnitudes) {
    struct lipcl_maxpool3d_params p = pool_params(2, 2, 2, 2);
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 2), 0, 0), *x = TENSOR(SHAPE(1, 1, 1, 2, 4), 1, 4, -5, -6, 3, 2, -8, -7);
    double S[2] = {-1, -1};
    run(maxpool3d_ref, &p, y, S, x, (double[]){1, 2, 3, 4, 9, 6, 7, 8}, NULL, NULL);
    EXPECT_VALUES(y, 4, -5);
    cr_expect_eq(S[0], 9);
    cr_expect_eq(S[1], 8);
    run(maxpool3d_ref, &p, y, S, x, NULL, NULL, NULL);
    cr_expect_eq(S[0], 0);
    cr_expect_eq(S[1], 0);
}

Test(reference, maxpool3d_pads_with_minus_infinity) {
    struct lipcl_maxpool3d_params p = pool_params(1, 2, 1, 2);
    p.padding[2] = 1;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 3), 0, 0, 0);
    run(maxpool3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 4), -1, -2, -3, -4), NULL, NULL, NULL);
    EXPECT_VALUES(y, -1, -2, -4);
}

Test(reference, maxpool3d_in_ceil_mode_runs_over_the_border) {
    struct lipcl_maxpool3d_params p = pool_params(1, 2, 1, 2);
    p.ceil_mode = true;
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 3), 0, 0, 0);
    run(maxpool3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 5), 1, 2, 3, 4, -5), NULL, NULL, NULL);
    EXPECT_VALUES(y, 2, 4, -5);
}

Test(reference, maxpool3d_dilates_along_time) {
    struct lipcl_maxpool3d_params p = {.kernel = {2, 1, 1}, .stride = {1, 1, 1}, .dilation = {2, 1, 1}};
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 2, 1, 1), 0, 0);
    run(maxpool3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 4, 1, 1), 1, 9, 2, 3), NULL, NULL, NULL);
    EXPECT_VALUES(y, 2, 9);
}

Test(reference, maxpool3d_lets_nan_win_wherever_it_stands) {
    struct lipcl_maxpool3d_params p = pool_params(1, 2, 1, 2);
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 1, 1, 1, 4), 0, 0, 0, 0);
    run(maxpool3d_ref, &p, y, NULL, TENSOR(SHAPE(1, 1, 1, 1, 8), NAN, 1, 1, NAN, INFINITY, 1, -INFINITY, -INFINITY), NULL, NULL,
        NULL);
    EXPECT_VALUES(y, NAN, NAN, INFINITY, -INFINITY);
}

Test(reference, relu_keeps_what_is_positive_and_nan) {
    struct lipcl_tensor *y = TENSOR(SHAPE(6), 9, 9, 9, 9, 9, 9);
    double S[6] = {9, 9, 9, 9, 9, 9};
    run(relu_ref, NULL, y, S, TENSOR(SHAPE(6), -1, -0.0f, 2, NAN, INFINITY, -INFINITY), (double[]){1, 2, 3, 4, 5, 6}, NULL,
        NULL);
    EXPECT_VALUES(y, 0, 0, 2, NAN, INFINITY, 0);
    cr_expect_eq(signbit(((float *)y->data)[1]), 0);
    for (size_t i = 0; i < 6; i++) cr_expect_eq(S[i], (double)i + 1);
}

Test(reference, linear_is_a_product_for_every_row) {
    struct lipcl_linear_params p = {.out_features = 2};
    struct lipcl_tensor *x = TENSOR(SHAPE(3, 1, 2), 1, 2, 3, -4, NAN, 0), *weight = TENSOR(SHAPE(2, 2), 1, 10, 0, -1);
    struct lipcl_tensor *y = TENSOR(SHAPE(3, 1, 2), 0, 0, 0, 0, 0, 0);
    double S[6];
    run(linear_ref, &p, y, S, x, (double[]){0, 0, 1, 2, 0, 0}, weight, TENSOR(SHAPE(2), 0.5f, -100));
    EXPECT_VALUES(y, 21.5f, -102, -36.5f, -96, NAN, NAN);
    cr_expect_eq(S[0], 1 + 20 + 0.5);
    cr_expect_eq(S[1], 2 + 100);
    cr_expect_eq(S[2], 1 * (3 + 1) + 10 * (4 + 2) + 0.5);
    cr_expect_eq(S[3], 1 * (4 + 2) + 100);
    p.no_bias = true;
    run(linear_ref, &p, y, S, x, NULL, weight, NULL);
    EXPECT_VALUES(y, 21, -2, -37, 4, NAN, NAN);
}

Test(reference, permute_moves_values_and_magnitudes_alike) {
    struct lipcl_permute_params p = {.order = {2, 0, 1}};
    struct lipcl_tensor *y = TENSOR(SHAPE(3, 2, 1), 0, 0, 0, 0, 0, 0), *x = TENSOR(SHAPE(2, 1, 3), 0, 1, 2, 10, NAN, 12);
    double S[6];
    run(permute_ref, &p, y, S, x, (double[]){0, 1, 2, 10, 11, 12}, NULL, NULL);
    EXPECT_VALUES(y, 0, 10, 1, NAN, 2, 12);
    cr_expect_arr_eq(S, ((double[]){0, 10, 1, 11, 2, 12}), sizeof S);
}

/* [N,C,T,H,W] -> [T,N,C,H,W], as in front of LipNet's first GRU. */
Test(reference, permute_brings_time_to_the_front) {
    struct lipcl_permute_params p = {.order = {2, 0, 1, 3, 4}};
    enum { N = 2, C = 3, T = 4, H = 2, W = 5 };
    float in[N * C * T * H * W], out[N * C * T * H * W];
    for (size_t i = 0; i < N * C * T * H * W; i++) in[i] = (float)i;
    run(permute_ref, &p, &(struct lipcl_tensor){LIPCL_F32, SHAPE(T, N, C, H, W), out}, NULL,
        &(struct lipcl_tensor){LIPCL_F32, SHAPE(N, C, T, H, W), in}, NULL, NULL, NULL);
    for (size_t n = 0; n < N; n++)
        for (size_t c = 0; c < C; c++)
            for (size_t t = 0; t < T; t++)
                for (size_t i = 0; i < H * W; i++)
                    cr_assert_eq(out[((t * N + n) * C + c) * H * W + i], in[((n * C + c) * T + t) * H * W + i]);
}

Test(reference, reshape_copies_in_order) {
    struct lipcl_reshape_params p = {.shape = SHAPE(3, 2)};
    struct lipcl_tensor *y = TENSOR(SHAPE(3, 2), 0, 0, 0, 0, 0, 0);
    double S[6];
    run(reshape_ref, &p, y, S, TENSOR(SHAPE(2, 3), 1, 2, 3, 4, NAN, 6), (double[]){6, 5, 4, 3, 2, 1}, NULL, NULL);
    EXPECT_VALUES(y, 1, 2, 3, 4, NAN, 6);
    cr_expect_arr_eq(S, ((double[]){6, 5, 4, 3, 2, 1}), sizeof S);
}

Test(reference, log_softmax_of_equals_and_extremes) {
    struct lipcl_tensor *y = TENSOR(SHAPE(4, 2), 0, 0, 0, 0, 0, 0, 0, 0);
    run(log_softmax_ref, NULL, y, NULL, TENSOR(SHAPE(4, 2), 5, 5, 3e38f, -3e38f, 0, -INFINITY, NAN, 0), NULL, NULL, NULL);
    EXPECT_VALUES(y, (float)-log(2), (float)-log(2), 0, -INFINITY, 0, -INFINITY, NAN, NAN);
}

/* Of two equals, p = 1/2, d = 0, L = log 2: S = 1 + (6 (p + p) + 6 L) / g. */
Test(reference, log_softmax_s_magnitude_by_hand) {
    double S[2];
    run(log_softmax_ref, NULL, TENSOR(SHAPE(1, 2), 0, 0), S, TENSOR(SHAPE(1, 2), 5, 5), NULL, NULL, NULL);
    cr_expect_float_eq(S[0], 1 + (6 + 6 * log(2)) / (9 * sqrt(2)), 1e-6);
    cr_expect_eq(S[0], S[1]);
}

/* The formula in single precision stays within its own bound, for flat rows and for steep ones, and sums to 1. */
Test(reference, log_softmax_bounds_a_single_precision_evaluation) {
    enum { WIDTH = 28 };
    for (size_t row = 0; row < 2000; row++) {
        float x[WIDTH], y[WIDTH], single[WIDTH], largest = -INFINITY, sum = 0;
        double S[WIDTH], total = 0;
        float steepness = powf(10, 5 * uniform(row) - 2);
        for (size_t i = 0; i < WIDTH; i++) x[i] = steepness * (uniform(5000 + WIDTH * row + i) - 0.5f);
        run(log_softmax_ref, NULL, &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, WIDTH), y}, S,
            &(struct lipcl_tensor){LIPCL_F32, SHAPE(1, WIDTH), x}, NULL, NULL, NULL);
        for (size_t i = 0; i < WIDTH; i++) largest = fmaxf(largest, x[i]);
        for (size_t i = 0; i < WIDTH; i++) sum += expf(x[i] - largest);
        for (size_t i = 0; i < WIDTH; i++) single[i] = x[i] - largest - logf(sum);
        struct compare_result result;
        compare_bounded(&result, single, y, S, WIDTH, WIDTH, false);
        cr_assert(result.ok, "row %zu: %s", row, result.reason);
        for (size_t i = 0; i < WIDTH; i++) {
            total += exp((double)y[i]);
            /* and the bound is not a loose one: L and sum p |d| are at most log WIDTH */
            double most = 1 + (6 + 7 * log(WIDTH) + fabs((double)x[i] - (double)largest)) / (9 * sqrt(2));
            cr_assert(S[i] <= most * (1 + 1e-6), "row %zu: S = %g says too little", row, S[i]);
        }
        cr_assert_float_eq(total, 1, 1e-5);
    }
}

Test(reference, log_softmax_carries_the_input_s_magnitude) {
    struct lipcl_tensor *y = TENSOR(SHAPE(1, 2), 0, 0), *x = TENSOR(SHAPE(1, 2), 1, 2);
    double exact[2], S[2];
    run(log_softmax_ref, NULL, y, exact, x, NULL, NULL, NULL);
    run(log_softmax_ref, NULL, y, S, x, (double[]){3, 5}, NULL, NULL);
    cr_expect_float_eq(S[0], exact[0] + 3 + 5, 1e-12);
    cr_expect_float_eq(S[1], exact[1] + 5 + 5, 1e-12);
}
