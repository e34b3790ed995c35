/* safetensors_header.h: a .safetensors header, parsed and checked, but nothing loaded yet. */
#ifndef LIPCL_FORMATS_SAFETENSORS_HEADER_H
#define LIPCL_FORMATS_SAFETENSORS_HEADER_H

#include <stdint.h>

#include <lipcl/tensor.h>

#include "base/memory.h"

enum {
    SAFETENSORS_MAX_HEADER_BYTES = 100000000, /* as the format's own reader has it */
    SAFETENSORS_MAX_TENSORS = 16384,          /* bounds the memory that a header full of empty tensors can claim */
    SAFETENSORS_MAX_NAME_BYTES = 256,
    SAFETENSORS_MAX_METADATA = 4096,
    SAFETENSORS_MAX_METADATA_BYTES = 2 << 20,        /* a key or value, as JSON text */
    SAFETENSORS_MAX_METADATA_TOTAL_BYTES = 16 << 20, /* all of it */
};

struct safetensors_entry {
    char *name;
    enum lipcl_dtype dtype;
    struct lipcl_shape shape;
    uint64_t begin, end; /* from the first byte after the header */
    uint64_t offset;     /* of the entry in the file, for messages */
};

struct safetensors_header {
    struct safetensors_entry *entries; /* in the header's order */
    size_t count, capacity;
    struct arena names;
};

/* Parses `size` bytes of header text that lie at byte 8 of `path`, in front of data_bytes bytes of data. Metadata goes to
 * `set`. Checked on return: names differ, sizes fit shapes, the entries cover the data without hole or overlap.
 * The caller finishes *header, also on failure. */
enum lipcl_status safetensors_header_parse(struct lipcl_context *ctx, struct safetensors_header *header,
                                           struct lipcl_tensor_set *set, const char *path, const char *text, size_t size,
                                           uint64_t data_bytes);
void safetensors_header_finish(struct safetensors_header *header);

#endif
