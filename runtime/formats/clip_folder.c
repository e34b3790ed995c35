#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/bytes.h"
#include "formats/clip_decoder.h"

enum { MAX_PICTURE_BYTES = 1 << 28 };

struct listing {
    struct frame_file {
        char *path;
        uint64_t number;
    } * files;
    size_t count, capacity;
};

/* Where the extension of a picture begins in `name`, or NULL when it has none. Hidden files are none. */
static const char *picture_extension(const char *name) {
    const char *dot = strrchr(name, '.');
    if (!dot || name[0] == '.') return NULL;
    return strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ? dot : NULL;
}

/* The last run of digits in front of `end`; false when there is none or it overflows. */
static bool last_number(uint64_t *number, const char *name, const char *end) {
    while (end > name && !isdigit((unsigned char)end[-1])) end--;
    const char *begin = end;
    while (begin > name && isdigit((unsigned char)begin[-1])) begin--;
    *number = 0;
    for (const char *digit = begin; digit < end; digit++) {
        if (*number > (UINT64_MAX - 9) / 10) return false;
        *number = *number * 10 + (uint64_t)(*digit - '0');
    }
    return end > begin;
}

static enum lipcl_status add_file(struct clip_sink *sink, struct listing *listing, const char *name, const char *extension) {
    uint64_t number = 0;
    enum lipcl_status status = clip_sink_check_count(sink, listing->count + 1);
    if (status != LIPCL_OK) return status;
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c))
            return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: the picture \"%s\" has control characters in its name", sink->path,
                        printable(name).chars);
    if (!last_number(&number, name, extension))
        return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: the picture \"%s\" has no number in its name that orders it",
                    sink->path, printable(name).chars);
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity ? 2 * listing->capacity : 64;
        struct frame_file *files = realloc(listing->files, capacity * sizeof *files);
        if (!files) return fail_memory(sink->ctx, capacity * sizeof *files);
        listing->files = files;
        listing->capacity = capacity;
    }
    size_t bytes = strlen(sink->path) + strlen(name) + 2;
    char *path = malloc(bytes);
    if (!path) return fail_memory(sink->ctx, bytes);
    snprintf(path, bytes, "%s/%s", sink->path, name);
    listing->files[listing->count++] = (struct frame_file){path, number};
    return LIPCL_OK;
}

static int by_number(const void *a, const void *b) {
    const struct frame_file *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static enum lipcl_status check_order(struct clip_sink *sink, const struct listing *listing) {
    for (size_t i = 1; i < listing->count; i++) {
        const struct frame_file *last = &listing->files[i - 1], *next = &listing->files[i];
        if (last->number == next->number)
            return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: frame %llu is there twice: %s and %s", sink->path,
                        (unsigned long long)next->number, last->path, next->path);
        if (last->number + 1 != next->number)
            return fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: frame %llu is missing, between %s and %s", sink->path,
                        (unsigned long long)last->number + 1, last->path, next->path);
    }
    return LIPCL_OK;
}

/* The folder's pictures, sorted by number. */
static enum lipcl_status list_files(struct clip_sink *sink, struct listing *listing) {
    enum lipcl_status status = LIPCL_OK;
    DIR *folder = opendir(sink->path);
    if (!folder) TRY(fail(sink->ctx, LIPCL_ERROR_IO, "%s: cannot open: %s", sink->path, strerror(errno)));
    for (struct dirent *entry; errno = 0, (entry = readdir(folder));) {
        const char *extension = picture_extension(entry->d_name);
        if (extension) TRY(add_file(sink, listing, entry->d_name, extension));
    }
    if (errno) TRY(fail(sink->ctx, LIPCL_ERROR_IO, "%s: cannot list the folder: %s", sink->path, strerror(errno)));
    if (listing->count == 0)
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: no frames: the folder holds no .jpg, .jpeg or .png picture", sink->path));
    qsort(listing->files, listing->count, sizeof *listing->files, by_number);
    TRY(check_order(sink, listing));

fail:
    if (folder) closedir(folder);
    return status;
}

static enum AVCodecID picture_codec(const unsigned char *data, size_t bytes) {
    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) return AV_CODEC_ID_PNG;
    if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0) return AV_CODEC_ID_MJPEG;
    return AV_CODEC_ID_NONE;
}

static enum lipcl_status read_packet(struct clip_sink *sink, AVPacket *packet, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    FILE *file = NULL;
    uint64_t size = 0;
    TRY(file_open(sink->ctx, &file, &size, path));
    if (size == 0) TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: the file is empty", path));
    if (size > MAX_PICTURE_BYTES)
        TRY(fail(sink->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: a picture of %llu bytes; at most %d are read", path,
                 (unsigned long long)size, MAX_PICTURE_BYTES));
    if (ffmpeg.av_new_packet(packet, (int)size) < 0) TRY(clip_fail_memory(sink->ctx, path));
    TRY(read_at(sink->ctx, file, path, 0, packet->data, (size_t)size));

fail:
    if (file) fclose(file);
    return status;
}

static enum lipcl_status decode_file(struct clip_sink *sink, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    struct clip_decoder decoder = {0};
    size_t before = sink->info.frames;
    AVPacket *packet = ffmpeg.av_packet_alloc();
    AVCodecParameters *parameters = ffmpeg.avcodec_parameters_alloc();
    if (!packet || !parameters) TRY(clip_fail_memory(sink->ctx, path));
    TRY(read_packet(sink, packet, path));
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = picture_codec(packet->data, (size_t)packet->size);
    if (parameters->codec_id == AV_CODEC_ID_NONE)
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: is neither a JPEG nor a PNG picture", path));
    TRY(clip_decoder_open(&decoder, sink, path, parameters, true));
    TRY(clip_decoder_put(&decoder, packet));
    TRY(clip_decoder_put(&decoder, NULL));
    if (decoder.damaged || sink->info.frames != before + 1)
        TRY(fail(sink->ctx, LIPCL_ERROR_FORMAT, "%s: the picture is damaged or cut", path));

fail:
    clip_decoder_finish(&decoder);
    ffmpeg.avcodec_parameters_free(&parameters);
    ffmpeg.av_packet_free(&packet);
    return status;
}

enum lipcl_status clip_read_folder(struct clip_sink *sink) {
    enum lipcl_status status = LIPCL_OK;
    struct listing listing = {0};
    TRY(list_files(sink, &listing));
    for (size_t i = 0; i < listing.count; i++) {
        TRY(decode_file(sink, listing.files[i].path));
        TRY(clip_sink_reserve(sink, listing.count));
    }

fail:
    for (size_t i = 0; i < listing.count; i++) free(listing.files[i].path);
    free(listing.files);
    return status;
}
