/* cmd_check.c: every kernel against its reference, on random cases. */
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/check.h>

#include "check_bench.h"
#include "check_row.h"
#include "command.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

enum { DEFAULT_CASES = 10, DEFAULT_SEED = 1 };

/* What popt writes to. */
static struct {
    char *op, *lowering, *device, *fill, *n, *seed, *index;
    int list, fail_fast, bench, small;
} raw;

/* One invocation of `lipcl check`. */
struct checking {
    struct lipcl_context *ctx; /* silent unless -v: what a lowering does not take is no error here */
    const char *op, *lowering; /* patterns */
    unsigned long long cases, seed, index;
    bool fills[LIPCL_FILL_COUNT];
    struct check_rows rows;
    struct check_bench bench;
};

static bool matches(const char *pattern, const char *name) {
    return fnmatch(pattern, name, 0) == 0;
}

/* False after a usage error. */
static bool take_options(struct checking *checking) {
    *checking = (struct checking){.op = raw.op ? raw.op : "*", .lowering = raw.lowering ? raw.lowering : "*"};
    checking->cases = DEFAULT_CASES;
    checking->seed = DEFAULT_SEED;
    const struct {
        const char *name, *text;
        unsigned long long *number, max;
    } numbers[] = {{"--n", raw.n, &checking->cases, 1u << 24},
                   {"--seed", raw.seed, &checking->seed, UINT64_MAX},
                   {"--index", raw.index, &checking->index, 1u << 24}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].text && !parse_number(numbers[i].text, numbers[i].number, numbers[i].max)) {
            usage_error(&command_check, "%s %s: it is a whole number up to %llu", numbers[i].name, numbers[i].text,
                        numbers[i].max);
            return false;
        }
    bool all = !raw.fill || strcmp(raw.fill, "all") == 0, known = all;
    for (size_t i = 0; i < LIPCL_FILL_COUNT; i++) {
        bool named = raw.fill && strcmp(raw.fill, lipcl_fill_name((enum lipcl_fill)i)) == 0;
        checking->fills[i] = all || named;
        known = known || named;
    }
    if (!known) usage_error(&command_check, "--fill %s: it is int, unit, edge or all", raw.fill);
    return known;
}

/* The i-th lowering of an operator that is to be checked, NULL beyond the last. On `host` there is one way, the reference. */
static const char *lowering_name(const char *op, bool host, size_t i) {
    if (host) return i == 0 ? "reference" : NULL;
    return lipcl_check_lowering_name(op, i);
}

static enum exit_code print_list(const struct checking *checking) {
    json_t *operators = document_array();
    for (size_t i = 0; lipcl_check_op_name(i); i++) {
        const char *op = lipcl_check_op_name(i), *name;
        if (!matches(checking->op, op)) continue;
        json_t *lowerings = document_array(), *object = document_object();
        if (!options.json) print("%-12s", op);
        for (size_t k = 0; (name = lowering_name(op, false, k)); k++) {
            if (!matches(checking->lowering, name)) continue;
            if (!options.json) print("  %s", name);
            document_append(lowerings, document_text(name));
        }
        if (!options.json) print("\n");
        document_set(object, "op", document_text(op));
        document_set(object, "lowerings", lowerings);
        document_append(operators, object);
    }
    if (options.json)
        document_set(checking->rows.document, "operators", operators);
    else
        json_decref(operators);
    return EXIT_DONE;
}

/* Runs one case by every row's fill; false when one could not be run at all. */
static bool run_case(struct checking *checking, struct check_row *rows, size_t count, struct lipcl_device *device,
                     unsigned long long index) {
    bool host = lipcl_device_info(device)->type == LIPCL_DEVICE_HOST;
    for (size_t i = 0; i < count; i++) {
        struct check_row *row = &rows[i];
        struct lipcl_check_result result;
        struct lipcl_check_case one = {.op = row->op,
                                       .lowering = host ? NULL : row->lowering,
                                       .fill = row->fill,
                                       .seed = checking->seed,
                                       .index = index,
                                       .small = raw.small};
        if (lipcl_check_run(checking->ctx, &result, device, &one) != LIPCL_OK) {
            complain("%s %s, fill %s, case %llu: %s", row->op, row->lowering, lipcl_fill_name(row->fill), index,
                     lipcl_context_error(checking->ctx));
            return false;
        }
        if (options.log_level >= LIPCL_LOG_INFO) say("case %llu: %s", index, result.text);
        check_row_count(row, &result, &one);
        if (result.verdict == LIPCL_CHECK_FAILED && raw.fail_fast) break;
    }
    return true;
}

