/* The tuner on a real device, and plans that use, or see through, what it wrote. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "plan/steps.h"
#include "plan/tuning.h"
#include "support/kept_messages.h"
#include "support/networks.h"
#include "support/program.h"
#include "support/sabotage.h"

enum { ROWS = 30, IN = 24, OUT = 40 };

/* CLBlast compiles for seconds on a CPU. */
static const struct lipcl_plan_params own = {.gemm = LIPCL_GEMM_OWN};

static char *cache, *kernels;
static size_t warnings;
static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct linear_network network;

static void keep(void *user, enum lipcl_log_level level, const char *message) {
    warnings += level <= LIPCL_LOG_WARN;
    keep_message(user, level, message);
}

static void setup(void) {
    cache = test_folder_make();
    kernels = test_folder_make();
    setenv("XDG_CACHE_HOME", cache, 1);
    unsetenv("LIPCL_TUNING");
    unsetenv("LIPCL_SELF_TEST");
    struct lipcl_context_params params = {.log = keep, .log_level = LIPCL_LOG_INFO, .kernel_dir = kernels};
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", messages);
    network = linear_network_create(ctx, ROWS, IN, OUT);
}

static void teardown(void) {
    linear_network_destroy(&network);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
    test_folder_remove(&cache);
    test_folder_remove(&kernels);
}

TestSuite(tuner, .init = setup, .fini = teardown, .timeout = 300);

static struct lipcl_plan *plan_of(const struct lipcl_plan_params *params, struct lipcl_layer_info *info) {
    struct lipcl_plan *plan;
    struct lipcl_plan_params keeping = params ? *params : (struct lipcl_plan_params){0};
    keeping.keep_values = true; /* the layer is checked after a run */
    messages[0] = '\0';
    cr_assert(lipcl_plan_create(ctx, &plan, network.graph, network.weights, device, &keeping) == LIPCL_OK, "%s", messages);
    cr_assert(lipcl_plan_layer_info(ctx, plan, 0, info) == LIPCL_OK);
    return plan;
}

/* Plans and runs; whatever was chosen, the numbers are right. *options: the first launch's, when it is the packed kernel's. */
static struct lipcl_layer_info expect_right_numbers(const struct lipcl_plan_params *params, char *options, size_t bytes) {
    struct lipcl_layer_info info;
    struct lipcl_launch_info launch;
    struct lipcl_layer_check check;
    struct lipcl_tensor *x, *y;
    struct lipcl_plan *plan = plan_of(params, &info);
    cr_assert(lipcl_plan_launch_info(ctx, plan, 0, 0, &launch) == LIPCL_OK);
    if (options) snprintf(options, bytes, "%s ", launch.options ? launch.options : "");
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, lipcl_graph_input_shape(network.graph, 0)) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &y, LIPCL_F32, lipcl_graph_output_shape(network.graph, 0)) == LIPCL_OK);
    for (size_t i = 0; i < ROWS * IN; i++) ((float *)x->data)[i] = (float)(i % 17) / 8 - 1;
    cr_assert(lipcl_plan_run(ctx, plan, &y, (const struct lipcl_tensor *const *)&x) == LIPCL_OK);
    cr_assert(lipcl_plan_check_layer(ctx, plan, 0, &check) == LIPCL_OK);
    cr_expect(check.ok, "%s", check.reason);
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
    static char tuning[64];
    snprintf(tuning, sizeof tuning, "%s", info.tuning ? info.tuning : "");
    if (info.tuning) info.tuning = tuning;
    lipcl_plan_destroy(&plan);
    return info;
}

/* Writes a record for the layer as if linear_packed with these values had won; of the build of VEC=2 where there is none. */
static void put_record(size_t vec, size_t rows, const char *lowering, uint64_t spoil) {
    struct lipcl_plan *plan;
    struct lipcl_plan_params params = {.no_self_test = true, .no_tuning = true};
    struct plan_checks checks = {.op = "linear", .lowering = "linear_packed", .tuning = {{vec == 3 ? 2 : vec, rows}}};
    struct tuning_record record = {.ms = 1, .default_ms = 2, .value_count = 2, .values = {{"VEC", vec}, {"ROWS", rows}}};
    struct tuning_file file = {0};
    cr_assert(plan_create(ctx, &plan, network.graph, network.weights, device, &params, &checks) == LIPCL_OK, "%s", messages);
    record.layer = plan_step_text(plan, &plan->steps[0], &params);
    cr_assert(tuning_build(ctx, &plan->steps[0], &record.build) == LIPCL_OK);
    record.build ^= spoil;
    snprintf(record.lowering, sizeof record.lowering, "%s", lowering);
    cr_assert(tuning_file_put(ctx, &file, lipcl_device_info(device), &record));
    tuning_file_finish(&file);
    lipcl_plan_destroy(&plan);
}

