/* tune_blast.c: which parameters of CLBlast's kernels suit a device, by the products of a graph's layers.
 *
 * A row of blast.h's tables is tried on all products, alone: Xgemm's for all sizes, XgemmDirect's for all sizes. Then it is
 * known what any two rows take together, with any size between them, and the best such choice is run and checked once more. */
#include <stdlib.h>

#include "base/clock.h"
#include "device/blast.h"
#include "graph/extract.h"
#include "tune/tuner.h"

enum { MAX_PRODUCTS = 32, MAX_ROWS = 16, MAX_RUNS = 9, MIN_RUNS = 3, RUNS_NS = 200000000 };

/* Times of all products; total_ns is 0 where there are none. */
struct column {
    uint64_t ns[MAX_PRODUCTS], total_ns;
};

struct blast_search {
    struct lipcl_tuner *tuner;
    size_t count;
    size_t least[MAX_PRODUCTS]; /* the largest MIN_INDIRECT with which Xgemm takes the product */
    struct column own, xgemm[MAX_ROWS], direct[MAX_ROWS];
    size_t tried, refused;
};

static const struct lowering *lowering_of(const struct lipcl_tuner *tuner, const struct task *task) {
    const struct lowering *const *lowering = tuner->graph->nodes[task->layer.nodes[0]].op->lowerings;
    while (lowering && *lowering && !(*lowering)->clblast) lowering++;
    return task->tunable && lowering ? *lowering : NULL;
}

/* By default, or where it is measured to be faster. */
static bool may_use_clblast(const struct lipcl_tuner *tuner) {
    const struct device_caps *caps = device_caps(tuner->device);
    if (tuner->params.plan.gemm == LIPCL_GEMM_OWN || !caps->has_clblast) return false;
    for (size_t i = 0; i < tuner->task_count; i++)
        if (lowering_of(tuner, &tuner->tasks[i])) return caps->has_clblast();
    return false;
}

bool lipcl_tuner_wants_clblast(const struct lipcl_tuner *tuner) {
    bool by_default = !device_caps(tuner->device)->cpu; /* see gemm_wants_clblast() */
    return (by_default || tuner->params.plan.gemm == LIPCL_GEMM_CLBLAST) && may_use_clblast(tuner);
}

enum lipcl_status tuner_load_blast(struct lipcl_tuner *tuner) {
    if (!may_use_clblast(tuner)) return LIPCL_OK;
    tuning_file_finish(&tuner->records);
    enum lipcl_status status = tuning_file_load(tuner->ctx, &tuner->records, lipcl_device_info(tuner->device));
    tuner->blast = (struct blast_choice){0};
    if (status == LIPCL_OK) tuning_blast(tuner->ctx, &tuner->records, device_caps(tuner->device), &tuner->blast);
    return status;
}

static size_t third_root(double size) {
    size_t root = 1;
    while (root < BLAST_MAX_MIN_INDIRECT && (double)(root + 1) * (double)(root + 1) * (double)(root + 1) <= size) root++;
    return root;
}

static enum lipcl_status time_product(struct lipcl_tuner *tuner, const struct device_gemm *gemm, uint64_t *ns) {
    enum lipcl_status status = LIPCL_OK;
    uint64_t taken[MAX_RUNS], spent = 0;
    size_t runs = 0;
    TRY(device_gemm(tuner->device, gemm));
    TRY(device_finish(tuner->device));
    for (; runs < MAX_RUNS && (runs < MIN_RUNS || spent < RUNS_NS); runs++) {
        uint64_t begin = time_ns();
        TRY(device_gemm(tuner->device, gemm));
        TRY(device_finish(tuner->device));
        taken[runs] = time_ns() - begin;
        spent += taken[runs];
    }
    *ns = size_max((size_t)median(taken, runs), 1);

fail:
    return status;
}

/* Every number of a run. The blocks of a self-test may lie where tiles that do not cover a matrix happen to. */
static enum lipcl_status check_whole(struct lipcl_tuner *tuner, struct trial *trial) {
    enum lipcl_status status = LIPCL_OK;
    const struct step *step = &trial->plan->steps[0];
    struct compare_result results[OP_MAX_OUTPUTS];
    uint64_t ns;
    TRY(lipcl_plan_time_layer(tuner->ctx, trial->plan, 0, 1, &ns));
    TRY(step_check(trial->plan, step, false, results));
    for (size_t i = 0; i < trial->plan->nodes[step->layer.nodes[0]].op->output_count; i++)
        if (!(results[i].share <= 1)) status = LIPCL_ERROR_MISMATCH;

fail:
    return status;
}

