/* The GRU reference: its equations on cells with one unit, the order of layers, directions and gates, and its error bound. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/operators.h>

#include "base/memory.h"
#include "base/philox.h"
#include "reference/reference.h"
#include "tensor/compare.h"

static struct lipcl_context context;
static struct arena arena;

static void forget(void) {
    arena_finish(&arena);
}
TestSuite(gru, .fini = forget);

enum { MAX_CELLS = 4 };

/* A network with random weights, its input and whatever runs over it produced. */
struct network {
    struct lipcl_gru_params params;
    size_t T, N, input, D;
    struct lipcl_tensor *inputs[2 + 4 * MAX_CELLS];
    struct lipcl_tensor *y, *h_n;
    double *S;
};

static struct lipcl_tensor *tensor(struct lipcl_shape shape, float range, uint64_t seed) {
    struct lipcl_tensor *made = arena_alloc(&arena, sizeof *made);
    cr_assert(made);
    *made = (struct lipcl_tensor){LIPCL_F32, shape, arena_alloc(&arena, lipcl_shape_count(&shape) * sizeof(float))};
    cr_assert(made->data);
    for (size_t i = 0; i < lipcl_tensor_count(made); i++)
        ((float *)made->data)[i] = range * (2 * philox_uniform(philox_word(seed, i)) - 1);
    return made;
}

static float *values(const struct lipcl_tensor *t) {
    return t->data;
}

static struct network network(size_t T, size_t N, size_t input, size_t hidden, size_t layers, bool bidirectional, float range) {
    struct network net = {.params = {.hidden = hidden, .layers = layers, .bidirectional = bidirectional},
                          .T = T,
                          .N = N,
                          .input = input,
                          .D = bidirectional ? 2 : 1};
    cr_assert(layers * net.D <= MAX_CELLS);
    net.inputs[0] = tensor(SHAPE(T, N, input), 1, 100);
    net.inputs[1] = tensor(SHAPE(layers * net.D, N, hidden), 1, 101);
    for (size_t cell = 0; cell < layers * net.D; cell++) {
        size_t width = cell < net.D ? input : net.D * hidden;
        struct lipcl_tensor **weights = net.inputs + 2 + 4 * cell;
        weights[0] = tensor(SHAPE(3 * hidden, width), range, 10 * cell);
        weights[1] = tensor(SHAPE(3 * hidden, hidden), range, 10 * cell + 1);
        weights[2] = tensor(SHAPE(3 * hidden), range, 10 * cell + 2);
        weights[3] = tensor(SHAPE(3 * hidden), range, 10 * cell + 3);
    }
    net.y = tensor(SHAPE(T, N, net.D * hidden), NAN, 0);
    net.h_n = tensor(SHAPE(layers * net.D, N, hidden), NAN, 0);
    net.S = arena_alloc(&arena, T * N * net.D * hidden * sizeof(double));
    cr_assert(net.S);
    return net;
}

static void run(struct network *net, const double *S_x, const struct lipcl_tensor *observed) {
    struct ref_io io = {.params = &net->params,
                        .inputs = (const struct lipcl_tensor *const *)net->inputs,
                        .outputs = (struct lipcl_tensor *[]){net->y, net->h_n},
                        .magnitude = net->S,
                        .input_magnitude = S_x,
                        .observed = observed};
    cr_assert_eq(gru_ref(&context, &io), LIPCL_OK);
}

static void set_values(struct lipcl_tensor *t, const float *from) {
    memcpy(t->data, from, lipcl_tensor_bytes(t));
}

static double sigmoid(double a) {
    return 1 / (1 + exp(-a));
}

