/* self_test.c: no kernel is trusted before it has given known answers.
 *
 * Wrong answers happen on single devices and driver versions. So when a layer has been lowered, it runs once on noise (planning
 * has to launch every kernel once anyway), into outputs full of NaN, and three blocks of what it made are held against the
 * reference: two corners and one between. Weights are the user's own. What passed goes into the cache by the builds
 * that took part (file, options, source, sizes); products by the device's BLAS cannot be named and are tested every time. A
 * program out of the cache is another build than the one that was compiled here before, and tested once, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/philox.h"
#include "device/kernel_source.h"
#include "plan/proven.h"
#include "plan/steps.h"

/* The noise repeats after a prime number of elements, so that no two rows of a tensor are the same. */
enum { NOISE_PERIOD = 4093, BLOCKS = 3 };

struct self_test {
    struct proven proven;
    float *noise; /* as long as the largest value; filled as far as was needed */
    size_t noise_count;
};

bool self_test_is_wanted(const struct lipcl_plan *plan, const struct lipcl_plan_params *params) {
    const char *variable = getenv("LIPCL_SELF_TEST");
    if (plan->checks.prove) return true;
    return !params->no_self_test && !plan->checks.guard && !device_caps(plan->device)->host &&
           !(variable && strcmp(variable, "0") == 0);
}

enum lipcl_status self_test_begin(struct lipcl_plan *plan, const struct lipcl_plan_params *params) {
    if (!self_test_is_wanted(plan, params)) return LIPCL_OK;
    plan->self_test = calloc(1, sizeof *plan->self_test);
    if (!plan->self_test) return fail_memory(device_context(plan->device), sizeof *plan->self_test);
    proven_load(&plan->self_test->proven, lipcl_device_info(plan->device));
    return LIPCL_OK;
}

void self_test_end(struct lipcl_plan *plan) {
    if (!plan->self_test) return;
    proven_save(&plan->self_test->proven);
    proven_finish(&plan->self_test->proven);
    free(plan->self_test->noise);
    free(plan->self_test);
    plan->self_test = NULL;
}

/* A name for the builds behind a step; false: they cannot be named. */
static enum lipcl_status find_key(struct lipcl_plan *plan, const struct step *step, uint64_t *key, bool *has_key) {
    *key = HASH_START;
    *has_key = false;
    for (size_t i = 0; i < step->launch_count; i++) {
        const struct plan_launch *launch = &step->launches[i];
        char *source;
        if (!launch->kernel) return LIPCL_OK;
        enum lipcl_status status = kernel_source(device_context(plan->device), &source, launch->file);
        if (status != LIPCL_OK) return status;
        *key = hash_text(hash_text(hash_text(hash_text(*key, launch->file), launch->name), launch->options), source);
        *key = hash_bytes(hash_bytes(*key, launch->global, sizeof launch->global), launch->local, sizeof launch->local);
        uint64_t binary = device_kernel_binary(launch->kernel);
        *key = hash_bytes(*key, &binary, sizeof binary);
        free(source);
    }
    *has_key = true;
    return LIPCL_OK;
}

/* Noise in [-1, 1). */
static enum lipcl_status make_noise(struct lipcl_plan *plan, size_t count) {
    struct self_test *test = plan->self_test;
    if (!test->noise) test->noise = malloc(plan->staging_count * sizeof *test->noise);
    if (!test->noise) return fail_memory(device_context(plan->device), plan->staging_count * sizeof *test->noise);
    for (; test->noise_count < size_min(count, NOISE_PERIOD); test->noise_count++)
        test->noise[test->noise_count] = 2 * philox_uniform(philox_word(1, test->noise_count)) - 1;
    while (test->noise_count < count) { /* doubles, in whole periods */
        size_t more = size_min(test->noise_count / NOISE_PERIOD * NOISE_PERIOD, count - test->noise_count);
        memcpy(test->noise + test->noise_count, test->noise, more * sizeof *test->noise);
        test->noise_count += more;
    }
    return LIPCL_OK;
}

