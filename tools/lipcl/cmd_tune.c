/* cmd_tune.c: measures which way to do each of LipNet's layers is the fastest here, and keeps what it finds. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipnet.h>
#include <lipcl/tune.h>

#include "child.h"
#include "command.h"
#include "datafile.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "table.h"

static int batch = 1, frames = 75, list, forget, no_clblast, only_clblast;
static double budget = 60;
static const double clblast_share = 0.25; /* of the budget */
static char *seed_text, *candidates_text, *import_path;

static volatile sig_atomic_t interrupted;

/* The first one ends the search at the next run; a second one ends the program. */
static void on_interrupt(int number) {
    interrupted = 1;
    signal(number, SIG_DFL);
}

static bool is_interrupted(void *unused) {
    (void)unused;
    return interrupted != 0;
}

struct session {
    struct invocation *invocation;
    struct lipcl_device *device;
    struct lipcl_tensor_set *weights;
    struct lipcl_graph *graph;
    struct lipcl_tuner *tuner;
    size_t layers, done;
    struct lipcl_tuned_layer *results;
    struct lipcl_tuned_clblast clblast; /* with --only-clblast */
};

static bool prepare(struct session *session, const struct lipcl_tune_params *params) {
    struct lipcl_context *ctx = session->invocation->ctx;
    const char *named = session->invocation->argument_count ? session->invocation->arguments[0] : options.model;
    char *path = named ? format_text("%s", named) : datafile_model();
    bool loaded = path && lipcl_lipnet_load(ctx, &session->weights, path) == LIPCL_OK;
    free(path);
    if (!loaded || lipcl_graph_create(ctx, &session->graph) != LIPCL_OK) return false;
    if (lipcl_lipnet_describe(session->graph, (size_t)batch, (size_t)frames, NULL) != LIPCL_OK) return false;
    if (lipcl_tuner_create(ctx, &session->tuner, session->graph, session->weights, session->device, params) != LIPCL_OK)
        return false;
    session->layers = lipcl_tuner_layer_count(session->tuner);
    session->results = allocate(session->layers, sizeof *session->results);
    return true;
}

/* CLBlast's parameters come first, so that layers choose CLBlast or not as it is going to be; in a process of its own, because
 * this one could not go back to CLBlast's own. Without a result everything stays as it was, so what fails there is no matter.
 */
static void tune_clblast(const struct session *session) {
    struct child_usage usage;
    const char *named = session->invocation->argument_count ? session->invocation->arguments[0] : options.model;
    const char *arguments[24] = {"tune", "--only-clblast", "--json", "--budget"};
    char *texts[] = {format_text("%.17g", budget * clblast_share), format_text("%d", batch), format_text("%d", frames)};
    size_t count = 4;
    arguments[count++] = texts[0];
    arguments[count++] = "--batch", arguments[count++] = texts[1];
    arguments[count++] = "--frames", arguments[count++] = texts[2];
    if (candidates_text) arguments[count++] = "--candidates", arguments[count++] = candidates_text;
    if (named) arguments[count++] = "--model", arguments[count++] = named;
    if (options.device) arguments[count++] = "--device", arguments[count++] = options.device;
    if (options.gemm == LIPCL_GEMM_CLBLAST) arguments[count++] = "--gemm", arguments[count++] = "clblast";
    if (options.precision == LIPCL_PRECISION_EXACT) arguments[count++] = "--precision", arguments[count++] = "exact";
    if (options.no_fusion) arguments[count++] = "--no-fusion";
    progress_task(0, "CLBlast's parameters, in a process of their own");
    child_run(arguments, NULL, &usage);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
}

/* Layer by layer, until all are done or the user has had enough. */
static bool tune(struct session *session) {
    if (!no_clblast && !interrupted && lipcl_tuner_wants_clblast(session->tuner)) tune_clblast(session);
    for (; session->done < session->layers; session->done++) {
        struct lipcl_tuned_layer *result = &session->results[session->done];
        if (lipcl_tuner_run(session->invocation->ctx, session->tuner, session->done, result) != LIPCL_OK) return false;
        if (result->stopped) break;
        progress_task(session->done + 1, "layer %zu of %zu, after %s", session->done + 1, session->layers, result->name);
    }
    return true;
}

