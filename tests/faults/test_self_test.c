/* Kernels that compute wrong numbers are refused before their first use, and what has passed is not tested again. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lipcl/lipcl.h>

#include "support/faults.h"
#include "support/kept_messages.h"
#include "support/networks.h"
#include "support/program.h"
#include "support/sabotage.h"

enum { FRAMES = 3 };

static char *kernels, *cache; /* folders */
static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;
static struct lipcl_tensor *frames;
static struct fault_state *fault;

/* Criterion calls these twice around a parameterized test. */
static void setup(void) {
    if (ctx) return;
    kernels = test_folder_make();
    cache = test_folder_make();
    setenv("XDG_CACHE_HOME", cache, 1);
    unsetenv("LIPCL_SELF_TEST");
    fault = fault_layer();
    struct lipcl_context_params params = {.log = keep_message, .kernel_dir = kernels};
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    frames = test_frames(ctx, 1, FRAMES);
}

static void teardown(void) {
    if (!ctx) return;
    lipcl_tensor_destroy(&frames);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
    test_folder_remove(&kernels);
    test_folder_remove(&cache);
}

TestSuite(self_test, .init = setup, .fini = teardown, .timeout = 300);

/* Plans on the CPU device; returns how often planning read from it, which only a self-test does. */
static int plan(struct lipcl_lipnet_reader **reader, bool no_self_test) {
    struct lipcl_lipnet_reader_params params = {.device = "cpu", .plan = {.no_self_test = no_self_test}};
    int before = fault->count[FAULT_READ];
    messages[0] = '\0';
    cr_assert(lipcl_lipnet_reader_create(ctx, reader, weights, &params) == LIPCL_OK, "%s", messages);
    cr_assert(lipcl_lipnet_reader_prepare(ctx, *reader, 1, FRAMES) == LIPCL_OK, "%s", messages);
    return fault->count[FAULT_READ] - before;
}

static int reads_of_a_plan(void) {
    struct lipcl_lipnet_reader *reader;
    int reads = plan(&reader, false);
    lipcl_lipnet_reader_destroy(&reader);
    cr_expect_str_eq(messages, "", "nothing to say");
    return reads;
}

static struct lipcl_tensor *run(struct lipcl_lipnet_reader *reader) {
    struct lipcl_tensor *logits;
    cr_assert(lipcl_lipnet_reader_run(ctx, reader, &logits, frames) == LIPCL_OK, "%s", messages);
    return logits;
}

static void expect_the_answer_of_host(struct lipcl_lipnet_reader *reader) {
    struct lipcl_lipnet_reader *host;
    struct lipcl_lipnet_reader_params params = {.device = "host"};
    struct lipcl_tensor *got = run(reader);
    cr_assert(lipcl_lipnet_reader_create(ctx, &host, weights, &params) == LIPCL_OK);
    struct lipcl_tensor *wanted = run(host);
    for (size_t i = 0; i < lipcl_tensor_count(wanted); i++)
        cr_assert_float_eq(((float *)got->data)[i], ((float *)wanted->data)[i], 1e-4f, "logit %zu", i);
    lipcl_tensor_destroy(&got);
    lipcl_tensor_destroy(&wanted);
    lipcl_lipnet_reader_destroy(&host);
}

struct fault_in_kernel {
    char file[32], from[64], to[96], layer[16], instead[16]; /* the lowering that takes over */
};

static const struct fault_in_kernel kernel_faults[] = {
    {"winograd_output.cl", "load_v(bias", "0.25f + load_v(bias", "conv2", "conv3d_direct"},
    {"gemm_packed.cl", "k < K;", "k < K - 1;", "gru1", "reference"},
    {"gemm_packed.cl", "if (first + r >= M) continue;", "if (first + r + 1 >= M) continue;", "gru1", "reference"},
    {"gru_scan.cl", "T - 1 - s", "s", "gru2", "gru_step"},
    {"gru_scan.cl", "a_r[i] = fma(hk, w_r", "a_r[i] = fma(hk, w_z", "gru1", "gru_step"},
    {"gru_scan.cl", "store_v(next, &h[then][i][unit]);", "if (s + 2 < T) store_v(next, &h[then][i][unit]);", "gru1",
     "gru_step"},
};

ParameterizedTestParameters(self_test, a_broken_kernel_is_refused) {
    return cr_make_param_array(const struct fault_in_kernel, (void *)kernel_faults,
                               sizeof kernel_faults / sizeof *kernel_faults);
}