/* r = z = 1/2 and n = 0: each step halves the state. */
Test(gru, with_zero_weights_halves_its_state) {
    struct network net = network(3, 1, 2, 1, 1, false, 0);
    values(net.inputs[1])[0] = 1;
    run(&net, NULL, NULL);
    cr_expect_arr_eq(values(net.y), ((float[]){0.5f, 0.25f, 0.125f}), 3 * sizeof(float));
    cr_expect_eq(values(net.h_n)[0], 0.125f);
    for (size_t t = 0; t < 3; t++) { /* S: |h - n| e_z + z e_h + BLEND z |h|, e_z = 12/2 */
        double h = pow(0.5, (double)t), e_h = t ? net.S[t - 1] : 0;
        cr_expect_float_eq(net.S[t], h * 6 / (9 * sqrt(2)) + e_h / 2 + 3 * h / 2 / (9 * sqrt(2)), 1e-6, "S[%zu]", t);
    }
}

/* One unit, every weight another: h' = (1 - z) n + z h, by hand. The reset gate acts on W_hn h + b_hn, bias included. */
Test(gru, follows_its_equations) {
    struct network net = network(1, 1, 1, 1, 1, false, 0);
    set_values(net.inputs[0], (float[]){0.5f});
    set_values(net.inputs[1], (float[]){-0.25f});
    set_values(net.inputs[2], (float[]){1, 2, 3});
    set_values(net.inputs[3], (float[]){4, 5, 6});
    set_values(net.inputs[4], (float[]){0.125f, 0.25f, 0.375f});
    set_values(net.inputs[5], (float[]){0.5f, 0.625f, 0.75f});
    run(&net, NULL, NULL);
    double r = sigmoid(1 * 0.5 + 0.125 + 4 * -0.25 + 0.5);
    double z = sigmoid(2 * 0.5 + 0.25 + 5 * -0.25 + 0.625);
    double n = tanh(3 * 0.5 + 0.375 + r * (6 * -0.25 + 0.75));
    cr_expect_eq(values(net.y)[0], (float)((1 - z) * n + z * -0.25));
}

/* The same cell's S, written out. */
Test(gru, bounds_one_step_as_documented) {
    struct network net = network(1, 1, 1, 1, 1, false, 1);
    run(&net, (double[]){2}, NULL);
    double x = (double)values(net.inputs[0])[0], h = (double)values(net.inputs[1])[0];
    const float *wi = values(net.inputs[2]), *wh = values(net.inputs[3]), *bi = values(net.inputs[4]),
                *bh = values(net.inputs[5]);
    double a_i[3], a_h[3], S_i[3], S_h[3];
    for (size_t k = 0; k < 3; k++) {
        a_i[k] = (double)wi[k] * x + (double)bi[k];
        a_h[k] = (double)wh[k] * h + (double)bh[k];
        S_i[k] = fabs((double)wi[k]) * (fabs(x) + 2) + fabs((double)bi[k]);
        S_h[k] = fabs((double)wh[k]) * fabs(h) + fabs((double)bh[k]);
    }
    double r = sigmoid(a_i[0] + a_h[0]), z = sigmoid(a_i[1] + a_h[1]), n = tanh(a_i[2] + r * a_h[2]), g = 9 * sqrt(2);
    double e_r = (S_i[0] + S_h[0]) / 4 + 12 * r / g;
    double e_z = (S_i[1] + S_h[1]) / 4 + 12 * z / g;
    double e_n = S_i[2] + r * S_h[2] + fabs(a_h[2]) * e_r + 2 * (fabs(a_i[2]) + r * fabs(a_h[2])) / g + 10 * fabs(n) / g;
    cr_expect_float_eq(net.S[0], (1 - z) * e_n + fabs(h - n) * e_z + 3 * (fabs(n) + z * fabs(h)) / g, 1e-6);
}

