#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/bytes.h"
#include "formats/clip_decoder.h"

enum { IO_BUFFER_BYTES = 32768 };

/* An opened container. FFmpeg reads it through our own file, and gets to open nothing else: a crafted playlist reaches neither
 * the network nor other files. */
struct container {
    struct clip_sink *sink;
    FILE *file;
    uint64_t size, position;
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *video; /* owned by format */
    AVPacket *packet;
};

static int read_bytes(void *opaque, uint8_t *data, int bytes) {
    struct container *container = opaque;
    if (container->position >= container->size || bytes <= 0) return AVERROR_EOF;
    size_t wanted = (size_t)(container->size - container->position);
    if (wanted > (size_t)bytes) wanted = (size_t)bytes;
    if (read_at(container->sink->ctx, container->file, container->sink->path, container->position, data, wanted) != LIPCL_OK)
        return AVERROR(EIO);
    container->position += wanted;
    return (int)wanted;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    struct container *container = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return (int64_t)container->size;
    int64_t base = whence == SEEK_CUR ? (int64_t)container->position : whence == SEEK_END ? (int64_t)container->size : 0;
    if (offset > INT64_MAX - base || base + offset < 0) return AVERROR(EINVAL);
    container->position = (uint64_t)(base + offset);
    return base + offset;
}

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options) {
    (void)format, (void)url, (void)flags, (void)options;
    *io = NULL;
    return AVERROR(EPERM);
}

static void container_close(struct container *container) {
    ffmpeg.av_packet_free(&container->packet);
    ffmpeg.avformat_close_input(&container->format);
    if (container->io) ffmpeg.av_freep(&container->io->buffer);
    ffmpeg.avio_context_free(&container->io);
    if (container->file) fclose(container->file);
    *container = (struct container){0};
}

/* Lets FFmpeg look into the streams, each under the limit on pictures. */
static int probe_streams(AVFormatContext *format) {
    AVDictionary **options = ffmpeg.av_calloc(format->nb_streams + 1, sizeof *options);
    unsigned count = format->nb_streams; /* more streams may turn up while it looks */
    if (!options) return AVERROR(ENOMEM);
    for (unsigned i = 0; i < count; i++) {
        ffmpeg.av_dict_set_int(&options[i], "max_pixels", CLIP_MAX_PIXELS, 0);
        ffmpeg.av_dict_set(&options[i], "threads", "1", 0);
    }
    int error = ffmpeg.avformat_find_stream_info(format, options);
    for (unsigned i = 0; i < count; i++) ffmpeg.av_dict_free(&options[i]);
    ffmpeg.av_free(options);
    return error;
}

/* Refuses claimed sizes before anything is allocated for them; a size of 0 may only be unknown yet. */
static enum lipcl_status check_claims(struct container *container) {
    enum lipcl_status status = LIPCL_OK;
    for (unsigned i = 0; i < container->format->nb_streams; i++) {
        const AVCodecParameters *claim = container->format->streams[i]->codecpar;
        if (claim->codec_type == AVMEDIA_TYPE_VIDEO && (claim->width || claim->height))
            TRY(clip_check_size(container->sink->ctx, container->sink->path, claim->width, claim->height));
    }

fail:
    return status;
}

static enum lipcl_status find_video(struct container *container) {
    struct lipcl_context *ctx = container->sink->ctx;
    AVFormatContext *format = container->format;
    const char *path = container->sink->path;
    bool audio = false;
    for (unsigned i = 0; i < format->nb_streams; i++) { /* the cover of a song is not a video */
        if (format->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC)
            format->streams[i]->codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
        audio |= format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    }
    int index = ffmpeg.av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0 && audio) return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: audio only: there is no video stream", path);
    if (index < 0) return fail(ctx, LIPCL_ERROR_FORMAT, "%s: there is no video stream", path);
    for (int i = 0; i < (int)format->nb_streams; i++)
        format->streams[i]->discard = i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    container->video = format->streams[index];
    return clip_check_size(ctx, path, container->video->codecpar->width, container->video->codecpar->height);
}

/* Lists of other files and streams. FFmpeg could open nothing for them here, but says so in odd ways. */
static bool is_playlist(const AVInputFormat *format) {
    static const char *const names[] = {"hls", "concat", "dash", "webm_dash_manifest", "sdp", "imf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(format->name, names[i]) == 0) return true;
    return (format->flags & AVFMT_NOFILE) != 0;
}

static enum lipcl_status fail_to_open(struct clip_sink *sink, int error) {
    if (error == AVERROR(ENOMEM)) return clip_fail_memory(sink->ctx, sink->path);
    return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: is no video that FFmpeg's libraries can read: %s", sink->path,
                av_text(error).chars);
}

