/* cmd_read.c: from clips to sentences. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batches.h"
#include "command.h"
#include "devices.h"
#include "document.h"
#include "layer_checks.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "reading.h"
#include "spot_checks.h"
#include "srt.h"
#include "table.h"

static int verify;
static char *srt;

/* GRID's longest sentence has 31 characters; longer texts push their line's last columns to the right. */
enum { TEXT_COLUMNS = 31 };

/* A clip's name in the list: the last part of its path, or all of it when another clip's is the same. */
static const char *clip_name(const struct invocation *invocation, size_t index) {
    const char *path = invocation->arguments[index], *name = base_name(path);
    for (size_t i = 0; i < invocation->argument_count; i++)
        if (i != index && strcmp(base_name(invocation->arguments[i]), name) == 0) return path;
    return name;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* "OUT/NAME.srt" when OUT is a folder: NAME is the clip's without the ending. The caller frees it. */
static char *srt_path(const char *clip, bool into_folder) {
    if (!into_folder) return format_text("%s", srt);
    const char *name = base_name(clip), *dot = strrchr(name, '.');
    int length = dot && dot != name ? (int)(dot - name) : (int)strcspn(name, "/");
    return format_text("%s/%.*s.srt", srt, length, name);
}

/* Several clips go into a folder, which is made where there is none. */
static enum exit_code srt_prepare(const struct invocation *invocation, bool *into_folder) {
    *into_folder = srt && (invocation->argument_count > 1 || is_folder(srt));
    if (!*into_folder) return EXIT_DONE;
    for (size_t i = 1; i < invocation->argument_count; i++) {
        char *path = srt_path(invocation->arguments[i], true);
        for (size_t k = 0; k < i; k++) {
            char *other = srt_path(invocation->arguments[k], true);
            bool same = strcmp(path, other) == 0;
            free(other);
            if (!same) continue;
            usage_error(&command_read, "--srt: %s and %s would both write %s", invocation->arguments[k],
                        invocation->arguments[i], path);
            free(path);
            return EXIT_USAGE;
        }
        free(path);
    }
    if (mkdir(srt, 0777) == 0 || is_folder(srt)) return EXIT_DONE;
    complain("--srt %s: no folder for the subtitles of several clips: %s", srt, strerror(errno));
    return EXIT_FAILED;
}

static void print_line(const struct reading *reading, const struct clip *clip, const struct lipcl_text *text, const char *name,
                       size_t name_columns, const struct layer_checks *checks) {
    const char *chars = *text->chars ? text->chars : "(nothing)";
    size_t columns = text_columns(chars), used = text_columns(name);
    char *device = device_label(lipcl_lipnet_reader_device(reading->reader));
    print("%s%*s  %s%s%s%*s  %8.1f ms  %s", name, (int)(name_columns > used ? name_columns - used : 0), "",
          colour(stdout, COLOUR_BOLD), chars, colour(stdout, COLOUR_NONE),
          (int)(columns < TEXT_COLUMNS ? TEXT_COLUMNS - columns : 0), "", clip->milliseconds, device);
    if (!checks)
        print("\n");
    else if (checks->violations)
        print("  %sMISMATCH in %zu of %zu layers%s\n", colour(stdout, COLOUR_RED), checks->violations, checks->layers,
              colour(stdout, COLOUR_NONE));
    else if (checks->trivial)
        print("  verified: host is the reference\n");
    else
        print("  %sverified%s: %zu layers, at most %.2f %% of the bound\n", colour(stdout, COLOUR_GREEN),
              colour(stdout, COLOUR_NONE), checks->layers, 100 * checks->worst_share);
    free(device);
}

static json_t *text_object(const struct lipcl_text *text) {
    json_t *object = document_object(), *words = document_array();
    for (size_t i = 0; i < text->word_count; i++) {
        json_t *word = document_object();
        char *chars = format_text("%.*s", (int)text->words[i].char_count, text->chars + text->words[i].first_char);
        document_set(word, "word", document_text(chars));
        document_set(word, "first_frame", document_count(text->words[i].first_frame));
        document_set(word, "last_frame", document_count(text->words[i].last_frame));
        document_append(words, word);
        free(chars);
    }
    document_set(object, "text", document_text(text->chars));
    document_set(object, "log_probability", document_number(text->score));
    document_set(object, "words", words);
    return object;
}

static void fill_object(json_t *object, const struct reading *reading, const struct clip *clip,
                        const struct layer_checks *checks, json_t *layers) {
    const struct lipcl_clip_info *info = &clip->info;
    bool fps_known = info->fps_numerator && info->fps_denominator;
    json_t *texts = document_array();
    for (size_t i = 0; i < clip->batch; i++) document_append(texts, text_object(clip->texts[i]));
    document_set(object, "frames", document_count(clip->frame_count));
    document_set(object, "fps",
                 fps_known ? document_number((double)info->fps_numerator / (double)info->fps_denominator) : json_null());
    document_set(object, "milliseconds", document_number(clip->milliseconds));
    document_set(object, "device", document_device(lipcl_lipnet_reader_device(reading->reader)));
    document_set(object, "texts", texts);
    if (!checks) return;
    document_set(object, "verified", json_boolean(checks->violations == 0));
    document_set(object, "trivial", json_boolean(checks->trivial));
    document_set(object, "layers", json_incref(layers));
}

/* What the checks of a clip's run found. */
struct outcome {
    struct layer_checks checks;
    json_t *layers;
    bool spot_mismatch;
};

struct job {
    struct invocation *invocation;
    struct reading reading;
    struct batches batches;
    struct spot_checks spots;
    struct outcome *outcomes; /* one a clip */
    const char **names;
    bool srt_into_folder;
    size_t name_columns;
};

/* Checks the latest run, for all of its clips. */
static void check_run(struct job *job) {
    struct batches *batches = &job->batches;
    struct outcome outcome = {0};
    size_t spot_mismatches = job->spots.mismatches;
    json_t *layers = verify ? document_array() : NULL;
    if (!spot_checks_run(&job->spots, &job->reading, &batches->run) ||
        (verify && !layer_checks_run(&job->reading, &outcome.checks, layers)))
        batches_fail(batches);
    outcome.spot_mismatch = job->spots.mismatches > spot_mismatches;
    for (size_t i = 0; i < batches->member_count; i++) {
        outcome.layers = json_incref(layers);
        job->outcomes[batches->members[i]] = outcome;
    }
    json_decref(layers);
}

static bool write_subtitles(const struct job *job, const struct clip *clip, const char *path, json_t *object) {
    if (!srt) return true;
    char *out = srt_path(path, job->srt_into_folder);
    bool written = srt_write(out, clip->texts[0], &clip->info);
    if (written && object) document_set(object, "srt", document_text(out));
    free(out);
    return written;
}

/* A clip's line, or its object, and its subtitles. */
static enum exit_code tell_clip(const struct job *job, size_t index, const struct batch_clip *read, json_t *object) {
    const char *path = job->invocation->arguments[index], *name = job->names[index];
    const struct clip *clip = &read->clip;
    const struct outcome *outcome = &job->outcomes[index];
    const struct layer_checks *checks = verify ? &outcome->checks : NULL;
    if (object) document_set(object, "clip", document_text(path));
    if (read->failed) {
        if (object) document_set(object, "error", document_text(read->error));
        return EXIT_FAILED;
    }
    if (object) fill_object(object, &job->reading, clip, checks, outcome->layers);
    if (object && options.batch > 1) document_set(object, "shared_with", document_count(read->shared_with));
    for (size_t i = 0; !object && i < clip->batch; i++) {
        char *label = clip->batch > 1 ? format_text("%s[%zu]", name, i) : format_text("%s", name);
        print_line(&job->reading, clip, clip->texts[i], make_printable(label), job->name_columns, checks);
        free(label);
    }
    if (!write_subtitles(job, clip, path, object)) {
        if (object) document_set(object, "error", document_text(latest_error()));
        return EXIT_FAILED;
    }
    return outcome->checks.violations || outcome->spot_mismatch ? EXIT_MISMATCH : EXIT_DONE;
}

static enum exit_code read_clips(struct job *job, json_t *clips) {
    enum exit_code code = EXIT_DONE;
    struct batch_clip *clip;
    size_t index;
    while (batches_next(&job->batches)) {
        if (job->batches.member_count > 0) check_run(job);
        while ((clip = batches_due(&job->batches, &index))) {
            json_t *object = clips ? document_object() : NULL;
            enum exit_code result = tell_clip(job, index, clip, object);
            if (object) document_append(clips, object);
            if (result > code) code = result;
            clip_finish(&clip->clip);
            json_decref(job->outcomes[index].layers);
            job->outcomes[index].layers = NULL;
        }
    }
    return code;
}

static enum exit_code read_run(struct invocation *invocation) {
    struct job job = {.invocation = invocation, .spots = spot_checks_init()};
    enum exit_code code = srt_prepare(invocation, &job.srt_into_folder);
    if (code != EXIT_DONE) return code;
    json_t *clips = options.json ? document_array() : NULL;
    if (clips) document_set(invocation->document, "clips", clips);
    size_t count = invocation->argument_count;
    job.outcomes = allocate(count, sizeof *job.outcomes);
    job.names = allocate(count, sizeof *job.names);
    for (size_t i = 0; i < count; i++) {
        job.names[i] = clip_name(invocation, i);
        size_t columns = text_columns(job.names[i]);
        if (columns > job.name_columns) job.name_columns = columns;
    }
    progress_begin(count);
    options.no_self_test = verify != 0;
    if (verify) options.keep_values = true;
    batches_open(&job.batches, &job.reading, invocation->arguments, job.names, count, srt ? "--srt needs single ones" : NULL);
    if (!reading_init(&job.reading, invocation->ctx, options.model)) {
        code = EXIT_FAILED;
        goto fail;
    }
    if (options.json) document_set(invocation->document, "model", document_text(job.reading.model));
    code = read_clips(&job, clips);
    progress_end();
    if (clips) {
        batches_fill(&job.batches, invocation->document);
        spot_checks_fill(&job.spots, invocation->document);
    } else {
        batches_print(&job.batches);
        spot_checks_print(&job.spots);
    }

fail:
    progress_end();
    batches_close(&job.batches);
    reading_finish(&job.reading);
    free(job.outcomes);
    free(job.names);
    return code;
}

static struct poptOption read_options[] = {
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, decoder_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, batch_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, spot_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, memory_options, 0, NULL, NULL},
    {"verify", '\0', POPT_ARG_NONE, &verify, 0, "check every layer of every clip against the reference", NULL},
    {"srt", '\0', POPT_ARG_STRING, &srt, 0, "write subtitles: a file, or a folder for several clips", "OUT"},
    POPT_TABLEEND};

