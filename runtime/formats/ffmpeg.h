/* ffmpeg.h: FFmpeg's libraries, opened when a clip first needs them. With the hundred or so that they bring along they take 25
 * MiB and 40 ms, which who reads arrays, or has no FFmpeg, does not pay. They are those that lipcl was compiled for: other
 * versions have other structs. */
#ifndef LIPCL_FORMATS_FFMPEG_H
#define LIPCL_FORMATS_FFMPEG_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/log.h"

#if LIBAVFORMAT_VERSION_INT < AV_VERSION_INT(60, 15, 100)
#define FFMPEG_SIDE_DATA_FUNCTIONS(FORMAT, CODEC) FORMAT(av_stream_get_side_data)
#else
#define FFMPEG_SIDE_DATA_FUNCTIONS(FORMAT, CODEC) CODEC(av_packet_side_data_get)
#endif

/* Each function in the library that has it. */
#define FFMPEG_FUNCTIONS(FORMAT, CODEC, SCALE, UTIL)                                                                           \
    FORMAT(av_find_best_stream)                                                                                                \
    FORMAT(av_probe_input_buffer2)                                                                                             \
    FORMAT(av_read_frame)                                                                                                      \
    FORMAT(avformat_alloc_context)                                                                                             \
    FORMAT(avformat_close_input)                                                                                               \
    FORMAT(avformat_find_stream_info)                                                                                          \
    FORMAT(avformat_open_input)                                                                                                \
    FORMAT(avio_alloc_context)                                                                                                 \
    FORMAT(avio_context_free)                                                                                                  \
    FFMPEG_SIDE_DATA_FUNCTIONS(FORMAT, CODEC)                                                                                  \
    CODEC(av_new_packet)                                                                                                       \
    CODEC(av_packet_alloc)                                                                                                     \
    CODEC(av_packet_free)                                                                                                      \
    CODEC(av_packet_unref)                                                                                                     \
    CODEC(avcodec_alloc_context3)                                                                                              \
    CODEC(avcodec_find_decoder)                                                                                                \
    CODEC(avcodec_free_context)                                                                                                \
    CODEC(avcodec_get_name)                                                                                                    \
    CODEC(avcodec_open2)                                                                                                       \
    CODEC(avcodec_parameters_alloc)                                                                                            \
    CODEC(avcodec_parameters_free)                                                                                             \
    CODEC(avcodec_parameters_to_context)                                                                                       \
    CODEC(avcodec_receive_frame)                                                                                               \
    CODEC(avcodec_send_packet)                                                                                                 \
    SCALE(sws_freeContext)                                                                                                     \
    SCALE(sws_getCachedContext)                                                                                                \
    SCALE(sws_getCoefficients)                                                                                                 \
    SCALE(sws_scale)                                                                                                           \
    SCALE(sws_setColorspaceDetails)                                                                                            \
    UTIL(av_calloc)                                                                                                            \
    UTIL(av_dict_free)                                                                                                         \
    UTIL(av_dict_set)                                                                                                          \
    UTIL(av_dict_set_int)                                                                                                      \
    UTIL(av_display_rotation_get)                                                                                              \
    UTIL(av_frame_alloc)                                                                                                       \
    UTIL(av_frame_free)                                                                                                        \
    UTIL(av_frame_unref)                                                                                                       \
    UTIL(av_free)                                                                                                              \
    UTIL(av_freep)                                                                                                             \
    UTIL(av_get_pix_fmt_name)                                                                                                  \
    UTIL(av_log_get_level)                                                                                                     \
    UTIL(av_log_set_level)                                                                                                     \
    UTIL(av_malloc)                                                                                                            \
    UTIL(av_pix_fmt_desc_get)                                                                                                  \
    UTIL(av_rescale_q)                                                                                                         \
    UTIL(av_strerror)

struct ffmpeg {
#define F(name) __typeof__(&name) name;
    FFMPEG_FUNCTIONS(F, F, F, F)
#undef F
};

/* Filled in by ffmpeg_open(). */
extern struct ffmpeg ffmpeg;

/* LIPCL_ERROR_UNSUPPORTED: a library is not there. `path` is the file that wants it. Thread-safe. */
enum lipcl_status ffmpeg_open(struct lipcl_context *ctx, const char *path);

#endif
