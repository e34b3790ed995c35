#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum lipcl_status file_open(struct lipcl_context *ctx, FILE **file, uint64_t *size_bytes, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    *file = NULL;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* non-blocking: opening a FIFO must not hang */
    if (fd < 0)
        TRY(fail(ctx, errno == ENOENT ? LIPCL_ERROR_NOT_FOUND : LIPCL_ERROR_IO, "%s: cannot open: %s", path, strerror(errno)));
    if (fstat(fd, &info) != 0) TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot stat: %s", path, strerror(errno)));
    if (S_ISDIR(info.st_mode)) TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: is a folder, a file is wanted", path));
    if (!S_ISREG(info.st_mode)) TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: is not a regular file", path));
    *file = fdopen(fd, "rb");
    if (!*file) TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot open: %s", path, strerror(errno)));
    *size_bytes = (uint64_t)info.st_size;
    return LIPCL_OK;

fail:
    if (fd >= 0) close(fd);
    return status;
}

enum lipcl_status file_read_all(struct lipcl_context *ctx, char **data, size_t *size_bytes, const char *path,
                                size_t limit_bytes) {
    enum lipcl_status status = LIPCL_OK;
    FILE *file = NULL;
    uint64_t size = 0;
    *data = NULL;
    TRY(file_open(ctx, &file, &size, path));
    if (size > limit_bytes)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: %llu bytes are more than the %zu that such a file may have", path,
                 (unsigned long long)size, limit_bytes));
    *data = malloc((size_t)size + 1);
    if (!*data) TRY(fail_memory(ctx, (size_t)size + 1));
    *size_bytes = fread(*data, 1, (size_t)size, file);
    if (ferror(file)) TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot read: %s", path, strerror(errno)));
    (*data)[*size_bytes] = '\0';
    fclose(file);
    return LIPCL_OK;

fail:
    if (file) fclose(file);
    free(*data);
    *data = NULL;
    return status;
}

enum lipcl_status file_writer_begin(struct lipcl_context *ctx, struct file_writer *writer, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    int fd = -1;
    struct stat info;
    size_t bytes = strlen(path) + sizeof ".XXXXXX";
    *writer = (struct file_writer){.path = string_copy(path), .temporary = malloc(bytes)};
    if (!writer->path || !writer->temporary) TRY(fail_memory(ctx, bytes));
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        TRY(fail(ctx, LIPCL_ERROR_IO, "%s: exists and is not a regular file", path));
    snprintf(writer->temporary, bytes, "%s.XXXXXX", path);
    fd = mkstemp(writer->temporary);
    if (fd < 0) {
        writer->temporary[0] = '\0';
        TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", path, strerror(errno)));
    }
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0) /* mkstemp made it 0600; give it what a plain open would have */
        TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", path, strerror(errno)));
    writer->file = fdopen(fd, "wb");
    if (!writer->file) TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", path, strerror(errno)));
    return LIPCL_OK;

fail:
    if (fd >= 0) close(fd);
    file_writer_abandon(writer);
    return status;
}

enum lipcl_status file_writer_put(struct lipcl_context *ctx, struct file_writer *writer, const void *data, size_t bytes) {
    if (bytes == 0 || fwrite(data, 1, bytes, writer->file) == bytes) return LIPCL_OK;
    return fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", writer->path, strerror(errno));
}

enum lipcl_status file_writer_commit(struct lipcl_context *ctx, struct file_writer *writer) {
    enum lipcl_status status = LIPCL_OK;
    if (fflush(writer->file) != 0 || fsync(fileno(writer->file)) != 0)
        TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", writer->path, strerror(errno)));
    int closed = fclose(writer->file);
    writer->file = NULL;
    if (closed != 0 || rename(writer->temporary, writer->path) != 0)
        TRY(fail(ctx, LIPCL_ERROR_IO, "%s: cannot write: %s", writer->path, strerror(errno)));
    writer->temporary[0] = '\0';

fail:
    file_writer_abandon(writer); /* after a commit only the strings are left to free */
    return status;
}

void file_writer_abandon(struct file_writer *writer) {
    if (writer->file) fclose(writer->file);
    if (writer->temporary && writer->temporary[0]) unlink(writer->temporary);
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){0};
}