/* The products of one layer by tuner->blast, as numbers *count and up. A layer that cannot be planned with CLBlast at all has
 * none; one that could be, and fails, is an error. */
static enum lipcl_status measure_layer(struct blast_search *search, const struct task *task, struct column *column,
                                       size_t *count, bool whole) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tuner *tuner = search->tuner;
    struct lipcl_graph *graph = NULL;
    struct trial trial = {0};
    const struct candidate candidate = {.lowering = lowering_of(tuner, task)};
    if (!candidate.lowering) return LIPCL_OK;
    TRY(graph_extract(tuner->ctx, &graph, tuner->graph, &task->layer));
    status = trial_begin(tuner, task, graph, &candidate, &trial);
    if (status == LIPCL_ERROR_UNSUPPORTED && column == &search->own) {
        status = LIPCL_OK;
        goto fail;
    }
    if (status != LIPCL_OK) goto fail;
    const struct step *step = &trial.plan->steps[0];
    for (size_t i = 0; i < step->launch_count && *count < MAX_PRODUCTS; i++) {
        const struct device_gemm *gemm = &step->launches[i].gemm;
        if (step->launches[i].kernel) continue;
        search->least[*count] = third_root((double)gemm->m * (double)gemm->n * (double)gemm->k);
        TRY(time_product(tuner, gemm, &column->ns[(*count)++]));
    }
    if (whole) TRY(check_whole(tuner, &trial));

fail:
    trial_end(&trial);
    lipcl_graph_destroy(&graph);
    return status;
}

/* All products by `choice`; the column stays empty where it is refused. */
static enum lipcl_status measure(struct blast_search *search, const struct blast_choice *choice, struct column *column,
                                 bool whole) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tuner *tuner = search->tuner;
    size_t count = 0;
    tuner->blast = *choice;
    for (size_t i = 0; i < tuner->task_count && status == LIPCL_OK; i++)
        status = measure_layer(search, &tuner->tasks[i], column, &count, whole);
    if (status == LIPCL_OK && column == &search->own) search->count = count;
    if (status == LIPCL_OK && count == search->count)
        for (size_t i = 0; i < count; i++) column->total_ns += column->ns[i];
    search->tried += choice->xgemm != 0;
    search->refused += column->total_ns == 0 && column != &search->own;
    return status == LIPCL_ERROR_DEVICE_LOST || status == LIPCL_ERROR_MEMORY ? status : LIPCL_OK;
}

static bool is_over(const struct lipcl_tuner *tuner, const struct blast_search *search) {
    if (tuner->params.max_candidates && search->tried >= tuner->params.max_candidates) return true;
    return time_ns() >= tuner->end_ns || tuner_is_stopped(tuner);
}

static size_t first_fit(const struct blast_kernel *kernel, const struct device_caps *caps) {
    size_t row = 1;
    while (row <= kernel->row_count && !blast_fits(kernel, row, caps)) row++;
    return row <= kernel->row_count ? row : 0;
}

/* Row after row of both kernels in turns, as long as there is time: the first ones of the tables are the likeliest. */
static enum lipcl_status try_rows(struct blast_search *search, const struct blast_choice *plain) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tuner *tuner = search->tuner;
    const struct device_caps *caps = device_caps(tuner->device);
    size_t rows = size_max(blast_xgemm.row_count, blast_direct.row_count);
    for (size_t row = 1; row <= rows && row <= MAX_ROWS; row++) {
        struct blast_choice x = {row, plain->direct, 1}, d = {plain->xgemm, row, BLAST_MAX_MIN_INDIRECT};
        progress(tuner->ctx, row - 1, rows, "CLBlast's parameters");
        if (blast_choice_is_valid(&x, caps) && !is_over(tuner, search))
            TRY(measure(search, &x, &search->xgemm[row - 1], false));
        if (blast_choice_is_valid(&d, caps) && !is_over(tuner, search))
            TRY(measure(search, &d, &search->direct[row - 1], false));
    }

