/* bytes.h: reading at an offset, and printing names that a hostile file chose. */
#ifndef LIPCL_FORMATS_BYTES_H
#define LIPCL_FORMATS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

/* The files' numbers are little-endian and go straight into tensors. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lipcl reads files on little-endian machines only");

/* Reads exactly `bytes` bytes at `offset`. LIPCL_ERROR_IO; LIPCL_ERROR_FORMAT when the file ends before that. */
enum lipcl_status read_at(struct lipcl_context *ctx, FILE *file, const char *path, uint64_t offset, void *data, size_t bytes);

/* The first bytes of a text from a file, with what is not printable ASCII replaced by '?', for use inside one printf. */
struct printable {
    char chars[120];
};
struct printable printable(const char *text);
struct printable printable_bytes(const char *text, size_t bytes);

#endif
