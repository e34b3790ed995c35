/* tuner.c: a graph's layers, one after another: search, the best against the default, a record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "graph/extract.h"
#include "tune/tuner.h"

enum { BUDGET_S = 60, FINALISTS = 2, MAX_HINTS = 2 };

bool tuner_is_stopped(const struct lipcl_tuner *tuner) {
    return tuner->params.stop && tuner->params.stop(tuner->params.user);
}

static struct task describe(struct lipcl_tuner *tuner, const struct lipcl_plan *plan, const struct step *step) {
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    struct task task = {
        .layer = step->layer,
        .op_text = arena_printf(&tuner->arena, "%s", step->op_text),
        .tunable = step->lowering != NULL,
        .output = plan->values[step_output(plan, step, 0)].layout,
    };
    for (size_t i = 0, k = 0; i < node->activation_count; i++)
        if (node->inputs[i]) task.inputs[k++] = plan->values[plan->alias[node->inputs[i]]].layout;
    return task;
}

/* The layers as they are planned, by records or without. */
static enum lipcl_status plan_tasks(struct lipcl_tuner *tuner, bool by_records) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_plan *plan = NULL;
    struct lipcl_plan_params params = tuner->params.plan;
    params.no_tuning = !by_records;
    TRY(lipcl_plan_create(tuner->ctx, &plan, tuner->graph, tuner->weights, tuner->device, &params));
    struct task *tasks = arena_alloc(&tuner->arena, (plan->step_count + 1) * sizeof *tasks);
    if (!tasks) TRY(fail_memory(tuner->ctx, plan->step_count * sizeof *tasks));
    for (size_t i = 0; i < plan->step_count; i++) {
        tasks[i] = describe(tuner, plan, &plan->steps[i]);
        if (by_records) {
            if (i < tuner->task_count) tasks[i].weight = tuner->tasks[i].weight;
            continue;
        }
        uint64_t ns[3] = {0};
        if (tasks[i].tunable) TRY(lipcl_plan_time_layer(tuner->ctx, plan, i, 3, ns));
        tasks[i].weight = (double)size_min((size_t)ns[0], size_min((size_t)ns[1], (size_t)ns[2]));
    }
    tuner->tasks = tasks;
    tuner->task_count = plan->step_count;

fail:
    lipcl_plan_destroy(&plan);
    return status;
}

/* A fifth of the budget is for all layers alike, the rest for where the time goes. */
static void share_budget(struct lipcl_tuner *tuner) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < tuner->task_count; i++) {
        sum += tuner->tasks[i].weight;
        count += tuner->tasks[i].tunable;
    }
    for (size_t i = 0; i < tuner->task_count; i++) {
        struct task *task = &tuner->tasks[i];
        task->weight = task->tunable ? 0.2 / count + 0.8 * task->weight / sum : 0;
    }
}

enum lipcl_status lipcl_tuner_create(struct lipcl_context *ctx, struct lipcl_tuner **tuner, const struct lipcl_graph *graph,
                                     const struct lipcl_tensor_set *weights, struct lipcl_device *device,
                                     const struct lipcl_tune_params *params) {
    enum lipcl_status status = LIPCL_OK;
    *tuner = calloc(1, sizeof **tuner);
    if (!*tuner) TRY(fail_memory(ctx, sizeof **tuner));
    **tuner = (struct lipcl_tuner){.ctx = ctx, .graph = graph, .weights = weights, .device = device};
    if (params) (*tuner)->params = *params;
    double budget = (*tuner)->params.budget_s;
    if (!(budget >= 0 && budget <= 1e6))
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "tune: a budget of %g s is none; give 0 (for %d) to 1000000", budget, BUDGET_S));
    if (budget == 0) (*tuner)->params.budget_s = BUDGET_S;
    if (device_caps(device)->host)
        TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "tune: host has one way to do a layer, the reference; choose an OpenCL device"));
    if ((*tuner)->params.import) TRY(tuning_file_import(ctx, &(*tuner)->imported, (*tuner)->params.import));
    TRY(tuning_file_load(ctx, &(*tuner)->records, lipcl_device_info(device)));
    TRY(plan_tasks(*tuner, false));
    share_budget(*tuner);
    (*tuner)->end_ns = time_ns() + (uint64_t)((*tuner)->params.budget_s * 1e9); /* now that what all need is compiled */
    return LIPCL_OK;

fail:
    lipcl_tuner_destroy(tuner);
    return status;
}

