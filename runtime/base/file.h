/* file.h: reading files with limits, and writing them so that a reader sees all of the new content or none of it. */
#ifndef LIPCL_BASE_FILE_H
#define LIPCL_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

/* Opens a regular file for reading and tells its size. Folders, FIFOs and devices are refused by name.
 * The caller closes *file. LIPCL_ERROR_NOT_FOUND, LIPCL_ERROR_IO, LIPCL_ERROR_ARGUMENT (not a regular file). */
enum lipcl_status file_open(struct lipcl_context *ctx, FILE **file, uint64_t *size_bytes, const char *path);

/* The whole content with a terminating NUL that is not counted; freed with free().
 * LIPCL_ERROR_FORMAT when the file is larger than limit_bytes. */
enum lipcl_status file_read_all(struct lipcl_context *ctx, char **data, size_t *size_bytes, const char *path,
                                size_t limit_bytes);

/* A file being written: a temporary beside `path`, renamed onto it by commit (after fsync), removed by abandon.
 * After either, the struct is empty again; abandon of an empty one does nothing. */
struct file_writer {
    FILE *file;
    char *path, *temporary;
};

enum lipcl_status file_writer_begin(struct lipcl_context *ctx, struct file_writer *writer, const char *path);
enum lipcl_status file_writer_put(struct lipcl_context *ctx, struct file_writer *writer, const void *data, size_t bytes);
enum lipcl_status file_writer_commit(struct lipcl_context *ctx, struct file_writer *writer);
void file_writer_abandon(struct file_writer *writer);

#endif
