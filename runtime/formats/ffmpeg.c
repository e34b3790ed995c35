#include "formats/ffmpeg.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"

struct ffmpeg ffmpeg;
static char problem[128]; /* "" once all are there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

#ifdef __APPLE__
#define FILE_NAME(name, version) "lib" name "." AV_STRINGIFY(version) ".dylib"
#else
#define FILE_NAME(name, version) "lib" name ".so." AV_STRINGIFY(version)
#endif

static void *open_one(const char *name) {
    void *library = open_library((const char *const[]){name, NULL});
    if (!library && !problem[0]) snprintf(problem, sizeof problem, "there is no %s", name);
    return library;
}

/* POSIX wants a data pointer turned into a function pointer by its bytes. */
static void find(void *library, const char *name, void *function, size_t bytes) {
    void *symbol = library ? dlsym(library, name) : NULL;
    if (!symbol && !problem[0]) snprintf(problem, sizeof problem, "FFmpeg's libraries lack %s", name);
    memcpy(function, &symbol, bytes);
}

static void load(void) {
    void *util = open_one(FILE_NAME("avutil", LIBAVUTIL_VERSION_MAJOR));
    void *scale = open_one(FILE_NAME("swscale", LIBSWSCALE_VERSION_MAJOR));
    void *codec = open_one(FILE_NAME("avcodec", LIBAVCODEC_VERSION_MAJOR));
    void *format = open_one(FILE_NAME("avformat", LIBAVFORMAT_VERSION_MAJOR));
#define FORMAT(name) find(format, #name, &ffmpeg.name, sizeof ffmpeg.name);
#define CODEC(name) find(codec, #name, &ffmpeg.name, sizeof ffmpeg.name);
#define SCALE(name) find(scale, #name, &ffmpeg.name, sizeof ffmpeg.name);
#define UTIL(name) find(util, #name, &ffmpeg.name, sizeof ffmpeg.name);
    FFMPEG_FUNCTIONS(FORMAT, CODEC, SCALE, UTIL)
}

enum lipcl_status ffmpeg_open(struct lipcl_context *ctx, const char *path) {
    pthread_once(&once, load);
    if (!problem[0]) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: videos and pictures are read by FFmpeg: %s; npy files need none", path,
                problem);
}
