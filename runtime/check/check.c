#include <lipcl/check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/draw.h"
#include "plan/steps.h"
#include "tensor/compare.h"

static const draw_fn draw_table[] = {
#define OP(name) draw_##name,
#include "ops/ops.def"
#undef OP
};

enum { OP_COUNT = sizeof draw_table / sizeof *draw_table, MAX_PORTS = 4 };

const char *lipcl_fill_name(enum lipcl_fill fill) {
    return fill == LIPCL_FILL_INT ? "int" : fill == LIPCL_FILL_UNIT ? "unit" : fill == LIPCL_FILL_EDGE ? "edge" : "?";
}

const char *lipcl_check_op_name(size_t index) {
    return index < OP_COUNT ? op_table[index]->name : NULL;
}

const char *lipcl_check_lowering_name(const char *op, size_t index) {
    const struct op_def *def = op_find(op);
    for (size_t i = 0; def && def->lowerings[i]; i++)
        if (i == index) return def->lowerings[i]->name;
    return NULL;
}

static size_t op_index(const char *name) {
    size_t i = 0;
    while (i < OP_COUNT && strcmp(op_table[i]->name, name) != 0) i++;
    return i;
}

/* The graph of one case with everything that is needed to run it. */
struct bench {
    struct lipcl_graph *graph;
    struct lipcl_tensor_set *weights;
    struct lipcl_plan *plan;
    size_t input_count, output_count;
    struct lipcl_tensor *inputs[MAX_PORTS], *outputs[MAX_PORTS], *again[MAX_PORTS];
};

static void bench_finish(struct bench *bench) {
    lipcl_plan_destroy(&bench->plan);
    lipcl_graph_destroy(&bench->graph);
    lipcl_tensor_set_destroy(&bench->weights);
    for (size_t i = 0; i < MAX_PORTS; i++) {
        lipcl_tensor_destroy(&bench->inputs[i]);
        lipcl_tensor_destroy(&bench->outputs[i]);
        lipcl_tensor_destroy(&bench->again[i]);
    }
}

/* The length of the longest sum of products: elements of a weight a row. */
static size_t sum_length(const struct lipcl_graph *graph) {
    size_t longest = 1;
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        const struct lipcl_shape *shape = lipcl_graph_parameter_shape(graph, i);
        longest = size_max(longest, lipcl_shape_count(shape) / shape->dims[0]);
    }
    return longest;
}

static enum lipcl_status make_tensors(struct lipcl_context *ctx, struct bench *bench, struct draw *draw, enum lipcl_fill kind,
                                      bool is_gru) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *tensor = NULL;
    size_t terms = sum_length(bench->graph);
    bench->input_count = lipcl_graph_input_count(bench->graph);
    bench->output_count = lipcl_graph_output_count(bench->graph);
    if (is_gru && kind == LIPCL_FILL_INT) kind = LIPCL_FILL_UNIT; /* behind a sigmoid nothing is an integer */
    for (size_t i = 0; i < bench->input_count; i++) {
        TRY(lipcl_tensor_create(ctx, &bench->inputs[i], LIPCL_F32, lipcl_graph_input_shape(bench->graph, i)));
        draw_fill(draw, bench->inputs[i], kind, terms, 1, false);
    }
    for (size_t i = 0; i < bench->output_count; i++) {
        TRY(lipcl_tensor_create(ctx, &bench->outputs[i], LIPCL_F32, lipcl_graph_output_shape(bench->graph, i)));
        TRY(lipcl_tensor_create(ctx, &bench->again[i], LIPCL_F32, lipcl_graph_output_shape(bench->graph, i)));
    }
    TRY(lipcl_tensor_set_create(ctx, &bench->weights));
    for (size_t i = 0; i < lipcl_graph_parameter_count(bench->graph); i++) {
        TRY(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, lipcl_graph_parameter_shape(bench->graph, i)));
        draw_fill(draw, tensor, kind, terms, is_gru ? 2 / sqrtf((float)terms) : 1, true);
        TRY(lipcl_tensor_set_add(ctx, bench->weights, lipcl_graph_parameter_name(bench->graph, i), &tensor));
    }

