/* Bad clips: each gets its typed error or is taken as far as it goes with a warning, and nothing else happens. */
#include <lipcl/clip.h>
#include <lipcl/npy.h>

#include <fcntl.h>
#include <math.h>

#include "bad_file.h"
#include "make_clip.h"
#include "tensor/shape.h"

TestSuite(clip_bad, .init = scratch_open, .fini = scratch_close, .timeout = 60);

enum { W = LIPCL_CLIP_WIDTH, H = LIPCL_CLIP_HEIGHT };

static void refused_with(const char *path, const struct lipcl_clip_params *params, enum lipcl_status wanted,
                         const char *reason) {
    struct lipcl_tensor *clip = (struct lipcl_tensor *)&clip;
    struct watch watch = watch_start();
    enum lipcl_status status = lipcl_clip_load(ctx, &clip, NULL, path, params);
    expect_refused(&watch, path, status, wanted, reason);
    cr_expect(clip == NULL, "a clip was made");
}

static void refused(const char *path, enum lipcl_status wanted, const char *reason) {
    refused_with(path, NULL, wanted, reason);
}

static void refused_bytes(const char *name, const void *data, size_t bytes, enum lipcl_status wanted, const char *reason) {
    refused(write_file(name, data, bytes), wanted, reason);
}

static const char *path_of(const char *name) {
    snprintf(scratch_path, sizeof scratch_path, "%s/%s", scratch, name);
    return scratch_path;
}

static const char *video(const char *name, const char *container, enum AVCodecID codec, int frames) {
    struct clip_spec spec = {.container = container, .codec = codec, .parts = {{32, 16, frames, AV_PIX_FMT_RGB24}}};
    if (codec == AV_CODEC_ID_RAWVIDEO) spec.parts[0].format = AV_PIX_FMT_BGR24;
    if (codec == AV_CODEC_ID_FFV1) spec.parts[0].format = AV_PIX_FMT_YUV444P;
    make_clip(path_of(name), &spec);
    return scratch_path;
}

struct bytes {
    unsigned char *data;
    size_t count;
};

static struct bytes read_bytes(const char *path) {
    struct stat status;
    cr_assert(stat(path, &status) == 0);
    struct bytes bytes = {malloc((size_t)status.st_size), (size_t)status.st_size};
    FILE *file = fopen(path, "rb");
    cr_assert(bytes.data && file && fread(bytes.data, 1, bytes.count, file) == bytes.count);
    fclose(file);
    return bytes;
}

/* Overwrites the little-endian number `offset` bytes behind each occurrence of a tag. */
static void patch(struct bytes bytes, const char *tag, size_t offset, uint32_t value) {
    size_t found = 0;
    for (size_t i = 0; i + offset + 4 <= bytes.count; i++) {
        if (memcmp(bytes.data + i, tag, 4) != 0) continue;
        memcpy(bytes.data + i + offset, &value, 4);
        found++;
    }
    cr_assert(found > 0, "no %s", tag);
}

/* Loads what must load, and tells how many frames it has. */
static size_t frames_of(const char *path) {
    struct lipcl_tensor *clip = NULL;
    warnings[0] = '\0';
    keep_file(path);
    enum lipcl_status status = lipcl_clip_load(ctx, &clip, NULL, path, NULL);
    cr_assert(status == LIPCL_OK, "%s", lipcl_context_error(ctx));
    size_t frames = clip->shape.dims[2];
    lipcl_tensor_destroy(&clip);
    return frames;
}

/* Sizes. In an AVI file, "strf" + 12 is the picture's width and + 16 its height. */

static void refused_avi_size(uint32_t width, uint32_t height, enum lipcl_status wanted, const char *reason) {
    struct bytes bytes = read_bytes(video("size.avi", "avi", AV_CODEC_ID_RAWVIDEO, 2));
    patch(bytes, "strf", 12, width);
    patch(bytes, "strf", 16, height);
    refused_bytes("size.avi", bytes.data, bytes.count, wanted, reason);
    free(bytes.data);
}

