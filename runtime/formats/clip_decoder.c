#include "formats/clip_decoder.h"

#include "base/log.h"
#include "base/memory.h"

enum { MAX_DRAIN_ERRORS = 1000, SOME_BYTES = 64 << 20 };

struct av_text av_text(int error) {
    struct av_text text = {""};
    ffmpeg.av_strerror(error, text.chars, sizeof text.chars);
    return text;
}

enum lipcl_status clip_fail_memory(struct lipcl_context *ctx, const char *path) {
    void *some = ffmpeg.av_malloc(SOME_BYTES);
    ffmpeg.av_free(some);
    if (some)
        return fail(ctx, LIPCL_ERROR_FORMAT,
                    "%s: FFmpeg would need more memory than it gets: the file is damaged, or too large for this machine", path);
    return fail(ctx, LIPCL_ERROR_MEMORY, "%s: out of memory while FFmpeg reads it", path);
}

enum lipcl_status clip_decoder_open(struct clip_decoder *decoder, struct clip_sink *sink, const char *path,
                                    const AVCodecParameters *parameters, bool whole) {
    enum lipcl_status status = LIPCL_OK;
    *decoder = (struct clip_decoder){.sink = sink, .path = path};
    const AVCodec *codec = ffmpeg.avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        TRY(fail(sink->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: FFmpeg has no decoder for %s here", path,
                 ffmpeg.avcodec_get_name(parameters->codec_id)));
    decoder->codec = ffmpeg.avcodec_alloc_context3(codec);
    decoder->frame = ffmpeg.av_frame_alloc();
    if (!decoder->codec || !decoder->frame || ffmpeg.avcodec_parameters_to_context(decoder->codec, parameters) < 0)
        TRY(clip_fail_memory(sink->ctx, path));
    decoder->codec->max_pixels = CLIP_MAX_PIXELS; /* a picture's size may change on the way */
    decoder->codec->thread_count = whole ? 1 : 0; /* 0: as many as there are cores */
    if (whole) decoder->codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    int error = ffmpeg.avcodec_open2(decoder->codec, codec, NULL);
    if (error < 0)
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: the %s stream cannot be decoded: %s", path, codec->name,
                 av_text(error).chars));

fail:
    return status;
}

static bool is_full_range(const AVFrame *frame) {
    const AVPixFmtDescriptor *format = ffmpeg.av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if (frame->color_range != AVCOL_RANGE_UNSPECIFIED) return frame->color_range == AVCOL_RANGE_JPEG;
    bool grey = format && format->nb_components < 3; /* grey pictures, with or without transparency */
    bool jpeg = frame->format == AV_PIX_FMT_YUVJ420P || frame->format == AV_PIX_FMT_YUVJ422P ||
                frame->format == AV_PIX_FMT_YUVJ444P || frame->format == AV_PIX_FMT_YUVJ440P ||
                frame->format == AV_PIX_FMT_YUVJ411P;
    return grey || jpeg;
}