fail:
    lipcl_tensor_destroy(&tensor);
    return status;
}

/* Whether single precision must give the reference's very numbers. */
static bool is_exact(const struct step *step, const char *op, enum lipcl_fill fill) {
    if (step->lowering && step->lowering->magnitude) return false;
    bool sums = strcmp(op, "conv3d") == 0 || strcmp(op, "linear") == 0;
    bool transcendental = strcmp(op, "gru") == 0 || strcmp(op, "log_softmax") == 0;
    return !transcendental && (!sums || fill == LIPCL_FILL_INT);
}

static bool same_bits(const struct lipcl_tensor *a, const struct lipcl_tensor *b) {
    return memcmp(a->data, b->data, lipcl_tensor_bytes(a)) == 0;
}

LIKE_PRINTF(3, 4)
static void judge(struct lipcl_check_result *result, enum lipcl_check_verdict verdict, const char *format, ...) {
    if (result->verdict == LIPCL_CHECK_FAILED) return; /* the first failure is the one to read */
    result->verdict = verdict;
    va_list args;
    va_start(args, format);
    vsnprintf(result->reason, sizeof result->reason, format, args);
    va_end(args);
}

static void judge_step(struct lipcl_check_result *result, const struct lipcl_plan *plan, const struct step *step,
                       const char *how, const struct compare_result *compared) {
    for (size_t k = 0; k < plan->nodes[step->layer.nodes[0]].op->output_count; k++) {
        result->max_error = fmax(result->max_error, compared[k].max_error);
        result->bound_share = fmax(result->bound_share, compared[k].share);
        result->rho = fmax(result->rho, compared[k].rho);
        if (!(compared[k].share <= 1))
            judge(result, LIPCL_CHECK_FAILED, "%s%s%s: %s", step->op_text, k ? " (final state)" : "", how, compared[k].reason);
        else if (compared[k].vacuous && k == 0)
            judge(result, LIPCL_CHECK_VACUOUS, "%s", compared[k].reason);
    }
}

enum { MAX_FREE_STEPS = 3 };

/* Whether a step is a recurrence so short that it can also be compared running freely. */
static bool is_short_recurrence(const struct lipcl_plan *plan, const struct step *step) {
    const struct node *node = &plan->nodes[step->layer.nodes[0]];
    return strcmp(node->op->name, "gru") == 0 && plan->values[node->outputs[0]].shape.dims[0] <= MAX_FREE_STEPS;
}

/* Holds every step's outputs against the reference of that step, fed with what the device fed it. */
static enum lipcl_status compare_steps(struct lipcl_check_result *result, struct bench *bench,
                                       const struct lipcl_check_case *spec) {
    enum lipcl_status status = LIPCL_OK;
    struct compare_result compared[OP_MAX_OUTPUTS];
    for (size_t i = 0; i < bench->plan->step_count; i++) {
        const struct step *step = &bench->plan->steps[i];
        TRY(step_check(bench->plan, step, is_exact(step, spec->op, spec->fill), compared));
        judge_step(result, bench->plan, step, "", compared);
        if (!is_short_recurrence(bench->plan, step)) continue;
        TRY(step_check_free_running(bench->plan, step, compared));
        judge_step(result, bench->plan, step, " (running freely)", compared);
    }

fail:
    return status;
}