/* One lowering with every fill asked for, a row each. A case's fills come one after the other, as they run the same kernels,
 * which a device does not keep for ever. */
static bool run_rows(struct checking *checking, struct lipcl_device *device, const char *op, const char *lowering) {
    const struct lipcl_device_info *info = lipcl_device_info(device);
    size_t first = checking->rows.count, failed = 0;
    bool ran = true;
    for (int fill = 0; fill < LIPCL_FILL_COUNT; fill++)
        if (checking->fills[fill]) check_rows_add(&checking->rows, info, op, lowering, (enum lipcl_fill)fill);
    struct check_row *rows = &checking->rows.rows[first];
    size_t count = checking->rows.count - first;
    progress_task(first / count, "%s on %s", lowering, info->name);
    for (unsigned long long i = 0; i < checking->cases && ran && !(failed && raw.fail_fast); i++) {
        progress_step(NULL, (size_t)i, (size_t)checking->cases, "");
        ran = run_case(checking, rows, count, device, checking->index + i);
        for (size_t k = 0; k < count; k++) failed += rows[k].failed;
    }
    for (size_t k = 0; k < count; k++) check_rows_close(&checking->rows, &rows[k]);
    return ran;
}

/* One lowering's cases and, when asked for, its times. */
static bool run_lowering(struct checking *checking, struct lipcl_device *device, const char *op, const char *lowering) {
    if (raw.fail_fast && checking->rows.failed) return true;
    if (!run_rows(checking, device, op, lowering)) return false;
    if (!raw.bench || lipcl_device_info(device)->type == LIPCL_DEVICE_HOST) return true;
    uint64_t count = raw.n || raw.index ? checking->cases : 0;
    if (check_bench_lowering(&checking->bench, checking->ctx, device, op, lowering, checking->seed, checking->index, count))
        return true;
    complain("timing %s: %s", lowering, lipcl_context_error(checking->ctx));
    return false;
}

static bool run_device(struct checking *checking, const char *selector) {
    struct lipcl_device *device = NULL;
    bool ok = false;
    if (lipcl_device_create(checking->ctx, &device, selector) != LIPCL_OK) {
        complain("%s", lipcl_context_error(checking->ctx));
        goto fail;
    }
    bool host = lipcl_device_info(device)->type == LIPCL_DEVICE_HOST;
    if (raw.bench && host) caution("host runs the references, which are not timed");
    if (raw.bench && !host && !check_bench_device(&checking->bench, checking->ctx, device)) goto fail;
    for (size_t i = 0; lipcl_check_op_name(i); i++) {
        const char *op = lipcl_check_op_name(i), *lowering;
        for (size_t k = 0; (lowering = lowering_name(op, host, k)); k++)
            if (matches(checking->op, op) && matches(checking->lowering, lowering) &&
                !run_lowering(checking, device, op, lowering))
                goto fail;
    }
    ok = true;

fail:
    lipcl_device_destroy(&device);
    return ok;
}

/* How many lowerings there are on so many devices; for the bar. */
static size_t count_lowerings(const struct checking *checking, size_t devices) {
    size_t count = 0;
    for (size_t i = 0; lipcl_check_op_name(i); i++)
        for (size_t k = 0;
             matches(checking->op, lipcl_check_op_name(i)) && lipcl_check_lowering_name(lipcl_check_op_name(i), k); k++)
            count += matches(checking->lowering, lipcl_check_lowering_name(lipcl_check_op_name(i), k));
    return count * devices;
}

static enum exit_code check_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    struct checking checking;
    struct device_selection devices = {0};
    if (!take_options(&checking)) return EXIT_USAGE;
    checking.rows.document = options.json ? invocation->document : NULL;
    if (raw.list) return print_list(&checking);
    bool silent = options.log_level == LIPCL_LOG_DEFAULT || options.log_level == LIPCL_LOG_ERROR;
    checking.ctx = invocation->ctx;
    if (silent && lipcl_context_create(&checking.ctx, NULL) != LIPCL_OK) die_of_memory();
    if (!device_selection_init(&devices, invocation->ctx, raw.device)) goto fail;
    check_rows_begin(&checking.rows, checking.seed);
    if (raw.bench) check_bench_init(&checking.bench, checking.rows.document);
    progress_begin(count_lowerings(&checking, devices.count));
    bool ran = true;
    for (size_t i = 0; i < devices.count && ran; i++) ran = run_device(&checking, devices.selectors[i]);
    progress_end();
    if (checking.rows.count == 0 && ran) {
        complain("no lowering matches --op '%s' --lowering '%s'; `lipcl check --list` prints them", checking.op,
                 checking.lowering);
        goto fail;
    }
    if (raw.bench) check_bench_print(&checking.bench);
    check_rows_print(&checking.rows);
    code = !ran ? EXIT_FAILED : checking.rows.failed ? EXIT_MISMATCH : EXIT_DONE;

