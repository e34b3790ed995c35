/* cmd_eval.c: how well a model reads. */
#include <stdlib.h>

#include "batches.h"
#include "command.h"
#include "devices.h"
#include "document.h"
#include "manifest.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "reading.h"
#include "spot_checks.h"
#include "table.h"

/* Columns of the two lists that are known before the first clip is read. */
struct widths {
    size_t name, text;
};

static void print_padded(const char *text, size_t columns) {
    char *clean = make_printable(format_text("%s", text));
    size_t used = text_columns(clean);
    print("%s%*s  ", clean, (int)(columns > used ? columns - used : 0), "");
    free(clean);
}

static void print_line(const struct manifest_entry *entry, const char *read, const struct widths *widths, size_t char_edits,
                       size_t word_edits) {
    print_padded(entry->name, widths->name);
    print("%s%5zu %5zu%s  ", char_edits ? colour(stdout, COLOUR_YELLOW) : "", char_edits, word_edits,
          char_edits ? colour(stdout, COLOUR_NONE) : "");
    print_padded(entry->text, widths->text);
    print("%s\n", *read ? read : "(nothing)");
}

struct job {
    struct reading reading;
    struct batches batches;
    struct spot_checks spots;
    struct lipcl_error_rates rates;
    struct widths widths;
    size_t failed;
    double milliseconds; /* of all runs */
};

/* A clip's line, or its object, and its part in the rates; false when it could not be read. */
static bool tell_clip(struct job *job, const struct manifest_entry *entry, const struct batch_clip *clip, json_t *object) {
    struct lipcl_context *ctx = job->reading.ctx;
    size_t char_edits = 0, word_edits = 0;
    if (object) {
        document_set(object, "clip", document_text(entry->name));
        document_set(object, "expected", document_text(entry->text));
    }
    if (clip->failed) {
        if (object) document_set(object, "error", document_text(clip->error));
        return false;
    }
    const char *read = clip->clip.texts[0]->chars;
    if (lipcl_char_edits(ctx, &char_edits, entry->text, read) != LIPCL_OK ||
        lipcl_word_edits(ctx, &word_edits, entry->text, read) != LIPCL_OK ||
        lipcl_error_rates_add(ctx, &job->rates, entry->text, read) != LIPCL_OK) {
        if (object) document_set(object, "error", document_text(latest_error()));
        return false;
    }
    job->milliseconds += clip->clip.milliseconds;
    if (!object) {
        print_line(entry, read, &job->widths, char_edits, word_edits);
        return true;
    }
    document_set(object, "read", document_text(read));
    document_set(object, "char_edits", document_count(char_edits));
    document_set(object, "word_edits", document_count(word_edits));
    document_set(object, "milliseconds", document_number(clip->clip.milliseconds));
    return true;
}

static void eval_clips(struct job *job, const struct manifest *manifest, json_t *clips) {
    struct batch_clip *clip;
    size_t index;
    while (batches_next(&job->batches)) {
        bool ran = job->batches.member_count > 0;
        if (ran && !spot_checks_run(&job->spots, &job->reading, &job->batches.run)) batches_fail(&job->batches);
        while ((clip = batches_due(&job->batches, &index))) {
            json_t *object = clips ? document_object() : NULL;
            if (!tell_clip(job, &manifest->entries[index], clip, object)) job->failed++;
            if (object) document_append(clips, object);
            clip_finish(&clip->clip);
        }
    }
}

static void print_summary(const struct reading *reading, const struct lipcl_error_rates *rates, size_t failed,
                          double milliseconds) {
    char *device = device_label(lipcl_lipnet_reader_device(reading->reader));
    print("\n%zu clips, %zu without an error, %.1f ms a clip on %s\n", rates->sentences, rates->correct,
          milliseconds / (double)rates->sentences, device);
    if (failed) print("%zu clips could not be read and are not counted\n", failed);
    print("CER %6.2f %% over the corpus (%zu of %zu characters), %6.2f %% mean over sentences\n",
          100 * lipcl_error_rates_cer(rates), rates->char_edits, rates->char_count, 100 * lipcl_error_rates_mean_cer(rates));
    print("WER %6.2f %% over the corpus (%zu of %zu words), %6.2f %% mean over sentences\n", 100 * lipcl_error_rates_wer(rates),
          rates->word_edits, rates->word_count, 100 * lipcl_error_rates_mean_wer(rates));
    free(device);
}