void lipcl_tuner_destroy(struct lipcl_tuner **tuner) {
    if (!tuner || !*tuner) return;
    tuning_file_finish(&(*tuner)->records);
    tuning_file_finish(&(*tuner)->imported);
    arena_finish(&(*tuner)->arena);
    free(*tuner);
    *tuner = NULL;
}

size_t lipcl_tuner_layer_count(const struct lipcl_tuner *tuner) {
    return tuner->task_count;
}

/* The layer's part of the time that is left, most of it for the search. */
static void set_ends(const struct lipcl_tuner *tuner, size_t layer, struct search *search) {
    double sum = 0;
    uint64_t now = time_ns(), left = now < tuner->end_ns ? tuner->end_ns - now : 0;
    for (size_t i = layer; i < tuner->task_count; i++) sum += tuner->tasks[i].weight;
    double part = sum > 0 ? (double)left * tuner->tasks[layer].weight / sum : 0;
    search->end_ns = now + (uint64_t)(0.7 * part);
    search->compare_end_ns = now + (uint64_t)part;
}

/* A record's choice as a candidate; false: it is none. */
static bool read_hint(struct lipcl_tuner *tuner, struct candidate *hint, const struct tuning_file *file, const char *text,
                      const struct node *node) {
    struct tuning tuning;
    const struct tuning_record *record = tuning_file_find(file, text);
    *hint = (struct candidate){0};
    if (record) hint->lowering = tuning_record_choice(tuner->ctx, record, node->op, node->name, &tuning);
    if (!hint->lowering) return false;
    for (size_t i = 0; hint->lowering->knobs && hint->lowering->knobs[i].name; i++)
        for (size_t k = 0; k < TUNING_MAX_VALUES && tuning.values[i]; k++)
            if (hint->lowering->knobs[i].values[k] == tuning.values[i]) hint->choice[i] = k + 1;
    return true;
}

static int faster(const void *a, const void *b) {
    const struct seen *x = a, *y = b;
    uint64_t s = x->build ? x->ns : UINT64_MAX, t = y->build ? y->ns : UINT64_MAX;
    return (s > t) - (s < t);
}

/* The best of the search against the default, in turns. *winner is 0, the default, or one that is faster and right. */
static enum lipcl_status choose(struct search *search, struct trial trials[1 + FINALISTS], uint64_t ns[1 + FINALISTS],
                                size_t *winner) {
    enum lipcl_status status = LIPCL_OK;
    size_t count = 1;
    bool ok;
    qsort(search->seen, search->seen_count, sizeof *search->seen, faster);
    trials[0] = *search->base;
    for (size_t i = 0; i < search->seen_count && count <= FINALISTS && search->seen[i].build; i++) {
        if (search->seen[i].build == search->base->build) continue;
        status = trial_begin(search->tuner, search->task, search->graph, &search->seen[i].candidate, &trials[count]);
        if (status == LIPCL_ERROR_DEVICE_LOST) goto fail;
        if (status == LIPCL_OK) count++;
    }
    TRY(trials_compare(search->tuner, trials, count, search->compare_end_ns, ns));
    for (;;) {
        *winner = 0;
        for (size_t i = 1; i < count; i++)
            if ((double)ns[i] < margin * (double)ns[0] && (*winner == 0 || ns[i] < ns[*winner])) *winner = i;
        if (*winner == 0) break;
        TRY(trial_verify(search->tuner, &trials[*winner], &ok));
        if (ok) break;
        search->refused++;
        ns[*winner] = UINT64_MAX;
    }

fail:
    trials[0] = (struct trial){0}; /* the caller's */
    return status;
}

static enum lipcl_status keep(struct lipcl_tuner *tuner, const char *text, const struct trial *trial,
                              const struct search *search, struct lipcl_tuned_layer *result) {
    const struct lowering *lowering = trial->plan->steps[0].lowering;
    struct tuning tuning = candidate_tuning(&trial->candidate);
    struct tuning_record record = {.layer = (char *)text, .build = trial->build, .candidates = search->tried};
    result->tuning = tuning_text(&tuner->arena, lowering, &tuning);
    result->lowering = lowering->name;
    if (!result->tuning) return fail_memory(tuner->ctx, 1);
    snprintf(record.lowering, sizeof record.lowering, "%s", lowering->name);
    snprintf(record.default_lowering, sizeof record.default_lowering, "%s", result->default_lowering);
    record.ms = (double)result->ns / 1e6;
    record.default_ms = (double)result->default_ns / 1e6;
    for (size_t i = 0; lowering->knobs && lowering->knobs[i].name; i++) {
        if (!tuning.values[i]) continue;
        struct tuning_value *value = &record.values[record.value_count++];
        snprintf(value->knob, sizeof value->knob, "%s", lowering->knobs[i].name);
        value->value = tuning.values[i];
    }
    result->kept = tuning_file_put(tuner->ctx, &tuner->records, lipcl_device_info(tuner->device), &record);
    if (!result->kept) log_message(tuner->ctx, LIPCL_LOG_WARN, "tuning: %s: the record could not be written", result->name);
    return LIPCL_OK;
}

