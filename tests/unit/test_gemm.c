/* gemm: which product a request gets, which layouts it reads in place, and how weights follow a layout. */
#include "infer_case.h"

#include "ops/gemm.h"

extern const struct op_def linear_op, gru_op;

static bool yes(void) {
    return true;
}

static bool no(void) {
    return false;
}

/* CLBlast's library is big: a request that will not use it does not have it looked for. */
static bool never(void) {
    cr_assert(false, "CLBlast was looked for");
    return true;
}

Test(gemm, auto_on_a_cpu_does_not_look_for_clblast) {
    struct device_caps cpu = {.cpu = true, .has_clblast = never};
    cr_expect_not(gemm_wants_clblast(&(struct lower_request){.caps = &cpu, .gemm = LIPCL_GEMM_AUTO}));
    cr_expect_not(gemm_wants_clblast(&(struct lower_request){.caps = &cpu, .gemm = LIPCL_GEMM_OWN}));
}

Test(gemm, auto_is_clblast_on_gpus_and_packed_on_cpus) {
    struct device_caps cpu = {.cpu = true, .has_clblast = yes}, gpu = {.has_clblast = yes}, bare = {0},
                       lacks = {.has_clblast = no};
    struct {
        const struct device_caps *caps;
        enum lipcl_gemm gemm;
        bool clblast, packed;
    } cases[] = {
        {&cpu, LIPCL_GEMM_AUTO, false, true},       {&cpu, LIPCL_GEMM_CLBLAST, true, false},
        {&cpu, LIPCL_GEMM_OWN, false, true},        {&gpu, LIPCL_GEMM_AUTO, true, true},
        {&gpu, LIPCL_GEMM_CLBLAST, true, false},    {&gpu, LIPCL_GEMM_OWN, false, true},
        {&bare, LIPCL_GEMM_AUTO, false, true},      {&bare, LIPCL_GEMM_CLBLAST, false, false},
        {&bare, LIPCL_GEMM_OWN, false, true},       {&lacks, LIPCL_GEMM_AUTO, false, true},
        {&lacks, LIPCL_GEMM_CLBLAST, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lower_request request = {.caps = cases[i].caps, .gemm = cases[i].gemm};
        cr_expect(gemm_wants_clblast(&request) == cases[i].clblast, "case %zu", i);
        cr_expect(gemm_wants_packed(&request) == cases[i].packed, "case %zu", i);
    }
}

Test(gemm, reads_rows_of_equal_steps_in_place) {
    struct lipcl_shape x = SHAPE(3, 2, 5);
    size_t stride;
    struct layout layout = layout_row_major(&x);
    cr_expect(gemm_rows(&layout, &x, &stride) && stride == 5);
    layout = layout_ordered(&x, (size_t[]){1, 0, 2}); /* row 1 is not one step behind row 0 and before row 2 */
    cr_expect(!gemm_rows(&layout, &x, &stride));
    layout = layout_ordered(&x, (size_t[]){0, 2, 1}); /* features two apart */
    cr_expect(!gemm_rows(&layout, &x, &stride));
    struct lipcl_shape row = SHAPE(7);
    layout = layout_row_major(&row);
    cr_expect(gemm_rows(&layout, &row, &stride));
}

/* LipNet's flatten: [N,T,H,W,C] in memory, [T,N,(C,H,W)] by name. */
static struct layout flattened(size_t N, size_t T, struct lipcl_shape *shape) {
    struct lipcl_shape pictures = SHAPE(N, 3, T, 2, 4);
    struct layout layout = layout_ordered(&pictures, (size_t[]){0, 2, 3, 4, 1}), out;
    layout = layout_permute(&layout, (size_t[]){2, 0, 1, 3, 4}, 5);
    *shape = SHAPE(T, N, 24);
    cr_assert(layout_reshape(&out, &layout, shape));
    return out;
}

Test(gemm, weights_follow_the_features) {
    context_open();
    struct lipcl_shape x;
    struct layout layout = flattened(1, 6, &x);
    size_t stride;
    cr_expect(gemm_rows(&layout, &x, &stride) && stride == 24);
    float weight[2 * 24], permuted[2 * 24];
    for (size_t i = 0; i < 2 * 24; i++) weight[i] = (float)i;
    struct lipcl_tensor tensor = {LIPCL_F32, SHAPE(2, 24), weight};
    struct gemm_row rows[2] = {{&tensor, 0}, {&tensor, 1}};
    struct gemm gemm = {.n = 2, .k = 24, .weight = rows, .x = &layout, .x_dim = 2};
    cr_assert(gemm_pack(ctx, permuted, &gemm, 1, 24, 1) == LIPCL_OK);
    for (size_t row = 0; row < 2; row++)
        for (size_t c = 0; c < 3; c++)
            for (size_t place = 0; place < 8; place++)
                cr_expect(permuted[row * 24 + place * 3 + c] == weight[row * 24 + c * 8 + place]);
    context_close();
}

Test(gemm, the_gru_reads_samples_outermost_in_place) {
    struct lipcl_shape x;
    struct layout layout = flattened(3, 6, &x);
    const struct lower_request request = {.input_count = 2, .input_shapes = (const struct lipcl_shape *[]){&x, NULL}};
    cr_expect(gru_op.lowerings[1]->accepts(&request, 0, &layout));
    layout = layout_ordered(&x, (size_t[]){2, 0, 1}); /* features outermost */
    cr_expect(!gru_op.lowerings[1]->accepts(&request, 0, &layout));
}
