#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *lipcl_status_name(enum lipcl_status status) {
    switch (status) {
    case LIPCL_OK: return "ok";
    case LIPCL_ERROR_ARGUMENT: return "bad argument";
    case LIPCL_ERROR_SHAPE: return "shapes do not fit";
    case LIPCL_ERROR_MEMORY: return "out of memory";
    case LIPCL_ERROR_IO: return "input/output error";
    case LIPCL_ERROR_FORMAT: return "bad format";
    case LIPCL_ERROR_UNSUPPORTED: return "unsupported";
    case LIPCL_ERROR_NOT_FOUND: return "not found";
    case LIPCL_ERROR_BUILD: return "kernel build failed";
    case LIPCL_ERROR_DEVICE: return "device error";
    case LIPCL_ERROR_DEVICE_LOST: return "device lost";
    case LIPCL_ERROR_MISMATCH: return "results differ";
    }
    return "unknown status";
}

const char *lipcl_version(void) {
    return LIPCL_VERSION;
}

enum lipcl_status lipcl_context_create(struct lipcl_context **ctx, const struct lipcl_context_params *params) {
    if (!ctx) return LIPCL_ERROR_ARGUMENT;
    *ctx = calloc(1, sizeof **ctx);
    if (!*ctx) return LIPCL_ERROR_MEMORY;
    if (params) (*ctx)->params = *params;
    if ((*ctx)->params.log_level == LIPCL_LOG_DEFAULT) (*ctx)->params.log_level = LIPCL_LOG_WARN;
    const char *dir = (*ctx)->params.kernel_dir ? (*ctx)->params.kernel_dir : getenv("LIPCL_KERNEL_DIR");
    if (dir && *dir) {
        (*ctx)->kernel_dir = string_copy(dir);
        if (!(*ctx)->kernel_dir) goto fail;
    }
    return LIPCL_OK;

fail:
    lipcl_context_destroy(ctx);
    return LIPCL_ERROR_MEMORY;
}

void lipcl_context_destroy(struct lipcl_context **ctx) {
    if (!ctx || !*ctx) return;
    free((*ctx)->kernel_dir);
    free(*ctx);
    *ctx = NULL;
}

const char *lipcl_context_error(const struct lipcl_context *ctx) {
    return ctx ? ctx->error : "";
}

bool log_wants(const struct lipcl_context *ctx, enum lipcl_log_level level) {
    return ctx->params.log && level <= ctx->params.log_level;
}

static void log_va(struct lipcl_context *ctx, enum lipcl_log_level level, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *message = length < 0 ? NULL : malloc((size_t)length + 1);
    if (message) {
        vsnprintf(message, (size_t)length + 1, format, args);
        ctx->params.log(ctx->params.user, level, message);
    } else {
        ctx->params.log(ctx->params.user, level, format);
    }
    free(message);
}

void log_message(struct lipcl_context *ctx, enum lipcl_log_level level, const char *format, ...) {
    if (!log_wants(ctx, level)) return;
    va_list args;
    va_start(args, format);
    log_va(ctx, level, format, args);
    va_end(args);
}

enum lipcl_status fail(struct lipcl_context *ctx, enum lipcl_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->error, sizeof ctx->error, format, args);
    va_end(args);
    if (log_wants(ctx, LIPCL_LOG_ERROR)) ctx->params.log(ctx->params.user, LIPCL_LOG_ERROR, ctx->error);
    return status;
}

enum lipcl_status fail_memory(struct lipcl_context *ctx, size_t bytes) {
    return fail(ctx, LIPCL_ERROR_MEMORY, "out of memory: %zu bytes could not be allocated", bytes);
}

void progress(struct lipcl_context *ctx, size_t done, size_t total, const char *what) {
    if (ctx->params.progress) ctx->params.progress(ctx->params.user, done, total, what);
}