static enum lipcl_status container_open(struct container *container, struct clip_sink *sink) {
    enum lipcl_status status = LIPCL_OK;
    AVDictionary *options = NULL;
    unsigned char *buffer = NULL;
    const AVInputFormat *input = NULL;
    *container = (struct container){.sink = sink};
    TRY(file_open(sink->ctx, &container->file, &container->size, sink->path));
    buffer = ffmpeg.av_malloc(IO_BUFFER_BYTES);
    if (!buffer) TRY(fail_memory(sink->ctx, IO_BUFFER_BYTES));
    container->io = ffmpeg.avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, container, read_bytes, NULL, seek_bytes);
    if (!container->io) TRY(fail_memory(sink->ctx, IO_BUFFER_BYTES));
    buffer = NULL;
    container->format = ffmpeg.avformat_alloc_context();
    container->packet = ffmpeg.av_packet_alloc();
    if (!container->format || !container->packet) TRY(clip_fail_memory(sink->ctx, sink->path));
    int error = ffmpeg.av_probe_input_buffer2(container->io, &input, NULL, NULL, 0, 0);
    if (error < 0) TRY(fail_to_open(sink, error));
    if (is_playlist(input))
        TRY(fail(sink->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: is a playlist (%s); give the video itself", sink->path, input->name));
    container->format->pb = container->io;
    container->format->io_open = refuse_open;
    ffmpeg.av_dict_set(&options, "protocol_whitelist", "none", 0);
    error = ffmpeg.avformat_open_input(&container->format, NULL, input, &options);
    if (error < 0) TRY(fail_to_open(sink, error));
    TRY(check_claims(container));
    error = probe_streams(container->format);
    if (error < 0) TRY(fail_to_open(sink, error));
    TRY(find_video(container));

fail:
    ffmpeg.av_dict_free(&options);
    ffmpeg.av_free(buffer);
    return status;
}

/* The next packet of the video stream; false at the end. *cut tells whether the end came early. */
static bool next_packet(struct container *container, bool *cut) {
    for (;;) {
        int error = ffmpeg.av_read_frame(container->format, container->packet);
        if (error < 0) *cut = error != AVERROR_EOF;
        if (error < 0) return false;
        if (container->packet->stream_index == container->video->index) return true;
        ffmpeg.av_packet_unref(container->packet);
    }
}

/* Counts packets, one a frame, so that a clip with too many is refused before memory is taken; what a file claims is not
 * believed. */
static enum lipcl_status count_packets(struct clip_sink *sink, size_t *packets) {
    enum lipcl_status status = LIPCL_OK;
    struct container container;
    bool cut;
    *packets = 0;
    TRY(container_open(&container, sink));
    while (next_packet(&container, &cut)) {
        *packets += !(container.packet->flags & AV_PKT_FLAG_DISCARD);
        ffmpeg.av_packet_unref(container.packet);
        TRY(clip_sink_check_count(sink, *packets));
    }

fail:
    container_close(&container);
    return status;
}

/* Quarters of a turn, clockwise, that the container asks for; other angles and mirrored pictures are left alone. */
static int quarter_turns(const AVStream *stream) {
#if LIBAVFORMAT_VERSION_INT < AV_VERSION_INT(60, 15, 100)
    const void *matrix = ffmpeg.av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
#else
    const AVPacketSideData *side_data = ffmpeg.av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    const void *matrix = side_data ? side_data->data : NULL;
#endif
    double degrees = matrix ? -ffmpeg.av_display_rotation_get(matrix) : 0;
    return isfinite(degrees) ? ((int)lround(degrees / 90) % 4 + 4) % 4 : 0;
}

static void note_rate(struct lipcl_clip_info *info, const AVStream *stream) {
    AVRational rate =
        stream->avg_frame_rate.num > 0 && stream->avg_frame_rate.den > 0 ? stream->avg_frame_rate : stream->r_frame_rate;
    if (rate.num <= 0 || rate.den <= 0) return;
    info->fps_numerator = (unsigned)rate.num;
    info->fps_denominator = (unsigned)rate.den;
}

/* How many frames the container claims, 0 when it claims nothing. */
static int64_t announced_frames(const struct container *container) {
    const AVStream *video = container->video;
    AVRational rate = video->avg_frame_rate;
    if (video->nb_frames > 0) return video->nb_frames;
    if (container->format->duration <= 0 || rate.num <= 0 || rate.den <= 0) return 0;
    if (container->format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM) return 0;
    int64_t frames = ffmpeg.av_rescale_q(container->format->duration, AV_TIME_BASE_Q, av_inv_q(rate));
    return frames - frames / 10 - 1; /* a rate and a duration are no exact count */
}

static void warn_of_damage(const struct clip_sink *sink, size_t damaged, bool cut, int64_t announced) {
    if (announced > (int64_t)sink->info.frames)
        log_message(sink->ctx, LIPCL_LOG_WARN,
                    "%s: %zu frames decode, though the file announces at least %lld: it may be damaged or cut", sink->path,
                    sink->info.frames, (long long)announced);
    else if (damaged || cut)
        log_message(sink->ctx, LIPCL_LOG_WARN, "%s: %zu frames decode, but the file is damaged in %zu places", sink->path,
                    sink->info.frames, damaged + cut);
}

enum lipcl_status clip_read_video(struct clip_sink *sink) {
    enum lipcl_status status = LIPCL_OK;
    struct container container = {0};
    struct clip_decoder decoder = {0};
    size_t packets;
    int64_t discarded = 0; /* packets that an edit list leaves out */
    bool cut = false;
    TRY(count_packets(sink, &packets));
    TRY(container_open(&container, sink));
    TRY(clip_decoder_open(&decoder, sink, sink->path, container.video->codecpar, false));
    decoder.quarter_turns = quarter_turns(container.video);
    while (next_packet(&container, &cut)) {
        status = clip_decoder_put(&decoder, container.packet);
        if (container.packet->flags & AV_PKT_FLAG_CORRUPT) decoder.damaged++;
        if (container.packet->flags & AV_PKT_FLAG_DISCARD) discarded++;
        ffmpeg.av_packet_unref(container.packet);
        TRY(status);
        if (sink->info.frames) TRY(clip_sink_reserve(sink, packets));
    }
    TRY(clip_decoder_put(&decoder, NULL));
    if (sink->info.frames == 0)
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: no frames: nothing of the %s stream can be decoded", sink->path,
                 decoder.codec->codec->name));
    note_rate(&sink->info, container.video);
    warn_of_damage(sink, decoder.damaged, cut, announced_frames(&container) - discarded);

fail:
    clip_decoder_finish(&decoder);
    container_close(&container);
    return status;
}
