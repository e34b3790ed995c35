#include "device/kernel_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/file.h"

/* A folder of kernels may be anybody's: files that include others many times over end with an error, and soon. */
enum { MAX_KERNEL_BYTES = 1 << 20, MAX_SOURCE_BYTES = 4 << 20, MAX_INCLUDES = 256, MAX_DEPTH = 4, MAX_NAME = 64 };

/* The text being put together. */
struct source {
    struct lipcl_context *ctx;
    char *text; /* ends with NUL */
    size_t bytes, includes;
};

static const struct embedded_file *find_embedded(const char *name) {
    for (const struct embedded_file *file = embedded_kernels; file->name; file++)
        if (strcmp(file->name, name) == 0) return file;
    return NULL;
}

/* A file's text as it stands: from the user's folder when it is there, else the embedded copy. */
static enum lipcl_status raw_source(struct lipcl_context *ctx, char **text, const char *name) {
    *text = NULL;
    const struct embedded_file *embedded = find_embedded(name);
    if (ctx->kernel_dir) {
        char path[4096];
        size_t bytes;
        int length = snprintf(path, sizeof path, "%s/%s", ctx->kernel_dir, name);
        if (length < 0 || (size_t)length >= sizeof path)
            return fail(ctx, LIPCL_ERROR_ARGUMENT, "kernel folder %s: the path is too long", ctx->kernel_dir);
        if (access(path, F_OK) == 0) {
            log_message(ctx, LIPCL_LOG_INFO, "kernel %s: from %s", name, path);
            enum lipcl_status status = file_read_all(ctx, text, &bytes, path, MAX_KERNEL_BYTES);
            if (status != LIPCL_OK || strlen(*text) == bytes) return status;
            free(*text);
            *text = NULL;
            return fail(ctx, LIPCL_ERROR_FORMAT, "kernel file %s: a NUL byte: this is no source", path);
        }
    }
    if (!embedded) return fail(ctx, LIPCL_ERROR_NOT_FOUND, "kernel file %s: not in the library", name);
    *text = calloc(1, embedded->bytes + 1);
    if (!*text) return fail_memory(ctx, embedded->bytes + 1);
    memcpy(*text, embedded->text, embedded->bytes);
    return LIPCL_OK;
}

static enum lipcl_status append(struct source *source, const char *text, size_t bytes, const char *name) {
    if (bytes > MAX_SOURCE_BYTES - source->bytes)
        return fail(source->ctx, LIPCL_ERROR_FORMAT, "kernel file %s: with its includes it is longer than %d bytes", name,
                    MAX_SOURCE_BYTES);
    char *grown = realloc(source->text, source->bytes + bytes + 1);
    if (!grown) return fail_memory(source->ctx, source->bytes + bytes + 1);
    source->text = grown;
    memcpy(grown + source->bytes, text, bytes);
    source->bytes += bytes;
    grown[source->bytes] = '\0';
    return LIPCL_OK;
}

/* Is the line one of the form `#include "name"`, the name being that of a file without a folder? */
static bool is_include(const char *line, char name[MAX_NAME]) {
    static const char directive[] = "#include \"";
    if (strncmp(line, directive, sizeof directive - 1) != 0) return false;
    const char *begin = line + sizeof directive - 1;
    size_t length = strcspn(begin, "\"/\n");
    if (begin[length] != '"' || *begin == '.' || length == 0 || length >= MAX_NAME) return false;
    memcpy(name, begin, length);
    name[length] = '\0';
    return true;
}

static enum lipcl_status resolve(struct source *source, const char *name, int depth) {
    enum lipcl_status status = LIPCL_OK;
    char *text = NULL, include[MAX_NAME];
    if (depth > MAX_DEPTH) TRY(fail(source->ctx, LIPCL_ERROR_FORMAT, "kernel file %s: includes nest too deeply", name));
    if (source->includes++ > MAX_INCLUDES)
        TRY(fail(source->ctx, LIPCL_ERROR_FORMAT, "kernel file %s: is included after %d others", name, MAX_INCLUDES));
    TRY(raw_source(source->ctx, &text, name));
    const char *from = text; /* what is not appended yet */
    for (const char *line = text, *newline; line; line = newline ? newline + 1 : NULL) {
        newline = strchr(line, '\n');
        if (!is_include(line, include)) continue;
        TRY(append(source, from, (size_t)(line - from), name));
        TRY(resolve(source, include, depth + 1));
        from = newline ? newline : line + strlen(line);
    }
    TRY(append(source, from, strlen(from), name));

fail:
    free(text);
    return status;
}

enum lipcl_status kernel_source(struct lipcl_context *ctx, char **source, const char *name) {
    struct source made = {.ctx = ctx};
    enum lipcl_status status = resolve(&made, name, 0);
    if (status != LIPCL_OK) free(made.text);
    *source = status == LIPCL_OK ? made.text : NULL;
    return status;
}