Test(clip_bad, size_0_by_0) {
    refused_avi_size(0, 0, LIPCL_ERROR_FORMAT, "0 x 0 pixels");
}

Test(clip_bad, size_100000_squared) {
    refused_avi_size(100000, 100000, LIPCL_ERROR_UNSUPPORTED, "a picture of 100000 x 100000 pixels; at most 16384 a side");
    refused_avi_size(16385, 1, LIPCL_ERROR_UNSUPPORTED, "a picture of 16385 x 1 pixels; at most 16384 a side");
    refused_avi_size(16384, 16384, LIPCL_ERROR_UNSUPPORTED, "and 67108864 in all");
}

/* PNG pictures say their size in bytes 16 to 23; the checksum over it is right here, so that only the size is wrong. */
static void refused_png_size(uint32_t width, uint32_t height, enum lipcl_status wanted, const char *reason) {
    make_picture(path_of("1.png"), AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 20, 10, 0);
    struct bytes bytes = read_bytes(scratch_path);
    for (size_t i = 0; i < 4; i++) {
        bytes.data[16 + i] = (unsigned char)(width >> (24 - 8 * i));
        bytes.data[20 + i] = (unsigned char)(height >> (24 - 8 * i));
    }
    uint32_t crc = UINT32_MAX;
    for (size_t i = 12; i < 29; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    for (size_t i = 0; i < 4; i++) bytes.data[29 + i] = (unsigned char)(~crc >> (24 - 8 * i));
    write_file("1.png", bytes.data, bytes.count);
    refused(scratch, wanted, reason);
    free(bytes.data);
}

Test(clip_bad, picture_of_100000_squared) {
    refused_png_size(100000, 100000, LIPCL_ERROR_FORMAT, "1.png: the picture is damaged or cut");
    refused_png_size(16384, 16384, LIPCL_ERROR_FORMAT, "1.png: the picture is damaged or cut");
    refused_png_size(20000, 1, LIPCL_ERROR_FORMAT, "1.png: ");
}

Test(clip_bad, picture_of_0_by_0) {
    refused_png_size(0, 0, LIPCL_ERROR_FORMAT, "1.png: the picture is damaged or cut");
}

/* Counts. */

Test(clip_bad, too_many_frames) {
    const char *path = video("long.avi", "avi", AV_CODEC_ID_RAWVIDEO, 5);
    refused_with(path, &(struct lipcl_clip_params){.max_frames = 4}, LIPCL_ERROR_UNSUPPORTED, "too many frames: more than 4");
    cr_expect(frames_of(path) == 5);
}

Test(clip_bad, too_many_frames_without_a_limit_given) {
    struct clip_spec spec = {
        .container = "avi", .codec = AV_CODEC_ID_RAWVIDEO, .parts = {{1, 1, LIPCL_CLIP_MAX_FRAMES + 1, AV_PIX_FMT_GRAY8}}};
    make_clip(path_of("long.avi"), &spec);
    refused(scratch_path, LIPCL_ERROR_UNSUPPORTED, "too many frames: more than 10000");
}

Test(clip_bad, too_many_pictures) {
    char name[32];
    for (int t = 0; t < 4; t++) {
        snprintf(name, sizeof name, "%d.png", t);
        write_file(name, "", 0);
    }
    refused_with(scratch, &(struct lipcl_clip_params){.max_frames = 3}, LIPCL_ERROR_UNSUPPORTED,
                 "too many frames: more than 3");
}

Test(clip_bad, lying_counts) {
    /* AVI tells the number of frames behind "avih" + 24 and "strh" + 40 */
    static const uint32_t lies[] = {0, 1, 1000000, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct bytes bytes = read_bytes(video("lie.avi", "avi", AV_CODEC_ID_RAWVIDEO, 6));
        patch(bytes, "avih", 24, lies[i]);
        patch(bytes, "strh", 40, lies[i]);
        size_t frames = frames_of(write_file("lie.avi", bytes.data, bytes.count));
        cr_expect(frames == 6, "claimed %u: %zu frames", lies[i], frames);
        free(bytes.data);
    }
}

Test(clip_bad, no_frames_in_a_video) {
    static const char y4m[] = "YUV4MPEG2 W4 H2 F25:1 Ip C444\n";
    refused_bytes("none.y4m", y4m, sizeof y4m - 1, LIPCL_ERROR_FORMAT,
                  "no frames: nothing of the rawvideo stream can be decoded");
    refused(video("none.avi", "avi", AV_CODEC_ID_RAWVIDEO, 0), LIPCL_ERROR_FORMAT, "none.avi");
}

Test(clip_bad, one_frame_is_a_clip) {
    cr_expect(frames_of(video("one.avi", "avi", AV_CODEC_ID_RAWVIDEO, 1)) == 1);
}

Test(clip_bad, rate_0_to_0) {
    struct bytes bytes = read_bytes(video("rate.avi", "avi", AV_CODEC_ID_RAWVIDEO, 3));
    patch(bytes, "avih", 8, 0);  /* microseconds a frame */
    patch(bytes, "strh", 28, 0); /* scale */
    patch(bytes, "strh", 32, 0); /* rate */
    cr_expect(frames_of(write_file("rate.avi", bytes.data, bytes.count)) == 3);
    free(bytes.data);
}

/* Damage. */

Test(clip_bad, truncated_video_yields_what_decodes) {
    static const struct {
        const char *container;
        enum AVCodecID codec;
    } kinds[] = {{"matroska", AV_CODEC_ID_FFV1}, {"avi", AV_CODEC_ID_PNG}, {"nut", AV_CODEC_ID_RAWVIDEO}};
    for (size_t i = 0; i < 3; i++) {
        struct bytes bytes = read_bytes(video("cut.bin", kinds[i].container, kinds[i].codec, 20));
        size_t frames = frames_of(write_file("cut.bin", bytes.data, bytes.count / 2));
        cr_expect(frames >= 5 && frames <= 11, "%s: %zu frames", kinds[i].container, frames);
        cr_expect(strstr(warnings, " frames decode, "), "%s: not warned: %s", kinds[i].container, warnings);
        free(bytes.data);
    }
}

Test(clip_bad, truncated_anywhere) {
    struct bytes bytes = read_bytes(video("cut.avi", "avi", AV_CODEC_ID_PNG, 3));
    for (size_t cut = 0; cut < bytes.count; cut += 37) {
        struct lipcl_tensor *clip = NULL;
        const char *path = write_file("cut.avi", bytes.data, cut);
        enum lipcl_status status = lipcl_clip_load(ctx, &clip, NULL, path, NULL);
        cr_expect(status == LIPCL_OK ? clip->shape.dims[2] <= 3 : status == LIPCL_ERROR_FORMAT, "cut at %zu: %s", cut,
                  lipcl_context_error(ctx));
        cr_expect(status == LIPCL_OK || strstr(lipcl_context_error(ctx), path));
        lipcl_tensor_destroy(&clip);
    }
    free(bytes.data);
}

Test(clip_bad, mp4_cut_in_front_of_its_index) {
    struct bytes bytes = read_bytes(TEST_DATA_DIR "/clips/bbaf5a.mp4");
    refused_bytes("cut.mp4", bytes.data, bytes.count / 2, LIPCL_ERROR_FORMAT, "is no video that FFmpeg's libraries can read");
    free(bytes.data);
}

Test(clip_bad, damaged_packets_are_warned_of) {
    struct bytes bytes = read_bytes(TEST_DATA_DIR "/clips/bbaf5a.mp4");
    memset(bytes.data + bytes.count / 2, 0x55, 2000);
    size_t frames = frames_of(write_file("damaged.mp4", bytes.data, bytes.count));
    cr_expect(frames > 30 && frames <= 75, "%zu frames", frames);
    cr_expect(strstr(warnings, "damaged.mp4: ") && strstr(warnings, " frames decode, "), "%s", warnings);
    memset(bytes.data + 48, 0x55, bytes.count - 3000 - 48); /* all of the pictures, the index stays */
    refused_bytes("damaged.mp4", bytes.data, bytes.count, LIPCL_ERROR_FORMAT, "no frames");
    free(bytes.data);
}

/* Noise all over a file: no matter what, but nothing worse than an error. */
Test(clip_bad, noise) {
    static const char *const containers[] = {"avi", "matroska", "mov"};
    uint32_t state = 1;
    for (size_t k = 0; k < 3; k++) {
        struct bytes bytes = read_bytes(video("noise.bin", containers[k], AV_CODEC_ID_PNG, 3));
        unsigned char *noisy = malloc(bytes.count);
        for (int round = 0; round < 100; round++) {
            memcpy(noisy, bytes.data, bytes.count);
            for (int i = 0; i < 8; i++) {
                state = state * 1664525u + 1013904223u;
                noisy[(state >> 8) % (round % 2 ? bytes.count : 600)] = (unsigned char)(state >> 3);
            }
            struct lipcl_tensor *clip = NULL;
            const char *path = write_file("noise.bin", noisy, bytes.count);
            enum lipcl_status status = lipcl_clip_load(ctx, &clip, NULL, path, NULL);
            cr_expect((status == LIPCL_OK) == (clip != NULL));
            cr_expect(status == LIPCL_OK || strstr(lipcl_context_error(ctx), path), "%s", lipcl_context_error(ctx));
            lipcl_tensor_destroy(&clip);
        }
        free(noisy);
        free(bytes.data);
    }
}

/* No video. */

static const char wav[] = "RIFF\x64\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x40\0\0\0"
                          "0123456789012345678901234567890123456789012345678901234567890123";

Test(clip_bad, audio_only) {
    refused_bytes("audio.wav", wav, sizeof wav - 1, LIPCL_ERROR_UNSUPPORTED, "audio only: there is no video stream");
}

/* FFmpeg says "out of memory" of this one, whose format has a length that nothing follows; found by fuzzing. */
Test(clip_bad, audio_that_claims_more_than_there_is) {
    char lying[sizeof wav];
    memcpy(lying, wav, sizeof wav);
    memcpy(lying + 36, "aatd", 4);
    memset(lying + 43, 0xff, 40);
    lying[19] = 1;
    refused_bytes("lie.wav", lying, sizeof lying - 1, LIPCL_ERROR_FORMAT, "more memory than it gets");
}

Test(clip_bad, not_a_video_at_all) {
    char noise[5000];
    static const char text[] = "Dear reader, this file holds a letter, and nothing that moves.\n";
    uint32_t state = 7;
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
    refused_bytes("letter.mp4", text, sizeof text - 1, LIPCL_ERROR_FORMAT, "is no video that FFmpeg's libraries can read");
    refused_bytes("noise.mp4", noise, sizeof noise, LIPCL_ERROR_FORMAT, "noise.mp4");
    refused_bytes("empty.mp4", "", 0, LIPCL_ERROR_FORMAT, "the file is empty");
    refused_bytes("nul.mp4", "\0", 1, LIPCL_ERROR_FORMAT, "nul.mp4");
    refused_bytes("program.sh", "#!/bin/sh\nexit 0\n", 17, LIPCL_ERROR_FORMAT, "program.sh");
    refused(TEST_DATA_DIR "/reference/pytorch_cases.safetensors", LIPCL_ERROR_FORMAT, "is no video");
}

/* A playlist must not make the library open what it lists: a good video next to it, by several spellings, or a network. */
Test(clip_bad, playlists_open_nothing) {
    char path[600], text[2048];
    snprintf(path, sizeof path, "%s", video("good.avi", "avi", AV_CODEC_ID_RAWVIDEO, 2));
    cr_assert(frames_of(path) == 2);
    static const char *const lists[] = {
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n@\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '@'\n",
        "ffconcat version 1.0\nfile 'file:@'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        size_t used = 0;
        for (const char *from = lists[i]; *from; from++) { /* '@' stands for the good video's path */
            if (*from == '@')
                used += (size_t)snprintf(text + used, sizeof text - used, "%s", path);
            else
                text[used++] = *from;
        }
        refused_bytes("list.m3u8", text, used, LIPCL_ERROR_UNSUPPORTED, "list.m3u8: is a playlist (");
    }
}

Test(clip_bad, paths_that_are_urls_or_nothing) {
    refused("/nonexistent/clip.mp4", LIPCL_ERROR_NOT_FOUND, "cannot open");
    refused("http://127.0.0.1:1/a.mp4", LIPCL_ERROR_NOT_FOUND, "cannot open");
    refused("concat:a.mp4|b.mp4", LIPCL_ERROR_NOT_FOUND, "cannot open");
    refused("", LIPCL_ERROR_NOT_FOUND, "cannot open");
    cr_assert(mkfifo(path_of("pipe.mp4"), 0600) == 0);
    refused(scratch_path, LIPCL_ERROR_ARGUMENT, "is not a regular file");
}

Test(clip_bad, ffmpeg_prints_nothing) {
    int saved = dup(2), quiet = open(path_of("stderr.txt"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    char text[256] = "";
    cr_assert(saved >= 0 && quiet >= 0 && dup2(quiet, 2) == 2);
    struct bytes bytes = read_bytes(TEST_DATA_DIR "/clips/bbaf5a.mp4");
    memset(bytes.data + bytes.count / 2, 0x55, 2000);
    frames_of(write_file("damaged.mp4", bytes.data, bytes.count));
    struct lipcl_tensor *clip = NULL;
    lipcl_clip_load(ctx, &clip, NULL, write_file("cut.mp4", bytes.data, bytes.count / 2), NULL);
    fflush(stderr);
    cr_assert(dup2(saved, 2) == 2);
    ssize_t printed = pread(quiet, text, sizeof text - 1, 0);
    close(saved);
    close(quiet);
    free(bytes.data);
    cr_expect(printed == 0, "%s", text);
}

/* Crops. */

Test(clip_bad, crop_outside_the_picture) {
    static const struct lipcl_clip_params crops[] = {{.crop = {1, 0, 32, 16}},
                                                     {.crop = {0, 1, 32, 16}},
                                                     {.crop = {33, 0, 1, 1}},
                                                     {.crop = {0, 17, 1, 1}},
                                                     {.crop = {SIZE_MAX, SIZE_MAX, 2, 2}},
                                                     {.crop = {1, 1, SIZE_MAX, SIZE_MAX}}};
    const char *path = video("crop.avi", "avi", AV_CODEC_ID_RAWVIDEO, 2);
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++)
        refused_with(path, &crops[i], LIPCL_ERROR_ARGUMENT, "leaves the picture, which is 32 x 16");
}

Test(clip_bad, crop_of_nothing) {
    const char *path = video("crop.avi", "avi", AV_CODEC_ID_RAWVIDEO, 2);
    refused_with(path, &(struct lipcl_clip_params){.crop = {1, 1, 0, 0}}, LIPCL_ERROR_ARGUMENT, "the crop 1,1,0,0 is empty");
    refused_with(path, &(struct lipcl_clip_params){.crop = {0, 0, 5, 0}}, LIPCL_ERROR_ARGUMENT, "the crop 0,0,5,0 is empty");
}

/* Folders. */

static void png(const char *name) {
    make_picture(path_of(name), AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 20, 10, 0);
}

Test(clip_bad, folder_without_pictures) {
    refused(scratch, LIPCL_ERROR_FORMAT, "no frames: the folder holds no .jpg, .jpeg or .png picture");
    write_file("clip.mp4", "x", 1);
    refused(scratch, LIPCL_ERROR_FORMAT, "no frames: the folder holds no .jpg, .jpeg or .png picture");
}

Test(clip_bad, missing_frame_file) {
    png("frame_9.png");
    png("frame_10.png");
    png("frame_12.png");
    refused(scratch, LIPCL_ERROR_FORMAT, "frame 11 is missing, between ");
}

Test(clip_bad, duplicate_frame_file) {
    png("frame_1.png");
    png("frame_01.png");
    refused(scratch, LIPCL_ERROR_FORMAT, "frame 1 is there twice");
}

Test(clip_bad, frame_file_without_a_number) {
    png("frame_1.png");
    png("cover.png");
    refused(scratch, LIPCL_ERROR_FORMAT, "the picture \"cover.png\" has no number in its name");
}

Test(clip_bad, frame_file_with_control_characters_in_its_name) {
    png("1.png");
    png("\x1b[2J_3.png");
    refused(scratch, LIPCL_ERROR_FORMAT, "the picture \"?[2J_3.png\" has control characters in its name");
}

Test(clip_bad, frame_number_that_overflows) {
    png("99999999999999999999999.png");
    refused(scratch, LIPCL_ERROR_FORMAT, "has no number in its name that orders it");
}

Test(clip_bad, frame_file_that_is_no_picture) {
    png("1.png");
    write_file("2.png", "GIF89a, or so it says", 20);
    refused(scratch, LIPCL_ERROR_FORMAT, "2.png: is neither a JPEG nor a PNG picture");
    write_file("2.png", "", 0);
    refused(scratch, LIPCL_ERROR_FORMAT, "2.png: the file is empty");
    write_file("2.png", "\x89PNG\r\n\x1a\n", 8);
    refused(scratch, LIPCL_ERROR_FORMAT, "2.png: the picture is damaged or cut");
}

Test(clip_bad, frame_file_that_is_cut) {
    static const struct {
        const char *name;
        enum AVCodecID codec;
        enum AVPixelFormat format;
    } kinds[] = {{"1.png", AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24}, {"1.jpg", AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ420P}};
    for (size_t i = 0; i < 2; i++) {
        make_picture(path_of(kinds[i].name), kinds[i].codec, kinds[i].format, 100, 100, 0);
        struct bytes bytes = read_bytes(scratch_path);
        write_file(kinds[i].name, bytes.data, bytes.count * 2 / 3);
        refused(scratch, LIPCL_ERROR_FORMAT, "the picture is damaged or cut");
        unlink(scratch_path);
        free(bytes.data);
    }
}

Test(clip_bad, crop_outside_a_smaller_frame_file) {
    make_picture(path_of("1.png"), AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 20, 10, 0);
    make_picture(path_of("2.png"), AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 18, 10, 0);
    refused_with(scratch, &(struct lipcl_clip_params){.crop = {0, 0, 20, 10}}, LIPCL_ERROR_ARGUMENT,
                 "leaves the picture, which is 18 x 10");
}

/* npy files. */

static const char *npy(enum lipcl_dtype dtype, struct lipcl_shape shape, size_t index, float value) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_create(ctx, &tensor, dtype, &shape) == LIPCL_OK);
    if (dtype == LIPCL_F32 && value != 0) ((float *)tensor->data)[index] = value;
    cr_assert(lipcl_npy_save(ctx, path_of("a.npy"), tensor) == LIPCL_OK);
    lipcl_tensor_destroy(&tensor);
    return scratch_path;
}

