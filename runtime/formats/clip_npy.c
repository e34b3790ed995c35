#include <math.h>

#include <lipcl/npy.h>

#include "base/log.h"
#include "formats/clip_sink.h"
#include "tensor/shape.h"
#include "tensor/tensor_match.h"

/* u8 [T,H,W,3] */
static enum lipcl_status add_pictures(struct clip_sink *sink, const struct lipcl_tensor *tensor) {
    enum lipcl_status status = LIPCL_OK;
    const size_t *dims = tensor->shape.dims;
    size_t row = 3 * dims[2], frame = dims[1] * row;
    if (dims[0] == 0) TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: no frames", sink->path));
    TRY(clip_check_size(sink->ctx, sink->path, (long long)dims[2], (long long)dims[1]));
    TRY(clip_sink_check_count(sink, dims[0]));
    for (size_t t = 0; t < dims[0]; t++) {
        struct picture picture = {(const unsigned char *)tensor->data + t * frame, 3, (ptrdiff_t)row, dims[2], dims[1]};
        TRY(clip_sink_add(sink, &picture)); /* the first one checks the crop, before memory for the clip is taken */
        TRY(clip_sink_reserve(sink, dims[0]));
    }

fail:
    return status;
}

/* f32 [N,3,T,64,128], taken over as it is */
static enum lipcl_status take_frames(struct clip_sink *sink, struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    const size_t *dims = (*tensor)->shape.dims;
    const float *data = (*tensor)->data;
    size_t index = 0, frame = LIPCL_CLIP_WIDTH * LIPCL_CLIP_HEIGHT, count = lipcl_tensor_count(*tensor);
    if (sink->params.crop.width || sink->params.crop.height || sink->params.crop.x || sink->params.crop.y)
        TRY(fail(sink->ctx, LIPCL_ERROR_ARGUMENT, "%s: f32 frames have their final size; they cannot be cropped", sink->path));
    if (count == 0) TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: no frames", sink->path));
    TRY(clip_sink_check_count(sink, dims[2]));
    if (tensor_find_nonfinite(&index, *tensor))
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: clip %zu, frame %zu, channel %zu holds a NaN or an infinity", sink->path,
                 index / frame / dims[2] / 3, index / frame % dims[2], index / frame / dims[2] % 3));
    float low = 0, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = data[i] < low ? data[i] : low;
        high = data[i] > high ? data[i] : high;
    }
    if (low < 0 || high > 1)
        log_message(sink->ctx, LIPCL_LOG_WARN, "%s: values from %g to %g; frames are expected divided by 255, from 0 to 1",
                    sink->path, (double)low, (double)high);
    sink->info = (struct lipcl_clip_info){.frames = dims[2], .width = LIPCL_CLIP_WIDTH, .height = LIPCL_CLIP_HEIGHT};
    sink->tensor = *tensor;
    *tensor = NULL;

fail:
    return status;
}

enum lipcl_status clip_read_npy(struct clip_sink *sink) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_tensor *tensor = NULL;
    TRY(lipcl_npy_load(sink->ctx, &tensor, sink->path));
    struct lipcl_shape *shape = &tensor->shape, given = *shape;
    if (tensor->dtype == LIPCL_U8 && shape->rank == 4 && shape->dims[3] == 3) {
        TRY(add_pictures(sink, tensor));
        goto fail;
    }
    if (tensor->dtype == LIPCL_F32 && shape->rank == 4)
        *shape = SHAPE(1, shape->dims[0], shape->dims[1], shape->dims[2], shape->dims[3]);
    if (tensor->dtype != LIPCL_F32 || shape->rank != 5 || shape->dims[1] != 3 || shape->dims[3] != LIPCL_CLIP_HEIGHT ||
        shape->dims[4] != LIPCL_CLIP_WIDTH)
        TRY(fail(sink->ctx, LIPCL_ERROR_SHAPE,
                 "%s: %s %s is no clip; wanted is u8 [T,H,W,3], f32 [3,T,64,128] or f32 [N,3,T,64,128]", sink->path,
                 lipcl_dtype_name(tensor->dtype), shape_text(&given).chars));
    TRY(take_frames(sink, &tensor));

fail:
    lipcl_tensor_destroy(&tensor);
    return status;
}