Test(tuner, a_plan_does_what_the_record_says) {
    char options[1024];
    struct lipcl_layer_info info = expect_right_numbers(NULL, options, sizeof options);
    cr_expect_null(info.tuning);
    cr_expect_null(strstr(options, "-DVEC=2 "), "%s", options);
    put_record(2, 5, "linear_packed", 0);
    info = expect_right_numbers(NULL, options, sizeof options);
    cr_assert_not_null(info.tuning, "%s", messages);
    cr_expect_str_eq(info.tuning, "VEC=2 ROWS=5");
    cr_expect(strstr(options, "-DVEC=2 -DROWS=5 "), "%s", options);
    cr_expect(strstr(messages, "tuning: fc is done by linear_packed VEC=2 ROWS=5"), "%s", messages);

    info = expect_right_numbers(&(struct lipcl_plan_params){.no_tuning = true}, options, sizeof options);
    cr_expect_null(info.tuning);
    cr_expect_null(strstr(options, "-DVEC=2 "), "%s", options);
    cr_expect_null(expect_right_numbers(&(struct lipcl_plan_params){.gemm = LIPCL_GEMM_OWN}, NULL, 0).tuning,
                   "another demand is another layer");
    cr_expect_null(expect_right_numbers(&(struct lipcl_plan_params){.precision = LIPCL_PRECISION_EXACT}, NULL, 0).tuning);
    setenv("LIPCL_TUNING", "0", 1);
    cr_expect_null(expect_right_numbers(NULL, NULL, 0).tuning);
}

static void expect_ignored(const char *said) {
    struct lipcl_layer_info info = expect_right_numbers(NULL, NULL, 0);
    cr_expect_null(info.tuning);
    cr_expect(strstr(messages, said), "\"%s\" is not in %s", said, messages);
    cr_expect_str_eq(info.lowering, "linear_packed");
}

Test(tuner, a_record_that_makes_no_sense_is_ignored) {
    put_record(2, 5, "conv3d_direct", 0);
    expect_ignored("the record names conv3d_direct, which is no lowering of linear");
    put_record(3, 5, "linear_packed", 0);
    expect_ignored("VEC=3 is no choice that linear_packed has");
    put_record(2, 5, "linear_packed", 1);
    expect_ignored("its kernels are not those that were measured");
    put_record(2, 5, "linear_packed", 0);
    sabotage(kernels, "gemm_packed.cl", "k < K;", "k < K ;"); /* another source is another kernel */
    expect_ignored("its kernels are not those that were measured");
}

Test(tuner, a_record_of_a_kernel_that_computes_wrong_numbers_falls_back) {
    sabotage(kernels, "gemm_packed.cl", "load_v(bias", "(VEC == 4 ? 0.01f : 0.0f) + load_v(bias");
    put_record(4, 5, "linear_packed", 0);
    expect_ignored("fails its self-test");
    cr_expect(strstr(messages, "linear_packed does not work on"), "%s", messages);
}

static struct lipcl_tuned_layer tune(const struct lipcl_tune_params *params, char *tuning, size_t bytes) {
    struct lipcl_tuner *tuner;
    struct lipcl_tuned_layer result;
    messages[0] = '\0';
    cr_assert(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, device, params) == LIPCL_OK, "%s", messages);
    cr_assert_eq(lipcl_tuner_layer_count(tuner), 1);
    cr_expect(lipcl_tuner_run(ctx, tuner, 1, &result) == LIPCL_ERROR_ARGUMENT);
    warnings = 0;
    cr_assert(lipcl_tuner_run(ctx, tuner, 0, &result) == LIPCL_OK, "%s", messages);
    snprintf(tuning, bytes, "%s", result.tuning);
    lipcl_tuner_destroy(&tuner);
    result.tuning = tuning;
    return result;
}

static size_t record_count(void) {
    struct lipcl_tuning_list *list;
    cr_assert(lipcl_tuning_list_create(ctx, &list, lipcl_device_info(device)) == LIPCL_OK);
    size_t count = list->count;
    lipcl_tuning_list_destroy(&list);
    return count;
}

Test(tuner, finds_something_within_its_limits_and_keeps_it) {
    char tuning[64];
    struct lipcl_tune_params params = {.plan = own, .budget_s = 1000, .max_candidates = 5};
    struct lipcl_tuned_layer result = tune(&params, tuning, sizeof tuning);
    cr_expect_eq(result.candidates, 5);
    cr_expect(result.kept && !result.stopped && !result.complete);
    cr_expect_str_eq(result.name, "fc");
    cr_expect_str_eq(result.default_lowering, "linear_packed");
    cr_expect(result.ns > 0 && result.ns <= result.default_ns, "%zu, %zu", (size_t)result.ns, (size_t)result.default_ns);
    cr_expect_eq(record_count(), 1);
    struct lipcl_layer_info info = expect_right_numbers(&own, NULL, 0);
    cr_assert_not_null(info.tuning, "%s", messages);
    cr_expect_str_eq(info.tuning, tuning);
    cr_expect_str_eq(info.lowering, result.lowering);

    lipcl_tuning_forget(lipcl_device_info(device));
    cr_expect_eq(record_count(), 0);
    cr_expect_null(expect_right_numbers(&own, NULL, 0).tuning);
}