Test(clip_bad, nan_frames) {
    size_t frame = W * H;
    refused(npy(LIPCL_F32, SHAPE(3, 4, H, W), (2 * 4 + 3) * frame, NAN), LIPCL_ERROR_FORMAT,
            "clip 0, frame 3, channel 2 holds a NaN or an infinity");
    refused(npy(LIPCL_F32, SHAPE(2, 3, 4, H, W), ((3 + 1) * 4 + 2) * frame + frame - 1, -INFINITY), LIPCL_ERROR_FORMAT,
            "clip 1, frame 2, channel 1 holds a NaN or an infinity");
}

Test(clip_bad, npy_without_frames) {
    refused(npy(LIPCL_U8, SHAPE(0, 64, 128, 3), 0, 0), LIPCL_ERROR_FORMAT, "no frames");
    refused(npy(LIPCL_F32, SHAPE(3, 0, 64, 128), 0, 0), LIPCL_ERROR_FORMAT, "no frames");
    refused(npy(LIPCL_F32, SHAPE(0, 3, 5, 64, 128), 0, 0), LIPCL_ERROR_FORMAT, "no frames");
}

Test(clip_bad, npy_of_odd_sizes) {
    refused(npy(LIPCL_U8, SHAPE(2, 0, 5, 3), 0, 0), LIPCL_ERROR_FORMAT, "a picture of 5 x 0 pixels");
    refused(npy(LIPCL_U8, SHAPE(1, 1, 16385, 3), 0, 0), LIPCL_ERROR_UNSUPPORTED, "a picture of 16385 x 1 pixels");
}