fail:
    check_bench_finish(&checking.bench);
    check_rows_finish(&checking.rows);
    device_selection_finish(&devices);
    if (silent) lipcl_context_destroy(&checking.ctx);
    return code;
}

static struct poptOption check_options[] = {
    {"op", '\0', POPT_ARG_STRING, &raw.op, 0, "operators, by a shell pattern (default: all)", "PAT"},
    {"lowering", '\0', POPT_ARG_STRING, &raw.lowering, 0, "lowerings, by a shell pattern (default: all)", "PAT"},
    {"device", 'd', POPT_ARG_STRING, &raw.device, 0,
     "all, or a comma list of what `lipcl devices` names (default: $LIPCL_DEVICE, else auto)", "SEL"},
    {"fill", '\0', POPT_ARG_STRING, &raw.fill, 0, "what inputs hold (default: all)", "int|unit|edge|all"},
    {"n", 'n', POPT_ARG_STRING, &raw.n, 0, "cases a lowering and fill (default: 10)", "N"},
    {"seed", '\0', POPT_ARG_STRING, &raw.seed, 0, "of the random cases (default: 1)", "S"},
    {"index", '\0', POPT_ARG_STRING, &raw.index, 0, "the first case's number (default: 0)", "I"},
    {"small", '\0', POPT_ARG_NONE, &raw.small, 0, "tiny shapes only, none of LipNet's: for simulators such as Oclgrind", NULL},
    {"fail-fast", '\0', POPT_ARG_NONE, &raw.fail_fast, 0, "stop at the first failure", NULL},
    {"bench", '\0', POPT_ARG_NONE, &raw.bench, 0,
     "also time LipNet's own cases, or those that --n and --index name, beside the device's measured peaks", NULL},
    {"list", '\0', POPT_ARG_NONE, &raw.list, 0, "print operators and their lowerings, run nothing", NULL},
    POPT_TABLEEND};

const struct command command_check = {
    .name = "check",
    .summary = "hold every kernel against its plain-C reference",
    .usage = "[OPTIONS]",
    .description = "Draws random cases of every operator (shapes with 1s, primes and tails; parameters),\n"
                   "runs them by every lowering on the device and compares with the reference, which sums\n"
                   "in double precision. The first cases of an operator are LipNet's own. Prints a row a\n"
                   "lowering and fill:\n"
                   "  int   small integers, whose sums are exact in single precision: so must answers be\n"
                   "        (but gru and log_softmax, which are never exact: they keep the bound)\n"
                   "  unit  numbers in [-1, 1]: answers must keep the release bound of `lipcl verify`\n"
                   "  edge  with NaN, infinities, denormals, large numbers and zeros strewn in\n"
                   "Outputs are poisoned before and guarded behind, inputs must stay as they were, and a\n"
                   "second run must give the same bits. A case is VACUOUS when its answer is the same\n"
                   "number everywhere, which proves nothing, and UNSUPPORTED when the lowering does not\n"
                   "take it. OF BOUND is the largest share of the bound that any element used, RHO the\n"
                   "largest error in roundings of the element's sum of magnitudes.\n"
                   "--bench: OF LIMIT is the time that the nearer of the two peaks, multiply-adds and\n"
                   "copying, would allow for a case's useful work over the time that it took.\n"
                   "\n"
                   "Exit status 3 when a case failed; the line below it reproduces it.\n",
    .examples = "  lipcl check\n"
                "  lipcl check --device all -n 200\n"
                "  lipcl check --op conv3d --fill int --seed 7 --index 12 -n 1\n"
                "  lipcl check --lowering 'linear_*' --bench\n"
                "  lipcl check --list\n",
    .options = check_options,
    .run = check_run,
};
