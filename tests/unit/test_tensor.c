#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <lipcl/tensor.h>

#include "tensor/dtype.h"
#include "tensor/shape.h"

static struct lipcl_context *ctx;

static void setup(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
}
static void teardown(void) {
    lipcl_context_destroy(&ctx);
}

TestSuite(tensor, .init = setup, .fini = teardown);

Test(tensor, create_is_zeroed_and_aligned) {
    struct lipcl_tensor *tensor;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &SHAPE(3, 5)) == LIPCL_OK);
    cr_expect_eq((uintptr_t)tensor->data % 64, 0);
    cr_expect_eq(lipcl_tensor_bytes(tensor), 60);
    for (size_t i = 0; i < 15; i++) cr_expect_eq(((float *)tensor->data)[i], 0);
    lipcl_tensor_destroy(&tensor);
    cr_expect_null(tensor);
    lipcl_tensor_destroy(&tensor);
    lipcl_tensor_destroy(NULL);
}

Test(tensor, sizes_that_overflow_are_refused) {
    struct lipcl_tensor *tensor;
    cr_expect(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &SHAPE(SIZE_MAX / 2, 3)) == LIPCL_ERROR_SHAPE);
    cr_expect_null(tensor);
    cr_expect(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &SHAPE(SIZE_MAX / 4)) == LIPCL_ERROR_SHAPE);
    cr_expect(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &(struct lipcl_shape){.rank = 9}) == LIPCL_ERROR_SHAPE);
    cr_expect(lipcl_tensor_create(ctx, &tensor, (enum lipcl_dtype)77, &SHAPE(1)) == LIPCL_ERROR_ARGUMENT);
    cr_expect(strstr(lipcl_context_error(ctx), "77") != NULL);
}

Test(tensor, f16_widens_exactly) {
    cr_expect_eq(f16_to_f32(0x3c00), 1.0f);
    cr_expect_eq(f16_to_f32(0xc000), -2.0f);
    cr_expect_eq(f16_to_f32(0x7bff), 65504.0f);
    cr_expect_eq(f16_to_f32(0x0001), 0x1p-24f);
    cr_expect_eq(f16_to_f32(0x03ff), 1023 * 0x1p-24f);
    cr_expect_eq(f16_to_f32(0x0400), 0x1p-14f);
    cr_expect(signbit(f16_to_f32(0x8000)) && f16_to_f32(0x8000) == 0);
    cr_expect(isinf(f16_to_f32(0x7c00)) && isnan(f16_to_f32(0x7e01)) && f16_to_f32(0xfc00) < 0);
    for (uint32_t bits = 0; bits < 0x10000; bits++) { /* every finite value, by its definition */
        int exponent = (int)(bits >> 10 & 31);
        if (exponent == 31) continue;
        double fraction = bits & 1023, value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        cr_assert_eq(f16_to_f32((uint16_t)bits), (float)(bits & 0x8000 ? -value : value), "bits %#x", bits);
    }
}

Test(tensor, bf16_is_the_upper_half) {
    cr_expect_eq(bf16_to_f32(0x3f80), 1.0f);
    cr_expect_eq(bf16_to_f32(0xc0a0), -5.0f);
    cr_expect(isnan(bf16_to_f32(0x7fc0)));
}

Test(tensor, to_f32) {
    uint16_t half[] = {0x3c00, 0xb800};
    struct lipcl_tensor source = {LIPCL_F16, SHAPE(2), half}, *wide;
    cr_assert(lipcl_tensor_to_f32(ctx, &wide, &source) == LIPCL_OK);
    cr_expect(((float *)wide->data)[0] == 1.0f && ((float *)wide->data)[1] == -0.5f);
    lipcl_tensor_destroy(&wide);
    source.dtype = LIPCL_U8;
    cr_expect(lipcl_tensor_to_f32(ctx, &wide, &source) == LIPCL_ERROR_UNSUPPORTED);
    cr_expect_null(wide);
}

Test(tensor, set_finds_what_it_holds) {
    struct lipcl_tensor_set *set;
    struct lipcl_tensor *tensor;
    char name[32];
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer%zu.weight", i);
        cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &SHAPE(1)) == LIPCL_OK);
        *(float *)tensor->data = (float)i;
        cr_assert(lipcl_tensor_set_add(ctx, set, name, &tensor) == LIPCL_OK);
        cr_expect_null(tensor);
    }
    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer%zu.weight", i);
        cr_expect_str_eq(lipcl_tensor_set_name(set, i), name);
        cr_expect_eq(*(float *)lipcl_tensor_set_find(set, name)->data, (float)i);
    }
    cr_expect_null(lipcl_tensor_set_find(set, "layer1000.weight"));
    cr_expect_null(lipcl_tensor_set_name(set, 1000));
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &SHAPE(1)) == LIPCL_OK);
    cr_expect(lipcl_tensor_set_add(ctx, set, "layer7.weight", &tensor) == LIPCL_ERROR_ARGUMENT);
    cr_expect_not_null(tensor, "after a failure the tensor is still the caller's");
    lipcl_tensor_destroy(&tensor);
    cr_assert(lipcl_tensor_set_add_metadata(ctx, set, "seed", "1") == LIPCL_OK);
    cr_assert(lipcl_tensor_set_add_metadata(ctx, set, "seed", "2") == LIPCL_OK);
    cr_expect(lipcl_tensor_set_metadata_count(set) == 1 && strcmp(lipcl_tensor_set_metadata(set, "seed"), "2") == 0);
    lipcl_tensor_set_destroy(&set);
}
