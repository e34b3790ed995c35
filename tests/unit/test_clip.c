/* What good clips become. test_clip_bad.c has the bad ones. */
#include <lipcl/clip.h>
#include <lipcl/npy.h>

#include <libavutil/log.h>
#include <math.h>

#include "bad_file.h"
#include "make_clip.h"
#include "tensor/shape.h"

TestSuite(clip, .init = scratch_open, .fini = scratch_close, .timeout = 60);

enum { W = LIPCL_CLIP_WIDTH, H = LIPCL_CLIP_HEIGHT };

static struct lipcl_clip_info info;

static struct lipcl_tensor *load_with(const char *path, const struct lipcl_clip_params *params) {
    struct lipcl_tensor *clip = NULL;
    memset(&info, 0xee, sizeof info);
    keep_file(path);
    cr_assert(lipcl_clip_load(ctx, &clip, &info, path, params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(clip->dtype == LIPCL_F32);
    cr_expect(info.frames == clip->shape.dims[2]);
    return clip;
}

static struct lipcl_tensor *load(const char *path) {
    return load_with(path, NULL);
}

static const char *path_of(const char *name) {
    snprintf(scratch_path, sizeof scratch_path, "%s/%s", scratch, name);
    return scratch_path;
}

static float at(const struct lipcl_tensor *clip, size_t c, size_t t, size_t y, size_t x) {
    return ((const float *)clip->data)[((c * clip->shape.dims[2] + t) * H + y) * W + x];
}

/* The formula of clip.h in doubles: sample `value(y, x)` of a height x width picture at output pixel (y, x). */
static double bilinear(const unsigned char *plane, size_t step, size_t stride, size_t width, size_t height, size_t y,
                       size_t x) {
    double v = fmax(0, ((double)y + 0.5) * (double)height / H - 0.5), u = fmax(0, ((double)x + 0.5) * (double)width / W - 0.5);
    size_t y0 = (size_t)v, x0 = (size_t)u, y1 = y0 + 1 < height ? y0 + 1 : y0, x1 = x0 + 1 < width ? x0 + 1 : x0;
    double fy = v - (double)y0, fx = u - (double)x0;
    return (1 - fy) * ((1 - fx) * plane[y0 * stride + x0 * step] + fx * plane[y0 * stride + x1 * step]) +
           fy * ((1 - fx) * plane[y1 * stride + x0 * step] + fx * plane[y1 * stride + x1 * step]);
}

/* Every element against the moving picture of make_clip.h, whose planes are R, G, B. */
static void expect_moving_picture(const struct lipcl_tensor *clip, size_t width, size_t height, size_t frames) {
    cr_assert(lipcl_shape_equal(&clip->shape, &SHAPE(1, 3, frames, H, W)), "%s", shape_text(&clip->shape).chars);
    unsigned char *plane = malloc(width * height);
    double worst = 0;
    for (size_t t = 0; t < frames; t++) {
        for (size_t c = 0; c < 3; c++) {
            for (size_t i = 0; i < width * height; i++)
                plane[i] = sample_value((int)t, 2 - (int)c, (int)(i / width), (int)(i % width));
            for (size_t y = 0; y < H; y++)
                for (size_t x = 0; x < W; x++)
                    worst = fmax(worst, fabs(at(clip, c, t, y, x) - bilinear(plane, 1, width, width, height, y, x) / 255));
        }
    }
    free(plane);
    cr_expect(worst <= 2e-7, "an element is off by %g", worst);
}

static const char *lossless(const char *name, const char *container, int width, int height, int frames) {
    const char *path = path_of(name);
    make_clip(path, &(struct clip_spec){.container = container,
                                        .codec = AV_CODEC_ID_PNG,
                                        .parts = {{width, height, frames, AV_PIX_FMT_RGB24}}});
    return path;
}

Test(clip, the_first_clip_is_near_the_frames_it_was_made_of) {
    struct lipcl_tensor *clip = load(TEST_DATA_DIR "/clips/bbaf5a.mp4"), *frames = NULL;
    cr_assert(lipcl_shape_equal(&clip->shape, &SHAPE(1, 3, 75, 64, 128)));
    cr_expect(info.width == 128 && info.height == 64);
    cr_expect(info.fps_numerator == 25 && info.fps_denominator == 1);
    frames = load(TEST_DATA_DIR "/reference/frames.npy");
    double sum = 0, bias[3] = {0}, worst = 0;
    size_t count = lipcl_tensor_count(clip), third = count / 3;
    for (size_t i = 0; i < count; i++) {
        double d = 255 * ((double)((float *)clip->data)[i] - (double)((float *)frames->data)[i]);
        sum += fabs(d);
        worst = fmax(worst, fabs(d));
        bias[i / third] += d / (double)third;
    }
    cr_expect(sum / (double)count < 1.5, "mean difference %g of 255", sum / (double)count); /* what the compression costs */
    cr_expect(worst < 20, "worst difference %g of 255", worst);
    for (size_t c = 0; c < 3; c++) cr_expect(fabs(bias[c]) < 0.15, "channel %zu is off by %g of 255", c, bias[c]);
    lipcl_tensor_destroy(&clip);
    lipcl_tensor_destroy(&frames);
    cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
}

Test(clip, every_bundled_clip_has_75_frames) {
    static const char *const names[] = {"bbaf5a", "brag1a", "lbakzn", "lrak9a", "pbac3a", "pgwy8n", "pwwk5s", "sgivzn"};
    for (size_t i = 0; i < 8; i++) {
        char path[512];
        snprintf(path, sizeof path, TEST_DATA_DIR "/clips/%s.mp4", names[i]);
        struct lipcl_tensor *clip = load(path);
        cr_expect(lipcl_shape_equal(&clip->shape, &SHAPE(1, 3, 75, 64, 128)));
        lipcl_tensor_destroy(&clip);
    }
    cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
}

Test(clip, frames_npy_is_bgr_over_255) {
    struct lipcl_tensor *raw = NULL, *clip = load(TEST_DATA_DIR "/reference/frames.npy");
    cr_assert(lipcl_npy_load(ctx, &raw, TEST_DATA_DIR "/reference/frames.npy") == LIPCL_OK);
    const unsigned char *bytes = raw->data;
    size_t wrong = 0;
    for (size_t i = 0; i < lipcl_tensor_count(raw); i++)
        wrong += at(clip, i % 3, i / 3 / W / H, i / 3 / W % H, i / 3 % W) != (float)bytes[i] / 255.0f;
    cr_expect(wrong == 0, "%zu elements", wrong);
    cr_expect(info.width == W && info.height == H && info.fps_numerator == 0 && info.fps_denominator == 0);
    lipcl_tensor_destroy(&raw);
    lipcl_tensor_destroy(&clip);
}

Test(clip, lossless_videos_of_any_size_are_exact) {
    static const int sizes[][2] = {{128, 64}, {360, 288}, {100, 50}, {1, 1}, {3, 7}, {127, 65}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct lipcl_tensor *clip = load(lossless("a.mkv", "matroska", sizes[i][0], sizes[i][1], 5));
        expect_moving_picture(clip, (size_t)sizes[i][0], (size_t)sizes[i][1], 5);
        cr_expect(info.width == (size_t)sizes[i][0] && info.height == (size_t)sizes[i][1]);
        lipcl_tensor_destroy(&clip);
    }
    cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
}

Test(clip, any_number_of_frames) {
    static const int counts[] = {1, 2, 31, 32, 33, 74, 76, 200};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct lipcl_tensor *clip = load(lossless("a.avi", "avi", 16, 8, counts[i]));
        expect_moving_picture(clip, 16, 8, (size_t)counts[i]);
        lipcl_tensor_destroy(&clip);
    }
}

Test(clip, the_rate_is_told) {
    const char *path = path_of("a.mkv");
    make_clip(path, &(struct clip_spec){.container = "matroska",
                                        .codec = AV_CODEC_ID_PNG,
                                        .parts = {{16, 8, 30, AV_PIX_FMT_RGB24}},
                                        .rate = {30000, 1001}});
    struct lipcl_tensor *clip = load(path);
    cr_expect(info.fps_numerator == 30000 && info.fps_denominator == 1001, "%u/%u", info.fps_numerator, info.fps_denominator);
    lipcl_tensor_destroy(&clip);
}

/* Y'CbCr to R'G'B' by the definition (BT.601 and BT.709, H.273), one colour at a time. */
Test(clip, colours_convert_as_tagged) {
    static const struct {
        enum AVColorSpace space;
        enum AVColorRange range;
        double kr, kb;
        bool full;
    } tags[] = {
        {AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED, 0.299, 0.114, false},
        {AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG, 0.299, 0.114, false},
        {AVCOL_SPC_BT470BG, AVCOL_RANGE_JPEG, 0.299, 0.114, true},
        {AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 0.2126, 0.0722, false},
        {AVCOL_SPC_BT709, AVCOL_RANGE_JPEG, 0.2126, 0.0722, true},
    };
    static const int colours[][3] = {{16, 128, 128}, {235, 128, 128}, {81, 90, 240},
                                     {145, 54, 34},  {120, 100, 170}, {180, 150, 90}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        for (size_t k = 0; k < sizeof colours / sizeof *colours; k++) {
            struct clip_spec spec = {.container = "matroska",
                                     .codec = AV_CODEC_ID_FFV1,
                                     .parts = {{64, 32, 1, k % 2 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P}},
                                     .space = tags[i].space,
                                     .range = tags[i].range,
                                     .is_constant = true,
                                     .constant = {colours[k][0], colours[k][1], colours[k][2]}};
            make_clip(path_of("colour.mkv"), &spec);
            struct lipcl_tensor *clip = load(scratch_path);
            double scale = tags[i].full ? 255 : 219, chroma = tags[i].full ? 255 : 224;
            double luma = (colours[k][0] - (tags[i].full ? 0 : 16)) / scale;
            double cb = (colours[k][1] - 128) / chroma, cr = (colours[k][2] - 128) / chroma;
            double red = luma + 2 * (1 - tags[i].kr) * cr, blue = luma + 2 * (1 - tags[i].kb) * cb;
            double green = (luma - tags[i].kr * red - tags[i].kb * blue) / (1 - tags[i].kr - tags[i].kb);
            double wanted[3] = {blue, green, red};
            for (size_t c = 0; c < 3; c++) {
                double d = 255 * (at(clip, c, 0, 30, 60) - fmin(1, fmax(0, wanted[c])));
                cr_expect(fabs(d) < 1.1, "tag %zu, colour %zu, channel %zu: off by %g", i, k, c, d);
            }
            lipcl_tensor_destroy(&clip);
        }
    }
}

Test(clip, grey_pictures_have_full_range) {
    char folder[300], path[320];
    snprintf(folder, sizeof folder, "%s", scratch);
    snprintf(path, sizeof path, "%s/1.png", folder);
    make_picture(path, AV_CODEC_ID_PNG, AV_PIX_FMT_GRAY8, W, H, 0);
    struct lipcl_tensor *clip = load(folder);
    for (size_t c = 0; c < 3; c++)
        for (size_t x = 0; x < W; x++) cr_expect(at(clip, c, 0, 5, x) == sample_value(0, 0, 5, (int)x) / 255.0f);
    lipcl_tensor_destroy(&clip);
}

Test(clip, crop_picks_a_part) {
    struct lipcl_clip_params params = {.crop = {20, 30, 128, 64}};
    struct lipcl_tensor *clip = load_with(lossless("a.mkv", "matroska", 360, 288, 2), &params);
    for (size_t c = 0; c < 3; c++)
        for (size_t t = 0; t < 2; t++)
            for (size_t y = 0; y < H; y++)
                for (size_t x = 0; x < W; x++)
                    cr_assert(at(clip, c, t, y, x) == sample_value((int)t, 2 - (int)c, (int)y + 30, (int)x + 20) / 255.0f);
    cr_expect(info.width == 360 && info.height == 288);
    lipcl_tensor_destroy(&clip);
}

Test(clip, crop_then_resize) {
    struct lipcl_clip_params params = {.crop = {3, 1, 50, 40}};
    struct lipcl_tensor *clip = load_with(lossless("a.mkv", "matroska", 53, 41, 1), &params); /* up to the very corner */
    unsigned char plane[41 * 53];
    for (int i = 0; i < 41 * 53; i++) plane[i] = sample_value(0, 0, i / 53, i % 53);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++)
            cr_assert(fabs(at(clip, 2, 0, y, x) - bilinear(plane + 53 + 3, 1, 53, 50, 40, y, x) / 255) < 2e-7);
    lipcl_tensor_destroy(&clip);
}