ParameterizedTest(const struct fault_in_kernel *broken, self_test, a_broken_kernel_is_refused, .init = setup,
                  .fini = teardown) {
    struct lipcl_lipnet_reader *reader;
    char expected[64];
    sabotage(kernels, broken->file, broken->from, broken->to);
    for (int time = 0; time < 2; time++) { /* a failure is not remembered as if it had passed */
        plan(&reader, false);
        snprintf(expected, sizeof expected, "%s: ", broken->layer);
        cr_expect(strstr(messages, expected), "%s", messages);
        cr_expect(strstr(messages, "fails its self-test on ") && strstr(messages, broken->file), "%s", messages);
        cr_expect_str_neq(lipcl_lipnet_reader_device(reader)->name, "host", "one bad kernel does not cost the device");
        struct lipcl_plan *made = lipcl_lipnet_reader_plan(reader);
        size_t references = 0;
        for (size_t i = 0; i < lipcl_plan_layer_count(made); i++) {
            struct lipcl_layer_info info;
            cr_assert(lipcl_plan_layer_info(ctx, made, i, &info) == LIPCL_OK);
            references += strcmp(info.lowering, "reference") == 0;
            cr_expect(strncmp(info.name, broken->layer, strlen(broken->layer)) != 0 ||
                          strcmp(info.lowering, broken->instead) == 0,
                      "%s is done by %s", info.name, info.lowering);
        }
        cr_expect_lt(references, lipcl_plan_layer_count(made), "what is right stays");
        if (time == 0) expect_the_answer_of_host(reader);
        lipcl_lipnet_reader_destroy(&reader);
    }
}

static void expect_that_it_is_trusted(bool no_self_test) {
    struct lipcl_lipnet_reader *reader;
    sabotage(kernels, "winograd_output.cl", "load_v(bias", "0.25f + load_v(bias");
    cr_expect_eq(plan(&reader, no_self_test), 0, "nobody looks");
    cr_expect_str_eq(messages, "");
    lipcl_lipnet_reader_destroy(&reader);
}

Test(self_test, the_environment_can_forgo_it) {
    setenv("LIPCL_SELF_TEST", "0", 1);
    expect_that_it_is_trusted(false);
}

Test(self_test, a_plan_can_forgo_it) {
    expect_that_it_is_trusted(true);
}

/* The cache's one file about what has passed, which the caller frees. */
static char *cache_file(void) {
    char folder[512], *path = NULL;
    snprintf(folder, sizeof folder, "%s/lipcl", cache);
    DIR *directory = opendir(folder);
    cr_assert_not_null(directory, "%s", folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, "self-test-", 10) != 0) continue;
        cr_assert_null(path, "one file, and no temporary left");
        cr_assert_neq(asprintf(&path, "%s/%s", folder, entry->d_name), -1);
    }
    closedir(directory);
    cr_assert_not_null(path);
    return path;
}

