#include "formats/clip_sink.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/shape.h"

enum { WIDTH = LIPCL_CLIP_WIDTH, HEIGHT = LIPCL_CLIP_HEIGHT, FRAME = WIDTH * HEIGHT };

enum lipcl_status clip_check_size(struct lipcl_context *ctx, const char *path, long long width, long long height) {
    if (width <= 0 || height <= 0)
        return fail(ctx, LIPCL_ERROR_FORMAT, "%s: a picture of %lld x %lld pixels", path, width, height);
    if (width > CLIP_MAX_SIDE || height > CLIP_MAX_SIDE || width * height > CLIP_MAX_PIXELS)
        return fail(ctx, LIPCL_ERROR_UNSUPPORTED,
                    "%s: a picture of %lld x %lld pixels; at most %d a side and %d in all are read", path, width, height,
                    CLIP_MAX_SIDE, CLIP_MAX_PIXELS);
    return LIPCL_OK;
}

enum lipcl_status clip_sink_check_count(struct clip_sink *sink, size_t frames) {
    if (frames <= sink->params.max_frames) return LIPCL_OK;
    return fail(sink->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: too many frames: more than %zu; cut the clip or raise the limit",
                sink->path, sink->params.max_frames);
}

enum lipcl_status clip_sink_reserve(struct clip_sink *sink, size_t frames) {
    struct lipcl_tensor *wider = NULL;
    size_t capacity = sink->tensor ? sink->tensor->shape.dims[2] : 0;
    if (frames <= capacity) return LIPCL_OK;
    enum lipcl_status status = lipcl_tensor_create(sink->ctx, &wider, LIPCL_F32, &SHAPE(1, 3, frames, HEIGHT, WIDTH));
    if (status != LIPCL_OK) return status;
    for (size_t c = 0; c < 3 && sink->tensor; c++)
        memcpy((float *)wider->data + c * frames * FRAME, (float *)sink->tensor->data + c * capacity * FRAME,
               sink->info.frames * FRAME * sizeof(float));
    lipcl_tensor_destroy(&sink->tensor);
    sink->tensor = wider;
    return LIPCL_OK;
}

/* Cuts *picture to the wanted part. */
static enum lipcl_status crop(struct clip_sink *sink, struct picture *picture) {
    size_t x = sink->params.crop.x, y = sink->params.crop.y;
    size_t width = sink->params.crop.width, height = sink->params.crop.height;
    if (x == 0 && y == 0 && width == 0 && height == 0) return LIPCL_OK;
    if (width == 0 || height == 0)
        return fail(sink->ctx, LIPCL_ERROR_ARGUMENT, "%s: the crop %zu,%zu,%zu,%zu is empty", sink->path, x, y, width, height);
    if (x > picture->width || y > picture->height || width > picture->width - x || height > picture->height - y)
        return fail(sink->ctx, LIPCL_ERROR_ARGUMENT, "%s: the crop %zu,%zu,%zu,%zu leaves the picture, which is %zu x %zu",
                    sink->path, x, y, width, height, picture->width, picture->height);
    picture->pixels += (ptrdiff_t)x * picture->column_step + (ptrdiff_t)y * picture->row_step;
    picture->width = width;
    picture->height = height;
    return LIPCL_OK;
}

/* Where output pixel i of `out` samples an input line of `in` pixels: between `low` and `high`, at `share` of the way. */
struct sample {
    ptrdiff_t low, high;
    float share;
};

static struct sample sample_at(size_t i, size_t in, size_t out) {
    double at = ((double)i + 0.5) * (double)in / (double)out - 0.5;
    if (at < 0) at = 0;
    size_t low = size_min((size_t)at, in - 1);
    return (struct sample){(ptrdiff_t)low, (ptrdiff_t)size_min(low + 1, in - 1), (float)(at - (double)low)};
}

static float mix(float a, float b, float share) {
    return a + (b - a) * share;
}

/* What resize() does to a picture that has the right size already, to the bit. */
static void copy_pixels(float *out, size_t plane, const struct picture *picture) {
    for (size_t y = 0; y < HEIGHT; y++) {
        const unsigned char *row = picture->pixels + (ptrdiff_t)y * picture->row_step;
        for (size_t c = 0; c < 3; c++) {
            float *line = out + c * plane + y * WIDTH;
            for (size_t x = 0; x < WIDTH; x++)
                line[x] = (float)row[(ptrdiff_t)x * picture->column_step + (ptrdiff_t)c] / 255.0f;
        }
    }
}

/* Writes the picture's three planes, the first at `out`, the next ones `plane` elements further on. */
static void resize(float *out, size_t plane, const struct picture *picture) {
    struct sample columns[WIDTH];
    if (picture->width == WIDTH && picture->height == HEIGHT) {
        copy_pixels(out, plane, picture);
        return;
    }
    for (size_t x = 0; x < WIDTH; x++) {
        columns[x] = sample_at(x, picture->width, WIDTH);
        columns[x].low *= picture->column_step;
        columns[x].high *= picture->column_step;
    }
    for (size_t y = 0; y < HEIGHT; y++) {
        struct sample row = sample_at(y, picture->height, HEIGHT);
        const unsigned char *above = picture->pixels + row.low * picture->row_step;
        const unsigned char *below = picture->pixels + row.high * picture->row_step;
        for (size_t c = 0; c < 3; c++) {
            float *line = out + c * plane + y * WIDTH;
            for (size_t x = 0; x < WIDTH; x++) {
                float top = mix(above[columns[x].low + (ptrdiff_t)c], above[columns[x].high + (ptrdiff_t)c], columns[x].share);
                float bottom =
                    mix(below[columns[x].low + (ptrdiff_t)c], below[columns[x].high + (ptrdiff_t)c], columns[x].share);
                line[x] = mix(top, bottom, row.share) / 255.0f;
            }
        }
    }
}

enum lipcl_status clip_sink_add(struct clip_sink *sink, const struct picture *picture) {
    enum lipcl_status status = LIPCL_OK;
    struct picture part = *picture;
    size_t capacity = sink->tensor ? sink->tensor->shape.dims[2] : 0;
    TRY(clip_sink_check_count(sink, sink->info.frames + 1));
    TRY(crop(sink, &part));
    if (sink->info.frames == capacity)
        TRY(clip_sink_reserve(sink, size_min(size_max(2 * capacity, 32), sink->params.max_frames)));
    capacity = sink->tensor->shape.dims[2];
    resize((float *)sink->tensor->data + sink->info.frames * FRAME, capacity * FRAME, &part);
    if (sink->info.frames++ == 0) {
        sink->info.width = picture->width;
        sink->info.height = picture->height;
    }

fail:
    return status;
}

enum lipcl_status clip_sink_finish(struct clip_sink *sink, struct lipcl_tensor **frames) {
    if (sink->info.frames == 0) return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: no frames", sink->path);
    float *data = sink->tensor->data;
    size_t capacity = sink->tensor->shape.dims[2], count = sink->info.frames;
    for (size_t c = 1; c < 3; c++)
        memmove(data + c * count * FRAME, data + c * capacity * FRAME, count * FRAME * sizeof(float));
    sink->tensor->shape.dims[2] = count;
    *frames = sink->tensor;
    sink->tensor = NULL;
    return LIPCL_OK;
}
