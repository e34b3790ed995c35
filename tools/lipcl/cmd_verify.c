/* cmd_verify.c: the proof, on the user's own machine, that what devices compute is right. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "datafile.h"
#include "devices.h"
#include "document.h"
#include "failure_report.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "reading.h"
#include "table.h"
#include "verification.h"

static char *mode_text, *save_folder;

/* What was asked for, and what came of it. */
struct job {
    struct invocation *invocation;
    const char *model;
    char *in;
    enum verification_mode mode;
    struct reading host; /* owns the weights */
    struct clip clip;    /* the run on host */
    struct device_selection devices;
    struct verification *verifications;
};

static const char *paint(enum verdict verdict) {
    return colour(stdout, verdict == VERDICT_OK ? COLOUR_GREEN : verdict == VERDICT_UNPROVEN ? COLOUR_YELLOW : COLOUR_RED);
}

static const char *layer_verdict(const struct verified_layer *layer, enum colour *colour) {
    *colour = layer->on_host ? COLOUR_YELLOW : COLOUR_GREEN;
    if (layer->check.ok) return layer->on_host ? "on host" : "ok";
    *colour = layer->check.bound_share <= 1 ? COLOUR_YELLOW : COLOUR_RED;
    return layer->check.bound_share <= 1 ? "UNPROVEN" : "MISMATCH";
}

static void print_layers(const struct job *job, const struct verification *v) {
    static const char *const alignments[] = {
        [MODE_ISOLATED] = "llrrrrl", [MODE_CUMULATIVE] = "llrr", [MODE_BOTH] = "llrrrrlrr"};
    bool isolated = job->mode & MODE_ISOLATED, cumulative = job->mode & MODE_CUMULATIVE;
    struct table table;
    table_init(&table, alignments[job->mode]);
    table_add(&table, COLOUR_NONE, "LAYER");
    table_add(&table, COLOUR_NONE, "LOWERING");
    for (size_t i = 0; isolated && i < 5; i++)
        table_add(&table, COLOUR_NONE, "%s", (const char *const[]){"MAX |D|", "RHO", "KAPPA", "OF BOUND", "VERDICT"}[i]);
    for (size_t i = 0; cumulative && i < 2; i++)
        table_add(&table, COLOUR_NONE, "%s", (const char *const[]){"DRIFT |D|", "DRIFT RHO"}[i]);
    for (size_t i = 0; i < v->layer_count && v->layers[i].name; i++) {
        const struct verified_layer *layer = &v->layers[i];
        table_add(&table, COLOUR_NONE, "%s", layer->name);
        table_add(&table, COLOUR_NONE, "%s%s", layer->lowering, layer->tuned ? "*" : "");
        if (isolated) {
            enum colour colour;
            const char *verdict = layer_verdict(layer, &colour);
            table_add(&table, COLOUR_NONE, "%.2e", layer->check.max_error);
            table_add(&table, COLOUR_NONE, "%.1f", layer->check.rho);
            table_add(&table, COLOUR_NONE, layer->check.kappa > 1 ? "%.0f" : "1", layer->check.kappa);
            table_add(&table, COLOUR_NONE, "%.2f %%", 100 * layer->check.bound_share);
            table_add(&table, colour, "%s", verdict);
        }
        if (cumulative) {
            table_add(&table, COLOUR_NONE, "%.2e", layer->drift.max_error);
            table_add(&table, COLOUR_NONE, "%.1f", layer->drift.rho);
        }
    }
    table_print(&table);
    table_finish(&table);
}

static void print_texts(const struct job *job, const struct verification *v) {
    const struct logit_comparison *c = &v->logits;
    print("logits  max |d| %.2e against the run on host, of %.0e allowed\n", c->max_error, LOGIT_BOUND);
    for (size_t n = 0; n < job->clip.batch; n++) {
        print("text    %s on the device\n", v->clip.texts ? v->clip.texts[n]->chars : "(none)");
        print("        %s on host\n", job->clip.texts[n]->chars);
    }
    print("        %s; %zu of %zu frames are ambiguous\n",
          c->texts_agree ? "they agree"
          : c->texts_ok  ? "they differ, which ambiguous frames may"
                         : "they differ",
          c->ambiguous, c->frames);
}