/* The scaler only converts colours: the sizes in and out are the frame's, whatever it is by now. */
static enum lipcl_status prepare_scaler(struct clip_decoder *decoder, int width, int height) {
    const AVFrame *frame = decoder->frame;
    struct SwsContext *before = decoder->scaler;
    decoder->scaler = ffmpeg.sws_getCachedContext(
        before, width, height, (enum AVPixelFormat)frame->format, width, height, AV_PIX_FMT_BGR24,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT, NULL, NULL, NULL);
    if (!decoder->scaler)
        return fail(decoder->sink->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: the pixel format %s does not convert to BGR",
                    decoder->path,
                    ffmpeg.av_get_pix_fmt_name((enum AVPixelFormat)frame->format)
                        ? ffmpeg.av_get_pix_fmt_name((enum AVPixelFormat)frame->format)
                        : "unknown");
    int space = frame->colorspace == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : (int)frame->colorspace,
        range = is_full_range(frame);
    if (decoder->scaler == before && space == decoder->colour_space && range == decoder->full_range) return LIPCL_OK;
    /* a failure means that the format has no matrix to set, as RGB has none */
    ffmpeg.sws_setColorspaceDetails(decoder->scaler, ffmpeg.sws_getCoefficients(space), range,
                                    ffmpeg.sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    decoder->colour_space = space;
    decoder->full_range = range;
    return LIPCL_OK;
}

/* The stored picture as it is shown. */
static struct picture turned(const unsigned char *pixels, ptrdiff_t stride, size_t width, size_t height, int quarter_turns) {
    const unsigned char *last_row = pixels + (ptrdiff_t)(height - 1) * stride;
    size_t last_column = 3 * (width - 1);
    switch (quarter_turns) {
    case 1: return (struct picture){last_row, -stride, 3, height, width};
    case 2: return (struct picture){last_row + last_column, -3, -stride, width, height};
    case 3: return (struct picture){pixels + last_column, stride, -3, height, width};
    default: return (struct picture){pixels, 3, stride, width, height};
    }
}

static enum lipcl_status take_picture(struct clip_decoder *decoder) {
    enum lipcl_status status = LIPCL_OK;
    AVFrame *frame = decoder->frame;
    struct lipcl_context *ctx = decoder->sink->ctx;
    TRY(clip_check_size(ctx, decoder->path, frame->width, frame->height));
    size_t stride = size_round_up(3 * (size_t)frame->width, 64); /* sws writes whole vectors */
    size_t bytes = stride * (size_t)frame->height + 64;
    TRY(prepare_scaler(decoder, frame->width, frame->height));
    if (decoder->pixels_bytes < bytes) {
        ffmpeg.av_freep(&decoder->pixels);
        decoder->pixels_bytes = 0;
        decoder->pixels = ffmpeg.av_malloc(bytes);
        if (!decoder->pixels) TRY(fail_memory(ctx, bytes));
        decoder->pixels_bytes = bytes;
    }
    int rows = ffmpeg.sws_scale(decoder->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                                &decoder->pixels, &(int){(int)stride});
    if (rows != frame->height) TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: a picture does not convert to BGR", decoder->path));
    struct picture picture =
        turned(decoder->pixels, (ptrdiff_t)stride, (size_t)frame->width, (size_t)frame->height, decoder->quarter_turns);
    TRY(clip_sink_add(decoder->sink, &picture));
    if (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT)) decoder->damaged++;

fail:
    ffmpeg.av_frame_unref(frame);
    return status;
}

enum lipcl_status clip_decoder_put(struct clip_decoder *decoder, const AVPacket *packet) {
    enum lipcl_status status = LIPCL_OK;
    int error = ffmpeg.avcodec_send_packet(decoder->codec, packet);
    if (error == AVERROR(ENOMEM)) TRY(clip_fail_memory(decoder->sink->ctx, decoder->path));
    if (error < 0) decoder->damaged++;
    for (int errors = 0; error != AVERROR_EOF && error != AVERROR(EAGAIN);) {
        error = ffmpeg.avcodec_receive_frame(decoder->codec, decoder->frame);
        if (error == AVERROR(ENOMEM)) TRY(clip_fail_memory(decoder->sink->ctx, decoder->path));
        if (error >= 0) {
            TRY(take_picture(decoder));
        } else if (error != AVERROR_EOF && error != AVERROR(EAGAIN)) {
            decoder->damaged++;
            if (packet || ++errors == MAX_DRAIN_ERRORS) break; /* while draining, frames behind a damaged one still come */
        }
    }

fail:
    return status;
}

void clip_decoder_finish(struct clip_decoder *decoder) {
    ffmpeg.avcodec_free_context(&decoder->codec);
    ffmpeg.av_frame_free(&decoder->frame);
    ffmpeg.sws_freeContext(decoder->scaler);
    ffmpeg.av_freep(&decoder->pixels);
    *decoder = (struct clip_decoder){0};
}