static size_t kept(const struct session *session) {
    size_t count = 0;
    for (size_t i = 0; i < session->done; i++) count += session->results[i].kept;
    return count;
}

static void print_results(const struct session *session) {
    static const char *const titles[] = {"layer", "before", "ms", "after", "values", "ms", "gain", "tried", "refused"};
    char *label = device_label(lipcl_device_info(session->device));
    struct table table;
    double before = 0, after = 0;
    print("%s, batch %d of %d frames\n\n", label, batch, frames);
    table_init(&table, "llrllrrrr");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < session->done; i++) {
        const struct lipcl_tuned_layer *layer = &session->results[i];
        bool known = layer->default_ns > 0;
        double was = (double)layer->default_ns / 1e6, is = (double)layer->ns / 1e6;
        before += was;
        after += is;
        table_add(&table, COLOUR_NONE, "%s", layer->name);
        table_add(&table, COLOUR_NONE, "%s", layer->default_lowering);
        table_add(&table, COLOUR_NONE, known ? "%.2f" : "-", was);
        table_add(&table, COLOUR_NONE, "%s", layer->lowering);
        table_add(&table, COLOUR_NONE, "%s", *layer->tuning ? layer->tuning : "-");
        table_add(&table, COLOUR_NONE, known ? "%.2f" : "-", is);
        table_add(&table, is < was ? COLOUR_GREEN : COLOUR_NONE, known ? "%.2fx" : "-", is > 0 ? was / is : 1);
        table_add(&table, COLOUR_NONE, "%zu%s", layer->candidates, known && layer->complete ? " (all)" : "");
        table_add(&table, COLOUR_NONE, "%zu", layer->refused);
    }
    table_print(&table);
    table_finish(&table);
    if (after > 0) print("\ntogether %.2f ms -> %.2f ms; %zu records kept\n", before, after, kept(session));
    free(label);
}

static void fill_document(const struct session *session, json_t *document) {
    json_t *layers = document_array();
    document_set(document, "device", document_device(lipcl_device_info(session->device)));
    document_set(document, "batch", document_count((size_t)batch));
    document_set(document, "frames", document_count((size_t)frames));
    document_set(document, "interrupted", json_boolean(interrupted != 0));
    document_set(document, "kept", document_count(kept(session)));
    for (size_t i = 0; i < session->done; i++) {
        const struct lipcl_tuned_layer *layer = &session->results[i];
        json_t *object = document_object();
        document_set(object, "layer", document_text(layer->name));
        document_set(object, "operators", document_text(layer->op));
        document_set(object, "default_lowering", document_text(layer->default_lowering));
        document_set(object, "default_ms", layer->default_ns ? document_number((double)layer->default_ns / 1e6) : json_null());
        document_set(object, "lowering", document_text(layer->lowering));
        document_set(object, "tuning", document_text(layer->tuning));
        document_set(object, "ms", layer->ns ? document_number((double)layer->ns / 1e6) : json_null());
        document_set(object, "candidates", document_count(layer->candidates));
        document_set(object, "refused", document_count(layer->refused));
        document_set(object, "complete", json_boolean(layer->complete));
        document_set(object, "kept", json_boolean(layer->kept));
        document_append(layers, object);
    }
    document_set(document, "layers", layers);
}