/* The last lines: what was found, in a sentence. */
static void print_summary(const struct job *job, const struct verification *v) {
    if (v->layer_count && v->on_host == v->layer_count && v->verdict == VERDICT_OK) {
        print("trivial: every layer ran as its reference, so that each row compares the reference with itself\n");
        return;
    }
    if (v->on_host)
        print("%zu of %zu layers ran as their references on the host: of the device, they prove nothing.\n", v->on_host,
              v->layer_count);
    const char *label = v->verdict == VERDICT_OK ? "ok" : v->verdict == VERDICT_UNPROVEN ? "UNPROVEN" : "MISMATCH";
    const char *end = colour(stdout, COLOUR_NONE);
    print("%s%s%s: ", paint(v->verdict), label, end);
    if (v->verdict == VERDICT_UNPROVEN)
        print("a layer gives the same number everywhere, which anything could have written\n");
    else if (v->verdict == VERDICT_OK && (job->mode & MODE_ISOLATED))
        print("%zu layers, at most %.2f %% of the release bound (%s)\n", v->layer_count, 100 * v->worst_share, v->worst_layer);
    else if (v->verdict == VERDICT_OK)
        print("%zu layers drift no further than the logits allow\n", v->layer_count);
    else if (v->first_mismatch)
        print("%s is the first layer that computes something else than it should\n", v->first_mismatch);
    else
        print("no single layer is to blame\n");
    if (v->saved) print("its tensors and report.json are in %s\n", save_folder);
}

static void print_one(const struct job *job, const struct verification *v) {
    if (v->verdict == VERDICT_FAILED) return; /* stderr has said why */
    char *label = device_label(&v->device), *shape = format_shape(&job->clip.frames->shape);
    print("%s  %s on %s, a run takes %.1f ms\n\n", job->in, shape, label, v->clip.milliseconds);
    print_layers(job, v);
    print("\n");
    if (v->logits.frames) print_texts(job, v);
    print_summary(job, v);
    free(label);
    free(shape);
}

static const struct verified_layer *find_layer(const struct verification *v, const char *name) {
    for (size_t i = 0; i < v->layer_count; i++)
        if (v->layers[i].name && strcmp(v->layers[i].name, name) == 0) return &v->layers[i];
    return NULL;
}

/* A row a layer that any device has, in the devices' order. */
static void add_layer_rows(const struct job *job, struct table *table) {
    for (size_t d = 0; d < job->devices.count; d++) {
        const struct verification *owner = &job->verifications[d];
        for (size_t i = 0; i < owner->layer_count && owner->layers[i].name; i++) {
            const char *name = owner->layers[i].name;
            bool seen = false;
            for (size_t k = 0; k < d; k++) seen = seen || find_layer(&job->verifications[k], name);
            if (seen) continue;
            table_add(table, COLOUR_NONE, "%s", name);
            for (size_t k = 0; k < job->devices.count; k++) {
                const struct verified_layer *layer = find_layer(&job->verifications[k], name);
                enum colour colour = COLOUR_NONE;
                if (!layer) {
                    table_add(table, COLOUR_NONE, "-");
                } else if (job->mode & MODE_ISOLATED) {
                    layer_verdict(layer, &colour);
                    table_add(table, colour, layer->on_host ? "on host" : "%.2f %%", 100 * layer->check.bound_share);
                } else {
                    table_add(table, COLOUR_NONE, "%.2e", layer->drift.max_error);
                }
            }
        }
    }
}

static void add_logit_rows(const struct job *job, struct table *table) {
    table_add(table, COLOUR_NONE, "logits |d|");
    for (size_t d = 0; d < job->devices.count; d++) {
        const struct logit_comparison *c = &job->verifications[d].logits;
        bool ok = c->max_error <= LOGIT_BOUND;
        if (c->frames)
            table_add(table, ok ? COLOUR_GREEN : COLOUR_RED, "%.2e", c->max_error);
        else
            table_add(table, COLOUR_NONE, "-");
    }
    table_add(table, COLOUR_NONE, "text");
    for (size_t d = 0; d < job->devices.count; d++) {
        const struct logit_comparison *c = &job->verifications[d].logits;
        if (c->frames)
            table_add(table,
                      c->texts_agree ? COLOUR_GREEN
                      : c->texts_ok  ? COLOUR_YELLOW
                                     : COLOUR_RED,
                      "%s",
                      c->texts_agree ? "same"
                      : c->texts_ok  ? "ambiguous"
                                     : "DIFFERS");
        else
            table_add(table, COLOUR_NONE, "-");
    }
}

