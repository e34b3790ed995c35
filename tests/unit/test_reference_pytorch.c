/* The references against PyTorch: 40 random cases each of conv3d, maxpool3d and gru, whose inputs and outputs PyTorch
 * computed in single precision. Pooling has to agree bit for bit; sums within the release bound around the reference, with
 * the sum's whole length as its longest chain, as PyTorch's order of additions is its own.
 */
#include <criterion/criterion.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/operators.h>
#include <lipcl/safetensors.h>

#include "reference/reference.h"
#include "tensor/compare.h"

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *set;
static json_t *cases;

static void load(void) {
    cr_assert_eq(lipcl_context_create(&ctx, NULL), LIPCL_OK);
    cr_assert_eq(lipcl_safetensors_load(ctx, &set, TEST_DATA_DIR "/reference/pytorch_cases.safetensors"), LIPCL_OK, "%s",
                 lipcl_context_error(ctx));
    cases = json_loads(lipcl_tensor_set_metadata(set, "cases"), 0, NULL);
    cr_assert_eq(json_array_size(cases), 120);
}

static void unload(void) {
    json_decref(cases);
    lipcl_tensor_set_destroy(&set);
    lipcl_context_destroy(&ctx);
}

TestSuite(reference_pytorch, .init = load, .fini = unload);

/* Calls `check` with every case of one operator; there have to be 40. */
static void each_case(const char *op, void (*check)(const json_t *attributes)) {
    size_t index, ran = 0;
    json_t *attributes;
    json_array_foreach(cases, index, attributes) {
        if (strcmp(json_string_value(json_object_get(attributes, "op")), op) != 0) continue;
        check(attributes);
        ran++;
    }
    cr_assert_eq(ran, 40);
}

static size_t number(const json_t *attributes, const char *key) {
    const json_t *value = json_object_get(attributes, key);
    cr_assert(json_is_integer(value), "%s", key);
    return (size_t)json_integer_value(value);
}

static bool yes(const json_t *attributes, const char *key) {
    const json_t *value = json_object_get(attributes, key);
    cr_assert(json_is_boolean(value), "%s", key);
    return json_is_true(value);
}

static void triple(size_t out[3], const json_t *attributes, const char *key) {
    const json_t *value = json_object_get(attributes, key);
    cr_assert_eq(json_array_size(value), 3, "%s", key);
    for (size_t i = 0; i < 3; i++) out[i] = (size_t)json_integer_value(json_array_get(value, i));
}

/* The tensor "op.id.name", or NULL. */
static const struct lipcl_tensor *tensor(const json_t *attributes, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s.%zu.%s", json_string_value(json_object_get(attributes, "op")), number(attributes, "id"),
             name);
    return lipcl_tensor_set_find(set, full);
}

static struct lipcl_tensor *new_like(const struct lipcl_tensor *other) {
    struct lipcl_tensor *made;
    cr_assert_eq(lipcl_tensor_create(ctx, &made, LIPCL_F32, &other->shape), LIPCL_OK);
    memset(made->data, 0xff, lipcl_tensor_bytes(made)); /* NaN: an element that nobody wrote shows */
    return made;
}

static double *new_magnitude(const struct lipcl_tensor *y) {
    double *S = malloc(lipcl_tensor_count(y) * sizeof *S);
    cr_assert(S);
    return S;
}

/* PyTorch's y within the release bound around the reference's y, whose sums are `length` long. */
static void expect_bounded(const struct lipcl_tensor *y, const struct lipcl_tensor *pytorch, const double *S, size_t length,
                           const json_t *c, const char *how) {
    struct compare_result result;
    compare_bounded(&result, pytorch->data, y->data, S, lipcl_tensor_count(y), length, false);
    cr_expect(result.ok, "%s.%zu%s: %s", json_string_value(json_object_get(c, "op")), number(c, "id"), how, result.reason);
}

