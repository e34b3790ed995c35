/* search.c: which candidates are tried, in which order. The same seed tries the same ones, as far as the times agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/philox.h"
#include "tune/tuner.h"

/* Spaces up to that size are gone through; above, rounds of random candidates follow each climb, until as many bring nothing.
 */
enum { SMALL_SPACE = 128, ROUND = 12, IDLE_ROUNDS = 4, DRAWS_A_CANDIDATE = 64 };

static size_t draw(struct search *search, size_t below) {
    return philox_word(search->tuner->params.seed, search->draws++) % below;
}

static const struct op_def *op_of(const struct search *search) {
    return search->tuner->graph->nodes[search->task->layer.nodes[0]].op;
}

static size_t knob_count(const struct lowering *lowering) {
    size_t count = 0;
    while (lowering->knobs && lowering->knobs[count].name) count++;
    return count;
}

static size_t value_count(const struct tuning_knob *knob) {
    size_t count = 0;
    while (count < TUNING_MAX_VALUES && knob->values[count]) count++;
    return count;
}

bool candidate_equal(const struct candidate *a, const struct candidate *b) {
    return a->lowering == b->lowering && memcmp(a->choice, b->choice, sizeof a->choice) == 0;
}

static size_t space_of(const struct lowering *lowering) {
    size_t space = 1;
    for (size_t i = 0; i < knob_count(lowering); i++)
        if (!size_multiply(&space, space, value_count(&lowering->knobs[i]) + 1)) return SIZE_MAX;
    return space;
}

static bool is_over(const struct search *search) {
    const struct lipcl_tuner *tuner = search->tuner;
    if (tuner->params.max_candidates && search->tried >= tuner->params.max_candidates) return true;
    return time_ns() >= search->end_ns || tuner_is_stopped(tuner);
}

static struct seen *best(const struct search *search) {
    struct seen *found = NULL;
    for (size_t i = 0; i < search->seen_count; i++)
        if (search->seen[i].build && (!found || search->seen[i].ns < found->ns)) found = &search->seen[i];
    return found;
}

static enum lipcl_status remember(struct search *search, const struct seen *seen) {
    if (search->seen_count == search->seen_capacity) {
        size_t capacity = search->seen_capacity ? 2 * search->seen_capacity : 64;
        struct seen *grown = realloc(search->seen, capacity * sizeof *grown);
        if (!grown) return fail_memory(search->tuner->ctx, capacity * sizeof *grown);
        search->seen = grown;
        search->seen_capacity = capacity;
    }
    search->seen[search->seen_count++] = *seen;
    return LIPCL_OK;
}

bool search_has_seen(const struct search *search, const struct candidate *candidate) {
    for (size_t i = 0; i < search->seen_count; i++)
        if (candidate_equal(&search->seen[i].candidate, candidate)) return true;
    return false;
}

static void tell(const struct search *search, const struct candidate *candidate) {
    struct arena arena = {0};
    struct tuning tuning = candidate_tuning(candidate);
    uint64_t now = time_ns(), left = search->end_ns > now ? search->end_ns - now : 0;
    char *values = tuning_text(&arena, candidate->lowering, &tuning);
    char *text = arena_printf(&arena, "%s %s", candidate->lowering->name, values ? values : "");
    size_t total_ms = (size_t)(search->tuner->params.budget_s * 1000), left_ms = (size_t)(left / 1000000);
    progress(search->tuner->ctx, total_ms - size_min(left_ms, total_ms), total_ms, text ? text : "");
    arena_finish(&arena);
}

/* Plans, tests and times a candidate that has not been looked at yet; one that builds what another has built counts as seen. */
static enum lipcl_status try(struct search *search, const struct candidate *candidate) {
    enum lipcl_status status = LIPCL_OK;
    struct seen seen = {.candidate = *candidate}, *fastest = best(search);
    struct tuning tuning = candidate_tuning(candidate);
    struct trial trial = {0};
    const struct lipcl_plan *base = search->base->plan;
    if (is_over(search) || search_has_seen(search, candidate)) return LIPCL_OK;
    if (plan_takes(search->base->plan, &base->steps[0], &search->tuner->params.plan, candidate->lowering, &tuning)) {
        tell(search, candidate);
        status = trial_begin(search->tuner, search->task, search->graph, candidate, &trial);
        if (status == LIPCL_OK) {
            for (size_t i = 0; i < search->seen_count; i++)
                if (search->seen[i].build == trial.build) goto again;
            status = trial_time(search->tuner, &trial, fastest ? fastest->ns : 0, &seen.ns);
        }
        search->tried++;
        seen.build = status == LIPCL_OK ? trial.build : 0;
        search->refused += status != LIPCL_OK;
        if (status == LIPCL_ERROR_DEVICE_LOST) goto fail;
    }
again:
    status = remember(search, &seen);

fail:
    trial_end(&trial);
    return status;
}

