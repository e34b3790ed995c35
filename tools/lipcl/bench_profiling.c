/* bench_profiling.c: what profiling costs a run, measured in pairs.
 *
 * A round makes two plans anew, each on a device of its own, so that chance, not one layout of memory, decides which is faster.
 * One is never profiled (N), the other has been and is switched off (F) and on (O). They run in the orders F N N F and F O O F,
 * or N F F N and O F F O, in turn, each after a place that does not count, so that what changes steadily, and whose memory the
 * caches hold, is alike for both. A round's costs are O / F - 1 and F / N - 1, those of all rounds their median and its
 * confidence interval. */
#include <stdlib.h>

#include <lipcl/profile.h>

#include "bench.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

/* Runs of a place in that order: some to warm up, as another plan or a switch of queues came before, and those that count. */
enum { WARM_UP_A_PLACE = 2, RUNS_A_PLACE = 3 };

enum state { NEVER, OFF, ON, STATES };
enum { PLACES = 4 };
static const enum state off_orders[2][PLACES] = {{OFF, NEVER, NEVER, OFF}, {NEVER, OFF, OFF, NEVER}};
static const enum state on_orders[2][PLACES] = {{OFF, ON, ON, OFF}, {ON, OFF, OFF, ON}};

/* Keeps what it is told, as whoever profiles will. */
struct listener {
    size_t count, runs; /* events of all runs that were to tell of some, and how many these are */
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

/* What a round is made of. */
struct round {
    const struct subject *never, *switched;
    struct listener *listener;
};

static bool run_place(const struct bench *bench, const struct round *round, enum state state, double *ms) {
    lipcl_profile_fn fn = state == ON ? keep_event : NULL;
    if (state != NEVER && lipcl_plan_set_profile(bench->ctx, round->switched->plan, fn, round->listener) != LIPCL_OK)
        return false;
    if (state == ON) round->listener->runs += WARM_UP_A_PLACE + RUNS_A_PLACE;
    return time_place(bench, state == NEVER ? round->never : round->switched, ms);
}

/* Sums of the places' times by state. */
static bool run_order(const struct bench *bench, const struct round *round, const enum state order[PLACES],
                      double sums[STATES]) {
    double ms;
    for (size_t i = 0; i < STATES; i++) sums[i] = 0;
    if (!run_place(bench, round, order[0], &ms)) return false;
    for (size_t i = 0; i < PLACES; i++) {
        if (!run_place(bench, round, order[i], &ms)) return false;
        sums[order[i]] += ms;
    }
    return true;
}

static bool measure_round(const struct bench *bench, const struct round *round, size_t turn, double *off, double *on) {
    double sums[STATES], ms;
    if (!run_place(bench, round, ON, &ms)) return false; /* from now on it has been */
    if (!run_order(bench, round, off_orders[turn], sums)) return false;
    *off = sums[OFF] / sums[NEVER] - 1;
    if (!run_order(bench, round, on_orders[turn], sums)) return false;
    *on = sums[ON] / sums[OFF] - 1;
    return true;
}

bool bench_measure_profiling(struct bench *bench, size_t first_task) {
    size_t rounds = bench->job.profiling_rounds;
    double *off = allocate(rounds, sizeof *off), *on = allocate(rounds, sizeof *on);
    struct listener *listener = allocate(1, sizeof *listener);
    bool ok = true;
    for (size_t i = 0; ok && i < rounds; i++) {
        struct subject subjects[2] = {{0}};
        const struct round round = {&subjects[i % 2], &subjects[1 - i % 2], listener};
        progress_task(first_task + i, "profiling: round %zu of %zu", i + 1, rounds);
        ok = subject_init(&subjects[0], bench) && subject_init(&subjects[1], bench) &&
             measure_round(bench, &round, i / 2 % 2, &off[i], &on[i]);
        for (size_t k = 0; k < 2; k++) subject_finish(&subjects[k]);
    }
    if (ok && rounds)
        bench->profiling = (struct bench_profiling){.rounds = rounds,
                                                    .events = listener->count / listener->runs,
                                                    .off = estimate_of(off, rounds),
                                                    .on = estimate_of(on, rounds)};
    free(listener);
    free(off);
    free(on);
    return ok;
}