/* Layers down, devices across. */
static void print_matrix(const struct job *job) {
    size_t count = job->devices.count;
    char *alignment = allocate(count + 2, 1), *shape = format_shape(&job->clip.frames->shape);
    memset(alignment, 'r', count + 1);
    alignment[0] = 'l';
    struct table table, legend;
    table_init(&legend, "lllrl");
    for (size_t i = 0; i < 5; i++)
        table_add(&legend, COLOUR_NONE, "%s", (const char *const[]){"SELECT", "DEVICE", "PLATFORM", "A RUN", "VERDICT"}[i]);
    table_init(&table, alignment);
    table_add(&table, COLOUR_NONE, "%s", job->mode & MODE_ISOLATED ? "OF BOUND" : "DRIFT |D|");
    for (size_t d = 0; d < count; d++) {
        const struct verification *v = &job->verifications[d];
        bool opened = *v->device.name != '\0', ok = v->verdict == VERDICT_OK;
        char *selector = opened ? device_selector(&v->device) : format_text("%s", job->devices.selectors[d]);
        table_add(&table, COLOUR_NONE, "%s", selector);
        table_add(&legend, COLOUR_NONE, "%s", selector);
        table_add(&legend, COLOUR_NONE, "%s", opened ? v->device.name : "-");
        table_add(&legend, COLOUR_NONE, "%s", opened ? v->device.platform : "-");
        table_add(&legend, COLOUR_NONE, "%.1f ms", v->clip.milliseconds);
        table_add(&legend, ok ? COLOUR_GREEN : COLOUR_RED, "%s%s%s", verdict_name(v->verdict), v->first_mismatch ? ": " : "",
                  v->first_mismatch ? v->first_mismatch : "");
        free(selector);
    }
    add_layer_rows(job, &table);
    if (job->mode & MODE_CUMULATIVE) add_logit_rows(job, &table);
    print("%s  %s\n\n", job->in, shape);
    table_print(&legend);
    print("\n");
    table_print(&table);
    table_finish(&legend);
    table_finish(&table);
    free(alignment);
    free(shape);
}

/* [MODEL] [IN]; a single argument is the model when it ends like one, else the clip. False after a message. */
static bool take_arguments(struct job *job) {
    const struct invocation *invocation = job->invocation;
    const char *first = invocation->argument_count > 0 ? invocation->arguments[0] : NULL;
    const char *ending = first ? strrchr(first, '.') : NULL;
    bool is_model = invocation->argument_count == 2 || (ending && strcmp(ending, ".safetensors") == 0);
    static const struct {
        const char *text;
        enum verification_mode mode;
    } modes[] = {{"both", MODE_BOTH}, {"isolated", MODE_ISOLATED}, {"cumulative", MODE_CUMULATIVE}};
    job->model = is_model ? first : options.model;
    if (is_model && options.model) {
        usage_error(&command_verify, "there are two models, %s and --model %s", first, options.model);
        return false;
    }
    const char *clip = invocation->argument_count == 2 ? invocation->arguments[1] : is_model ? NULL : first;
    job->in = clip ? format_text("%s", clip) : NULL;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode_text ? mode_text : "both", modes[i].text) == 0) job->mode = modes[i].mode;
    if (!job->mode) usage_error(&command_verify, "--mode %s: it is isolated, cumulative or both", mode_text);
    return job->mode != 0;
}

/* Everything that is held against every device: the clip, run on host. False after a message. */
static bool run_host(struct job *job) {
    struct lipcl_context *ctx = job->invocation->ctx;
    if (!job->in) job->in = datafile_clip();
    if (!job->in || !reading_load(&job->host, ctx, job->model)) return false;
    progress_task(0, "running %s on host", base_name(job->in));
    if (!clip_load(job->host.ctx, &job->clip, job->in)) return false;
    if (!reading_open(&job->host, "host", &(struct lipcl_plan_params){.no_fusion = true, .keep_values = true})) return false;
    if (!clip_run(&job->host, &job->clip)) return false;
    return !(job->mode & MODE_CUMULATIVE) || clip_decode(&job->host, &job->clip);
}

static enum exit_code verify_devices(struct job *job) {
    enum exit_code code = EXIT_DONE;
    struct reading reading = job->host; /* the weights are lent, the reader is its own */
    reading.reader = NULL;
    struct verification_base base = {.reading = &reading, .host = &job->host, .clip = &job->clip, .clip_path = job->in};
    base.mode = job->mode;
    base.save_folder = save_folder;
    for (size_t i = 0; i < job->devices.count; i++) {
        struct verification *v = &job->verifications[i];
        const char *selector = job->devices.selectors[i];
        char *prefix = job->devices.count > 1 ? format_text("%s: ", selector) : format_text("%s", "");
        base.prefix = prefix;
        progress_task(1 + i, "verifying %s", selector ? selector : "the device");
        verification_run(v, &base, selector);
        if (v->saved) base.save_folder = NULL; /* the first failure is in it */
        if (v->verdict == VERDICT_MISMATCH) code = EXIT_MISMATCH;
        if (v->verdict != VERDICT_OK && code == EXIT_DONE) code = EXIT_FAILED;
        free(prefix);
    }
    lipcl_lipnet_reader_destroy(&reading.reader);
    return code;
}