Test(clip, crop_of_an_npy) {
    struct lipcl_tensor *raw = NULL, *clip, *part;
    cr_assert(lipcl_npy_load(ctx, &raw, TEST_DATA_DIR "/reference/frames.npy") == LIPCL_OK);
    clip = load_with(TEST_DATA_DIR "/reference/frames.npy", &(struct lipcl_clip_params){.crop = {1, 2, 3, 4}});
    const unsigned char *bytes = (unsigned char *)raw->data + ((size_t)74 * H * W + 2 * W + 1) * 3;
    cr_expect(fabs(at(clip, 1, 74, 17, 99) - bilinear(bytes + 1, 3, 3 * W, 3, 4, 17, 99) / 255) < 2e-7);
    part = load_with(TEST_DATA_DIR "/reference/frames.npy", &(struct lipcl_clip_params){.crop = {0, 0, W, H}});
    cr_expect(at(part, 2, 3, 63, 127) == ((unsigned char *)raw->data)[((size_t)3 * H * W + 63 * W + 127) * 3 + 2] / 255.0f);
    lipcl_tensor_destroy(&raw);
    lipcl_tensor_destroy(&clip);
    lipcl_tensor_destroy(&part);
}

Test(clip, size_and_format_may_change_on_the_way) {
    struct clip_spec spec = {.container = "avi",
                             .codec = AV_CODEC_ID_MJPEG,
                             .parts = {{128, 64, 3, AV_PIX_FMT_YUVJ420P}, {90, 200, 4, AV_PIX_FMT_YUVJ444P}},
                             .range = AVCOL_RANGE_JPEG,
                             .is_constant = true,
                             .constant = {100, 128, 128}};
    make_clip(path_of("change.avi"), &spec);
    struct lipcl_tensor *clip = load(scratch_path);
    cr_assert(lipcl_shape_equal(&clip->shape, &SHAPE(1, 3, 7, H, W)), "%s", shape_text(&clip->shape).chars);
    for (size_t i = 0; i < lipcl_tensor_count(clip); i++) cr_assert(fabs(255 * ((float *)clip->data)[i] - 100) < 1.1);
    cr_expect(info.width == 128 && info.height == 64);
    lipcl_tensor_destroy(&clip);
}

