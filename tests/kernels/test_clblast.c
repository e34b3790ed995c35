/* CLBlast's parameters on a real device: whatever they are, the numbers are right or the parameters are refused.
 *
 * The tables here take the place of runtime/device/blast_tables.c: their small tiles compile in a moment, and one row is wrong.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "device/blast.h"
#include "plan/steps.h"
#include "plan/tuning.h"
#include "support/kept_messages.h"
#include "support/networks.h"
#include "support/program.h"

enum { ROWS = 30, IN = 24, OUT = 40, BROKEN = 1 };

static const size_t xgemm_rows[][BLAST_MAX_PARAMETERS] = {
    {0, 1, 8, 2, 9, 9, 16, 4, 4, 16, 0, 0, 0, 0, 1, 1}, /* BROKEN: 9 work-items leave 7 of 16 rows out */
    {0, 1, 8, 2, 4, 4, 16, 4, 4, 16, 0, 0, 0, 0, 1, 1},
    {1, 1, 1, 1, 4, 4, 8, 4, 4, 8, 0, 0, 0, 0, 1, 1},
};
static const size_t direct_rows[][BLAST_MAX_PARAMETERS] = {{2, 8, 8, 8, 8, 1, 1, 1, 1, 8}, {2, 8, 8, 8, 8, 1, 1, 2, 1, 16}};

const struct blast_kernel blast_xgemm = {
    .name = "Xgemm",
    .parameter_count = 16,
    .row_count = 3,
    .parameters = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA", "SB", "STRM", "STRN",
                   "VWM", "VWN"},
    .rows = xgemm_rows,
};
const struct blast_kernel blast_direct = {
    .name = "XgemmDirect",
    .parameter_count = 10,
    .row_count = 2,
    .parameters = {"KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD"},
    .rows = direct_rows,
};

static char *cache;
static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct linear_network network;

static void setup(void) {
    cache = test_folder_make();
    setenv("XDG_CACHE_HOME", cache, 1);
    unsetenv("LIPCL_TUNING");
    unsetenv("LIPCL_SELF_TEST");
    struct lipcl_context_params params = {.log = keep_message, .log_level = LIPCL_LOG_INFO};
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", messages);
    cr_assert(device_caps(device)->has_clblast(), "CLBlast is not there");
    network = linear_network_create(ctx, ROWS, IN, OUT);
}

static void teardown(void) {
    linear_network_destroy(&network);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
    test_folder_remove(&cache);
}

TestSuite(clblast, .init = setup, .fini = teardown, .timeout = 300);

static enum lipcl_status plan_with(struct lipcl_plan **plan, struct blast_choice choice) {
    struct plan_checks checks = {.op = "linear", .lowering = "linear_clblast", .blast = choice};
    struct lipcl_plan_params params = {.gemm = LIPCL_GEMM_CLBLAST, .keep_values = true};
    messages[0] = '\0';
    return plan_create(ctx, plan, network.graph, network.weights, device, &params, &checks);
}

static void expect_right_numbers(struct lipcl_plan *plan) {
    struct lipcl_tensor *x, *y;
    struct lipcl_layer_check check;
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, lipcl_graph_input_shape(network.graph, 0)) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &y, LIPCL_F32, lipcl_graph_output_shape(network.graph, 0)) == LIPCL_OK);
    for (size_t i = 0; i < ROWS * IN; i++) ((float *)x->data)[i] = (float)(i % 17) / 8 - 1;
    cr_assert(lipcl_plan_run(ctx, plan, &y, (const struct lipcl_tensor *const *)&x) == LIPCL_OK, "%s", messages);
    cr_assert(lipcl_plan_check_layer(ctx, plan, 0, &check) == LIPCL_OK);
    cr_expect(check.ok, "%s", check.reason);
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
}

/* Plans with other parameters than those that have just been set have them again, and those without any get on with them. */
Test(clblast, plans_have_the_parameters_that_they_were_made_with) {
    static const struct blast_choice choices[] = {{0}, {2, 1, 1}, {3, 1, 1}, {0}, {2, 2, BLAST_MAX_MIN_INDIRECT}};
    enum { COUNT = sizeof choices / sizeof *choices };
    struct lipcl_plan *plans[COUNT];
    size_t bytes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(plan_with(&plans[i], choices[i]) == LIPCL_OK, "%s", messages);
        cr_expect_str_eq(plans[i]->steps[0].lowering->name, "linear_clblast");
        const struct device_gemm *gemm = &plans[i]->steps[0].launches[plans[i]->steps[0].launch_count - 1].gemm;
        cr_expect_eq(gemm->blast != NULL, choices[i].xgemm > 0);
        bytes[i] = gemm->temporary ? device_buffer_bytes(gemm->temporary) : 0;
    }
    /* 40 columns padded to tiles of 16, of 8, not at all: it is CLBlast that has been told. */
    cr_expect(bytes[1] > bytes[2] && bytes[2] > 0 && bytes[4] == 0, "%zu %zu %zu", bytes[1], bytes[2], bytes[4]);
    for (size_t i = 0; i < 2 * COUNT; i++) expect_right_numbers(plans[i * 3 % COUNT]);
    cr_expect_eq(bytes[3], bytes[2]); /* as it was then, and too little now: */
    expect_right_numbers(plans[1]);
    expect_right_numbers(plans[3]);
    for (size_t i = 0; i < COUNT; i++) lipcl_plan_destroy(&plans[i]);
}