/* Each lowering as it is. */
static enum lipcl_status try_defaults(struct search *search) {
    enum lipcl_status status = LIPCL_OK;
    for (const struct lowering *const *lowering = op_of(search)->lowerings; *lowering; lowering++)
        TRY(try(search, &(struct candidate){.lowering = *lowering}));

fail:
    return status;
}

/* The i-th of a lowering's space. */
static struct candidate candidate_at(const struct lowering *lowering, size_t i) {
    struct candidate candidate = {.lowering = lowering};
    for (size_t k = 0; k < knob_count(lowering); k++) {
        size_t values = value_count(&lowering->knobs[k]) + 1;
        candidate.choice[k] = i % values;
        i /= values;
    }
    return candidate;
}

static enum lipcl_status try_all(struct search *search) {
    enum lipcl_status status = LIPCL_OK;
    for (const struct lowering *const *lowering = op_of(search)->lowerings; *lowering; lowering++)
        for (size_t i = 0, space = space_of(*lowering); i < space; i++) {
            struct candidate candidate = candidate_at(*lowering, i);
            TRY(try(search, &candidate));
        }
    search->complete = !is_over(search);

fail:
    return status;
}

/* All that differ from `from` in one knob: the values beside its own, or every one where that is the lowering's choice. Goes on
 * from each that is better, until none is. */
static enum lipcl_status climb(struct search *search, struct candidate from) {
    enum lipcl_status status = LIPCL_OK;
    size_t knobs = knob_count(from.lowering), without = 0;
    for (size_t k = knobs ? draw(search, knobs) : 0; without < knobs && !is_over(search); k = (k + 1) % knobs, without++) {
        size_t values = value_count(&from.lowering->knobs[k]), own = from.choice[k];
        size_t first = own > 1 ? own - 1 : 1, last = own ? size_min(own + 1, values) : values;
        for (size_t i = first; i <= last; i++) {
            struct candidate next = from;
            next.choice[k] = i;
            TRY(try(search, &next));
        }
        const struct seen *fastest = best(search);
        if (!fastest || candidate_equal(&fastest->candidate, &from) || fastest->candidate.lowering != from.lowering) continue;
        from = fastest->candidate;
        without = 0;
    }

fail:
    return status;
}

/* Of a lowering that was within half as much again of the best. */
static bool is_hopeful(const struct search *search, const struct lowering *lowering) {
    const struct seen *fastest = best(search);
    for (size_t i = 0; i < search->seen_count; i++)
        if (search->seen[i].candidate.lowering == lowering && search->seen[i].build &&
            2 * search->seen[i].ns <= 3 * fastest->ns)
            return true;
    return false;
}

static enum lipcl_status try_random(struct search *search) {
    enum lipcl_status status = LIPCL_OK;
    const struct lowering *const *lowerings = op_of(search)->lowerings;
    size_t count = 0, before = search->tried;
    while (lowerings[count]) count++;
    for (size_t i = 0; i < ROUND * DRAWS_A_CANDIDATE && search->tried < before + ROUND && !is_over(search); i++) {
        struct candidate candidate = {.lowering = lowerings[draw(search, count)]};
        for (size_t k = 0; k < knob_count(candidate.lowering); k++)
            candidate.choice[k] = draw(search, value_count(&candidate.lowering->knobs[k]) + 1);
        if (is_hopeful(search, candidate.lowering)) TRY(try(search, &candidate));
    }

fail:
    return status;
}

enum lipcl_status search_run(struct search *search, const struct candidate *hints, size_t hint_count) {
    enum lipcl_status status = LIPCL_OK;
    size_t space = 0;
    for (const struct lowering *const *lowering = op_of(search)->lowerings; *lowering; lowering++)
        if (!size_add(&space, space, space_of(*lowering))) space = SIZE_MAX;
    for (size_t i = 0; i < hint_count; i++) TRY(try(search, &hints[i]));
    TRY(try_defaults(search));
    if (space <= SMALL_SPACE) {
        TRY(try_all(search));
        return LIPCL_OK;
    }
    for (size_t idle = 0; best(search) && idle < IDLE_ROUNDS && !is_over(search); idle++) {
        struct candidate before = best(search)->candidate;
        TRY(climb(search, before));
        TRY(try_random(search));
        if (!candidate_equal(&best(search)->candidate, &before)) idle = 0;
    }

fail:
    return status;
}

void search_finish(struct search *search) {
    free(search->seen);
    *search = (struct search){0};
}
