/* cmd_verify.c: the proof, on the user's own machine, that what the device computed is right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "datafile.h"
#include "devices.h"
#include "document.h"
#include "layer_checks.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "reading.h"
#include "table.h"

/* How far a device's logits may be from those of `host`: what LipNet's accuracy is specified as. */
static const double logit_bound = 1e-4;

/* What the device's logits say against those of a whole run on `host`. */
struct comparison {
    double max_error;
    size_t frames;
    size_t ambiguous; /* frames whose best class is so close to the second that errors within the bound can swap them */
    size_t different; /* other frames whose best class is not the same: there must be none */
};

static size_t best_class(const float *logits, size_t classes) {
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

static bool compare_logits(struct reading *reading, struct comparison *c, const struct clip *device, const struct clip *host) {
    size_t count = lipcl_tensor_count(host->logits);
    const float *got = device->logits->data, *wanted = host->logits->data;
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - (double)wanted[i]);
        if (!(error <= c->max_error)) c->max_error = isnan(error) ? INFINITY : error;
    }
    for (size_t n = 0; n < clip_batch(host); n++) {
        struct lipcl_tensor ours = clip_logits(device->logits, n), theirs = clip_logits(host->logits, n);
        size_t frames = ours.shape.dims[0], classes = ours.shape.dims[1];
        float *margins = allocate(frames, sizeof *margins);
        bool ok = lipcl_ctc_margins(reading->ctx, margins, &theirs) == LIPCL_OK;
        for (size_t t = 0; ok && t < frames; t++) {
            bool same = best_class((float *)ours.data + t * classes, classes) ==
                        best_class((float *)theirs.data + t * classes, classes);
            c->frames++;
            if ((double)margins[t] < 2 * logit_bound)
                c->ambiguous++;
            else if (!same)
                c->different++;
        }
        free(margins);
        if (!ok) return false;
    }
    return true;
}

static bool texts_agree(const struct clip *a, const struct clip *b) {
    for (size_t n = 0; n < clip_batch(a); n++)
        if (strcmp(a->texts[n]->chars, b->texts[n]->chars) != 0) return false;
    return true;
}

/* The whole network once more, on `host`. */
static bool run_host(struct reading *reading, struct clip *host, const struct clip *device) {
    struct lipcl_lipnet_reader_params params = {.device = "host"};
    struct reading twin = *reading;
    twin.reader = NULL;
    *host = (struct clip){.info = device->info};
    if (lipcl_tensor_create(reading->ctx, &host->frames, LIPCL_F32, &device->frames->shape) != LIPCL_OK) return false;
    memcpy(host->frames->data, device->frames->data, lipcl_tensor_bytes(host->frames));
    bool ok = lipcl_lipnet_reader_create(reading->ctx, &twin.reader, reading->weights, &params) == LIPCL_OK &&
              clip_run(&twin, host) && clip_decode(&twin, host);
    lipcl_lipnet_reader_destroy(&twin.reader);
    return ok;
}

struct verdict {
    struct layer_checks checks;
    struct comparison comparison;
    bool texts_agree, ok;
};

static void print_verdict(const struct verdict *verdict, const struct clip *device, const struct clip *host) {
    const struct layer_checks *checks = &verdict->checks;
    const struct comparison *c = &verdict->comparison;
    const char *red = colour(stdout, COLOUR_RED), *green = colour(stdout, COLOUR_GREEN), *end = colour(stdout, COLOUR_NONE);
    print("\n");
    if (host) {
        print("logits  max |d| %.2e against a whole run on host, of %.0e allowed\n", c->max_error, logit_bound);
        for (size_t n = 0; n < clip_batch(device); n++) {
            print("text    %s on the device\n", device->texts[n]->chars);
            print("        %s on host\n", host->texts[n]->chars);
        }
        print("        %s; %zu of %zu frames are ambiguous\n", verdict->texts_agree ? "they agree" : "they differ",
              c->ambiguous, c->frames);
    } else if (device->texts) {
        for (size_t n = 0; n < clip_batch(device); n++) print("text    %s\n", device->texts[n]->chars);
    }
    if (verdict->ok && checks->trivial)
        print("trivial: every layer ran as its reference, so that each row compares the reference with itself\n");
    else if (verdict->ok)
        print("%sok%s: %zu layers, at most %.2f %% of the release bound (%s)\n", green, end, checks->layers,
              100 * checks->worst_share, checks->worst_layer);
    else
        print("%sMISMATCH%s: %zu of %zu layers break the release bound, %zu frames read another character\n", red, end,
              checks->violations, checks->layers, c->different);
}

static void fill_document(json_t *document, const struct reading *reading, const struct verdict *verdict,
                          const struct clip *device, const struct clip *host) {
    const struct comparison *c = &verdict->comparison;
    document_set(document, "device", document_device(lipcl_lipnet_reader_device(reading->reader)));
    document_set(document, "milliseconds", document_number(device->milliseconds));
    document_set(document, "trivial", json_boolean(verdict->checks.trivial));
    document_set(document, "worst_bound_share", document_number(verdict->checks.worst_share));
    document_set(document, "layer_violations", document_count(verdict->checks.violations));
    json_t *texts = document_array();
    for (size_t n = 0; n < clip_batch(device); n++) {
        json_t *text = document_object();
        document_set(text, "device", document_text(device->texts[n]->chars));
        document_set(text, "host", document_text(host ? host->texts[n]->chars : device->texts[n]->chars));
        document_append(texts, text);
    }
    document_set(document, "texts", texts);
    document_set(document, "texts_agree", json_boolean(verdict->texts_agree));
    if (host) {
        document_set(document, "logits_max_error", document_number(c->max_error));
        document_set(document, "logits_bound", document_number(logit_bound));
        document_set(document, "frames", document_count(c->frames));
        document_set(document, "ambiguous_frames", document_count(c->ambiguous));
        document_set(document, "different_frames", document_count(c->different));
    }
    document_set(document, "ok", json_boolean(verdict->ok));
}

