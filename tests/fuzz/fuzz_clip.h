/* fuzz_clip.h: a file or a folder as a clip; what holds of every one. */
#ifndef LIPCL_TESTS_FUZZ_CLIP_H
#define LIPCL_TESTS_FUZZ_CLIP_H

#include <lipcl/clip.h>

#include <math.h>

#include "fuzz.h"

enum { FUZZ_MAX_FRAMES = 8 }; /* a longer clip takes more time and tells no more */

static inline void check_clip(const struct lipcl_tensor *clip, const struct lipcl_clip_info *info) {
    const size_t *dims = clip->shape.dims;
    require(clip->dtype == LIPCL_F32 && clip->shape.rank == 5 && dims[0] > 0 && dims[1] == 3 && dims[2] > 0 &&
                dims[2] <= FUZZ_MAX_FRAMES && dims[3] == LIPCL_CLIP_HEIGHT && dims[4] == LIPCL_CLIP_WIDTH,
            "the result is no clip");
    require(info->frames == dims[2] && info->width > 0 && info->height > 0, "the result is not what is told of it");
    require((info->fps_numerator == 0) == (info->fps_denominator == 0), "half of a frame rate");
    const float *values = clip->data;
    size_t strange = 0;
    for (size_t i = 0; i < lipcl_tensor_count(clip); i++) strange += isfinite(values[i]) ? 0 : 1;
    require(strange == 0, "%zu elements are not finite", strange);
}

/* Memory is the business of FFmpeg, too, whose pictures are larger than the file that they come from: -rss_limit_mb bounds it.
 */
static inline void load_clip(const char *path) {
    struct lipcl_context *ctx = fuzz_context(true);
    struct lipcl_tensor *clip = (struct lipcl_tensor *)&clip;
    struct lipcl_clip_info info = {0};
    const struct lipcl_clip_params params = {.max_frames = FUZZ_MAX_FRAMES};
    enum lipcl_status status = lipcl_clip_load(ctx, &clip, &info, path, &params);
    fuzz_check_status(ctx, status, clip != NULL, path);
    if (clip) check_clip(clip, &info);
    lipcl_tensor_destroy(&clip);
    lipcl_context_destroy(&ctx);
}

#endif
