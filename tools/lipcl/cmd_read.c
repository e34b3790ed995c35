/* cmd_read.c: from clips to sentences. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    for (size_t i = 0; i < clip_batch(clip); i++) document_append(texts, text_object(clip->texts[i]));
    document_set(object, "frames", document_count(clip->frames->shape.dims[2]));
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

struct job {
    struct invocation *invocation;
    struct reading reading;
    struct spot_checks spots;
    bool srt_into_folder;
    size_t name_columns;
};

static enum exit_code read_clip(struct job *job, size_t index, json_t *object) {
    enum exit_code code = EXIT_FAILED;
    const char *path = job->invocation->arguments[index], *name = clip_name(job->invocation, index);
    struct reading *reading = &job->reading;
    struct layer_checks checks = {0};
    json_t *layers = verify ? document_array() : NULL;
    struct clip clip;
    progress_task(index, "reading %s, %zu of %zu", name, index + 1, job->invocation->argument_count);
    if (!clip_load(reading, &clip, path)) goto fail;
    if (srt && clip_batch(&clip) > 1) {
        complain("%s: --srt needs a clip, this is a batch of %zu", path, clip_batch(&clip));
        goto fail;
    }
    size_t spot_mismatches = job->spots.mismatches;
    if (!clip_run(reading, &clip) || !spot_checks_run(&job->spots, reading, &clip)) goto fail;
    if (verify && !layer_checks_run(reading, &checks, layers)) goto fail;
    if (!clip_decode(reading, &clip)) goto fail;
    if (object) fill_object(object, reading, &clip, verify ? &checks : NULL, layers);
    for (size_t i = 0; !object && i < clip_batch(&clip); i++) {
        char *label = clip_batch(&clip) > 1 ? format_text("%s[%zu]", name, i) : format_text("%s", name);
        print_line(reading, &clip, clip.texts[i], make_printable(label), job->name_columns, verify ? &checks : NULL);
        free(label);
    }
    if (srt) {
        char *out = srt_path(path, job->srt_into_folder);
        bool written = srt_write(out, clip.texts[0], &clip.info);
        if (written && object) document_set(object, "srt", document_text(out));
        free(out);
        if (!written) goto fail;
    }
    code = checks.violations || job->spots.mismatches > spot_mismatches ? EXIT_MISMATCH : EXIT_DONE;

fail:
    json_decref(layers);
    clip_finish(&clip);
    return code;
}

static enum exit_code read_run(struct invocation *invocation) {
    struct job job = {.invocation = invocation, .spots = spot_checks_init()};
    enum exit_code code = srt_prepare(invocation, &job.srt_into_folder);
    if (code != EXIT_DONE) return code;
    json_t *clips = options.json ? document_array() : NULL;
    if (clips) document_set(invocation->document, "clips", clips);
    for (size_t i = 0; i < invocation->argument_count; i++) {
        size_t columns = text_columns(clip_name(invocation, i));
        if (columns > job.name_columns) job.name_columns = columns;
    }
    progress_begin(invocation->argument_count);
    options.no_self_test = verify != 0;
    if (!reading_init(&job.reading, invocation->ctx, options.model)) {
        code = EXIT_FAILED;
        goto fail;
    }
    if (options.json) document_set(invocation->document, "model", document_text(job.reading.model));
    for (size_t i = 0; i < invocation->argument_count; i++) {
        json_t *object = clips ? document_object() : NULL;
        if (object) document_set(object, "clip", document_text(invocation->arguments[i]));
        enum exit_code result = read_clip(&job, i, object);
        if (object && result == EXIT_FAILED) document_set(object, "error", document_text(latest_error()));
        if (object) document_append(clips, object);
        if (result > code) code = result;
    }
    progress_end();
    if (clips)
        spot_checks_fill(&job.spots, invocation->document);
    else
        spot_checks_print(&job.spots);

fail:
    progress_end();
    reading_finish(&job.reading);
    return code;
}

static struct poptOption read_options[] = {
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, decoder_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, spot_options, 0, NULL, NULL},
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
                   "A clip that cannot be read is an error on stderr; the others are read all the same\n"
                   "and the exit status is 1. With --verify or --check-every it is 3 when\n"
                   "a layer breaks its error bound.\n"
                   "\n"
                   "--srt OUT: with several clips, or where OUT is a folder, a file OUT/NAME.srt a clip.\n"
                   "A cue is a word, from the frame in which it begins (25 a second where the clip does\n"
                   "not tell).\n",
    .examples = "  lipcl read clip.mp4\n"
                "  lipcl read *.mp4 --device gpu --grammar grid\n"
                "  lipcl read talk.mkv --crop 410,520,256,128 --srt talk.srt\n"
                "  lipcl read clip.mp4 --verify --json\n",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = read_options,
    .run = read_run,
};