static enum exit_code tune_only_clblast(struct session *session, const struct lipcl_tune_params *params) {
    const struct lipcl_tuned_clblast *result = &session->clblast;
    json_t *document = session->invocation->document;
    progress_begin(1);
    bool ok = prepare(session, params) &&
              lipcl_tuner_clblast(session->invocation->ctx, session->tuner, &session->clblast) == LIPCL_OK;
    progress_end();
    if (!ok) return EXIT_FAILED;
    document_set(document, "device", document_device(lipcl_device_info(session->device)));
    document_set(document, "library", result->file_name ? document_text(result->file_name) : json_null());
    document_set(document, "values", document_text(result->values));
    document_set(document, "default_ms", document_number((double)result->default_ns / 1e6));
    document_set(document, "ms", document_number((double)result->ns / 1e6));
    document_set(document, "products", document_count(result->products));
    document_set(document, "candidates", document_count(result->candidates));
    document_set(document, "refused", document_count(result->refused));
    document_set(document, "kept", json_boolean(result->kept));
    if (options.json) return interrupted ? EXIT_FAILED : EXIT_DONE;
    if (!result->file_name)
        print("CLBlast is not there, or no layer may use it\n");
    else
        print("%s: %zu products of %zu layers, %.2f ms -> %.2f ms, by %s; %zu sets tried, %zu refused%s\n", result->file_name,
              result->products, session->layers, (double)result->default_ns / 1e6, (double)result->ns / 1e6,
              *result->values ? result->values : "its own parameters", result->candidates, result->refused,
              result->kept ? "; kept" : "");
    return interrupted ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_code tune_model(struct session *session, const struct lipcl_tune_params *params) {
    progress_begin(8);
    progress_task(0, "planning");
    bool ok = prepare(session, params) && tune(session);
    progress_end();
    if (!session->results) return EXIT_FAILED;
    if (options.json)
        fill_document(session, session->invocation->document);
    else
        print_results(session);
    if (ok && !interrupted) return EXIT_DONE;
    if (interrupted)
        complain("interrupted: %zu of %zu layers are done, and their records are kept; run it again for the others",
                 session->done, session->layers);
    return EXIT_FAILED;
}

static enum exit_code list_records(struct session *session) {
    struct lipcl_tuning_list *records;
    json_t *array = document_array();
    struct table table;
    if (lipcl_tuning_list_create(session->invocation->ctx, &records, lipcl_device_info(session->device)) != LIPCL_OK) {
        json_decref(array);
        return EXIT_FAILED;
    }
    table_init(&table, "lrrl");
    static const char *const titles[] = {"fastest", "ms", "default ms", "layer"};
    for (size_t i = 0; i < 4; i++) table_add(&table, COLOUR_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < records->count; i++) {
        const struct lipcl_tuning_record *record = &records->records[i];
        table_add(&table, COLOUR_NONE, "%s%s%s", record->lowering, *record->values ? " " : "", record->values);
        table_add(&table, COLOUR_NONE, "%.2f", record->ms);
        table_add(&table, COLOUR_NONE, "%.2f", record->default_ms);
        table_add(&table, COLOUR_NONE, "%s", record->layer);
        json_t *object = document_object();
        document_set(object, "layer", document_text(record->layer));
        document_set(object, "lowering", document_text(record->lowering));
        document_set(object, "tuning", document_text(record->values));
        document_set(object, "ms", document_number(record->ms));
        document_set(object, "default_lowering", document_text(record->default_lowering));
        document_set(object, "default_ms", document_number(record->default_ms));
        document_append(array, object);
    }
    document_set(session->invocation->document, "file", document_text(records->file));
    document_set(session->invocation->document, "records", array);
    if (!options.json && records->count) table_print(&table);
    if (!options.json)
        print("%s%zu records in lipcl/%s of the cache\n", records->count ? "\n" : "", records->count, records->file);
    table_finish(&table);
    lipcl_tuning_list_destroy(&records);
    return EXIT_DONE;
}

static enum exit_code forget_records(struct session *session) {
    lipcl_tuning_forget(lipcl_device_info(session->device));
    if (!options.json) print("the records of %s are gone\n", lipcl_device_info(session->device)->name);
    return EXIT_DONE;
}

static enum exit_code run_tune(struct invocation *invocation) {
    struct session session = {.invocation = invocation};
    enum exit_code code = EXIT_FAILED;
    unsigned long long seed = 1, candidates = 0;
    if (batch < 1 || frames < 1) return usage_error(&command_tune, "--batch and --frames take numbers of at least 1");
    if (!(budget > 0 && budget <= 1e6)) return usage_error(&command_tune, "--budget takes seconds, above 0 and up to 1000000");
    if (seed_text && !parse_number(seed_text, &seed, UINT64_MAX))
        return usage_error(&command_tune, "--seed %s: it is a whole number", seed_text);
    if (candidates_text && (!parse_number(candidates_text, &candidates, SIZE_MAX) || candidates == 0))
        return usage_error(&command_tune, "--candidates %s: it is a whole number of at least 1", candidates_text);
    if (no_clblast && only_clblast) return usage_error(&command_tune, "--no-clblast and --only-clblast: one or the other");
    if (list && forget) return usage_error(&command_tune, "--list and --forget: one or the other");
    if (invocation->argument_count && options.model)
        return usage_error(&command_tune, "there are two models, %s and --model %s", invocation->arguments[0], options.model);
    const struct lipcl_tune_params params = {
        .plan = options_plan(),
        .budget_s = budget,
        .max_candidates = (size_t)candidates,
        .seed = seed,
        .import = import_path,
        .stop = is_interrupted,
    };
    if (lipcl_device_create(invocation->ctx, &session.device, options.device) == LIPCL_OK) {
        struct sigaction action = {.sa_handler = on_interrupt};
        if (!list && !forget) sigaction(SIGINT, &action, NULL);
        code = list           ? list_records(&session)
               : forget       ? forget_records(&session)
               : only_clblast ? tune_only_clblast(&session, &params)
                              : tune_model(&session, &params);
    }
    free(session.results);
    lipcl_tuner_destroy(&session.tuner);
    lipcl_graph_destroy(&session.graph);
    lipcl_tensor_set_destroy(&session.weights);
    lipcl_device_destroy(&session.device);
    return code;
}

static struct poptOption tune_options[] = {
    {"budget", '\0', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &budget, 0, "how long to search", "SECONDS"},
    {"batch", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &batch, 0, "clips a run", "N"},
    {"frames", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &frames, 0, "frames a clip", "T"},
    {"candidates", '\0', POPT_ARG_STRING, &candidates_text, 0, "at most so many a layer (default: what the time allows)", "N"},
    {"seed", '\0', POPT_ARG_STRING, &seed_text, 0, "of the random candidates (default: 1)", "N"},
    {"import", '\0', POPT_ARG_STRING, &import_path, 0, "try the choices in this file of records first", "FILE"},
    {"no-clblast", '\0', POPT_ARG_NONE, &no_clblast, 0, "leave the parameters of CLBlast's kernels as they are", NULL},
    {"only-clblast", '\0', POPT_ARG_NONE, &only_clblast, 0, "search those, and leave the layers as they are", NULL},
    {"list", '\0', POPT_ARG_NONE, &list, 0, "show the device's records and measure nothing", NULL},
    {"forget", '\0', POPT_ARG_NONE, &forget, 0, "remove the device's records", NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_tune = {
    .name = "tune",
    .summary = "find the fastest way to do each layer on a device, and keep it",
    .usage = "[MODEL] [OPTIONS]",
    .description = "Tries, layer by layer, the lowerings that the device can do and values for what they\n"
                   "leave open (tiles, vectors, work-groups, who multiplies matrices), each checked against\n"
                   "the reference before it counts, and keeps what is faster than what lipcl chooses by\n"
                   "itself. Where CLBlast multiplies by default (on GPUs) or is asked for, it begins with the\n"
                   "parameters of CLBlast's kernels, for a quarter of the time, in a process of its own. The\n"
                   "other commands use what was found for clips of this batch and length from then on, and\n"
                   "mark such layers with a star; LIPCL_TUNING=0 does without. Ctrl-C keeps the layers that\n"
                   "are done. Running it again goes on from what is there. The records are a JSON file in\n"
                   "$XDG_CACHE_HOME/lipcl (or ~/.cache/lipcl), one for each device with each driver.\n",
    .examples = "  lipcl tune\n"
                "  lipcl tune --device gpu --budget 300 --batch 4\n"
                "  lipcl tune --list\n",
    .min_arguments = 0,
    .max_arguments = 1,
    .options = tune_options,
    .run = run_tune,
};
