/* make_clip.h: writes small videos and pictures for the tests, with FFmpeg's own encoders. */
#ifndef LIPCL_TESTS_MAKE_CLIP_H
#define LIPCL_TESTS_MAKE_CLIP_H

#include <criterion/criterion.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>

struct clip_part {
    int width, height, frames;
    enum AVPixelFormat format;
};

struct clip_spec {
    const char *container; /* "avi", "matroska", "nut" ... */
    enum AVCodecID codec;
    struct clip_part parts[2]; /* the second one, if it has frames, follows the first with its own size and format */
    AVRational rate;           /* 0/0: 25/1 */
    enum AVColorSpace space;   /* 0: unspecified, as for what comes after */
    enum AVColorRange range;
    int constant[3]; /* with is_constant: the value of every sample of a plane */
    bool is_constant;
    int ramp;     /* what a constant sample of the first plane grows by each frame */
    int b_frames; /* pictures between two that the encoder may store behind them */
};

/* What a sample of the test's moving picture is; planes differ, frames differ, neighbours differ by little. */
static inline unsigned char sample_value(int t, int plane, int y, int x) {
    return (unsigned char)(40 + (x * 3 + y * 5 + plane * 60 + t * 11) % 160);
}

static inline void fill_frame(AVFrame *frame, const struct clip_spec *spec, int t) {
    bool packed = frame->format == AV_PIX_FMT_RGB24 || frame->format == AV_PIX_FMT_BGR24;
    int planes = packed || frame->format == AV_PIX_FMT_GRAY8 ? 1 : 3;
    for (int p = 0; p < planes; p++) {
        bool half_width = p && (frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P);
        int width = packed ? 3 * frame->width : half_width ? (frame->width + 1) / 2 : frame->width;
        int height = half_width ? (frame->height + 1) / 2 : frame->height;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int plane = packed ? x % 3 : p;
                frame->data[p][y * frame->linesize[p] + x] =
                    spec->is_constant ? (unsigned char)(spec->constant[plane] + (plane ? 0 : t * spec->ramp))
                                      : sample_value(t, plane, y, packed ? x / 3 : x);
            }
        }
    }
}

static inline AVCodecContext *open_encoder(const struct clip_spec *spec, const struct clip_part *part, AVRational rate) {
    const AVCodec *codec = avcodec_find_encoder(spec->codec);
    cr_assert(codec, "no encoder for %s", avcodec_get_name(spec->codec));
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    cr_assert(encoder);
    encoder->width = part->width;
    encoder->height = part->height;
    encoder->pix_fmt = part->format;
    encoder->time_base = (AVRational){rate.den, rate.num};
    encoder->framerate = rate;
    encoder->colorspace = spec->space ? spec->space : AVCOL_SPC_UNSPECIFIED;
    encoder->color_range = spec->range;
    encoder->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    encoder->thread_count = 1;
    encoder->max_b_frames = spec->b_frames;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    cr_assert(avcodec_open2(encoder, codec, NULL) == 0, "cannot encode %s", avcodec_get_name(spec->codec));
    return encoder;
}

static inline void encode_part(AVFormatContext *muxer, AVCodecContext *encoder, const struct clip_spec *spec, int first,
                               int count) {
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    frame->width = encoder->width;
    frame->height = encoder->height;
    frame->format = encoder->pix_fmt;
    frame->color_range = spec->range;
    frame->colorspace = encoder->colorspace;
    cr_assert(av_frame_get_buffer(frame, 0) == 0);
    for (int t = 0; t <= count; t++) {
        if (t < count) {
            cr_assert(av_frame_make_writable(frame) == 0);
            fill_frame(frame, spec, first + t);
            frame->pts = first + t;
        }
        cr_assert(avcodec_send_frame(encoder, t < count ? frame : NULL) == 0);
        while (avcodec_receive_packet(encoder, packet) == 0) {
            av_packet_rescale_ts(packet, encoder->time_base, muxer->streams[0]->time_base);
            packet->duration = av_rescale_q(1, encoder->time_base, muxer->streams[0]->time_base);
            cr_assert(av_write_frame(muxer, packet) == 0);
            av_packet_unref(packet);
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
}

static inline void make_clip(const char *path, const struct clip_spec *spec) {
    AVFormatContext *muxer = NULL;
    int log_level = av_log_get_level();
    av_log_set_level(AV_LOG_QUIET); /* what muxers think of such clips */
    AVRational rate = spec->rate.num ? spec->rate : (AVRational){25, 1};
    cr_assert(avformat_alloc_output_context2(&muxer, NULL, spec->container, path) == 0);
    AVCodecContext *encoder = open_encoder(spec, &spec->parts[0], rate);
    AVStream *stream = avformat_new_stream(muxer, NULL);
    cr_assert(stream && avcodec_parameters_from_context(stream->codecpar, encoder) == 0);
    stream->time_base = encoder->time_base;
    stream->avg_frame_rate = rate;
    muxer->flags |= AVFMT_FLAG_BITEXACT;
    cr_assert(avio_open(&muxer->pb, path, AVIO_FLAG_WRITE) == 0);
    cr_assert(avformat_write_header(muxer, NULL) >= 0);
    encode_part(muxer, encoder, spec, 0, spec->parts[0].frames);
    avcodec_free_context(&encoder);
    if (spec->parts[1].frames) {
        encoder = open_encoder(spec, &spec->parts[1], rate);
        encode_part(muxer, encoder, spec, spec->parts[0].frames, spec->parts[1].frames);
        avcodec_free_context(&encoder);
    }
    cr_assert(av_write_trailer(muxer) == 0);
    cr_assert(avio_closep(&muxer->pb) == 0);
    avformat_free_context(muxer);
    av_log_set_level(log_level);
}

/* One picture in a file of its own: frame `t` of the moving picture as PNG (rgb24, gray8) or MJPEG (yuvj420p, yuvj444p). */
static inline void make_picture(const char *path, enum AVCodecID codec, enum AVPixelFormat format, int width, int height,
                                int t) {
    struct clip_spec spec = {.codec = codec};
    AVCodecContext *encoder = open_encoder(&spec, &(struct clip_part){width, height, 1, format}, (AVRational){25, 1});
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    frame->width = width;
    frame->height = height;
    frame->format = format;
    cr_assert(av_frame_get_buffer(frame, 0) == 0);
    fill_frame(frame, &spec, t);
    cr_assert(avcodec_send_frame(encoder, frame) == 0 && avcodec_send_frame(encoder, NULL) == 0);
    cr_assert(avcodec_receive_packet(encoder, packet) == 0);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(packet->data, 1, (size_t)packet->size, file) == (size_t)packet->size && fclose(file) == 0);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&encoder);
}

#endif