Test(clip, odd_chroma_sizes) {
    static const int sizes[][2] = {{127, 63}, {1, 1}, {3, 5}, {129, 64}, {128, 65}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct clip_spec spec = {.container = "matroska",
                                 .codec = AV_CODEC_ID_FFV1,
                                 .parts = {{sizes[i][0], sizes[i][1], 2, AV_PIX_FMT_YUV420P}},
                                 .is_constant = true,
                                 .constant = {81, 90, 240}};
        make_clip(path_of("odd.mkv"), &spec);
        struct lipcl_tensor *clip = load(scratch_path);
        for (size_t y = 0; y < H; y++)
            for (size_t x = 0; x < W; x++)
                cr_assert(at(clip, 0, 1, y, x) < 0.01 && at(clip, 1, 1, y, x) < 0.01 && at(clip, 2, 1, y, x) > 0.99);
        lipcl_tensor_destroy(&clip);
    }
}

/* Files store pictures out of order, and decoders hold some back to the end. */
Test(clip, every_frame_comes_in_order) {
    static const struct {
        const char *container;
        enum AVCodecID codec;
        int b_frames;
    } kinds[] = {{"mpeg", AV_CODEC_ID_MPEG1VIDEO, 2},
                 {"mpegts", AV_CODEC_ID_MPEG2VIDEO, 2},
                 {"mp4", AV_CODEC_ID_MPEG4, 2},
                 {"avi", AV_CODEC_ID_MPEG4, 0},
                 {"matroska", AV_CODEC_ID_MPEG2VIDEO, 1}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct clip_spec spec = {.container = kinds[i].container,
                                 .codec = kinds[i].codec,
                                 .b_frames = kinds[i].b_frames,
                                 .parts = {{360, 288, 40, AV_PIX_FMT_YUV420P}},
                                 .is_constant = true,
                                 .constant = {20, 128, 128},
                                 .ramp = 5};
        make_clip(path_of("order.bin"), &spec);
        struct lipcl_tensor *clip = load(scratch_path);
        cr_expect(info.frames == 40, "%s: %zu frames", kinds[i].container, info.frames);
        for (size_t t = 0; t < info.frames; t++) {
            double wanted = (20 + 5.0 * (double)t - 16) / 219 * 255, got = 255 * (double)at(clip, 1, t, 32, 64);
            cr_expect(fabs(got - wanted) < 2.5, "%s: frame %zu is %g, not %g", kinds[i].container, t, got, wanted);
        }
        lipcl_tensor_destroy(&clip);
    }
    cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
}