/* [MODEL] [IN]; a single argument is the model when it ends like one, else the clip. False after a message. */
static bool take_arguments(const struct invocation *invocation, const char **model, char **in) {
    const char *first = invocation->argument_count > 0 ? invocation->arguments[0] : NULL;
    const char *ending = first ? strrchr(first, '.') : NULL;
    bool is_model = invocation->argument_count == 2 || (ending && strcmp(ending, ".safetensors") == 0);
    *model = is_model ? first : options.model;
    if (is_model && options.model) {
        usage_error(&command_verify, "there are two models, %s and --model %s", first, options.model);
        return false;
    }
    const char *clip = invocation->argument_count == 2 ? invocation->arguments[1] : is_model ? NULL : first;
    *in = clip ? format_text("%s", clip) : NULL;
    return true;
}

static enum exit_code verify_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    const char *model;
    char *in;
    struct reading reading = {0};
    struct clip device = {0}, host = {0};
    struct verdict verdict = {.texts_agree = true};
    struct table table;
    if (!take_arguments(invocation, &model, &in)) return EXIT_USAGE;
    table_init(&table, LAYER_CHECKS_ALIGNMENT);
    layer_checks_titles(&table);
    if (!in) in = datafile_clip();
    if (!in) goto fail;
    progress_begin(3);
    progress_task(0, "running %s", base_name(in));
    options.no_self_test = true;
    if (!reading_init(&reading, invocation->ctx, model)) goto fail;
    if (options.json) {
        document_set(invocation->document, "model", document_text(reading.model));
        document_set(invocation->document, "clip", document_text(in));
    }
    if (!clip_load(&reading, &device, in) || !clip_run(&reading, &device)) goto fail;

    progress_task(1, "checking each layer");
    json_t *layers = options.json ? document_array() : NULL;
    if (layers) document_set(invocation->document, "layers", layers);
    bool checked = layer_checks_run(&reading, &verdict.checks, &table, layers);
    const struct lipcl_device_info *info = lipcl_lipnet_reader_device(reading.reader);
    if (!options.json) {
        char *label = device_label(info), *shape = format_shape(&device.frames->shape);
        print("%s  %s on %s, a run takes %.1f ms\n\n", in, shape, label, device.milliseconds);
        free(label);
        free(shape);
        table_print(&table);
    }
    if (!checked) goto fail;
    /* Logits that are not finite cannot be decoded; if a layer is to blame for them, that is what counts. */
    bool decoded = clip_decode(&reading, &device);
    if (!decoded && verdict.checks.violations == 0) goto fail;

    bool on_host = info->type == LIPCL_DEVICE_HOST;
    if (decoded && !on_host) {
        progress_task(2, "running %s on host", base_name(in));
        if (!run_host(&reading, &host, &device) || !compare_logits(&reading, &verdict.comparison, &device, &host)) goto fail;
        verdict.texts_agree = texts_agree(&device, &host);
    }
    bool logits_ok = verdict.comparison.max_error <= logit_bound;
    if (!logits_ok)
        complain("logits: the device's differ from those of host by up to %.3g, above %.0e", verdict.comparison.max_error,
                 logit_bound);
    verdict.ok = decoded && verdict.checks.violations == 0 && verdict.comparison.different == 0 && logits_ok;
    if (options.json && decoded)
        fill_document(invocation->document, &reading, &verdict, &device, on_host ? NULL : &host);
    else if (options.json)
        document_set(invocation->document, "ok", json_false());
    else
        print_verdict(&verdict, &device, decoded && !on_host ? &host : NULL);
    code = verdict.ok ? EXIT_DONE : EXIT_MISMATCH;

fail:
    progress_end();
    table_finish(&table);
    clip_finish(&host);
    clip_finish(&device);
    reading_finish(&reading);
    free(in);
    return code;
}

static struct poptOption verify_options[] = {{NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
                                             {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
                                             {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
                                             {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
                                             {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
                                             POPT_TABLEEND};

const struct command command_verify = {
    .name = "verify",
    .summary = "prove that a device computes what it should",
    .usage = "[MODEL.safetensors] [IN] [OPTIONS]",
    .description = "Runs a clip on the device, then recomputes each layer from the device's own input to\n"
                   "it with the plain-C reference (double precision sums), and prints a row a layer: the\n"
                   "largest difference |d|, and the largest share of the release bound that any element\n"
                   "uses up, |d| <= 9 sqrt(l+2) u S + u|y|, where u = 2^-24, S is the element's sum of\n"
                   "magnitudes and l the longest chain of additions. Then runs the whole network on\n"
                   "`host` and compares logits (at most 1e-4 apart) and text. A frame is ambiguous when\n"
                   "its best two classes are less than twice that apart: only there may the text differ.\n"
                   "\n"
                   "Exit status 3 when anything is out of bounds. Without MODEL and IN: the weights and a\n"
                   "clip that ship with lipcl. A single argument that does not end in .safetensors is IN.\n"
                   "On `host` the layers are the references, and every row is trivially right.\n",
    .examples = "  lipcl verify\n"
                "  lipcl verify --device gpu --gemm clblast --no-fusion\n"
                "  lipcl verify lipnet.safetensors clip.mp4 --json\n",
    .max_arguments = 2,
    .options = verify_options,
    .run = verify_run,
};