Test(clip_bad, npy_of_another_shape) {
    refused(npy(LIPCL_U8, SHAPE(2, 64, 128), 0, 0), LIPCL_ERROR_SHAPE, "u8 [2,64,128] is no clip; wanted is u8 [T,H,W,3]");
    refused(npy(LIPCL_U8, SHAPE(2, 64, 128, 4), 0, 0), LIPCL_ERROR_SHAPE, "u8 [2,64,128,4] is no clip");
    refused(npy(LIPCL_F32, SHAPE(3, 2, 128, 64), 0, 0), LIPCL_ERROR_SHAPE, "f32 [3,2,128,64] is no clip");
    refused(npy(LIPCL_F32, SHAPE(2, 64, 128, 3), 0, 0), LIPCL_ERROR_SHAPE, "f32 [2,64,128,3] is no clip");
    refused(npy(LIPCL_F32, SHAPE(1, 1, 2, 64, 128), 0, 0), LIPCL_ERROR_SHAPE, "f32 [1,1,2,64,128] is no clip");
    refused(npy(LIPCL_F64, SHAPE(3, 2, 64, 128), 0, 0), LIPCL_ERROR_SHAPE, "f64 [3,2,64,128] is no clip");
}

Test(clip_bad, npy_with_too_many_frames) {
    struct lipcl_clip_params params = {.max_frames = 4};
    refused_with(npy(LIPCL_U8, SHAPE(5, 2, 2, 3), 0, 0), &params, LIPCL_ERROR_UNSUPPORTED, "too many frames: more than 4");
    refused_with(npy(LIPCL_F32, SHAPE(3, 5, H, W), 0, 0), &params, LIPCL_ERROR_UNSUPPORTED, "too many frames: more than 4");
}

Test(clip_bad, npy_f32_with_a_crop) {
    refused_with(npy(LIPCL_F32, SHAPE(3, 5, H, W), 0, 0), &(struct lipcl_clip_params){.crop = {0, 0, 5, 5}},
                 LIPCL_ERROR_ARGUMENT, "they cannot be cropped");
}

Test(clip_bad, npy_that_is_broken) {
    refused_bytes("a.npy", "not an npy file", 15, LIPCL_ERROR_FORMAT, "byte 0: the file does not begin as a npy file does");
    refused_bytes("a.npy", "", 0, LIPCL_ERROR_FORMAT, "the file is empty");
    refused_bytes("a.bin", "\x93NUMPY\x09\0\0\0\0\0", 12, LIPCL_ERROR_UNSUPPORTED, "byte 6: version 9.0");
}
