/* clip_decoder.h: packets in, pictures to the sink; what videos and folders of pictures have in common. */
#ifndef LIPCL_FORMATS_CLIP_DECODER_H
#define LIPCL_FORMATS_CLIP_DECODER_H

#include "formats/clip_sink.h"
#include "formats/ffmpeg.h"

struct clip_decoder {
    struct clip_sink *sink;
    const char *path; /* of the file being decoded, for messages */
    AVCodecContext *codec;
    AVFrame *frame;
    struct SwsContext *scaler;
    unsigned char *pixels; /* one picture in BGR */
    size_t pixels_bytes;
    int colour_space, full_range; /* what the scaler is set to */
    int quarter_turns;            /* clockwise, from the stored picture to the shown one */
    size_t damaged;               /* packets and pictures with errors */
};

/* av_strerror() by value, for use inside one printf. */
struct av_text {
    char chars[AV_ERROR_MAX_STRING_SIZE];
};
struct av_text av_text(int error);

/* fail() for an allocation that FFmpeg did not make. It says so, too, when a damaged file claims sizes that nobody has, so as
 * long as there is some memory left it is LIPCL_ERROR_FORMAT, else LIPCL_ERROR_MEMORY. */
enum lipcl_status clip_fail_memory(struct lipcl_context *ctx, const char *path);

/* Opens a decoder with the parameters (of a stream, or just a codec's id). `whole` refuses damaged pictures rather than
 * concealing the damage. The caller finishes *decoder, also on failure. LIPCL_ERROR_UNSUPPORTED: there is no such decoder. */
enum lipcl_status clip_decoder_open(struct clip_decoder *decoder, struct clip_sink *sink, const char *path,
                                    const AVCodecParameters *parameters, bool whole);

/* Decodes one packet, or what is left in the decoder when `packet` is NULL. Damage is counted, not an error. */
enum lipcl_status clip_decoder_put(struct clip_decoder *decoder, const AVPacket *packet);
void clip_decoder_finish(struct clip_decoder *decoder);

#endif
