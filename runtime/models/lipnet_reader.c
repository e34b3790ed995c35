/* lipnet_reader.c: a device, a plan for the clips' shape, and what to do when a device fails. */
#include <lipcl/lipnet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/shape.h"

struct lipcl_lipnet_reader {
    const struct lipcl_tensor_set *weights; /* the caller's; NULL: those in `model`, */
    const char *model;
    struct lipcl_tensor_set *loaded; /* ... while there is no plan of them */
    struct lipcl_plan_params plan_params;
    bool may_move; /* the device was chosen by "auto" */
    struct lipcl_device *device;
    struct lipcl_plan *plan;
    size_t batch, frames; /* what was asked for */
    size_t part;          /* clips at a time that the plan is for, at most `batch` */
    char *failed;         /* selectors of the devices that failed, each between two blanks */
};

static enum lipcl_status find_weights(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader) {
    if (reader->weights || reader->loaded) return LIPCL_OK;
    if (!reader->model) return fail(ctx, LIPCL_ERROR_ARGUMENT, "LipNet: a reader needs weights, or a file that they are in");
    return lipcl_lipnet_load(ctx, &reader->loaded, reader->model);
}

enum lipcl_status lipcl_lipnet_reader_create(struct lipcl_context *ctx, struct lipcl_lipnet_reader **reader,
                                             const struct lipcl_tensor_set *weights,
                                             const struct lipcl_lipnet_reader_params *params) {
    enum lipcl_status status = LIPCL_OK;
    *reader = calloc(1, sizeof **reader);
    if (!*reader) TRY(fail_memory(ctx, sizeof **reader));
    const char *selector = params ? params->device : NULL;
    if (!selector) selector = getenv("LIPCL_DEVICE");
    if (!selector || !*selector) selector = "auto";
    (*reader)->weights = weights;
    (*reader)->may_move = strcmp(selector, "auto") == 0;
    if (params) (*reader)->plan_params = params->plan;
    if (params) (*reader)->model = params->model;
    TRY(find_weights(ctx, *reader));
    (*reader)->failed = string_copy(" ");
    if (!(*reader)->failed) TRY(fail_memory(ctx, 2));
    TRY(lipcl_device_create(ctx, &(*reader)->device, selector));
    return LIPCL_OK;

fail:
    lipcl_lipnet_reader_destroy(reader);
    return status;
}

void lipcl_lipnet_reader_destroy(struct lipcl_lipnet_reader **reader) {
    if (!reader || !*reader) return;
    lipcl_plan_destroy(&(*reader)->plan);
    lipcl_device_destroy(&(*reader)->device);
    lipcl_tensor_set_destroy(&(*reader)->loaded);
    free((*reader)->failed);
    free(*reader);
    *reader = NULL;
}

const struct lipcl_device_info *lipcl_lipnet_reader_device(const struct lipcl_lipnet_reader *reader) {
    return lipcl_device_info(reader->device);
}

struct lipcl_plan *lipcl_lipnet_reader_plan(struct lipcl_lipnet_reader *reader) {
    return reader->plan;
}

static enum lipcl_status plan_part(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, size_t part, size_t frames,
                                   struct lipcl_plan_memory *memory) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_graph *graph = NULL;
    struct lipcl_plan_params params = reader->plan_params;
    params.memory = memory;
    TRY(find_weights(ctx, reader));
    TRY(lipcl_graph_create(ctx, &graph));
    TRY(lipcl_lipnet_describe(graph, part, frames, NULL));
    TRY(lipcl_plan_create(ctx, &reader->plan, graph, reader->weights ? reader->weights : reader->loaded, reader->device,
                          &params));
    lipcl_tensor_set_destroy(&reader->loaded);

fail:
    lipcl_graph_destroy(&graph);
    return status;
}

/* How many clips at a time to try next, when `part` took too much: what is not weights grows with them. Of equal parts. */
static size_t smaller_part(const struct lipcl_lipnet_reader *reader, size_t batch, size_t part,
                           const struct lipcl_plan_memory *memory) {
    size_t limit = reader->plan_params.max_memory, fit = part / 2;
    if (limit && memory->shared_bytes)
        fit = limit > memory->constant_bytes
                  ? (size_t)((double)(limit - memory->constant_bytes) / (double)memory->shared_bytes * (double)part)
                  : 1;
    fit = size_max(1, size_min(fit, part - 1));
    return size_ceil_div(batch, size_ceil_div(batch, fit));
}

/* A batch that takes too much memory is computed in parts, unless all of its values are to be looked at afterwards. */
static enum lipcl_status make_plan(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, size_t batch, size_t frames) {
    if (reader->plan && reader->batch == batch && reader->frames == frames) return LIPCL_OK;
    for (size_t part = batch;;) {
        struct lipcl_plan_memory memory = {0};
        bool last = part == 1 || reader->plan_params.keep_values;
        lipcl_plan_destroy(&reader->plan);
        enum lipcl_status status = plan_part(ctx, reader, part, frames, last ? NULL : &memory);
        if (status == LIPCL_OK) {
            reader->batch = batch;
            reader->part = part;
            reader->frames = frames;
            return status;
        }
        if (status != LIPCL_ERROR_MEMORY || last) return status;
        part = smaller_part(reader, batch, part, &memory);
        log_message(ctx, memory.device_bytes ? LIPCL_LOG_INFO : LIPCL_LOG_WARN,
                    "LipNet: %zu clips at a time take too much memory; going on with %zu", batch, part);
    }
}