Test(self_test, what_has_passed_is_not_tested_again) {
    struct stat info;
    char folder[512];
    cr_expect_gt(reads_of_a_plan(), 10, "the first time it is");
    cr_expect_eq(reads_of_a_plan(), 0);
    char *path = cache_file(), *text = get_file(path);
    cr_expect(strstr(text, "conv3d_winograd") && strstr(text, "gru_packed") && strstr(text, "\ndriver "), "%s", text);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
    snprintf(folder, sizeof folder, "%s/lipcl", cache);
    cr_assert_eq(stat(folder, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0700);
    free(text);
    free(path);

    /* Another source is another kernel, even where it computes the same. */
    sabotage(kernels, "gru_scan.cl", "(1 - z) n + z h", "n + z (h - n)");
    int reads = reads_of_a_plan();
    cr_expect(reads > 0 && reads < 120, "the two GRUs alone: %d reads", reads);
    cr_expect_eq(reads_of_a_plan(), 0);
}

/* Each spoils a cache that has all it needs, in a way that must make it worth nothing. */
static void truncate_it(const char *path) {
    cr_assert_eq(truncate(path, 100), 0);
}
static void empty_it(const char *path) {
    cr_assert_eq(truncate(path, 0), 0);
}
static void rewrite(const char *path, const char *from, const char *to) {
    char *text = get_file(path), *at = strstr(text, from);
    cr_assert_not_null(at, "%s", text);
    FILE *file = fopen(path, "w");
    fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    cr_assert_eq(fclose(file), 0);
    free(text);
}
static void change_an_entry(const char *path) {
    rewrite(path, "passed ", "passed 1");
}
static void change_the_driver(const char *path) {
    rewrite(path, "\ndriver ", "\ndriver x");
}
static void add_a_line(const char *path) {
    rewrite(path, "digest", "passed 0123456789abcdef anything\ndigest");
}
static void append(const char *path) {
    FILE *file = fopen(path, "a");
    fputs("passed 0123456789abcdef anything\n", file);
    cr_assert_eq(fclose(file), 0);
}
static void make_it_writable_by_the_group(const char *path) {
    cr_assert_eq(chmod(path, 0660), 0);
}
static void make_the_folder_writable_by_all(const char *path) {
    (void)path;
    cr_assert_eq(chmod(in_folder(cache, "lipcl"), 0777), 0);
}
static void give_it_away(const char *path) {
    if (geteuid() == 0) cr_assert_eq(chown(path, 12345, 12345), 0);
    if (geteuid() != 0) empty_it(path); /* only root can give a file away */
}
static void make_it_a_link(const char *path) {
    cr_assert_eq(rename(path, in_folder(cache, "elsewhere")), 0);
    cr_assert_eq(symlink(in_folder(cache, "elsewhere"), path), 0);
}
static void make_it_a_pipe(const char *path) {
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
}
static void make_it_a_folder(const char *path) {
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
}
static void make_it_huge(const char *path) {
    cr_assert_eq(truncate(path, 1 << 30), 0);
}

struct spoiler {
    void (*spoil)(const char *path);
    bool stays; /* it cannot be written again either */
};

static const struct spoiler spoilers[] = {
    {truncate_it, false},
    {empty_it, false},
    {change_an_entry, false},
    {change_the_driver, false},
    {add_a_line, false},
    {append, false},
    {make_it_writable_by_the_group, false},
    {make_the_folder_writable_by_all, true},
    {give_it_away, false},
    {make_it_a_link, false},
    {make_it_a_pipe, true},
    {make_it_a_folder, true},
    {make_it_huge, false},
};

Test(self_test, a_cache_that_is_odd_is_worth_nothing) {
    int first = reads_of_a_plan() / 2; /* of the programs as compiled and as kept; from here on, as kept */
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++) {
        char *path = cache_file();
        cr_assert_eq(reads_of_a_plan(), 0, "before %zu", i);
        spoilers[i].spoil(path);
        cr_expect_eq(reads_of_a_plan(), first, "spoiler %zu", i);
        cr_expect_eq(reads_of_a_plan(), spoilers[i].stays ? first : 0, "and again after spoiler %zu", i);
        test_folder_remove(&cache);
        cache = test_folder_make();
        setenv("XDG_CACHE_HOME", cache, 1);
        cr_assert_eq(reads_of_a_plan(), 2 * first);
        free(path);
    }
}

Test(self_test, no_cache_is_no_trouble) {
    static const char *const nowhere[] = {"/proc/nonexistent", "/dev/null", "/dev/null/below", "relative", ""};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        setenv("XDG_CACHE_HOME", nowhere[i], 1);
        setenv("HOME", "/proc/nonexistent", 1);
        cr_expect_gt(reads_of_a_plan(), 0, "%s", nowhere[i]);
        cr_expect_gt(reads_of_a_plan(), 0, "%s", nowhere[i]);
    }
}

Test(self_test, the_home_folder_serves_without_a_cache_folder) {
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", cache, 1);
    cr_expect_gt(reads_of_a_plan(), 0);
    cr_expect_eq(reads_of_a_plan(), 0);
    cr_expect_eq(access(in_folder(cache, ".cache/lipcl"), R_OK), 0);
}

/* A device that fails in the middle of the test is a device that fails. */
Test(self_test, a_device_lost_on_the_way) {
    struct lipcl_lipnet_reader *reader;
    *fault = (struct fault_state){.call = FAULT_READ, .at = 5, .code = -5};
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, NULL) == LIPCL_OK);
    cr_assert(lipcl_lipnet_reader_prepare(ctx, reader, 1, FRAMES) == LIPCL_OK, "%s", messages);
    cr_expect_eq(fault->after_failure, 1, "%d calls on a dead context", fault->after_failure - 1);
    cr_expect(strstr(messages, "going on with host"), "%s", messages);
    expect_the_answer_of_host(reader);
    lipcl_lipnet_reader_destroy(&reader);
}