/* Noise into the inputs, NaN into the outputs. */
static enum lipcl_status feed(struct lipcl_plan *plan, const struct step *step) {
    enum lipcl_status status = LIPCL_OK;
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    for (size_t i = 0; i < node->activation_count; i++) {
        if (!node->inputs[i]) continue;
        const struct plan_value *value = &plan->values[plan->alias[node->inputs[i]]];
        size_t count = lipcl_shape_count(&value->shape);
        TRY(make_noise(plan, count));
        TRY(device_buffer_write(plan->device, value->buffer, plan->self_test->noise, count * sizeof(float)));
    }
    for (size_t i = 0; i < node->op->output_count; i++) {
        const struct plan_value *value = &plan->values[step_output(plan, step, i)];
        size_t bytes = lipcl_shape_count(&value->shape) * sizeof(float);
        memset(plan->staging, 0xff, bytes);
        TRY(device_buffer_write(plan->device, value->buffer, plan->staging, bytes));
    }

fail:
    return status;
}

static void warn(struct lipcl_plan *plan, const struct step *step, const struct box *block,
                 const struct compare_result *result) {
    const struct lipcl_device_info *info = lipcl_device_info(plan->device);
    struct arena arena = {0};
    const char *kernels = "";
    for (size_t i = 0; i < step->launch_count && kernels; i++) {
        const struct plan_launch *launch = &step->launches[i];
        kernels = launch->kernel ? arena_printf(&arena, "%s\n  %s %s", kernels, launch->file, launch->options)
                                 : arena_printf(&arena, "%s\n  a product by CLBlast", kernels);
    }
    log_message(device_context(plan->device), LIPCL_LOG_WARN,
                "%s: %s fails its self-test on %s (driver %s): element %zu is %.9g, the reference says %.9g; kernels:%s",
                plan->nodes[step->layer.nodes[0]].name, step->lowering->name, info->name, info->driver,
                box_index(block, &plan->values[step_output(plan, step, 0)].shape, result->worst), (double)result->got,
                (double)result->wanted, kernels ? kernels : "");
    arena_finish(&arena);
}

/* Nothing of the step has been compiled in this process, so that the driver has nothing left to do at a first launch. */
static bool is_all_cached(const struct step *step) {
    for (size_t i = 0; i < step->launch_count; i++)
        if (!step->launches[i].kernel || !device_kernel_binary(step->launches[i].kernel)) return false;
    return true;
}

/* A step that failed, by programs from the cache: it gets another chance with fresh ones. */
static void distrust(struct lipcl_plan *plan, struct step *step) {
    for (size_t i = 0; i < step->launch_count; i++)
        if (step->launches[i].kernel && device_kernel_distrust(plan->device, step->launches[i].kernel)) step->again = true;
    if (!step->again) return;
    log_message(device_context(plan->device), LIPCL_LOG_INFO, "cache: %s: its programs did not work; compiling anew",
                plan->nodes[step->layer.nodes[0]].name);
}

enum lipcl_status self_test_step(struct lipcl_plan *plan, struct step *step) {
    enum lipcl_status status = LIPCL_OK;
    uint64_t key = 0;
    bool has_key = false, untested = false, enough = false;
    if (plan->checks.guard) return LIPCL_OK; /* the kernel checker wants to see what fails */
    if (plan->self_test) TRY(find_key(plan, step, &key, &has_key));
    untested = plan->self_test && (plan->checks.prove || !(has_key && proven_has(&plan->self_test->proven, key)));
    if (!untested && has_key && is_all_cached(step)) return LIPCL_OK;
    TRY(plan_lend(plan, step, &enough));
    if (!enough) return LIPCL_OK; /* planning is going to fail, when it is known how much the whole takes */
    if (untested) TRY(feed(plan, step));
    TRY(plan_launch_all(plan, step->launches, step->launch_count));
    TRY(device_finish(plan->device)); /* staging is used again, and the memory that was lent */
    for (uint64_t i = 0; untested && i < BLOCKS; i++) {
        struct box block = step_block(plan, step, (enum block_place)size_min(i, BLOCK_DRAWN), i);
        struct compare_result result;
        TRY(step_check_block(plan, step, false, &block, &result));
        if (result.share <= 1) continue;
        warn(plan, step, &block, &result);
        TRY(LIPCL_ERROR_MISMATCH);
    }
    if (untested && has_key) proven_add(&plan->self_test->proven, key, step->lowering->name);
    plan_take_back(plan);
    return LIPCL_OK;

fail: /* what was written from may be written to next, and what was launched needs its memory */
    if (enough && status != LIPCL_ERROR_MISMATCH && status != LIPCL_ERROR_DEVICE_LOST) device_finish(plan->device);
    plan_take_back(plan);
    distrust(plan, step);
    return status;
}