Test(tuner, decides_between_clblast_and_our_own) {
    char tuning[64];
    struct lipcl_tuned_layer result =
        tune(&(struct lipcl_tune_params){.budget_s = 1000, .max_candidates = 2}, tuning, sizeof tuning);
    cr_expect_eq(result.candidates, 2);
    cr_expect_eq(result.refused, 0);
    struct lipcl_layer_info info = expect_right_numbers(NULL, NULL, 0);
    cr_assert_not_null(info.tuning);
    cr_expect_str_eq(info.lowering, result.lowering);
}

Test(tuner, a_candidate_that_is_wrong_cannot_win) {
    char tuning[64];
    sabotage(kernels, "gemm_packed.cl", "load_v(bias", "(VEC == 4 || VEC == 8 ? 0.01f : 0.0f) + load_v(bias");
    setenv("LIPCL_SELF_TEST", "0", 1); /* is for plans, not for what may become a record */
    struct lipcl_tuned_layer result =
        tune(&(struct lipcl_tune_params){.plan = own, .budget_s = 1000, .max_candidates = 8}, tuning, sizeof tuning);
    cr_expect_geq(result.refused, 2);
    cr_expect(!strstr(tuning, "VEC=4") && !strstr(tuning, "VEC=8"), "%s", tuning);
    cr_expect_eq(warnings, 0, "what candidates do wrong is no concern of the user's: %s", messages);
}

static bool stop_at_the_third_question(void *user) {
    return ++*(size_t *)user >= 3;
}

Test(tuner, can_be_stopped) {
    char tuning[64];
    size_t asked = 0;
    struct lipcl_tuned_layer result =
        tune(&(struct lipcl_tune_params){.plan = own, .budget_s = 1000, .stop = stop_at_the_third_question, .user = &asked},
             tuning, sizeof tuning);
    cr_expect(result.stopped && !result.kept);
    cr_expect_geq(asked, 3);
    cr_expect_eq(record_count(), 0);
}

/* A record is tried first, again, so a second search cannot lose what the first one found. */
Test(tuner, goes_on_from_what_is_there) {
    char tuning[64];
    put_record(1, 16, "linear_packed", 0);
    struct lipcl_tuned_layer result =
        tune(&(struct lipcl_tune_params){.budget_s = 1000, .max_candidates = 1}, tuning, sizeof tuning);
    cr_expect_eq(result.candidates, 1);
    cr_expect(result.kept);
    cr_expect_eq(record_count(), 1);
    cr_expect(strcmp(tuning, "") == 0 || strcmp(tuning, "VEC=1 ROWS=16") == 0, "%s", tuning);
}

Test(tuner, a_file_from_elsewhere_is_a_hint) {
    char tuning[64], path[600];
    struct lipcl_tuning_list *list;
    cr_assert(lipcl_tuning_list_create(ctx, &list, lipcl_device_info(device)) == LIPCL_OK);
    put_record(1, 16, "linear_packed", 7);
    char *text = get_file(in_folder(in_folder(cache, "lipcl"), list->file));
    lipcl_tuning_list_destroy(&list);
    lipcl_tuning_forget(lipcl_device_info(device));
    snprintf(path, sizeof path, "%s", in_folder(cache, "elsewhere.json"));
    put_file(path, text);
    free(text);
    struct lipcl_tuned_layer result =
        tune(&(struct lipcl_tune_params){.budget_s = 1000, .max_candidates = 1, .import = path}, tuning, sizeof tuning);
    cr_expect_eq(result.candidates, 1);
    cr_expect(strcmp(tuning, "") == 0 || strcmp(tuning, "VEC=1 ROWS=16") == 0, "%s", tuning);
}

Test(tuner, host_has_nothing_to_tune) {
    struct lipcl_device *host;
    struct lipcl_tuner *tuner;
    cr_assert(lipcl_device_create(ctx, &host, "host") == LIPCL_OK);
    cr_expect(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, host, NULL) == LIPCL_ERROR_UNSUPPORTED);
    cr_expect_null(tuner);
    cr_expect(lipcl_tuner_create(ctx, &tuner, network.graph, network.weights, device,
                                 &(struct lipcl_tune_params){.budget_s = -1}) == LIPCL_ERROR_ARGUMENT);
    lipcl_device_destroy(&host);
}