static void fill_document(json_t *document, const struct job *job, bool ok) {
    json_t *devices = document_array();
    for (size_t i = 0; i < job->devices.count; i++) {
        json_t *object = verification_document(&job->verifications[i], &job->clip, job->mode);
        if (job->verifications[i].saved) document_set(object, "saved", document_text(save_folder));
        document_append(devices, object);
    }
    document_set(document, "model", document_text(job->host.model));
    document_set(document, "clip", document_text(job->in));
    document_set(document, "shape", document_shape(&job->clip.frames->shape));
    document_set(document, "mode", document_text(mode_text ? mode_text : "both"));
    document_set(document, "devices", devices);
    document_set(document, "ok", json_boolean(ok));
}

static enum exit_code verify_run(struct invocation *invocation) {
    struct job job = {.invocation = invocation};
    enum exit_code code = EXIT_FAILED;
    if (!take_arguments(&job)) {
        free(job.in);
        return EXIT_USAGE;
    }
    if (save_folder && !failure_folder_is_free(save_folder)) goto fail;
    const char *selector = options.device ? options.device : getenv("LIPCL_DEVICE");
    if (!device_selection_init(&job.devices, invocation->ctx, selector && *selector ? selector : NULL)) goto fail;
    progress_begin(1 + job.devices.count);
    if (!run_host(&job)) goto fail;
    job.verifications = allocate(job.devices.count, sizeof *job.verifications);
    code = verify_devices(&job);
    if (options.json)
        fill_document(invocation->document, &job, code == EXIT_DONE);
    else if (job.devices.count == 1)
        print_one(&job, &job.verifications[0]);
    else
        print_matrix(&job);

fail:
    progress_end();
    for (size_t i = 0; job.verifications && i < job.devices.count; i++) verification_finish(&job.verifications[i]);
    free(job.verifications);
    device_selection_finish(&job.devices);
    clip_finish(&job.clip);
    reading_finish(&job.host);
    free(job.in);
    return code;
}

static struct poptOption verify_options[] = {
    {"mode", '\0', POPT_ARG_STRING, &mode_text, 0, "what to compare, see above (default: both)", "isolated|cumulative|both"},
    {"save-failure", '\0', POPT_ARG_STRING, &save_folder, 0,
     "make DIR with all that belongs to the first layer that is wrong, for a bug report", "DIR"},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_verify = {
    .name = "verify",
    .summary = "prove that a device computes what it should",
    .usage = "[MODEL.safetensors] [IN] [OPTIONS]",
    .description = "Runs a clip on `host`, the plain-C reference (sums in double precision), and on the\n"
                   "device, and compares:\n"
                   "  isolated    Each layer alone is fed what the reference has there, so that a fault\n"
                   "              shows where it is. No element may differ by more than the release bound,\n"
                   "              |d| <= 9 sqrt(l+2) u S + u|y|, where u = 2^-24, S is the element's sum\n"
                   "              of magnitudes and l the longest chain of additions. RHO is |d| / (u S).\n"
                   "              Winograd's convolutions have KAPPA times the S of direct ones, and l = 0.\n"
                   "  cumulative  The run as it was: how far each layer's output has drifted from the\n"
                   "              reference's, the logits (at most 1e-4 apart) and the text. A frame is\n"
                   "              ambiguous when its best two classes are less than twice that apart:\n"
                   "              only there may the text differ. Logits out of bounds are traced to the\n"
                   "              first layer that made something wrong of the device's own input.\n"
                   "\n"
                   "Exit status 3 when anything is out of bounds; the first layer that is wrong is named,\n"
                   "and --save-failure keeps its tensors. Without MODEL and IN: the weights and a clip that\n"
                   "ship with lipcl. A single argument that does not end in .safetensors is IN.\n"
                   "\n"
                   "--device takes a list, too, or `all` for every OpenCL device: then a table shows layers\n"
                   "down and devices across. On `host` every row is trivially right; `all` leaves it out.\n",
    .examples = "  lipcl verify\n"
                "  lipcl verify --device all\n"
                "  lipcl verify --device gpu --gemm clblast --no-fusion --save-failure wrong\n"
                "  lipcl verify lipnet.safetensors clip.mp4 --json\n",
    .max_arguments = 2,
    .options = verify_options,
    .run = verify_run,
};