static void check_conv3d(const json_t *c) {
    const struct lipcl_tensor *x = tensor(c, "x"), *weight = tensor(c, "weight"), *pytorch = tensor(c, "y");
    const size_t *wd = weight->shape.dims; /* K, C/groups, kernel */
    struct lipcl_conv3d_params p = {
        .out_channels = wd[0], .kernel = {wd[2], wd[3], wd[4]}, .groups = number(c, "groups"), .no_bias = !yes(c, "bias")};
    triple(p.stride, c, "stride");
    triple(p.padding, c, "padding");
    triple(p.dilation, c, "dilation");
    struct lipcl_tensor *y = new_like(pytorch);
    double *S = new_magnitude(y);
    struct ref_io io = {.params = &p,
                        .inputs = (const struct lipcl_tensor *[]){x, weight, tensor(c, "bias")},
                        .outputs = (struct lipcl_tensor *[]){y},
                        .magnitude = S};
    cr_assert_eq(conv3d_ref(ctx, &io), LIPCL_OK);
    expect_bounded(y, pytorch, S, wd[1] * wd[2] * wd[3] * wd[4] + 1, c, "");
    free(S);
    lipcl_tensor_destroy(&y);
}

Test(reference_pytorch, conv3d) {
    each_case("conv3d", check_conv3d);
}

static void check_maxpool3d(const json_t *c) {
    struct lipcl_maxpool3d_params p = {.ceil_mode = yes(c, "ceil_mode")};
    triple(p.kernel, c, "kernel");
    triple(p.stride, c, "stride");
    triple(p.padding, c, "padding");
    triple(p.dilation, c, "dilation");
    const struct lipcl_tensor *pytorch = tensor(c, "y");
    struct lipcl_tensor *y = new_like(pytorch);
    struct ref_io io = {
        .params = &p, .inputs = (const struct lipcl_tensor *[]){tensor(c, "x")}, .outputs = (struct lipcl_tensor *[]){y}};
    cr_assert_eq(maxpool3d_ref(ctx, &io), LIPCL_OK);
    cr_expect(memcmp(y->data, pytorch->data, lipcl_tensor_bytes(y)) == 0, "maxpool3d.%zu", number(c, "id"));
    lipcl_tensor_destroy(&y);
}

Test(reference_pytorch, maxpool3d) {
    each_case("maxpool3d", check_maxpool3d);
}

enum { MAX_GRU_INPUTS = 2 + 4 * 2 * 4 };

/* x, h0, then four parameters a layer and direction, in the order of the reference's inputs. */
static void gru_inputs(const struct lipcl_tensor *inputs[MAX_GRU_INPUTS], const json_t *c) {
    static const char *const parameters[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    size_t used = 0, layers = number(c, "layers"), directions = yes(c, "bidirectional") ? 2 : 1;
    cr_assert(2 + 4 * layers * directions <= MAX_GRU_INPUTS);
    inputs[used++] = tensor(c, "x");
    inputs[used++] = tensor(c, "h0");
    for (size_t i = 0; i < 4 * layers * directions; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_l%zu%s", parameters[i % 4], i / 4 / directions, i / 4 % directions ? "_reverse" : "");
        inputs[used++] = tensor(c, name);
        cr_assert(inputs[used - 1], "gru.%zu.%s", number(c, "id"), name);
    }
}

/* PyTorch's y and h_n against the reference, running free and, with one layer, locked to PyTorch's own states. */
static void check_gru(const json_t *c) {
    const struct lipcl_tensor *inputs[MAX_GRU_INPUTS];
    gru_inputs(inputs, c);
    const struct lipcl_tensor *pytorch = tensor(c, "y"), *pytorch_h_n = tensor(c, "hn");
    struct lipcl_gru_params p = {
        .hidden = number(c, "hidden"), .layers = number(c, "layers"), .bidirectional = yes(c, "bidirectional")};
    struct lipcl_tensor *y = new_like(pytorch), *h_n = new_like(pytorch_h_n);
    double *S = new_magnitude(y);
    struct ref_io io = {.params = &p, .inputs = inputs, .outputs = (struct lipcl_tensor *[]){y, h_n}, .magnitude = S};
    for (int locked = 0; locked <= (p.layers == 1); locked++) {
        io.observed = locked ? pytorch : NULL;
        cr_assert_eq(gru_ref(ctx, &io), LIPCL_OK);
        expect_bounded(y, pytorch, S, number(c, "input") + p.hidden + 2, c, locked ? " step-locked" : "");
        for (size_t i = 0; i < lipcl_tensor_count(h_n); i++)
            cr_expect_float_eq(((float *)h_n->data)[i], ((const float *)pytorch_h_n->data)[i], 1e-6f, "gru.%zu h_n[%zu]",
                               number(c, "id"), i);
    }
    free(S);
    lipcl_tensor_destroy(&y);
    lipcl_tensor_destroy(&h_n);
}

Test(reference_pytorch, gru) {
    each_case("gru", check_gru);
}