const struct command command_read = {
    .name = "read",
    .summary = "read the lips in clips",
    .usage = "CLIP... [OPTIONS]",
    .description = "Prints a line a clip: its name, the sentence, the time, the device. A clip is a video,\n"
                   "a folder of numbered JPEG or PNG frames, or an npy file (u8 [T,H,W,3] in BGR, or f32\n"
                   "[3,T,64,128] or [N,3,T,64,128], already divided by 255) of a mouth; see --crop.\n"
                   "\n"
                   "The time is that of the run: from the frames in memory to the logits in memory.\n"
                   "Decoding the video and planning (compiling the kernels), done once for clips of the\n"
                   "same length, are not part of it.\n"
                   "\n"
                   "The next clips are decoded while the device computes. With --batch N it computes up to\n"
                   "N clips of the same length at a time: less time a clip, more memory (7 MiB a clip of\n"
                   "3 seconds and more on the device). Results come in the order given, and a clip's time\n"
                   "is its share of the batch's. Several clips are summed up as clips a second, planning\n"
                   "not counted.\n"
                   "\n"
                   "A clip that cannot be read is an error on stderr; the others are read all the same\n"
                   "and the exit status is 1. With --verify or --check-every it is 3 when\n"
                   "a layer breaks its error bound.\n"
                   "\n"
                   "--srt OUT: with several clips, or where OUT is a folder, a file OUT/NAME.srt a clip.\n"
                   "A cue is a word, from the frame in which it begins (25 a second where the clip does\n"
                   "not tell).\n",
    .examples = "  lipcl read clip.mp4\n"
                "  lipcl read *.mp4 --device gpu --grammar grid\n"
                "  lipcl read *.mp4 --batch 8\n"
                "  lipcl read talk.mkv --crop 410,520,256,128 --srt talk.srt\n"
                "  lipcl read clip.mp4 --verify --json\n",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = read_options,
    .run = read_run,
};
