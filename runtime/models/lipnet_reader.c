/* lipnet_reader.c: a device, a plan for the clips' shape, and what to do when a device fails. */
#include <lipcl/lipnet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/shape.h"

struct lipcl_lipnet_reader {
    const struct lipcl_tensor_set *weights;
    struct lipcl_plan_params plan_params;
    bool may_move; /* the device was chosen by "auto" */
    struct lipcl_device *device;
    struct lipcl_plan *plan;
    size_t batch, frames; /* what the plan is for */
    char *failed;         /* selectors of the devices that failed, each between two blanks */
};

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

static enum lipcl_status make_plan(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader, size_t batch, size_t frames) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_graph *graph = NULL;
    if (reader->plan && reader->batch == batch && reader->frames == frames) return LIPCL_OK;
    lipcl_plan_destroy(&reader->plan);
    TRY(lipcl_graph_create(ctx, &graph));
    TRY(lipcl_lipnet_describe(graph, batch, frames, NULL));
    TRY(lipcl_plan_create(ctx, &reader->plan, graph, reader->weights, reader->device, &reader->plan_params));
    reader->batch = batch;
    reader->frames = frames;

fail:
    lipcl_graph_destroy(&graph);
    return status;
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

enum lipcl_status lipcl_lipnet_reader_run(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader,
                                          struct lipcl_tensor **logits, const struct lipcl_tensor *x) {
    enum lipcl_status status = LIPCL_OK;
    *logits = NULL;
    TRY(check_clip(ctx, x));
    size_t batch = x->shape.dims[0], frames = x->shape.dims[2];
    TRY(lipcl_tensor_create(ctx, logits, LIPCL_F32, &SHAPE(batch, frames, LIPCL_LIPNET_CLASSES)));
    for (;;) {
        TRY(lipcl_lipnet_reader_prepare(ctx, reader, batch, frames));
        status = lipcl_plan_run(ctx, reader->plan, logits, &x);
        if (status == LIPCL_OK) return status;
        TRY(move_on(ctx, reader, status));
    }

fail:
    lipcl_tensor_destroy(logits);
    return status;
}