/* A track's display matrix, as cameras held upright write it, turns the pictures. */
Test(clip, pictures_are_turned_as_the_container_says) {
    static const int matrices[4][4] = {
        {1, 0, 0, 1}, {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0}}; /* 0, 90, 180, 270 degrees */
    static char file[1 << 16];
    FILE *source = fopen(lossless("turned.mov", "mov", W, H, 1), "rb");
    size_t bytes = fread(file, 1, sizeof file, source);
    fclose(source);
    char *matrix = memmem(file, bytes, "tkhd", 4);
    cr_assert(matrix);
    matrix += 4 + 40;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 4; i++) {
            int value = matrices[k][i] * 65536;
            unsigned char *cell = (unsigned char *)matrix + 4 * (i / 2 * 3 + i % 2);
            for (int b = 0; b < 4; b++) cell[b] = (unsigned char)((unsigned)value >> (24 - 8 * b));
        }
        /* a corner of the shown picture that stays a pixel's value when it is resized: where the shown one comes from */
        struct lipcl_tensor *clip = load(write_file("turned.mov", file, bytes));
        static const int corner[4][2] = {{0, 0}, {H - 1, 0}, {H - 1, W - 1}, {0, W - 1}}; /* shown top left: stored y, x */
        static const int other[4][2] = {{0, W - 1}, {0, 0}, {H - 1, 0}, {H - 1, W - 1}};  /* shown top right */
        cr_expect(info.width == (size_t)(k % 2 ? H : W) && info.height == (size_t)(k % 2 ? W : H));
        float wanted = sample_value(0, 0, corner[k][0], corner[k][1]) / 255.0f;
        float wanted_other = sample_value(0, 0, other[k][0], other[k][1]) / 255.0f;
        if (k % 2 == 0) { /* 128 x 64 as it is; the turned ones are resized, and their first row mixes two */
            cr_expect(at(clip, 2, 0, 0, 0) == wanted && at(clip, 2, 0, 0, W - 1) == wanted_other);
        } else {
            int step = k == 1 ? 1 : -1; /* the shown second row is the stored second or last but one column */
            float below = sample_value(0, 0, corner[k][0], corner[k][1] + step) / 255.0f;
            float below_other = sample_value(0, 0, other[k][0], other[k][1] + step) / 255.0f;
            cr_expect(fabsf(at(clip, 2, 0, 0, 0) - (wanted + below) / 2) < 2e-7f, "turn %d", k);
            cr_expect(fabsf(at(clip, 2, 0, 0, W - 1) - (wanted_other + below_other) / 2) < 2e-7f, "turn %d", k);
        }
        lipcl_tensor_destroy(&clip);
    }
}

