/* log.h: the inside of a context, and the two macros of control flow that visibly jump. */
#ifndef LIPCL_BASE_LOG_H
#define LIPCL_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <lipcl/context.h>
#include <lipcl/status.h>

struct lipcl_context {
    struct lipcl_context_params params;
    char *kernel_dir; /* NULL: the embedded kernels */
    char error[4096];
};

#define LIKE_PRINTF(string, first) __attribute__((format(printf, string, first)))

/* True when a message of that level would reach the callback: ask before composing an expensive one. */
bool log_wants(const struct lipcl_context *ctx, enum lipcl_log_level level);

/* Sends one message of any length to the callback, if its level is wanted. */
void log_message(struct lipcl_context *ctx, enum lipcl_log_level level, const char *format, ...) LIKE_PRINTF(3, 4);

/* Records the sentence as the context's error, logs it, and returns `status`, so that a caller can write
 * `TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: ...", path))`. */
enum lipcl_status fail(struct lipcl_context *ctx, enum lipcl_status status, const char *format, ...) LIKE_PRINTF(3, 4);

/* fail() for a failed allocation of `bytes` bytes. */
enum lipcl_status fail_memory(struct lipcl_context *ctx, size_t bytes);

void progress(struct lipcl_context *ctx, size_t done, size_t total, const char *what);

/* Evaluates `expr`; when it is not LIPCL_OK, keeps it in the local `status` and jumps to the function's `fail:` label. */
#define TRY(expr)                                                                                                              \
    do {                                                                                                                       \
        status = (expr);                                                                                                       \
        if (status != LIPCL_OK) goto fail;                                                                                     \
    } while (0)

#endif
