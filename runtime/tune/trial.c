/* trial.c: one candidate, planned, tested and timed. */
#include <stdlib.h>

#include "base/clock.h"
#include "tune/tuner.h"

enum { MAX_RUNS = 9, MIN_RUNS = 3, RUNS_NS = 200000000, TURNS = 15, MIN_TURNS = 5, BLOCKS = 16 };

struct tuning candidate_tuning(const struct candidate *candidate) {
    struct tuning tuning = {{0}};
    const struct tuning_knob *knobs = candidate->lowering ? candidate->lowering->knobs : NULL;
    for (size_t i = 0; knobs && knobs[i].name; i++)
        if (candidate->choice[i]) tuning.values[i] = knobs[i].values[candidate->choice[i] - 1];
    return tuning;
}

enum lipcl_status trial_begin(struct lipcl_tuner *tuner, const struct task *task, const struct lipcl_graph *graph,
                              const struct candidate *candidate, struct trial *trial) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = tuner->ctx;
    lipcl_log_fn log = ctx->params.log;
    struct lipcl_plan_params params = tuner->params.plan;
    struct plan_checks checks = {.prove = true, .input_layouts = task->inputs, .blast = tuner->blast};
    *trial = (struct trial){.candidate = *candidate};
    params.no_tuning = true;
    if (candidate->lowering) {
        checks.op = tuner->graph->nodes[task->layer.nodes[0]].op->name;
        checks.lowering = candidate->lowering->name;
        checks.tuning = candidate_tuning(candidate);
    }
    if (!log_wants(ctx, LIPCL_LOG_DEBUG)) ctx->params.log = NULL; /* what candidates do wrong is no error of the caller's */
    TRY(plan_create(ctx, &trial->plan, graph, tuner->weights, tuner->device, &params, &checks));
    if (trial->plan->step_count != 1 || !trial->plan->steps[0].lowering) TRY(LIPCL_ERROR_UNSUPPORTED);
    TRY(tuning_build(ctx, &trial->plan->steps[0], &trial->build));

fail:
    ctx->params.log = log;
    if (status != LIPCL_OK) trial_end(trial);
    return status;
}

void trial_end(struct trial *trial) {
    lipcl_plan_destroy(&trial->plan);
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t median(uint64_t *ns, size_t count) {
    qsort(ns, count, sizeof *ns, ascending);
    return ns[count / 2];
}

enum lipcl_status trial_time(struct lipcl_tuner *tuner, struct trial *trial, uint64_t best_ns, uint64_t *ns) {
    enum lipcl_status status = LIPCL_OK;
    uint64_t taken[MAX_RUNS], spent = 0, least = UINT64_MAX;
    size_t runs = 0;
    while (runs < MAX_RUNS && (runs < MIN_RUNS || spent < RUNS_NS) && !(runs > 0 && tuner_is_stopped(tuner))) {
        TRY(lipcl_plan_time_layer(tuner->ctx, trial->plan, 0, 1, &taken[runs]));
        spent += taken[runs];
        if (taken[runs] < least) least = taken[runs];
        runs++;
        if (best_ns && runs >= 2 && least > 2 * best_ns) break;
    }
    *ns = median(taken, runs);

fail:
    return status;
}

enum lipcl_status trials_compare(struct lipcl_tuner *tuner, struct trial *trials, size_t count, uint64_t end_ns, uint64_t *ns) {
    enum lipcl_status status = LIPCL_OK;
    uint64_t(*taken)[TURNS] = calloc(count, sizeof *taken);
    size_t turns = 0;
    if (!taken) TRY(fail_memory(tuner->ctx, count * sizeof *taken));
    for (; turns < TURNS && (turns < MIN_TURNS || time_ns() < end_ns); turns++)
        for (size_t i = 0; i < count; i++) TRY(lipcl_plan_time_layer(tuner->ctx, trials[i].plan, 0, 1, &taken[i][turns]));
    for (size_t i = 0; i < count; i++) ns[i] = median(taken[i], turns);

fail:
    free(taken);
    return status;
}

enum lipcl_status trial_verify(struct lipcl_tuner *tuner, struct trial *trial, bool *ok) {
    enum lipcl_status status = LIPCL_OK;
    const struct step *step = &trial->plan->steps[0];
    *ok = true;
    for (uint64_t i = 0; i < BLOCKS && *ok; i++) {
        struct box block = step_block(trial->plan, step, BLOCK_DRAWN, tuner->params.seed + i);
        struct compare_result result;
        TRY(step_check_block(trial->plan, step, false, &block, &result));
        *ok = result.share <= 1;
        if (!*ok)
            log_message(tuner->ctx, LIPCL_LOG_WARN, "tuning: %s: %s was fastest, but is wrong: %s; refused",
                        trial->plan->nodes[step->layer.nodes[0]].name, step->lowering->name, result.reason);
    }

fail:
    return status;
}
