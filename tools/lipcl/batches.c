#include "batches.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "timing.h"

/* A clip waits for others of its length while so many batches' worth of clips pass. */
enum { WAIT_BATCHES = 4 };

/* While one batch runs, the next one is decoded, and a clip more. */
static size_t held_limit(const struct batches *batches) {
    return 2 * batches->batch + 1;
}

void batches_open(struct batches *batches, struct reading *reading, const char *const *paths, const char *const *names,
                  size_t count, const char *single) {
    *batches = (struct batches){.reading = reading, .paths = paths, .names = names, .count = count, .single = single};
    batches->batch = options.batch ? options.batch : 1;
    if (batches->batch > count) batches->batch = count ? count : 1;
    batches->clips = allocate(count, sizeof *batches->clips);
    batches->members = allocate(batches->batch, sizeof *batches->members);
    batches->stream = clip_stream_open(paths, count, held_limit(batches), !options.no_overlap);
}

static void finish_clip(struct batches *batches, struct batch_clip *clip, bool failed) {
    lipcl_tensor_destroy(&clip->clip.frames);
    clip->state = CLIP_DONE;
    clip->failed = failed;
    if (failed) clip->error = format_text("%s", latest_error());
    clip_stream_release(batches->stream);
}

static void take_clip(struct batches *batches) {
    size_t index = batches->taken++;
    struct batch_clip *clip = &batches->clips[index];
    bool ok = clip_stream_take(batches->stream, &clip->clip);
    if (ok && batches->single && clip->clip.batch > 1) {
        complain("%s: a batch of %zu clips; %s", batches->paths[index], clip->clip.batch, batches->single);
        ok = false;
    }
    if (!ok) {
        finish_clip(batches, clip, true);
        return;
    }
    clip->state = CLIP_HELD;
    batches->held++;
}

/* Whether two clips may share a run; a file that is a batch itself runs alone. */
static bool go_together(const struct batch_clip *a, const struct batch_clip *b) {
    return a == b || (a->clip.batch == 1 && b->clip.batch == 1 && a->clip.frame_count == b->clip.frame_count);
}

/* Collects into `members` the clips that go with the first one held from `from` on; returns how many. *first is that one. */
static size_t collect(const struct batches *batches, size_t from, size_t *members, size_t *first) {
    size_t count = 0;
    for (size_t i = from; i < batches->taken && count < batches->batch; i++) {
        const struct batch_clip *clip = &batches->clips[i];
        if (clip->state != CLIP_HELD) continue;
        if (count == 0) *first = i;
        if (go_together(&batches->clips[*first], clip)) members[count++] = i;
    }
    return count;
}

/* Chooses the largest batch that the clips held make, of several the one with the earliest clip. *run_now: it is full, or its
 * first clip, and with it what is told, has waited for long enough. */
static size_t choose_members(struct batches *batches, bool *run_now) {
    size_t best = 0, best_from = 0;
    *run_now = false;
    for (size_t from = batches->told; from < batches->taken && !*run_now; from++) {
        size_t first = from, count = collect(batches, from, batches->members, &first);
        if (count == 0) break;
        bool old = best == 0 && batches->taken - first > WAIT_BATCHES * batches->batch;
        *run_now = count == batches->batch || batches->clips[first].clip.batch > 1 || old;
        if (*run_now || count > best) {
            best_from = first;
            best = count;
        }
        from = first;
    }
    size_t first = best_from;
    return best ? collect(batches, best_from, batches->members, &first) : 0;
}

/* How many clips the members' run is of: blank ones fill it up where a plan for a full batch is there already. */
static size_t run_size(const struct batches *batches) {
    const struct clip *first = &batches->clips[batches->members[0]].clip;
    if (first->batch > 1) return first->batch;
    bool planned = batches->planned_batch == batches->batch && batches->planned_frames == first->frame_count;
    return planned && 2 * batches->member_count >= batches->batch ? batches->batch : batches->member_count;
}

/* The frames of all members one behind the other. */
static bool join_frames(struct batches *batches, size_t size) {
    const struct lipcl_tensor *first = batches->clips[batches->members[0]].clip.frames;
    struct lipcl_shape shape = first->shape;
    shape.dims[0] = size;
    if (batches->joined && !lipcl_shape_equal(&batches->joined->shape, &shape)) lipcl_tensor_destroy(&batches->joined);
    if (!batches->joined && lipcl_tensor_create(batches->reading->ctx, &batches->joined, LIPCL_F32, &shape) != LIPCL_OK)
        return false;
    size_t bytes = lipcl_tensor_bytes(first);
    char *data = batches->joined->data;
    for (size_t i = 0; i < batches->member_count; i++)
        memcpy(data + i * bytes, batches->clips[batches->members[i]].clip.frames->data, bytes);
    memset(data + batches->member_count * bytes, 0, (shape.dims[0] - batches->member_count) * bytes);
    batches->run.frames = batches->joined;
    batches->run.frame_count = shape.dims[2];
    batches->run.batch = shape.dims[0];
    return true;
}