Test(gru, in_reverse_is_forward_on_reversed_time) {
    enum { T = 5, N = 2, I = 3, H = 4 };
    struct network both = network(T, N, I, H, 1, true, 1), forward = network(T, N, I, H, 1, false, 1);
    run(&both, NULL, NULL);
    for (size_t t = 0; t < T; t++)
        memcpy(values(forward.inputs[0]) + t * N * I, values(both.inputs[0]) + (T - 1 - t) * N * I, N * I * sizeof(float));
    memcpy(values(forward.inputs[1]), values(both.inputs[1]) + N * H, N * H * sizeof(float));
    for (size_t i = 0; i < 4; i++) forward.inputs[2 + i] = both.inputs[6 + i];
    run(&forward, NULL, NULL);
    for (size_t t = 0; t < T; t++)
        for (size_t n = 0; n < N; n++) {
            size_t row = (T - 1 - t) * N + n;
            cr_expect_arr_eq(values(both.y) + (row * 2 + 1) * H, values(forward.y) + (t * N + n) * H, H * sizeof(float));
            cr_expect_arr_eq(both.S + (row * 2 + 1) * H, forward.S + (t * N + n) * H, H * sizeof(double));
        }
    cr_expect_arr_eq(values(both.h_n) + N * H, values(forward.h_n), N * H * sizeof(float));
}

Test(gru, final_states_are_the_outputs_of_the_last_steps) {
    enum { T = 4, N = 3, H = 2 };
    struct network net = network(T, N, 5, H, 2, true, 1);
    run(&net, NULL, NULL);
    for (size_t n = 0; n < N; n++) { /* of the second layer, whose output is y */
        cr_expect_arr_eq(values(net.h_n) + (2 * N + n) * H, values(net.y) + ((T - 1) * N + n) * 2 * H, H * sizeof(float));
        cr_expect_arr_eq(values(net.h_n) + (3 * N + n) * H, values(net.y) + n * 2 * H + H, H * sizeof(float));
    }
}

Test(gru, two_layers_are_one_after_the_other) {
    enum { T = 4, N = 2, I = 3, H = 5 };
    struct network two = network(T, N, I, H, 2, true, 1);
    struct network first = network(T, N, I, H, 1, true, 1), second = network(T, N, 2 * H, H, 1, true, 1);
    run(&two, NULL, NULL);
    run(&first, NULL, NULL);
    second.inputs[0] = first.y;
    memcpy(values(second.inputs[1]), values(two.inputs[1]) + 2 * N * H, 2 * N * H * sizeof(float));
    for (size_t i = 0; i < 8; i++) second.inputs[2 + i] = two.inputs[10 + i];
    run(&second, first.S, NULL);
    for (size_t i = 0; i < T * N * 2 * H; i++) {
        cr_expect_float_eq(values(two.y)[i], values(second.y)[i], 1e-6f, "y[%zu]", i);
        cr_expect_float_eq(two.S[i], second.S[i], 1e-5 * second.S[i], "S[%zu]", i);
    }
    cr_expect_arr_eq(values(two.h_n), values(first.h_n), 2 * N * H * sizeof(float));
}

Test(gru, samples_of_a_batch_do_not_meet) {
    enum { T = 3, N = 2, I = 4, H = 3 };
    struct network batch = network(T, N, I, H, 1, true, 1), alone = network(T, 1, I, H, 1, true, 1);
    run(&batch, NULL, NULL);
    for (size_t n = 0; n < N; n++) {
        for (size_t t = 0; t < T; t++)
            memcpy(values(alone.inputs[0]) + t * I, values(batch.inputs[0]) + (t * N + n) * I, I * sizeof(float));
        for (size_t d = 0; d < 2; d++)
            memcpy(values(alone.inputs[1]) + d * H, values(batch.inputs[1]) + (d * N + n) * H, H * sizeof(float));
        run(&alone, NULL, NULL);
        for (size_t t = 0; t < T; t++)
            cr_expect_arr_eq(values(batch.y) + (t * N + n) * 2 * H, values(alone.y) + t * 2 * H, 2 * H * sizeof(float));
    }
}

