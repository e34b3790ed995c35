/* Dropout's masks: the generator against its authors' published answers, and the masks that come of it. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include <lipcl/operators.h>

#include "base/philox.h"
#include "reference/reference.h"

static struct lipcl_context context;
enum { COUNT = 100000 };
static float x[COUNT], y[COUNT];

static void run(op_ref_fn op, const struct lipcl_dropout_params *p, struct lipcl_shape shape, double *S, const double *S_x) {
    struct lipcl_tensor in = {LIPCL_F32, shape, x}, out = {LIPCL_F32, shape, y};
    struct ref_io io = {.params = p,
                        .inputs = (const struct lipcl_tensor *[]){&in},
                        .outputs = (struct lipcl_tensor *[]){&out},
                        .magnitude = S,
                        .input_magnitude = S_x};
    cr_assert_eq(op(&context, &io), LIPCL_OK);
}

static void fill(float value) {
    for (size_t i = 0; i < COUNT; i++) x[i] = value;
}

/* Random123's kat_vectors, philox4x32 with 10 rounds. */
Test(dropout, philox_gives_the_published_answers) {
    static const struct {
        struct philox_block counter;
        uint32_t key[2];
        struct philox_block answer;
    } known[] = {
        {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
         {0xffffffff, 0xffffffff},
         {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {0xa4093822, 0x299f31d0},
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct philox_block got = philox4x32_10(known[i].counter, known[i].key[0], known[i].key[1]);
        cr_expect_arr_eq(got.words, known[i].answer.words, sizeof got.words, "vector %zu", i);
    }
}

Test(dropout, philox_word_splits_seed_and_index_low_word_first) {
    struct philox_block block = philox4x32_10((struct philox_block){{0x80000001, 0x5, 0, 0}}, 0x22222222, 0x11111111);
    for (uint64_t i = 0; i < 4; i++)
        cr_expect_eq(philox_word(0x1111111122222222, 4 * UINT64_C(0x580000001) + i), block.words[i], "word %d", (int)i);
}

Test(dropout, uniform_is_rounded_down_to_24_bits) {
    cr_expect_eq(philox_uniform(0), 0.0f);
    cr_expect_eq(philox_uniform(0x800000ff), 0.5f);
    cr_expect_eq(philox_uniform(0xffffffff), 1 - 0x1p-24f);
}

/* Seed 0 begins with the first published answer: 0.399, 0.880, 0.736, 0.605. */
Test(dropout, keeps_what_reaches_p_and_scales_it) {
    struct lipcl_dropout_params p = {.p = 0.7f, .training = true, .seed = 0};
    double S[4];
    fill(3);
    run(dropout_ref, &p, SHAPE(4), S, (double[]){1, 1, 1, 1});
    float scale = (float)(1 / (1 - (double)0.7f));
    float expected[] = {0, 3 * scale, 3 * scale, 0};
    cr_expect_arr_eq(y, expected, sizeof expected);
    for (size_t i = 0; i < 4; i++) cr_expect_eq(S[i], i == 1 || i == 2 ? (double)scale : 0.0);
}

Test(dropout, an_element_exactly_at_p_is_kept) {
    struct lipcl_dropout_params p = {.p = philox_uniform(0x6627e8d5), .training = true};
    fill(1);
    run(dropout_ref, &p, SHAPE(1), NULL, NULL);
    cr_expect_gt(y[0], 1);
    p.p = nextafterf(p.p, 1);
    run(dropout_ref, &p, SHAPE(1), NULL, NULL);
    cr_expect_eq(y[0], 0);
}

Test(dropout, is_the_identity_when_evaluating) {
    struct lipcl_dropout_params p = {.p = 0.5f, .training = false, .seed = 1};
    double S[8], S_x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < 8; i++) x[i] = i == 3 ? INFINITY : (float)i - 2.5f;
    run(dropout_ref, &p, SHAPE(8), S, S_x);
    cr_expect_arr_eq(y, x, 8 * sizeof *y);
    cr_expect_arr_eq(S, S_x, sizeof S);
    memset(y, 0, 8 * sizeof *y);
    run(dropout3d_ref, &p, SHAPE(2, 2, 2), S, S_x);
    cr_expect_arr_eq(y, x, 8 * sizeof *y);
    cr_expect_arr_eq(S, S_x, sizeof S);
}

Test(dropout, keeps_one_minus_p_of_many) {
    fill(1);
    float ps[] = {0, 0.1f, 0.5f, 0.9f};
    for (size_t k = 0; k < 4; k++) {
        struct lipcl_dropout_params p = {.p = ps[k], .training = true, .seed = 7 + k};
        run(dropout_ref, &p, SHAPE(COUNT), NULL, NULL);
        size_t kept = 0, twice = 0;
        for (size_t i = 0; i < COUNT; i++) kept += y[i] != 0;
        for (size_t i = 1; i < COUNT; i++) twice += y[i] != 0 && y[i - 1] != 0; /* neighbours are independent */
        double q = 1 - (double)ps[k], sigma = sqrt(COUNT * q * (1 - q));
        cr_expect(fabs((double)kept - COUNT * q) <= 4 * sigma, "p %g: %zu kept", (double)ps[k], kept);
        cr_expect(fabs((double)twice - (COUNT - 1) * q * q) <= 8 * sigma, "p %g: %zu kept in pairs", (double)ps[k], twice);
    }
}

Test(dropout, another_seed_is_another_mask) {
    static float first[COUNT];
    fill(1);
    struct lipcl_dropout_params p = {.p = 0.5f, .training = true, .seed = 1};
    run(dropout_ref, &p, SHAPE(COUNT), NULL, NULL);
    memcpy(first, y, sizeof first);
    run(dropout_ref, &p, SHAPE(COUNT), NULL, NULL);
    cr_expect_arr_eq(first, y, sizeof first, "the same seed gave another mask");
    p.seed = UINT64_C(1) << 32 | 1;
    run(dropout_ref, &p, SHAPE(COUNT), NULL, NULL);
    size_t same = 0;
    for (size_t i = 0; i < COUNT; i++) same += y[i] == first[i];
    cr_expect(fabs((double)same - COUNT / 2) <= 4 * sqrt(COUNT / 4.0), "%zu of %d agree", same, COUNT);
}

Test(dropout, dropout3d_drops_whole_channels) {
    enum { N = 3, C = 50, REST = 2 * 3 * 4 };
    struct lipcl_dropout_params p = {.p = 0.5f, .training = true, .seed = 99};
    double S[N * C * REST], S_x[N * C * REST];
    fill(1);
    for (size_t i = 0; i < N * C * REST; i++) S_x[i] = 10;
    run(dropout3d_ref, &p, SHAPE(N, C, 2, 3, 4), S, S_x);
    for (size_t i = 0; i < N * C * REST; i++) {
        bool kept = philox_uniform(philox_word(99, i / REST)) >= 0.5f;
        cr_assert_eq(y[i], kept ? 2.0f : 0.0f, "[%zu]", i);
        cr_assert_eq(S[i], kept ? 20.0 : 0.0, "S[%zu]", i);
    }
}

Test(dropout, nan_shows_even_where_it_is_dropped) {
    struct lipcl_dropout_params p = {.p = 0.7f, .training = true, .seed = 0};
    fill(NAN);
    run(dropout_ref, &p, SHAPE(4), NULL, NULL);
    for (size_t i = 0; i < 4; i++) cr_expect(isnan(y[i]), "[%zu]", i);
}