/* One run of the device for all members, and its texts. */
static bool run_members(struct batches *batches) {
    struct clip *run = &batches->run;
    const struct clip *first = &batches->clips[batches->members[0]].clip;
    size_t size = run_size(batches);
    *run = (struct clip){0};
    batches->shared = size > 1 && first->batch == 1;
    if (batches->shared && !join_frames(batches, size)) return false;
    if (!batches->shared) *run = *first;
    bool ok = clip_run(batches->reading, run);
    batches->planning_milliseconds += run->planning_milliseconds;
    batches->plans += batches->planned_batch != size || batches->planned_frames != run->frame_count;
    batches->planned_batch = ok ? size : 0;
    batches->planned_frames = run->frame_count;
    ok = ok && clip_decode(batches->reading, run);
    lipcl_tensor_destroy(&run->logits);
    run->frames = NULL;
    return ok;
}

/* Hands every member its text and its share of the time. */
static void share_out(struct batches *batches) {
    struct clip *run = &batches->run;
    for (size_t i = 0; i < batches->member_count; i++) {
        struct batch_clip *member = &batches->clips[batches->members[i]];
        member->clip.milliseconds = run->milliseconds / (double)batches->member_count;
        member->shared_with = batches->member_count;
        batches->read += member->clip.batch;
        if (batches->shared) {
            member->clip.texts = allocate(1, sizeof *run->texts);
            member->clip.texts[0] = run->texts[i];
        } else {
            member->clip.texts = run->texts;
        }
        finish_clip(batches, member, false);
    }
    for (size_t i = batches->member_count; batches->shared && i < run->batch; i++) lipcl_text_destroy(&run->texts[i]);
    if (batches->shared) free(run->texts);
    run->texts = NULL;
}

static void tell_progress(const struct batches *batches) {
    size_t first = batches->members[0];
    if (batches->member_count == 1)
        progress_task(first, "reading %s, %zu of %zu", batches->names[first], first + 1, batches->count);
    else
        progress_task(first, "reading %s and %zu more, of %zu", batches->names[first], batches->member_count - 1,
                      batches->count);
}

bool batches_next(struct batches *batches) {
    bool run_now = false;
    size_t before = batches->taken;
    if (batches->begin_ns == 0) batches->begin_ns = now_ns();
    batches->member_count = choose_members(batches, &run_now);
    while (!run_now && batches->taken < batches->count && batches->held < held_limit(batches)) {
        take_clip(batches);
        batches->member_count = choose_members(batches, &run_now);
    }
    if (batches->member_count == 0) return batches->taken > before; /* those have failed, and are due */
    for (size_t i = 0; i < batches->member_count; i++) batches->clips[batches->members[i]].state = CLIP_RUNNING;
    batches->held -= batches->member_count;
    tell_progress(batches);
    if (run_members(batches)) {
        share_out(batches);
        return true;
    }
    if (batches->member_count == 1) {
        finish_clip(batches, &batches->clips[batches->members[0]], true);
    } else {
        caution("a batch of %zu clips failed: going on one clip at a time", batches->member_count);
        for (size_t i = 0; i < batches->member_count; i++) batches->clips[batches->members[i]].state = CLIP_HELD;
        batches->held += batches->member_count;
        batches->batch = 1;
        lipcl_tensor_destroy(&batches->joined);
    }
    batches->member_count = 0;
    return true;
}

void batches_fail(struct batches *batches) {
    for (size_t i = 0; i < batches->member_count; i++) {
        struct batch_clip *member = &batches->clips[batches->members[i]];
        member->failed = true;
        member->error = format_text("%s", latest_error());
        batches->read -= member->clip.batch;
    }
}

struct batch_clip *batches_due(struct batches *batches, size_t *index) {
    if (batches->told == batches->count || batches->clips[batches->told].state != CLIP_DONE) return NULL;
    *index = batches->told++;
    return &batches->clips[*index];
}

struct throughput {
    double seconds, planning, clips_per_s;
};

static struct throughput measure(const struct batches *batches) {
    struct throughput t = {.seconds = 1e-9 * (double)(now_ns() - batches->begin_ns)};
    t.planning = 1e-3 * batches->planning_milliseconds;
    t.clips_per_s = t.seconds > t.planning ? (double)batches->read / (t.seconds - t.planning) : 0;
    return t;
}

void batches_print(const struct batches *batches) {
    if (batches->count < 2 || batches->read < 2) return;
    struct throughput t = measure(batches);
    print("%zu clips in %.2f s", batches->read, t.seconds);
    if (t.planning >= 0.01) print(" (%.2f s of it planning)", t.planning);
    print(", %.1f clips/s\n", t.clips_per_s);
}

void batches_fill(const struct batches *batches, json_t *document) {
    struct throughput t = measure(batches);
    json_t *object = document_object();
    document_set(object, "batch", document_count(options.batch ? options.batch : 1));
    document_set(object, "clips", document_count(batches->read));
    document_set(object, "seconds", document_number(t.seconds));
    document_set(object, "plans", document_count(batches->plans));
    document_set(object, "planning_seconds", document_number(t.planning));
    document_set(object, "clips_per_s", document_number(t.clips_per_s));
    document_set(document, "throughput", object);
}

void batches_close(struct batches *batches) {
    clip_stream_close(&batches->stream);
    for (size_t i = 0; i < batches->count && batches->clips; i++) {
        clip_finish(&batches->clips[i].clip);
        free(batches->clips[i].error);
    }
    lipcl_tensor_destroy(&batches->joined);
    free(batches->clips);
    free(batches->members);
    *batches = (struct batches){0};
}
