#include <lipcl/clip.h>

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "formats/bytes.h"
#include "formats/clip_sink.h"
#include "formats/ffmpeg.h"
#include "tensor/shape.h"

static enum lipcl_status is_npy(struct lipcl_context *ctx, bool *npy, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    FILE *file = NULL;
    uint64_t size = 0;
    char magic[6];
    size_t length = strlen(path);
    TRY(file_open(ctx, &file, &size, path));
    if (size == 0) TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: the file is empty", path));
    *npy = length >= 4 && strcasecmp(path + length - 4, ".npy") == 0;
    if (*npy || size < sizeof magic) goto fail;
    TRY(read_at(ctx, file, path, 0, magic, sizeof magic));
    *npy = memcmp(magic, "\x93NUMPY", sizeof magic) == 0;

fail:
    if (file) fclose(file);
    return status;
}

enum lipcl_status lipcl_clip_load(struct lipcl_context *ctx, struct lipcl_tensor **frames, struct lipcl_clip_info *info,
                                  const char *path, const struct lipcl_clip_params *params) {
    enum lipcl_status status = LIPCL_OK;
    struct clip_sink sink = {.ctx = ctx, .path = path};
    struct stat entry;
    bool npy = false, is_folder, uses_ffmpeg = false;
    int log_level = 0; /* FFmpeg's, from before */
    *frames = NULL;
    if (params) sink.params = *params;
    if (sink.params.max_frames == 0) sink.params.max_frames = LIPCL_CLIP_MAX_FRAMES;
    if (stat(path, &entry) != 0)
        TRY(fail(ctx, errno == ENOENT || errno == ENOTDIR ? LIPCL_ERROR_NOT_FOUND : LIPCL_ERROR_IO, "%s: cannot open: %s", path,
                 strerror(errno)));
    is_folder = S_ISDIR(entry.st_mode);
    if (!is_folder) TRY(is_npy(ctx, &npy, path));
    if (!npy) {
        TRY(ffmpeg_open(ctx, path));
        uses_ffmpeg = true;
        log_level = ffmpeg.av_log_get_level();
        ffmpeg.av_log_set_level(AV_LOG_QUIET);
    }
    TRY(npy ? clip_read_npy(&sink) : is_folder ? clip_read_folder(&sink) : clip_read_video(&sink));
    TRY(clip_sink_finish(&sink, frames));
    if (info) *info = sink.info;

fail:
    if (uses_ffmpeg) ffmpeg.av_log_set_level(log_level);
    lipcl_tensor_destroy(&sink.tensor);
    return status;
}
