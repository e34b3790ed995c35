/* reading.h: a LipNet that reads clips, as `read`, `eval`, `run` and `verify` use it. */
#ifndef LIPCL_TOOLS_READING_H
#define LIPCL_TOOLS_READING_H

#include <lipcl/clip.h>
#include <lipcl/lipnet.h>
#include <lipcl/text.h>

#include "command.h"

struct reading {
    struct lipcl_context *ctx;
    char *model;
    struct lipcl_tensor_set *weights; /* NULL after reading_init(): the reader has them as long as it needs them */
    struct lipcl_grammar *grammar;
    struct lipcl_lipnet_reader *reader;
};

/* Loads the weights (NULL: those that ship with lipcl) and the grammar, and opens the device, all as `options` say.
 * False after a message; to be finished in either case. */
bool reading_init(struct reading *reading, struct lipcl_context *ctx, const char *model);
/* The same in two parts, keeping the weights. A device can be opened again and again, in place of the one before. */
bool reading_load(struct reading *reading, struct lipcl_context *ctx, const char *model);
bool reading_open(struct reading *reading, const char *device, const struct lipcl_plan_params *plan);
void reading_finish(struct reading *reading);

/* A clip, and what a run made of it. */
struct clip {
    struct lipcl_clip_info info;
    struct lipcl_tensor *frames; /* F32 [N,3,T,64,128] */
    struct lipcl_tensor *logits; /* F32 [N,T,28] */
    size_t batch, frame_count;   /* N and T */
    struct lipcl_text **texts;   /* N of them */
    double milliseconds;         /* from the frames in host memory to the logits in host memory */
    double planning_milliseconds;
};

/* Each does one step, and false after a message; clip_finish() always. Frames do not know the context that loaded them. */
bool clip_load(struct lipcl_context *ctx, struct clip *clip, const char *path);
bool clip_run(struct reading *reading, struct clip *clip);
bool clip_decode(struct reading *reading, struct clip *clip);
void clip_finish(struct clip *clip);

/* One clip of the batch, lent: F32 [T,28]. */
struct lipcl_tensor clip_logits(const struct lipcl_tensor *logits, size_t index);

/* The last part of a path; lent. */
const char *base_name(const char *path);

#endif