/* The graph's outputs must be what the layers computed: a wrong copy to row-major order shows here. */
static enum lipcl_status compare_outputs(struct lipcl_context *ctx, struct lipcl_check_result *result, struct bench *bench) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *seen = NULL;
    for (size_t i = 0; i < bench->output_count; i++) {
        TRY(lipcl_tensor_create(ctx, &seen, LIPCL_F32, &bench->outputs[i]->shape));
        TRY(plan_read_value(bench->plan, seen->data, bench->plan->outputs[i]));
        if (!same_bits(seen, bench->outputs[i]))
            judge(result, LIPCL_CHECK_FAILED, "output %zu is not what its layer computed", i);
        if (!same_bits(bench->again[i], bench->outputs[i]))
            judge(result, LIPCL_CHECK_FAILED, "output %zu differs between two runs", i);
        lipcl_tensor_destroy(&seen);
    }
    for (size_t i = 0; i < bench->input_count; i++) {
        TRY(lipcl_tensor_create(ctx, &seen, LIPCL_F32, &bench->inputs[i]->shape));
        TRY(plan_read_value(bench->plan, seen->data, bench->plan->inputs[i]));
        if (!same_bits(seen, bench->inputs[i])) judge(result, LIPCL_CHECK_FAILED, "input %zu was written to", i);
        lipcl_tensor_destroy(&seen);
    }

fail:
    lipcl_tensor_destroy(&seen);
    return status;
}

/* Reshapes and permutes compute nothing when they are views, so their whole graph is held against the references once more. */
static enum lipcl_status compare_whole(struct lipcl_context *ctx, struct lipcl_check_result *result, struct bench *bench) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_device *host = NULL;
    struct lipcl_plan *plan = NULL;
    struct lipcl_tensor *wanted[MAX_PORTS] = {0};
    struct compare_result compared;
    TRY(lipcl_device_create(ctx, &host, "host"));
    TRY(lipcl_plan_create(ctx, &plan, bench->graph, bench->weights, host, &(struct lipcl_plan_params){.no_fusion = true}));
    TRY(lipcl_tensor_create(ctx, &wanted[0], LIPCL_F32, &bench->outputs[0]->shape));
    TRY(lipcl_plan_run(ctx, plan, wanted, (const struct lipcl_tensor *const *)bench->inputs));
    compare_exact(&compared, bench->outputs[0]->data, wanted[0]->data, lipcl_tensor_count(wanted[0]));
    if (!(compared.share <= 1)) judge(result, LIPCL_CHECK_FAILED, "as a whole: %s", compared.reason);

fail:
    lipcl_plan_destroy(&plan);
    lipcl_device_destroy(&host);
    lipcl_tensor_destroy(&wanted[0]);
    return status;
}

static enum lipcl_status run_bench(struct lipcl_context *ctx, struct lipcl_check_result *result, struct bench *bench,
                                   const struct lipcl_check_case *spec) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_tensor *const *inputs = (const struct lipcl_tensor *const *)bench->inputs;
    TRY(lipcl_plan_run(ctx, bench->plan, bench->outputs, inputs));
    TRY(lipcl_plan_run(ctx, bench->plan, bench->again, inputs));
    if (bench->plan->step_count)
        snprintf(result->lowering, sizeof result->lowering, "%s",
                 bench->plan->steps[0].lowering ? bench->plan->steps[0].lowering->name : "reference");
    TRY(compare_steps(result, bench, spec));
    TRY(compare_outputs(ctx, result, bench));
    if (op_find(spec->op)->view) TRY(compare_whole(ctx, result, bench));
    size_t broken = 0;
    TRY(plan_check_guards(bench->plan, &broken));
    if (broken) judge(result, LIPCL_CHECK_FAILED, "the guard bands behind %zu buffers were written to", broken);

fail:
    return status;
}

/* How a case is run beside what its graph says: drawn whatever the device, so that the same numbers are computed on all. */
struct variant {
    bool as_gpu;   /* CPU devices only */
    bool no_views; /* operators that have some only */
    size_t tuning_count;
    struct tuning
        tunings[4]; /* to be tried one after the other, until one suits the case; the last: all is the lowering's choice */
};

/* NULL: there is none of that name. */
static const struct lowering *find_lowering(const struct op_def *op, const char *name) {
    for (size_t i = 0; op->lowerings[i]; i++)
        if (strcmp(op->lowerings[i]->name, name) == 0) return op->lowerings[i];
    return NULL;
}