static void fill_document(json_t *document, const struct reading *reading, const struct lipcl_error_rates *rates, size_t failed,
                          double milliseconds) {
    document_set(document, "model", document_text(reading->model));
    document_set(document, "device", document_device(lipcl_lipnet_reader_device(reading->reader)));
    document_set(document, "sentences", document_count(rates->sentences));
    document_set(document, "correct", document_count(rates->correct));
    document_set(document, "failed", document_count(failed));
    document_set(document, "milliseconds", document_number(milliseconds));
    document_set(document, "char_edits", document_count(rates->char_edits));
    document_set(document, "char_count", document_count(rates->char_count));
    document_set(document, "word_edits", document_count(rates->word_edits));
    document_set(document, "word_count", document_count(rates->word_count));
    document_set(document, "cer", document_number(lipcl_error_rates_cer(rates)));
    document_set(document, "wer", document_number(lipcl_error_rates_wer(rates)));
    document_set(document, "mean_cer", document_number(lipcl_error_rates_mean_cer(rates)));
    document_set(document, "mean_wer", document_number(lipcl_error_rates_mean_wer(rates)));
}

static enum exit_code eval_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    struct manifest manifest;
    struct job job = {.spots = spot_checks_init(), .widths = {.name = 4, .text = 8}};
    const char **paths = NULL, **names = NULL;
    if (!manifest_load(&manifest, invocation->arguments[0])) goto fail;
    json_t *clips = options.json ? document_array() : NULL;
    if (clips) document_set(invocation->document, "clips", clips);
    paths = allocate(manifest.count, sizeof *paths);
    names = allocate(manifest.count, sizeof *names);
    for (size_t i = 0; i < manifest.count; i++) {
        paths[i] = manifest.entries[i].path;
        names[i] = manifest.entries[i].name;
        size_t name = text_columns(names[i]), text = text_columns(manifest.entries[i].text);
        job.widths.name = name > job.widths.name ? name : job.widths.name;
        job.widths.text = text > job.widths.text ? text : job.widths.text;
    }
    progress_begin(manifest.count);
    batches_open(&job.batches, &job.reading, paths, names, manifest.count, "a line of a manifest is one clip");
    if (!reading_init(&job.reading, invocation->ctx, options.model)) goto fail;
    if (!clips)
        print("%s%-*s  CHARS WORDS  %-*s  READ%s\n", colour(stdout, COLOUR_BOLD), (int)job.widths.name, "CLIP",
              (int)job.widths.text, "EXPECTED", colour(stdout, COLOUR_NONE));
    eval_clips(&job, &manifest, clips);
    progress_end();
    if (clips) {
        fill_document(invocation->document, &job.reading, &job.rates, job.failed, job.milliseconds);
        batches_fill(&job.batches, invocation->document);
        spot_checks_fill(&job.spots, invocation->document);
    } else {
        if (job.rates.sentences) print_summary(&job.reading, &job.rates, job.failed, job.milliseconds);
        batches_print(&job.batches);
        spot_checks_print(&job.spots);
    }
    code = job.spots.mismatches ? EXIT_MISMATCH : job.failed ? EXIT_FAILED : EXIT_DONE;

fail:
    progress_end();
    batches_close(&job.batches);
    reading_finish(&job.reading);
    manifest_finish(&manifest);
    free(paths);
    free(names);
    return code;
}

static struct poptOption eval_options[] = {{NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, decoder_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, batch_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, spot_options, 0, NULL, NULL},
                                           {NULL, '\0', POPT_ARG_INCLUDE_TABLE, memory_options, 0, NULL, NULL},
                                           POPT_TABLEEND};

const struct command command_eval = {
    .name = "eval",
    .summary = "read many clips and count the errors",
    .usage = "MANIFEST [OPTIONS]",
    .description = "Reads the clips of a manifest: a line is a path (relative to the manifest), a tab and\n"
                   "what is said; empty lines and lines that begin with # are skipped. Prints a line a\n"
                   "clip with the edits (substitutions, insertions, deletions) in characters and words\n"
                   "that are between what is said and what was read, then the character and word error\n"
                   "rates: over the corpus (all edits by all characters or words) and as the mean of the\n"
                   "sentences' own rates. The case of letters does not count.\n"
                   "\n"
                   "The next clips are decoded while the device computes; --batch N as in `lipcl read`.\n"
                   "\n"
                   "A clip that cannot be read is an error on stderr, is not counted, and makes the exit\n"
                   "status 1. With --check-every it is 3 when a block is not what the reference says.\n",
    .examples = "  lipcl eval tests/data/clips/manifest.tsv\n"
                "  lipcl eval manifest.tsv --batch 8\n"
                "  lipcl eval manifest.tsv --grammar grid --json\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = eval_options,
    .run = eval_run,
};
