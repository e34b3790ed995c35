/* clip.h: moving pictures as LipNet wants them.
 *
 * Whatever the source, the result is F32 [1,3,T,64,128]: channels in the order blue, green, red, values divided by 255 and no
 * mean subtracted, pictures 64 high and 128 wide. A picture (after cropping) of another size is resized bilinearly with pixel
 * centres aligned at half integers and edges repeated, as torch.nn.functional.interpolate(mode="bilinear",
 * align_corners=False) and OpenCV's INTER_LINEAR do; the result is not rounded.
 */
#ifndef LIPCL_CLIP_H
#define LIPCL_CLIP_H

#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LIPCL_CLIP_WIDTH = 128, LIPCL_CLIP_HEIGHT = 64, LIPCL_CLIP_MAX_FRAMES = 10000 };

/* The zero value is the default: the whole picture, at most LIPCL_CLIP_MAX_FRAMES frames. */
struct lipcl_clip_params {
    struct {
        size_t x, y, width, height; /* in pixels of the source, from its top left; width 0 and height 0: all of it */
    } crop;
    size_t max_frames; /* a longer clip is refused: a frame takes 96 KiB; 0 means LIPCL_CLIP_MAX_FRAMES */
};

/* What the source was. */
struct lipcl_clip_info {
    size_t frames;                           /* T */
    size_t width, height;                    /* of the first picture, as shown and before cropping */
    unsigned fps_numerator, fps_denominator; /* frames a second as a fraction; 0 and 0 where the source tells none */
};

/* Reads a clip into a new tensor that the caller destroys; `info` and `params` may be NULL. `path` is one of
 *   - a video: any that FFmpeg's libraries decode, its first or best video stream, turned as its display matrix says. Colours
 *     convert as the stream is tagged; untagged ones as BT.601 with limited range. What a damaged stream still yields is
 *     taken, with a warning. Playlists are refused: nothing but the file itself is opened, no network either.
 *   - a folder of .jpg, .jpeg or .png pictures: the last number in each name orders them, and none may be missing or twice;
 *   - a .npy file: u8 [T,H,W,3] in the order blue, green, red; or f32 [3,T,64,128] or [N,3,T,64,128], which is taken as it is
 *     (the result is then [N,3,T,64,128]) and must be finite.
 *
 * FFmpeg writes its own messages to stderr; this function silences them while it runs by lowering FFmpeg's log level, which
 * all of the process shares, and setting it back at the end.
 *
 * On failure *frames is NULL and the sentence names the file and the reason. LIPCL_ERROR_NOT_FOUND, LIPCL_ERROR_IO,
 * LIPCL_ERROR_MEMORY; LIPCL_ERROR_ARGUMENT: neither file nor folder, or the crop leaves the picture; LIPCL_ERROR_FORMAT: not
 * a clip at all, or damaged beyond use; LIPCL_ERROR_SHAPE: an npy of another shape; LIPCL_ERROR_UNSUPPORTED: audio only, no
 * decoder, too many frames, sides above 16384 pixels or more than 2^26 pixels. */
LIPCL_API enum lipcl_status lipcl_clip_load(struct lipcl_context *ctx, struct lipcl_tensor **frames,
                                            struct lipcl_clip_info *info, const char *path,
                                            const struct lipcl_clip_params *params);

#ifdef __cplusplus
}
#endif
#endif