static void draw_tuning(struct draw *draw, struct tuning *tuning, const struct tuning_knob *knobs) {
    for (size_t i = 0; knobs && knobs[i].name; i++) {
        size_t count = 0;
        while (count < TUNING_MAX_VALUES && knobs[i].values[count]) count++;
        size_t choice = draw_size(draw, 0, count - 1);
        tuning->values[i] = draw_chance(draw, 2) ? knobs[i].values[choice] : 0;
    }
}

/* LipNet's own cases run as planning would have them, others in all the ways that there are. */
static void draw_variant(struct draw *draw, struct variant *variant, const struct tuning_knob *knobs) {
    const size_t tries = sizeof variant->tunings / sizeof *variant->tunings;
    *variant = (struct variant){.as_gpu = draw_chance(draw, 2), .tuning_count = draw_chance(draw, 2) ? tries : 1};
    for (size_t i = 0; i + 1 < tries; i++) draw_tuning(draw, &variant->tunings[i], knobs);
    variant->no_views = variant->tuning_count > 1; /* where there is nothing to tune */
    if (draw->lipnet) *variant = (struct variant){.tuning_count = 1};
    if (variant->tuning_count == 1) variant->tunings[0] = (struct tuning){{0}};
}

static void append_variant(char *text, size_t bytes, const struct variant *variant, const struct tuning *tuning,
                           const struct tuning_knob *knobs) {
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, bytes - used, "%s%s", variant->no_views ? " copied" : "",
                             variant->as_gpu ? " as on a GPU" : "");
    for (size_t i = 0; knobs && knobs[i].name && used < bytes; i++)
        if (tuning->values[i]) used += (size_t)snprintf(text + used, bytes - used, " %s=%zu", knobs[i].name, tuning->values[i]);
}

/* The next way to try for a case that does not suit the last: another tuning, and, where all were tried on a CPU that pretends
 * to be a GPU, the same on what it is, as some lowerings are for CPUs alone. */
static bool next_way(struct variant *variant, size_t *tuning) {
    if (++*tuning < variant->tuning_count) return true;
    if (!variant->as_gpu) return false;
    variant->as_gpu = false;
    *tuning = 0;
    return true;
}

/* Draws the case's graph and numbers, and plans it; UNSUPPORTED is a verdict, not a failure. */
static enum lipcl_status plan_bench(struct lipcl_context *ctx, struct lipcl_check_result *result, struct bench *bench,
                                    struct lipcl_device *device, const struct lipcl_check_case *spec, struct draw *draw,
                                    bool guard) {
    enum lipcl_status status = LIPCL_OK;
    struct variant variant;
    size_t op = op_index(spec->op);
    *result = (struct lipcl_check_result){.verdict = LIPCL_CHECK_PASSED};
    if (op == OP_COUNT) TRY(fail(ctx, LIPCL_ERROR_NOT_FOUND, "check: there is no operator \"%s\"", spec->op));
    const struct lowering *lowering = spec->lowering ? find_lowering(op_table[op], spec->lowering) : NULL;
    if (spec->lowering && !lowering)
        TRY(fail(ctx, LIPCL_ERROR_NOT_FOUND, "check: %s has no lowering \"%s\"", spec->op, spec->lowering));
    draw->seed = spec->seed ^ ((uint64_t)op << 56);
    draw->next = spec->index << 36;
    draw->index = spec->index;
    draw->small = spec->small;
    TRY(lipcl_graph_create(ctx, &bench->graph));
    draw_table[op](draw, bench->graph, result->text, sizeof result->text);
    TRY(lipcl_graph_status(bench->graph));
    size_t used = strlen(result->text);
    snprintf(result->text + used, sizeof result->text - used, "%s", draw->note);
    const struct tuning_knob *knobs = lowering ? lowering->knobs : NULL;
    draw_variant(draw, &variant, knobs);
    variant.as_gpu = variant.as_gpu && device_caps(device)->cpu;
    variant.no_views = variant.no_views && op_table[op]->view;
    TRY(make_tensors(ctx, bench, draw, spec->fill, strcmp(spec->op, "gru") == 0));
    size_t i = 0;
    do {
        struct plan_checks checks = {.guard = guard,
                                     .op = spec->op,
                                     .lowering = spec->lowering,
                                     .tuning = variant.tunings[i],
                                     .as_gpu = variant.as_gpu,
                                     .no_views = variant.no_views};
        status = plan_create(ctx, &bench->plan, bench->graph, bench->weights, device,
                             &(struct lipcl_plan_params){.no_self_test = true}, &checks);
    } while (status == LIPCL_ERROR_UNSUPPORTED && next_way(&variant, &i));
    append_variant(result->text, sizeof result->text, &variant, &variant.tunings[size_min(i, variant.tuning_count - 1)], knobs);
    if (spec->lowering && (status == LIPCL_ERROR_UNSUPPORTED || status == LIPCL_ERROR_BUILD)) {
        judge(result, status == LIPCL_ERROR_BUILD ? LIPCL_CHECK_FAILED : LIPCL_CHECK_UNSUPPORTED, "%s",
              lipcl_context_error(ctx));
        status = LIPCL_OK;
    }

fail:
    return status;
}