Test(clip, a_rate_of_0_to_0_is_no_rate) {
    static const char head[] = "YUV4MPEG2 W4 H2 F0:0 Ip C444\n", frame[] = "FRAME\n";
    char file[256];
    size_t used = 0;
    memcpy(file, head, used = sizeof head - 1);
    for (int t = 0; t < 3; t++) {
        memcpy(file + used, frame, 6);
        memset(file + used + 6, 128, 24);
        used += 30;
    }
    struct lipcl_tensor *clip = load(write_file("rate.y4m", file, used));
    cr_expect(info.frames == 3);
    cr_expect((info.fps_numerator == 0) == (info.fps_denominator == 0), "%u/%u", info.fps_numerator, info.fps_denominator);
    lipcl_tensor_destroy(&clip);
}

/* Folders of pictures. */

static void picture(const char *name, int t) {
    char path[512];
    bool png = strstr(name, ".png") || strstr(name, ".PNG");
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    if (png)
        make_picture(path, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 20, 10, t);
    else
        make_picture(path, AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ420P, 20, 10, t);
}

Test(clip, a_folder_is_sorted_by_number) {
    char name[64];
    for (int t = 11; t >= 0; t--) {
        snprintf(name, sizeof name, "take2_%d.%s", t + 1, t % 2 ? "png" : "PNG");
        picture(name, t);
    }
    write_file("notes.txt", "1", 1);
    write_file(".hidden_1.png", "1", 1);
    struct lipcl_tensor *clip = load(scratch);
    expect_moving_picture(clip, 20, 10, 12);
    cr_expect(info.width == 20 && info.height == 10 && info.fps_numerator == 0 && info.fps_denominator == 0);
    lipcl_tensor_destroy(&clip);
}