static enum lipcl_status tune(struct lipcl_tuner *tuner, size_t layer, struct search *search,
                              struct lipcl_tuned_layer *result) {
    enum lipcl_status status = LIPCL_OK;
    const struct node *node = &tuner->graph->nodes[search->task->layer.nodes[0]];
    struct trial trials[1 + FINALISTS] = {{.plan = NULL}};
    struct candidate hints[MAX_HINTS];
    uint64_t ns[1 + FINALISTS];
    size_t hint_count = 0, winner = 0;
    const struct step *step = &search->base->plan->steps[0];
    char *text = plan_step_text(search->base->plan, step, &tuner->params.plan);
    if (!text) TRY(fail_memory(tuner->ctx, 1));
    hint_count += read_hint(tuner, &hints[hint_count], &tuner->records, text, node);
    size_t recorded = hint_count;
    hint_count += read_hint(tuner, &hints[hint_count], &tuner->imported, text, node);
    set_ends(tuner, layer, search);
    TRY(search_run(search, hints, hint_count));
    result->stopped = tuner_is_stopped(tuner);
    result->complete = search->complete;
    /* With no time to try anything, nothing has been found out; nor with none for what the present record says. */
    bool new = search->tried > 0 && (recorded == 0 || search_has_seen(search, &hints[0]));
    if (!result->stopped && new) {
        TRY(choose(search, trials, ns, &winner));
        result->default_ns = ns[0];
        result->ns = ns[winner];
        bool moved = winner && !layout_equal(&trials[winner].plan->values[step_output(trials[winner].plan, step, 0)].layout,
                                             &search->task->output);
        TRY(keep(tuner, text, winner ? &trials[winner] : search->base, search, result));
        if (moved) TRY(plan_tasks(tuner, true)); /* the next layers read another layout */
    }
    result->candidates = search->tried;
    result->refused = search->refused;

fail:
    for (size_t i = 1; i <= FINALISTS; i++) trial_end(&trials[i]);
    return status;
}

enum lipcl_status lipcl_tuner_run(struct lipcl_context *ctx, struct lipcl_tuner *tuner, size_t layer,
                                  struct lipcl_tuned_layer *result) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_graph *graph = NULL;
    struct trial base = {0};
    struct search search = {.tuner = tuner, .base = &base};
    *result = (struct lipcl_tuned_layer){0};
    if (layer >= tuner->task_count)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "tune: there is no layer %zu, there are %zu", layer, tuner->task_count));
    TRY(tuner_load_blast(tuner));
    search.task = &tuner->tasks[layer];
    result->name = tuner->graph->nodes[search.task->layer.nodes[0]].name;
    result->op = search.task->op_text;
    result->default_lowering = result->lowering = "reference";
    result->tuning = "";
    result->stopped = tuner_is_stopped(tuner);
    if (!search.task->tunable || result->stopped) return LIPCL_OK;
    TRY(graph_extract(ctx, &graph, tuner->graph, &search.task->layer));
    search.graph = graph;
    status = trial_begin(tuner, search.task, graph, &(struct candidate){0}, &base);
    if (status == LIPCL_ERROR_UNSUPPORTED) { /* alone it would become several steps: none of the tuner's business */
        status = LIPCL_OK;
        goto fail;
    }
    if (status != LIPCL_OK) TRY(fail(ctx, status, "tune: %s: %s", result->name, lipcl_status_name(status)));
    result->default_lowering = result->lowering = base.plan->steps[0].lowering->name;
    const struct lowering *const *lowerings = tuner->graph->nodes[search.task->layer.nodes[0]].op->lowerings;
    if (lowerings[1] || lowerings[0]->knobs)
        TRY(tune(tuner, layer, &search, result));
    else
        result->complete = true;

fail:
    search_finish(&search);
    trial_end(&base);
    lipcl_graph_destroy(&graph);
    return status;
}