/* Notes the present device as failed; false when that cannot even be written down. */
static bool note_failure(struct lipcl_lipnet_reader *reader) {
    const struct lipcl_device_info *info = lipcl_device_info(reader->device);
    char selector[64];
    snprintf(selector, sizeof selector, "%zu:%zu ", info->platform_index, info->device_index);
    char *grown = realloc(reader->failed, strlen(reader->failed) + strlen(selector) + 1);
    if (!grown) return false;
    strcat(grown, selector);
    reader->failed = grown;
    return true;
}

/* The usable device that has not failed yet and is of the best type, as a selector; "host" when there is none. */
static void choose_next(struct lipcl_context *ctx, const struct lipcl_lipnet_reader *reader, char *selector, size_t bytes) {
    static const int preference[] = {
        [LIPCL_DEVICE_HOST] = 0, [LIPCL_DEVICE_CPU] = 1, [LIPCL_DEVICE_GPU] = 3, [LIPCL_DEVICE_ACCELERATOR] = 2};
    struct lipcl_device_list *list = NULL;
    int best = 0;
    snprintf(selector, bytes, "host");
    if (lipcl_device_list_create(ctx, &list) != LIPCL_OK) return;
    for (size_t i = 0; i < list->count; i++) {
        const struct lipcl_device_info *info = &list->devices[i];
        char mark[64];
        snprintf(mark, sizeof mark, " %zu:%zu ", info->platform_index, info->device_index);
        if (!info->usable || preference[info->type] <= best || strstr(reader->failed, mark)) continue;
        best = preference[info->type];
        snprintf(selector, bytes, "%zu:%zu", info->platform_index, info->device_index);
    }
    lipcl_device_list_destroy(&list);
}

static bool is_device_failure(enum lipcl_status status) {
    return status == LIPCL_ERROR_DEVICE || status == LIPCL_ERROR_DEVICE_LOST || status == LIPCL_ERROR_BUILD ||
           status == LIPCL_ERROR_MEMORY;
}

/* After a failure on the present device: moves to the next one. Returns `failure` itself when there is nowhere to go. */
static enum lipcl_status move_on(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, enum lipcl_status failure) {
    const struct lipcl_device_info *info = lipcl_device_info(reader->device);
    if (failure == LIPCL_ERROR_MEMORY && reader->plan_params.max_memory)
        return failure; /* the limit is the user's, not the device's */
    if (!reader->may_move || !is_device_failure(failure) || info->type == LIPCL_DEVICE_HOST || !note_failure(reader))
        return failure;
    char selector[64];
    choose_next(ctx, reader, selector, sizeof selector);
    log_message(ctx, LIPCL_LOG_WARN, "device %s failed (%s): going on with %s", info->name, lipcl_status_name(failure),
                selector);
    lipcl_plan_destroy(&reader->plan);
    lipcl_device_destroy(&reader->device);
    enum lipcl_status status = lipcl_device_create(ctx, &reader->device, selector);
    return status == LIPCL_OK ? status : lipcl_device_create(ctx, &reader->device, "host");
}

enum lipcl_status lipcl_lipnet_reader_prepare(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, size_t batch,
                                              size_t frames) {
    for (;;) {
        enum lipcl_status status = make_plan(ctx, reader, batch, frames);
        if (status == LIPCL_OK) return status;
        status = move_on(ctx, reader, status);
        if (status != LIPCL_OK) return status;
    }
}

static enum lipcl_status check_clip(struct lipcl_context *ctx, const struct lipcl_tensor *x) {
    const size_t *d = x->shape.dims;
    if (x->dtype == LIPCL_F32 && x->shape.rank == 5 && d[0] > 0 && d[1] == 3 && d[2] > 0 && d[3] == LIPCL_LIPNET_HEIGHT &&
        d[4] == LIPCL_LIPNET_WIDTH)
        return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_SHAPE, "LipNet: clips are f32 [N,3,T,64,128] with N, T >= 1, this is %s %s",
                lipcl_dtype_name(x->dtype), shape_text(&x->shape).chars);
}

/* The last part begins early, so that all are of the same size, and computes some clips once more. */
static enum lipcl_status run_parts(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, struct lipcl_tensor *logits,
                                   const struct lipcl_tensor *x) {
    size_t part = reader->part, clip = lipcl_tensor_count(x) / reader->batch, text = lipcl_tensor_count(logits) / reader->batch;
    for (size_t done = 0; done < reader->batch; done += part) {
        size_t first = size_min(done, reader->batch - part);
        struct lipcl_tensor in = {LIPCL_F32, x->shape, (float *)x->data + first * clip};
        struct lipcl_tensor out = {LIPCL_F32, logits->shape, (float *)logits->data + first * text};
        const struct lipcl_tensor *inputs[] = {&in};
        struct lipcl_tensor *outputs[] = {&out};
        in.shape.dims[0] = out.shape.dims[0] = part;
        enum lipcl_status status = lipcl_plan_run(ctx, reader->plan, outputs, inputs);
        if (status != LIPCL_OK) return status;
    }
    return LIPCL_OK;
}

enum lipcl_status lipcl_lipnet_reader_run(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader,
                                          struct lipcl_tensor **logits, const struct lipcl_tensor *x) {
    enum lipcl_status status = LIPCL_OK;
    *logits = NULL;
    TRY(check_clip(ctx, x));
    size_t batch = x->shape.dims[0], frames = x->shape.dims[2];
    TRY(lipcl_tensor_create(ctx, logits, LIPCL_F32, &SHAPE(batch, frames, LIPCL_LIPNET_CLASSES)));
    for (;;) {
        TRY(lipcl_lipnet_reader_prepare(ctx, reader, batch, frames));
        status = run_parts(ctx, reader, *logits, x);
        if (status == LIPCL_OK) return status;
        TRY(move_on(ctx, reader, status));
    }

fail:
    lipcl_tensor_destroy(logits);
    return status;
}
