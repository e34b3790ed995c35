/* batches.h: many clips, several a run of the device, told of in the order given.
 *
 * Clips of one length go into a batch together, in the order given. A batch runs when it is full, when no more clips may be
 * held, when its first clip has waited for long, or at the end; clips of another length wait for theirs meanwhile. The last,
 * shorter batch of a length is filled up with blank clips where a plan for full ones is there and half of it is used at least;
 * a plan of its own size would take longer. A batch that fails is run again clip by clip, so that one clip's trouble stays its
 * own.
 *
 *     batches_open(&batches, &reading, paths, names, count, NULL);
 *     while (batches_next(&batches)) {
 *         ... checks of the latest run; batches_fail() where they fail ...
 *         while ((clip = batches_due(&batches, &index))) ... tell of it ...
 *     }
 *     batches_close(&batches);
 */
#ifndef LIPCL_TOOLS_BATCHES_H
#define LIPCL_TOOLS_BATCHES_H

#include <stdint.h>

#include <jansson.h>

#include "clip_stream.h"

enum clip_state { CLIP_TO_COME = 0, CLIP_HELD, CLIP_RUNNING, CLIP_DONE };

struct batch_clip {
    struct clip clip; /* without frames and logits when it is done */
    enum clip_state state;
    bool failed;
    char *error;        /* why, when it failed */
    size_t shared_with; /* how many clips the run was of; its milliseconds are its share */
};

struct batches {
    struct reading *reading;
    struct clip_stream *stream;
    const char *const *paths, *const *names;
    const char *single; /* why a file may not be a batch itself; NULL: it may */
    struct batch_clip *clips;
    size_t count, batch;                  /* all clips; how many a run */
    size_t taken, held, told;             /* of the clips */
    size_t *members;                      /* the clips of the latest run ... */
    size_t member_count;                  /* ... 0: it is none, but clips that failed may be due */
    struct clip run;                      /* ... and all of it */
    bool shared;                          /* ... which are the members' joined */
    struct lipcl_tensor *joined;          /* the frames of a batch, kept for the next one */
    size_t planned_batch, planned_frames; /* what the reader has a plan for; 0: none */
    size_t plans;                         /* made so far */
    uint64_t begin_ns;
    size_t read;                  /* clips */
    double planning_milliseconds; /* when the device had nothing to do yet */
};

/* As `options` say. `names` are for the progress bar; all strings have to outlive it. Decoding begins here, *reading is needed
 * from the first batch on only: so a model can be loaded and a device be opened in between. */
void batches_open(struct batches *batches, struct reading *reading, const char *const *paths, const char *const *names,
                  size_t count, const char *single);

/* Runs the next batch and decodes its texts; false when there is none any more. */
bool batches_next(struct batches *batches);

/* The clips of the latest run have failed after all; the latest message says why. */
void batches_fail(struct batches *batches);

/* The next clip in the order given, when it is done; to be finished with clip_finish(). NULL: not yet, or no more. */
struct batch_clip *batches_due(struct batches *batches, size_t *index);

/* How many clips a second, from the first batch until now without planning: as a line on stdout, and as "throughput" of a
 * document. */
void batches_print(const struct batches *batches);
void batches_fill(const struct batches *batches, json_t *document);

void batches_close(struct batches *batches);

#endif