Test(clblast, parameters_that_give_other_numbers_are_refused) {
    struct lipcl_plan *plan = NULL;
    cr_expect(plan_with(&plan, (struct blast_choice){BROKEN, 1, 1}) != LIPCL_OK);
    cr_expect_null(plan);
    cr_expect(strstr(messages, "fails its self-test"), "%s", messages);
}

static void put_record(struct blast_choice choice) {
    char layer[TUNING_BLAST_BYTES];
    struct tuning_record record;
    struct tuning_file file = {0};
    tuning_blast_record(&record, layer, device_caps(device), &choice);
    cr_assert(tuning_file_put(ctx, &file, lipcl_device_info(device), &record));
    tuning_file_finish(&file);
}

static struct blast_choice planned_by_record(bool no_tuning, const char **lowering) {
    struct lipcl_plan *plan;
    struct lipcl_plan_params params = {.gemm = LIPCL_GEMM_CLBLAST, .keep_values = true, .no_tuning = no_tuning};
    messages[0] = '\0';
    cr_assert(lipcl_plan_create(ctx, &plan, network.graph, network.weights, device, &params) == LIPCL_OK, "%s", messages);
    const struct step *step = &plan->steps[0];
    const struct device_gemm *gemm = step->launch_count ? &step->launches[step->launch_count - 1].gemm : NULL;
    struct blast_choice choice = gemm && gemm->blast ? *gemm->blast : (struct blast_choice){0};
    *lowering = step->lowering ? step->lowering->name : "reference";
    expect_right_numbers(plan);
    lipcl_plan_destroy(&plan);
    return choice;
}

Test(clblast, plans_do_what_the_record_says) {
    const char *lowering;
    cr_expect_eq(planned_by_record(false, &lowering).xgemm, 0);
    put_record((struct blast_choice){2, 2, 5});
    struct blast_choice choice = planned_by_record(false, &lowering);
    cr_expect(choice.xgemm == 2 && choice.direct == 2 && choice.min_indirect == 5, "%s", messages);
    cr_expect(strstr(messages, "gets XGEMM=2 DIRECT=2 MIN_INDIRECT=5"), "%s", messages);
    cr_expect_eq(planned_by_record(true, &lowering).xgemm, 0);
    setenv("LIPCL_TUNING", "0", 1);
    cr_expect_eq(planned_by_record(false, &lowering).xgemm, 0);
}

Test(clblast, a_record_that_gives_other_numbers_is_not_trusted) {
    const char *lowering;
    put_record((struct blast_choice){BROKEN, 1, 1});
    planned_by_record(false, &lowering); /* right numbers, by whatever is left */
    cr_expect_str_neq(lowering, "linear_clblast");
    cr_expect(strstr(messages, "fails its self-test"), "%s", messages);
}

Test(clblast, the_tuner_finds_the_fastest_that_is_right) {
    struct lipcl_tuner *tuner;
    struct lipcl_tuned_clblast result;
    struct lipcl_tune_params params = {.budget_s = 1000};
    struct lipcl_tuning_list *list;
    cr_assert(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, device, &params) == LIPCL_OK, "%s", messages);
    cr_expect_not(lipcl_tuner_wants_clblast(tuner)); /* on a CPU, unless it is asked for; one can all the same */
    cr_assert(lipcl_tuner_clblast(ctx, tuner, &result) == LIPCL_OK, "%s", messages);
    cr_expect_str_eq(result.file_name, device_caps(device)->clblast_name());
    cr_expect(strncmp(result.file_name, "libclblast.so.", 14) == 0, "%s", result.file_name);
    cr_expect_eq(result.products, 1);
    cr_expect(result.candidates == 5 || result.candidates == 6, "%zu", result.candidates); /* and the best again */
    cr_expect_geq(result.refused, 1);
    cr_expect(result.ns > 0 && result.ns <= result.default_ns);
    cr_expect(result.kept && !result.stopped);
    cr_expect(!strstr(result.values, "XGEMM=1 ") || strstr(result.values, "MIN_INDIRECT=1048576"), "%s", result.values);
    cr_assert(lipcl_tuning_list_create(ctx, &list, lipcl_device_info(device)) == LIPCL_OK);
    cr_assert_eq(list->count, 1);
    cr_expect_str_eq(list->records[0].values, result.values);
    cr_expect_str_eq(list->records[0].lowering, "clblast");
    lipcl_tuning_list_destroy(&list);
    lipcl_tuner_destroy(&tuner);

    params.plan.gemm = LIPCL_GEMM_OWN;
    cr_assert(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, device, &params) == LIPCL_OK, "%s", messages);
    cr_expect_not(lipcl_tuner_wants_clblast(tuner));
    cr_assert(lipcl_tuner_clblast(ctx, tuner, &result) == LIPCL_OK);
    cr_expect_null(result.file_name);
    lipcl_tuner_destroy(&tuner);

    params.plan.gemm = LIPCL_GEMM_CLBLAST;
    cr_assert(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, device, &params) == LIPCL_OK, "%s", messages);
    cr_expect(lipcl_tuner_wants_clblast(tuner));
    lipcl_tuner_destroy(&tuner);
}
