/* cmd_bench.c: how long LipNet takes, layer by layer, and what the device could reach at best. */
#include <math.h>

#include "bench.h"
#include "command.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

static int batch = 1, frames = 75, runs = 20, starts = 3, profiling, run_only;
static double fail_above = INFINITY;
static char *baseline_path;

/* What a child does whose memory is measured. */
static enum exit_code run_and_leave(struct bench *bench) {
    bool ok = bench_prepare(bench) && bench_run_once(bench);
    bench_finish(bench);
    if (ok && !options.json) print("done\n");
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code run_bench(struct invocation *invocation) {
    struct bench bench = {.ctx = invocation->ctx};
    struct bench_baseline baseline = {0};
    enum exit_code code = EXIT_FAILED;
    if (batch < 1 || frames < 1 || runs < 1)
        return usage_error(&command_bench, "--batch, --frames and --runs take numbers of at least 1");
    if (starts < 0) return usage_error(&command_bench, "--starts takes a number of at least 0");
    if (profiling < 0) return usage_error(&command_bench, "--profiling takes a number of at least 0");
    if (isnan(fail_above) || fail_above < 0)
        return usage_error(&command_bench, "--fail-above takes a percentage of at least 0");
    if (!isinf(fail_above) && !baseline_path) return usage_error(&command_bench, "--fail-above needs --compare");
    bench.job = (struct bench_job){(size_t)batch, (size_t)frames, (size_t)runs, (size_t)starts, (size_t)profiling};
    if (run_only) return run_and_leave(&bench);
    if (baseline_path && !bench_baseline_load(&baseline, baseline_path, &bench.job)) goto fail;
    size_t children = bench_child_tasks(&bench.job), own = bench_tasks(&bench.job);
    progress_begin(children + own + bench.job.profiling_rounds);
    bench_measure_children(&bench);
    if (!bench_measure(&bench, children)) goto fail;
    if (!bench_measure_profiling(&bench, children + own)) goto fail;
    code = EXIT_DONE;
    progress_end();
    if (options.json)
        bench_fill_document(&bench, invocation->document);
    else
        bench_print(&bench);
    if (baseline_path && bench_compare(&bench, &baseline, fail_above, options.json ? invocation->document : NULL))
        code = EXIT_MISMATCH;

fail:
    progress_end();
    bench_baseline_finish(&baseline);
    bench_finish(&bench);
    return code;
}

static struct poptOption bench_options[] = {
    {"batch", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &batch, 0, "clips a run", "N"},
    {"frames", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &frames, 0, "frames a clip", "T"},
    {"runs", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &runs, 0, "how often to measure", "R"},
    {"starts", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &starts, 0,
     "how many warm starts of the program to time, beside a cold one; 0: none at all", "N"},
    {"profiling", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &profiling, 0,
     "in how many rounds to measure what profiling costs a run, some 20 of them; 0: not at all", "N"},
    {"compare", '\0', POPT_ARG_STRING, &baseline_path, 0, "what `lipcl bench --json` printed earlier, to compare with",
     "BASELINE.json"},
    {"fail-above", '\0', POPT_ARG_DOUBLE, &fail_above, 0,
     "exit with 3 when the run, or a layer that is 5 % of it, takes over PCT percent longer than in the baseline", "PCT"},
    {"run-only", '\0', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, &run_only, 0, "plan and run once, measure nothing", NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, memory_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_bench = {
    .name = "bench",
    .summary = "time LipNet, layer by layer, beside the device's measured peaks",
    .usage = "[OPTIONS]",
    .description = "Measures the device's peak of multiply-adds and its copy bandwidth, then LipNet: a\n"
                   "whole run from host tensor to host logits, and each layer alone.\n"
                   "  GFLOP/S  the layer's useful arithmetic, by its definition, a second; OF PEAK may\n"
                   "           exceed 100 % where a lowering needs less of it (Winograd)\n"
                   "  DONE     the arithmetic that its kernels really do, padding included, a second\n"
                   "  GB/S     its inputs, parameters and outputs once each\n"
                   "\n"
                   "Processes of their own give the peak memory of such a run, and how long `lipcl read`\n"
                   "takes from its start to the first text, with empty caches (lipcl's and the driver's)\n"
                   "and with warm ones.\n"
                   "\n"
                   "Compare figures of one call only, or with --compare those of a quiet machine:\n"
                   "machines are rarely as quiet as they seem. `chrt -f 50 lipcl bench` (as root) helps.\n",
    .examples = "  lipcl bench\n"
                "  lipcl bench --device gpu --batch 4 --runs 50 --json >baseline.json\n"
                "  lipcl bench --profiling 20             what does profiling cost?\n"
                "  lipcl bench --device gpu --batch 4 --runs 50 --compare baseline.json --fail-above 10\n",
    .min_arguments = 0,
    .max_arguments = 0,
    .options = bench_options,
    .run = run_bench,
};