enum lipcl_status lipcl_check_run(struct lipcl_context *ctx, struct lipcl_check_result *result, struct lipcl_device *device,
                                  const struct lipcl_check_case *spec) {
    enum lipcl_status status = LIPCL_OK;
    struct bench bench = {0};
    struct draw draw = {.frames = 2};
    TRY(plan_bench(ctx, result, &bench, device, spec, &draw, true));
    if (bench.plan) TRY(run_bench(ctx, result, &bench, spec));

fail:
    bench_finish(&bench);
    return status;
}

enum { TIMED_FRAMES = 75, TIMED_RUNS = 20, TIMED_NS = 500000000 };

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of several runs of the step that the case is about, its last. */
static enum lipcl_status time_bench(struct lipcl_context *ctx, struct lipcl_check_timing *timing, struct bench *bench) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_tensor *const *inputs = (const struct lipcl_tensor *const *)bench->inputs;
    struct lipcl_layer_info info;
    uint64_t ns[TIMED_RUNS] = {0};
    size_t runs = 0, layer = lipcl_plan_layer_count(bench->plan) - 1;
    TRY(lipcl_plan_run(ctx, bench->plan, bench->outputs, inputs));
    TRY(lipcl_plan_layer_info(ctx, bench->plan, layer, &info));
    for (uint64_t spent = 0; runs < TIMED_RUNS && (runs < 3 || spent < TIMED_NS); spent += ns[runs++])
        TRY(lipcl_plan_time_layer(ctx, bench->plan, layer, 1, &ns[runs]));
    qsort(ns, runs, sizeof *ns, by_size);
    timing->median_ns = ns[runs / 2];
    timing->flops = info.flops;
    timing->bytes = info.bytes;

fail:
    return status;
}

enum lipcl_status lipcl_check_time(struct lipcl_context *ctx, struct lipcl_check_timing *timing, struct lipcl_device *device,
                                   const struct lipcl_check_case *spec) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_check_result result;
    struct bench bench = {0};
    struct draw draw = {.frames = TIMED_FRAMES};
    *timing = (struct lipcl_check_timing){0};
    TRY(plan_bench(ctx, &result, &bench, device, spec, &draw, false));
    snprintf(timing->text, sizeof timing->text, "%s", result.text);
    timing->lipnet = draw.lipnet;
    timing->supported = bench.plan != NULL && bench.plan->step_count > 0;
    if (timing->supported) TRY(time_bench(ctx, timing, &bench));

fail:
    bench_finish(&bench);
    return status;
}
