#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include "datafile.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "timing.h"

static bool find_model(struct reading *reading, struct lipcl_context *ctx, const char *model) {
    *reading = (struct reading){.ctx = ctx};
    reading->model = model ? format_text("%s", model) : datafile_model();
    return reading->model != NULL;
}

static bool load_grammar(struct reading *reading) {
    return !options.grammar || lipcl_grammar_load(reading->ctx, &reading->grammar, options.grammar) == LIPCL_OK;
}

bool reading_load(struct reading *reading, struct lipcl_context *ctx, const char *model) {
    return find_model(reading, ctx, model) && lipcl_lipnet_load(ctx, &reading->weights, reading->model) == LIPCL_OK &&
           load_grammar(reading);
}

bool reading_open(struct reading *reading, const char *device, const struct lipcl_plan_params *plan) {
    struct lipcl_lipnet_reader_params params = {.device = device, .model = reading->model, .plan = *plan};
    lipcl_lipnet_reader_destroy(&reading->reader);
    return lipcl_lipnet_reader_create(reading->ctx, &reading->reader, reading->weights, &params) == LIPCL_OK;
}

bool reading_init(struct reading *reading, struct lipcl_context *ctx, const char *model) {
    struct lipcl_plan_params plan = options_plan();
    return find_model(reading, ctx, model) && reading_open(reading, options.device, &plan) && load_grammar(reading);
}

void reading_finish(struct reading *reading) {
    lipcl_lipnet_reader_destroy(&reading->reader);
    lipcl_grammar_destroy(&reading->grammar);
    lipcl_tensor_set_destroy(&reading->weights);
    free(reading->model);
    *reading = (struct reading){0};
}

bool clip_load(struct lipcl_context *ctx, struct clip *clip, const char *path) {
    *clip = (struct clip){0};
    struct lipcl_clip_params params = {0};
    if (options.has_crop) {
        params.crop.x = options.crop[0];
        params.crop.y = options.crop[1];
        params.crop.width = options.crop[2];
        params.crop.height = options.crop[3];
    }
    if (lipcl_clip_load(ctx, &clip->frames, &clip->info, path, &params) != LIPCL_OK) return false;
    clip->batch = clip->frames->shape.dims[0];
    clip->frame_count = clip->frames->shape.dims[2];
    return true;
}

bool clip_run(struct reading *reading, struct clip *clip) {
    uint64_t begin = now_ns();
    clip->batch = clip->frames->shape.dims[0];
    clip->frame_count = clip->frames->shape.dims[2];
    progress_step(NULL, 0, 1, "planning");
    if (lipcl_lipnet_reader_prepare(reading->ctx, reading->reader, clip->batch, clip->frame_count) != LIPCL_OK) return false;
    progress_step(NULL, 0, 1, "");
    uint64_t planned = now_ns();
    enum lipcl_status status = lipcl_lipnet_reader_run(reading->ctx, reading->reader, &clip->logits, clip->frames);
    clip->planning_milliseconds = 1e-6 * (double)(planned - begin);
    clip->milliseconds = 1e-6 * (double)(now_ns() - planned);
    return status == LIPCL_OK;
}

static void free_texts(struct clip *clip) {
    for (size_t i = 0; clip->texts && i < clip->batch; i++) lipcl_text_destroy(&clip->texts[i]);
    free(clip->texts);
    clip->texts = NULL;
}

bool clip_decode(struct reading *reading, struct clip *clip) {
    const struct lipcl_ctc_beam_params beam = {.grammar = reading->grammar};
    clip->texts = allocate(clip->batch, sizeof(struct lipcl_text *));
    for (size_t i = 0; i < clip->batch; i++) {
        struct lipcl_tensor logits = clip_logits(clip->logits, i);
        enum lipcl_status status = options.decoder == DECODER_BEAM
                                       ? lipcl_ctc_beam(reading->ctx, &clip->texts[i], &logits, &beam)
                                       : lipcl_ctc_greedy(reading->ctx, &clip->texts[i], &logits);
        if (status == LIPCL_OK) continue;
        free_texts(clip);
        return false;
    }
    return true;
}

void clip_finish(struct clip *clip) {
    free_texts(clip);
    lipcl_tensor_destroy(&clip->frames);
    lipcl_tensor_destroy(&clip->logits);
    *clip = (struct clip){0};
}

struct lipcl_tensor clip_logits(const struct lipcl_tensor *logits, size_t index) {
    size_t frames = logits->shape.dims[1], classes = logits->shape.dims[2];
    return (struct lipcl_tensor){LIPCL_F32, {2, {frames, classes}}, (float *)logits->data + index * frames * classes};
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}
