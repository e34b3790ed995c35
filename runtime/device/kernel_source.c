#include "device/kernel_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"

enum { MAX_KERNEL_BYTES = 1 << 20, MAX_DEPTH = 4 };

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
        FILE *probe = fopen(path, "rb");
        if (probe) {
            fclose(probe);
            log_message(ctx, LIPCL_LOG_INFO, "kernel %s: from %s", name, path);
            return file_read_all(ctx, text, &bytes, path, MAX_KERNEL_BYTES);
        }
    }
    if (!embedded) return fail(ctx, LIPCL_ERROR_NOT_FOUND, "kernel file %s: not in the library", name);
    *text = calloc(1, embedded->bytes + 1);
    if (!*text) return fail_memory(ctx, embedded->bytes + 1);
    memcpy(*text, embedded->text, embedded->bytes);
    return LIPCL_OK;
}

/* The first line of the form `#include "name"`, with its extent; false when there is none. */
static bool find_include(const char *text, size_t *begin, size_t *end, char name[64]) {
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (sscanf(line, "#include \"%63[^\"\n]\"", name) != 1) continue;
        *begin = (size_t)(line - text);
        *end = *begin + strcspn(line, "\n");
        return true;
    }
    return false;
}

static enum lipcl_status resolve(struct lipcl_context *ctx, char **source, const char *name, int depth) {
    enum lipcl_status status = LIPCL_OK;
    char *included = NULL, *joined = NULL, include[64];
    size_t begin, end;
    *source = NULL;
    if (depth > MAX_DEPTH) {
        fail(ctx, LIPCL_ERROR_FORMAT, "kernel file %s: includes nest too deeply", name);
        return LIPCL_ERROR_FORMAT; /* said in a way that the compiler sees: no text means no LIPCL_OK */
    }
    TRY(raw_source(ctx, source, name));
    while (find_include(*source, &begin, &end, include)) {
        TRY(resolve(ctx, &included, include, depth + 1));
        size_t tail = strlen(*source + end), middle = strlen(included);
        joined = malloc(begin + middle + tail + 1);
        if (!joined) TRY(fail_memory(ctx, begin + middle + tail + 1));
        memcpy(joined, *source, begin);
        memcpy(joined + begin, included, middle);
        memcpy(joined + begin + middle, *source + end, tail + 1);
        free(*source);
        free(included);
        *source = joined;
        included = NULL;
    }
    return LIPCL_OK;

fail:
    free(included);
    free(*source);
    *source = NULL;
    return status;
}

enum lipcl_status kernel_source(struct lipcl_context *ctx, char **source, const char *name) {
    return resolve(ctx, source, name, 0);
}