Test(gru, without_state_and_bias_means_zeros) {
    struct network net = network(3, 2, 4, 5, 1, true, 1), bare = net;
    bare.params.no_bias = true;
    bare.y = tensor(net.y->shape, NAN, 0);
    bare.h_n = NULL;
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 2; i < 4; i++) {
            bare.inputs[2 + 4 * d + i] = NULL;
            memset(values(net.inputs[2 + 4 * d + i]), 0, lipcl_tensor_bytes(net.inputs[2 + 4 * d + i]));
        }
    bare.inputs[1] = NULL;
    memset(values(net.inputs[1]), 0, lipcl_tensor_bytes(net.inputs[1]));
    run(&net, NULL, NULL);
    run(&bare, NULL, NULL);
    cr_expect_arr_eq(values(net.y), values(bare.y), lipcl_tensor_bytes(net.y));
}

Test(gru, can_give_the_final_state_only) {
    struct network net = network(3, 2, 4, 5, 2, true, 1), last = net;
    run(&net, NULL, NULL);
    last.h_n = tensor(net.h_n->shape, NAN, 0);
    last.y = NULL;
    last.S = NULL;
    run(&last, NULL, NULL);
    cr_expect_arr_eq(values(net.h_n), values(last.h_n), lipcl_tensor_bytes(net.h_n));
}

/* Fed its own rounded output, the step-locked run differs from the free one by that rounding only. */
Test(gru, locked_to_its_own_output_runs_as_if_free) {
    struct network net = network(6, 2, 4, 5, 1, true, 1), locked = net;
    run(&net, NULL, NULL);
    locked.y = tensor(net.y->shape, NAN, 0);
    locked.S = arena_alloc(&arena, lipcl_tensor_count(net.y) * sizeof(double));
    run(&locked, NULL, net.y);
    bool tighter = false;
    for (size_t i = 0; i < lipcl_tensor_count(net.y); i++) {
        cr_expect_float_eq(values(net.y)[i], values(locked.y)[i], 1e-6f, "[%zu]", i);
        cr_expect(locked.S[i] <= net.S[i] * (1 + 1e-6), "S[%zu]: %g, free %g", i, locked.S[i], net.S[i]);
        tighter = tighter || locked.S[i] < net.S[i] / 2;
    }
    cr_expect(tighter, "a free run carries no errors on");
}

/* Each step starts from what was observed before it, in each direction: a step by itself with that state as h0. */
Test(gru, locked_steps_start_from_the_observed_state) {
    enum { T = 4, N = 2, I = 3, H = 2 };
    struct network net = network(T, N, I, H, 1, true, 1), one = network(1, N, I, H, 1, true, 1);
    struct lipcl_tensor *observed = tensor(SHAPE(T, N, 2 * H), 1, 77);
    run(&net, NULL, observed);
    for (size_t t = 0; t < T; t++) {
        memcpy(values(one.inputs[0]), values(net.inputs[0]) + t * N * I, N * I * sizeof(float));
        for (size_t n = 0; n < N; n++)
            for (size_t j = 0; j < H; j++) {
                const float *h0 = values(net.inputs[1]), *seen = values(observed);
                values(one.inputs[1])[n * H + j] = t > 0 ? seen[((t - 1) * N + n) * 2 * H + j] : h0[n * H + j];
                values(one.inputs[1])[(N + n) * H + j] =
                    t < T - 1 ? seen[((t + 1) * N + n) * 2 * H + H + j] : h0[(N + n) * H + j];
            }
        run(&one, NULL, NULL);
        cr_expect_arr_eq(values(net.y) + t * N * 2 * H, values(one.y), N * 2 * H * sizeof(float), "step %zu", t);
        cr_expect_arr_eq(net.S + t * N * 2 * H, one.S, N * 2 * H * sizeof(double), "S of step %zu", t);
    }
}

