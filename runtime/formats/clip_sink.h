/* clip_sink.h: where the pictures of every kind of clip go: cropped, resized, scaled, into one growing tensor. */
#ifndef LIPCL_FORMATS_CLIP_SINK_H
#define LIPCL_FORMATS_CLIP_SINK_H

#include <lipcl/clip.h>

enum { CLIP_MAX_SIDE = 16384, CLIP_MAX_PIXELS = 1 << 26 };

/* Pixels in somebody else's memory, three bytes each: blue, green, red. Steps may be negative: that turns a picture. */
struct picture {
    const unsigned char *pixels; /* the top left one */
    ptrdiff_t column_step, row_step;
    size_t width, height;
};

struct clip_sink {
    struct lipcl_context *ctx;
    const char *path; /* of the clip, for messages */
    struct lipcl_clip_params params;
    struct lipcl_clip_info info;
    struct lipcl_tensor *tensor; /* [1,3,capacity,64,128], of which info.frames are filled */
};

/* LIPCL_ERROR_FORMAT or LIPCL_ERROR_UNSUPPORTED unless pictures of that size can be taken. `path` is named in the message. */
enum lipcl_status clip_check_size(struct lipcl_context *ctx, const char *path, long long width, long long height);

/* Refuses more than params.max_frames. */
enum lipcl_status clip_sink_check_count(struct clip_sink *sink, size_t frames);

/* Makes room for `frames` frames in all. Optional: clip_sink_add() grows the tensor as it needs. */
enum lipcl_status clip_sink_reserve(struct clip_sink *sink, size_t frames);
enum lipcl_status clip_sink_add(struct clip_sink *sink, const struct picture *picture);

/* Hands the tensor over, cut to the frames that came. LIPCL_ERROR_FORMAT when none did. */
enum lipcl_status clip_sink_finish(struct clip_sink *sink, struct lipcl_tensor **frames);

/* The three kinds of clips. */
enum lipcl_status clip_read_video(struct clip_sink *sink);
enum lipcl_status clip_read_folder(struct clip_sink *sink);
enum lipcl_status clip_read_npy(struct clip_sink *sink);

#endif