fail:
    return status;
}

/* What all products take by two rows, of which Xgemm's takes those from `min_indirect` on; 0: a row that is needed has no
 * times.
 */
static uint64_t total(const struct blast_search *search, const struct column *xgemm, const struct column *direct,
                      size_t min_indirect) {
    uint64_t sum = 0;
    for (size_t i = 0; i < search->count; i++) {
        const struct column *column = search->least[i] >= min_indirect ? xgemm : direct;
        if (!column->total_ns) return 0;
        sum += column->ns[i];
    }
    return sum;
}

static uint64_t find_best(const struct blast_search *search, const struct blast_choice *plain, struct blast_choice *best) {
    uint64_t least = 0;
    for (size_t x = 0; x < MAX_ROWS; x++)
        for (size_t d = 0; d < MAX_ROWS; d++)
            for (size_t i = 0; i <= search->count; i++) {
                size_t min_indirect = i < search->count ? search->least[i] : BLAST_MAX_MIN_INDIRECT;
                uint64_t ns = total(search, &search->xgemm[x], &search->direct[d], min_indirect);
                if (ns == 0 || (least && ns >= least)) continue;
                least = ns;
                best->xgemm = search->xgemm[x].total_ns ? x + 1 : plain->xgemm;
                best->direct = search->direct[d].total_ns ? d + 1 : plain->direct;
                best->min_indirect = min_indirect;
            }
    return least;
}

static void keep(struct blast_search *search, const struct blast_choice *choice, struct lipcl_tuned_clblast *result) {
    struct lipcl_tuner *tuner = search->tuner;
    struct tuning_record record;
    char layer[TUNING_BLAST_BYTES];
    tuning_blast_record(&record, layer, device_caps(tuner->device), choice);
    record.ms = (double)result->ns / 1e6;
    record.default_ms = (double)result->default_ns / 1e6;
    record.candidates = search->tried;
    result->kept = tuning_file_put(tuner->ctx, &tuner->records, lipcl_device_info(tuner->device), &record);
    if (!result->kept) log_message(tuner->ctx, LIPCL_LOG_WARN, "tuning: CLBlast: the record could not be written");
}

enum lipcl_status lipcl_tuner_clblast(struct lipcl_context *ctx, struct lipcl_tuner *tuner,
                                      struct lipcl_tuned_clblast *result) {
    enum lipcl_status status = LIPCL_OK;
    const struct device_caps *caps = device_caps(tuner->device);
    const struct blast_choice plain = {first_fit(&blast_xgemm, caps), first_fit(&blast_direct, caps), 1}, own = {0};
    struct blast_choice best = {0};
    struct blast_search *search = NULL;
    struct column last = {.total_ns = 0};
    *result = (struct lipcl_tuned_clblast){.values = ""};
    if (!plain.xgemm || !plain.direct || !may_use_clblast(tuner)) return LIPCL_OK;
    search = calloc(1, sizeof *search);
    if (!search) TRY(fail_memory(ctx, sizeof *search));
    search->tuner = tuner;
    result->file_name = caps->clblast_name();
    TRY(measure(search, &own, &search->own, false));
    if (search->own.total_ns) TRY(try_rows(search, &plain));
    result->stopped = tuner_is_stopped(tuner);
    result->products = search->count;
    result->default_ns = result->ns = search->own.total_ns;
    uint64_t hoped = result->stopped ? 0 : find_best(search, &plain, &best);
    if (hoped && (double)hoped < margin * (double)result->default_ns) TRY(measure(search, &best, &last, true));
    if (last.total_ns && (double)last.total_ns < margin * (double)result->default_ns)
        result->ns = last.total_ns;
    else
        best = own;
    result->candidates = search->tried;
    result->refused = search->refused;
    result->values = best.xgemm ? arena_printf(&tuner->arena, "XGEMM=%zu DIRECT=%zu MIN_INDIRECT=%zu", best.xgemm, best.direct,
                                               best.min_indirect)
                                : "";
    if (!result->values) TRY(fail_memory(ctx, 1));
    if (hoped) keep(search, &best, result);

fail:
    tuner->blast = (struct blast_choice){0};
    free(search);
    return status;
}
