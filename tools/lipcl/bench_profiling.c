/* bench_profiling.c: what profiling costs a run, measured in pairs.
 *
 * A round makes two plans anew, each on a device of its own, so that chance, not one layout of memory, decides which is faster.
 * One is never profiled (N), the other has been and is switched off (F) and on (O). They run in the order N F O O F N
 * or N O F F O N, so that what changes steadily during a round changes all three alike. A round's costs are O / F - 1 and
 * F / N - 1, those of all rounds their median and its confidence interval. */
#include <stdlib.h>

#include <lipcl/profile.h>

#include "bench.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

/* Runs of a place in that order: some to warm up, as another plan or a switch of queues came before, and those that count. */
enum { WARM_UP_A_PLACE = 3, RUNS_A_PLACE = 3 };

enum state { NEVER, OFF, ON, STATES };
enum { PLACES = 6 };
static const enum state orders[2][PLACES] = {{NEVER, OFF, ON, ON, OFF, NEVER}, {NEVER, ON, OFF, OFF, ON, NEVER}};

/* Keeps what it is told, as whoever profiles will. */
struct listener {
    size_t count;
    struct lipcl_profile_event kept[512];
};

static void keep_event(void *user, const struct lipcl_profile_event *event) {
    struct listener *listener = user;
    listener->kept[listener->count++ % (sizeof listener->kept / sizeof *listener->kept)] = *event;
}

/* A plan on a device of its own. */
struct subject {
    struct lipcl_device *device;
    struct lipcl_plan *plan;
};

static bool subject_init(struct subject *subject, const struct bench *bench) {
    const struct lipcl_plan_params params = options_plan();
    return lipcl_device_create(bench->ctx, &subject->device, options.device) == LIPCL_OK &&
           lipcl_plan_create(bench->ctx, &subject->plan, bench->graph, bench->weights, subject->device, &params) == LIPCL_OK;
}

static void subject_finish(struct subject *subject) {
    lipcl_plan_destroy(&subject->plan);
    lipcl_device_destroy(&subject->device);
}

static bool run_once(const struct bench *bench, const struct subject *subject) {
    const struct lipcl_tensor *inputs[] = {bench->x};
    struct lipcl_tensor *outputs[] = {bench->logits};
    return lipcl_plan_run(bench->ctx, subject->plan, outputs, inputs) == LIPCL_OK;
}

/* The median of a place's runs. */
static bool time_place(const struct bench *bench, const struct subject *subject, double *ms) {
    double ns[RUNS_A_PLACE];
    for (size_t i = 0; i < WARM_UP_A_PLACE; i++)
        if (!run_once(bench, subject)) return false;
    for (size_t i = 0; i < RUNS_A_PLACE; i++) {
        uint64_t start = now_ns();
        if (!run_once(bench, subject)) return false;
        ns[i] = (double)(now_ns() - start);
    }
    *ms = spread_of(ns, RUNS_A_PLACE).median;
    return true;
}

static bool measure_round(const struct bench *bench, const struct subject *never, const struct subject *switched,
                          const enum state *order, struct listener *listener, double sums[STATES]) {
    struct lipcl_context *ctx = bench->ctx;
    for (size_t i = 0; i < STATES; i++) sums[i] = 0;
    if (lipcl_plan_set_profile(ctx, switched->plan, keep_event, listener) != LIPCL_OK) return false;
    if (!run_once(bench, switched)) return false;
    for (size_t i = 0; i < PLACES; i++) {
        enum state state = order[i];
        double ms;
        if (state != NEVER &&
            lipcl_plan_set_profile(ctx, switched->plan, state == ON ? keep_event : NULL, listener) != LIPCL_OK)
            return false;
        if (!time_place(bench, state == NEVER ? never : switched, &ms)) return false;
        sums[state] += ms;
    }
    return true;
}

bool bench_measure_profiling(struct bench *bench, size_t first_task) {
    size_t rounds = bench->job.profiling_rounds;
    double *off = allocate(rounds, sizeof *off), *on = allocate(rounds, sizeof *on);
    struct listener *listener = allocate(1, sizeof *listener);
    bool ok = true;
    for (size_t i = 0; ok && i < rounds; i++) {
        struct subject subjects[2] = {{0}};
        double sums[STATES];
        progress_task(first_task + i, "profiling: round %zu of %zu", i + 1, rounds);
        ok = subject_init(&subjects[0], bench) && subject_init(&subjects[1], bench) &&
             measure_round(bench, &subjects[i % 2], &subjects[1 - i % 2], orders[i / 2 % 2], listener, sums);
        if (ok) off[i] = sums[OFF] / sums[NEVER] - 1;
        if (ok) on[i] = sums[ON] / sums[OFF] - 1;
        for (size_t k = 0; k < 2; k++) subject_finish(&subjects[k]);
    }
    size_t profiled = rounds * (1 + 2 * (WARM_UP_A_PLACE + RUNS_A_PLACE));
    if (ok && rounds)
        bench->profiling = (struct bench_profiling){.rounds = rounds,
                                                    .events = listener->count / profiled,
                                                    .off = estimate_of(off, rounds),
                                                    .on = estimate_of(on, rounds)};
    free(listener);
    free(off);
    free(on);
    return ok;
}
