/* context.h: where messages go, and the few settings that everything shares.
 *
 * Every other object is created from a context and must be destroyed before it. A context and what was created from it
 * belong to one thread at a time; two contexts are independent of each other. Tensors do not know their context: one thread
 * may load a clip with its context, and another run it with its own.
 */
#ifndef LIPCL_CONTEXT_H
#define LIPCL_CONTEXT_H

#include <stddef.h>

#include <lipcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lipcl_context;

enum lipcl_log_level {
    LIPCL_LOG_DEFAULT = 0, /* as a threshold: the same as LIPCL_LOG_WARN */
    LIPCL_LOG_ERROR,
    LIPCL_LOG_WARN,
    LIPCL_LOG_INFO,
    LIPCL_LOG_DEBUG,
};

/* Receives one message without a trailing newline. `message` is valid during the call only. */
typedef void (*lipcl_log_fn)(void *user, enum lipcl_log_level level, const char *message);

/* Receives how much of a long piece of work is done: `done` of `total` units, and what the next unit is (a layer's name).
 * The last call of a piece of work has done == total. `what` is valid during the call only. */
typedef void (*lipcl_progress_fn)(void *user, size_t done, size_t total, const char *what);

/* The zero value is the default: no callbacks, warnings and errors only, kernels as embedded in the library. */
struct lipcl_context_params {
    lipcl_log_fn log;
    enum lipcl_log_level log_level; /* the most talkative level that `log` receives */
    lipcl_progress_fn progress;     /* called between the layers of a run on `host` and of a verification */
    void *user;                     /* handed to both callbacks */
    const char *kernel_dir;         /* a folder whose .cl files replace the embedded ones of the same name;
                                       NULL: $LIPCL_KERNEL_DIR, else the embedded ones. Copied. */
};

/* Creates a context. `params` may be NULL. On failure *ctx is NULL. */
LIPCL_API enum lipcl_status lipcl_context_create(struct lipcl_context **ctx, const struct lipcl_context_params *params);

/* Destroys a context and sets *ctx to NULL. Does nothing when ctx or *ctx is NULL. */
LIPCL_API void lipcl_context_destroy(struct lipcl_context **ctx);

/* The most recent error's sentence, or "" when there was none. Owned by the context, valid until its next call. */
LIPCL_API const char *lipcl_context_error(const struct lipcl_context *ctx);

/* The library's version as "major.minor.patch". Static, thread-safe. */
LIPCL_API const char *lipcl_version(void);

#ifdef __cplusplus
}
#endif
#endif