Test(gru, a_nan_stays_in_its_sample_and_its_future) {
    enum { T = 4, N = 2, I = 3, H = 2 };
    struct network net = network(T, N, I, H, 1, true, 1);
    values(net.inputs[0])[(1 * N + 1) * I] = NAN; /* t = 1, n = 1 */
    run(&net, NULL, NULL);
    for (size_t i = 0; i < T * N * 2 * H; i++) {
        size_t reverse = i / H % 2, n = i / (2 * H) % N, t = i / (2 * H) / N;
        bool reached = n == 1 && (reverse ? t <= 1 : t >= 1);
        cr_expect_eq((bool)isnan(values(net.y)[i]), reached, "[%zu]", i);
    }
}

/* m / u with |h0| <= m = 1, then 3: two states cannot be further apart. */
Test(gru, the_bound_of_a_long_free_run_stops_growing) {
    struct network net = network(500, 1, 4, 16, 1, false, 1);
    for (float m = 1; m <= 3; m += 2) {
        values(net.inputs[1])[7] = -m;
        run(&net, NULL, NULL);
        double largest = 0;
        for (size_t i = 0; i < lipcl_tensor_count(net.y); i++) largest = fmax(largest, isnan(net.S[i]) ? INFINITY : net.S[i]);
        cr_expect_eq(largest, (double)m * 0x1p24);
    }
}

/* A forward layer in single precision, with one mistake on demand. */
enum mistake { NONE, NO_RECURRENT_BIAS, RESET_BEFORE_PRODUCT, GATES_SWAPPED, STATE_NOT_CARRIED };

static void single_precision(const struct network *net, enum mistake mistake, float *y) {
    size_t H = net->params.hidden, I = net->input;
    const float *x = values(net->inputs[0]), *h = values(net->inputs[1]);
    const float *wi = values(net->inputs[2]), *wh = values(net->inputs[3]), *bi = values(net->inputs[4]),
                *bh = values(net->inputs[5]);
    for (size_t t = 0; t < net->T; t++, x += I, y += H) {
        for (size_t j = 0; j < H; j++) {
            float a[3], b[3];
            for (size_t k = 0; k < 3; k++) {
                a[k] = bi[k * H + j];
                b[k] = mistake == NO_RECURRENT_BIAS && k == 2 ? 0 : bh[k * H + j];
                for (size_t i = 0; i < I; i++) a[k] += wi[(k * H + j) * I + i] * x[i];
                for (size_t i = 0; i < H; i++) b[k] += wh[(k * H + j) * H + i] * h[i];
            }
            float r = 1 / (1 + expf(-(a[0] + b[0]))), z = 1 / (1 + expf(-(a[1] + b[1])));
            if (mistake == GATES_SWAPPED) {
                float swap = r;
                r = z;
                z = swap;
            }
            float hn = mistake == RESET_BEFORE_PRODUCT ? r * (b[2] - bh[2 * H + j]) + bh[2 * H + j] : r * b[2];
            float n = tanhf(a[2] + hn);
            y[j] = (1 - z) * n + z * h[j];
        }
        if (mistake != STATE_NOT_CARRIED) h = y;
    }
}

Test(gru, the_bound_passes_single_precision_and_catches_mistakes) {
    struct network net = network(6, 1, 20, 16, 1, false, 0.5f);
    struct lipcl_tensor *y = tensor(net.y->shape, 0, 0);
    for (int locked = 0; locked < 2; locked++)
        for (enum mistake mistake = NONE; mistake <= STATE_NOT_CARRIED; mistake++) {
            single_precision(&net, mistake, values(y));
            run(&net, NULL, locked ? y : NULL);
            struct compare_result result;
            compare_bounded(&result, values(y), values(net.y), net.S, lipcl_tensor_count(y), net.input + net.params.hidden,
                            false);
            double share = result.share;
            if (mistake == NONE)
                cr_expect(share <= 0.2, "%s: %g of the bound", locked ? "locked" : "free", share);
            else
                cr_expect(share > 100, "%s: mistake %d uses only %g of the bound", locked ? "locked" : "free", (int)mistake,
                          share);
        }
}