Test(clip, a_folder_of_jpegs_is_near_the_pictures) {
    make_picture(path_of("0.jpg"), AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, W, H, 0);
    make_picture(path_of("1.jpeg"), AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, W, H, 1);
    make_picture(path_of("2.JPG"), AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, W, H, 2);
    struct lipcl_tensor *clip = load(scratch);
    cr_assert(info.frames == 3);
    for (size_t t = 0; t < 3; t++) {
        double y = sample_value((int)t, 0, 32, 40), cb = sample_value((int)t, 1, 32, 40);
        double blue = fmin(255, fmax(0, y + 1.772 * (cb - 128)));
        cr_expect(fabs(255 * at(clip, 0, t, 32, 40) - blue) < 25, "%g for %g", 255.0 * at(clip, 0, t, 32, 40), blue);
    }
    lipcl_tensor_destroy(&clip);
}

/* f32 frames are taken as they are. */

static struct lipcl_tensor *f32_frames(struct lipcl_shape shape) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, &shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++) ((float *)tensor->data)[i] = (float)(i % 1021) / 1021.0f;
    return tensor;
}

Test(clip, f32_npy_is_taken_as_it_is) {
    const struct lipcl_shape shapes[] = {SHAPE(3, 4, H, W), SHAPE(1, 3, 4, H, W), SHAPE(2, 3, 1, H, W)};
    const struct lipcl_shape wanted[] = {SHAPE(1, 3, 4, H, W), SHAPE(1, 3, 4, H, W), SHAPE(2, 3, 1, H, W)};
    for (size_t i = 0; i < 3; i++) {
        struct lipcl_tensor *tensor = f32_frames(shapes[i]);
        cr_assert(lipcl_npy_save(ctx, path_of("f32.npy"), tensor) == LIPCL_OK);
        struct lipcl_tensor *clip = load(scratch_path);
        cr_assert(lipcl_shape_equal(&clip->shape, &wanted[i]), "%s", shape_text(&clip->shape).chars);
        cr_expect(memcmp(clip->data, tensor->data, lipcl_tensor_bytes(tensor)) == 0);
        cr_expect(info.width == W && info.height == H);
        lipcl_tensor_destroy(&tensor);
        lipcl_tensor_destroy(&clip);
    }
    cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
}

Test(clip, f32_npy_that_nobody_divided_is_warned_of) {
    struct lipcl_tensor *tensor = f32_frames(SHAPE(3, 1, H, W)), *clip;
    ((float *)tensor->data)[7] = 255;
    cr_assert(lipcl_npy_save(ctx, path_of("f32.npy"), tensor) == LIPCL_OK);
    clip = load(scratch_path);
    cr_expect(strstr(warnings, "f32.npy: values from 0 to 255; frames are expected divided by 255"), "%s", warnings);
    lipcl_tensor_destroy(&tensor);
    lipcl_tensor_destroy(&clip);
}

Test(clip, ffmpeg_s_log_level_is_left_as_it_was) {
    av_log_set_level(AV_LOG_WARNING);
    struct lipcl_tensor *clip = load(TEST_DATA_DIR "/reference/frames.npy");
    cr_expect(av_log_get_level() == AV_LOG_WARNING);
    lipcl_tensor_destroy(&clip);
}

Test(clip, info_is_optional) {
    struct lipcl_tensor *clip = NULL;
    cr_expect(lipcl_clip_load(ctx, &clip, NULL, TEST_DATA_DIR "/reference/frames.npy", NULL) == LIPCL_OK);
    lipcl_tensor_destroy(&clip);
}
