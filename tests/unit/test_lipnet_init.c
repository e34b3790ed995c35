/* The distributions of LipNet's initial weights, and its parameters' names and shapes. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lipcl/lipnet.h>

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *set;

static void setup(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &set, 7) == LIPCL_OK);
}
static void teardown(void) {
    lipcl_tensor_set_destroy(&set);
    lipcl_context_destroy(&ctx);
}

TestSuite(lipnet_init, .init = setup, .fini = teardown);

struct statistics {
    double mean, deviation, largest, kurtosis;
    size_t count;
};

static struct statistics measure(const char *name) {
    const struct lipcl_tensor *tensor = lipcl_tensor_set_find(set, name);
    cr_assert_not_null(tensor, "%s", name);
    struct statistics s = {.count = lipcl_tensor_count(tensor)};
    const float *data = tensor->data;
    double second = 0, fourth = 0;
    for (size_t i = 0; i < s.count; i++) {
        s.mean += (double)data[i] / (double)s.count;
        s.largest = fmax(s.largest, fabs((double)data[i]));
    }
    for (size_t i = 0; i < s.count; i++) {
        double d = (double)data[i] - s.mean;
        second += d * d / (double)s.count;
        fourth += d * d * d * d / (double)s.count;
    }
    s.deviation = sqrt(second);
    s.kurtosis = fourth / (second * second);
    return s;
}

/* Mean and deviation within five standard errors, and the shape by its kurtosis (normal 3, uniform 1.8). */
static void expect(const char *name, double deviation, double kurtosis) {
    struct statistics s = measure(name);
    double root = sqrt((double)s.count);
    cr_expect(fabs(s.mean) < 5 * deviation / root, "%s: mean %g", name, s.mean);
    cr_expect(fabs(s.deviation / deviation - 1) < 5 / root, "%s: deviation %g, not %g", name, s.deviation, deviation);
    cr_expect(fabs(s.kurtosis - kurtosis) < 25 / root, "%s: kurtosis %g, not %g", name, s.kurtosis, kurtosis);
}

Test(lipnet_init, convolutions_are_kaiming_normal_by_fan_in) {
    expect("conv1.weight", sqrt(2.0 / (3 * 75)), 3);
    expect("conv2.weight", sqrt(2.0 / (32 * 75)), 3);
    expect("conv3.weight", sqrt(2.0 / (64 * 27)), 3);
}

Test(lipnet_init, fc_is_kaiming_normal_with_gain_1) {
    expect("FC.weight", sqrt(1.0 / 512), 3);
}

Test(lipnet_init, gru_input_weights_are_uniform) {
    static const char *const names[] = {"gru1.weight_ih_l0", "gru1.weight_ih_l0_reverse", "gru2.weight_ih_l0",
                                        "gru2.weight_ih_l0_reverse"};
    double bound = sqrt(3) * sqrt(2.0 / (96 * 3 * 6 + 256));
    for (size_t i = 0; i < 4; i++) {
        expect(names[i], bound / sqrt(3), 1.8);
        double largest = measure(names[i]).largest;
        cr_expect(largest <= bound * (1 + 1e-6) && largest > 0.999 * bound, "%s: %g of %g", names[i], largest, bound);
    }
}

Test(lipnet_init, gru_hidden_weights_are_orthogonal_gate_by_gate) {
    static const char *const names[] = {"gru1.weight_hh_l0", "gru1.weight_hh_l0_reverse", "gru2.weight_hh_l0",
                                        "gru2.weight_hh_l0_reverse"};
    for (size_t i = 0; i < 4; i++) {
        const float *w = lipcl_tensor_set_find(set, names[i])->data;
        double worst = 0;
        for (size_t gate = 0; gate < 3; gate++, w += 256 * 256)
            for (size_t a = 0; a < 256; a++)
                for (size_t b = 0; b <= a; b++) {
                    double dot = 0;
                    for (size_t k = 0; k < 256; k++) dot += (double)w[a * 256 + k] * (double)w[b * 256 + k];
                    worst = fmax(worst, fabs(dot - (a == b)));
                }
        cr_expect(worst < 1e-6, "%s: W W^T differs from I by %g", names[i], worst);
        expect(names[i], 1.0 / 16, 3); /* rows of unit length, spread evenly over 256 directions */
    }
}

Test(lipnet_init, biases) {
    static const char *const zeros[] = {"conv1.bias", "conv2.bias",      "conv3.bias",
                                        "FC.bias",    "gru1.bias_ih_l0", "gru2.bias_ih_l0_reverse"};
    for (size_t i = 0; i < 6; i++) cr_expect_eq(measure(zeros[i]).largest, 0, "%s", zeros[i]);
    expect("gru1.bias_hh_l0", 1.0 / 16 / sqrt(3), 1.8);
    cr_expect(measure("gru2.bias_hh_l0_reverse").largest <= 1.0 / 16);
    cr_expect(measure("gru2.bias_hh_l0_reverse").largest > 0.98 / 16);
}

Test(lipnet_init, tensors_do_not_share_their_numbers) {
    const float *a = lipcl_tensor_set_find(set, "gru1.weight_ih_l0")->data;
    const float *b = lipcl_tensor_set_find(set, "gru1.weight_ih_l0_reverse")->data;
    cr_expect_neq(memcmp(a, b, 64), 0);
    struct lipcl_tensor_set *same, *other;
    cr_assert(lipcl_lipnet_init(ctx, &same, 7) == LIPCL_OK && lipcl_lipnet_init(ctx, &other, 8) == LIPCL_OK);
    cr_expect_eq(memcmp(a, lipcl_tensor_set_find(same, "gru1.weight_ih_l0")->data, 4096), 0);
    cr_expect_neq(memcmp(a, lipcl_tensor_set_find(other, "gru1.weight_ih_l0")->data, 64), 0);
    lipcl_tensor_set_destroy(&same);
    lipcl_tensor_set_destroy(&other);
}

Test(lipnet_init, names_are_the_state_dict_s) {
    cr_expect_eq(lipcl_tensor_set_count(set), 24);
    cr_expect_str_eq(lipcl_tensor_set_name(set, 0), "conv1.weight");
    struct lipcl_tensor_set *trained;
    cr_assert(lipcl_lipnet_load(ctx, &trained, MODEL_PATH) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    for (size_t i = 0; i < 24; i++) {
        const char *name = lipcl_tensor_set_name(trained, i);
        const struct lipcl_tensor *mine = lipcl_tensor_set_find(set, name);
        cr_assert_not_null(mine, "%s", name);
        cr_expect(lipcl_shape_equal(&mine->shape, &lipcl_tensor_set_tensor(trained, i)->shape), "%s", name);
    }
    lipcl_tensor_set_destroy(&trained);
}
