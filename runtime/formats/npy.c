#include <lipcl/npy.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/bytes.h"
#include "formats/npy_header.h"
#include "tensor/shape.h"

enum { MAGIC_BYTES = 6, MAX_HEADER_BYTES = 10000 };

static const unsigned char magic[MAGIC_BYTES] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* Reads magic, version, the header's length and the header; *data_offset is where the data begins. */
static enum lipcl_status read_header(struct lipcl_context *ctx, struct npy_header *header, uint64_t *data_offset, FILE *file,
                                     const char *path, uint64_t file_bytes) {
    enum lipcl_status status = LIPCL_OK;
    unsigned char lead[12] = {0};
    char *text = NULL;
    if (file_bytes < 10)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: %llu bytes are too few for a npy file", path,
                 (unsigned long long)file_bytes));
    TRY(read_at(ctx, file, path, 0, lead, 10));
    if (memcmp(lead, magic, MAGIC_BYTES) != 0)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: the file does not begin as a npy file does", path));
    if (lead[6] < 1 || lead[6] > 3 || lead[7] != 0)
        TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: byte 6: version %d.%d; lipcl reads 1.0, 2.0 and 3.0", path, lead[6],
                 lead[7]));
    size_t lead_bytes = lead[6] == 1 ? 10 : 12; /* the length has two bytes in version 1.0, four later on */
    TRY(read_at(ctx, file, path, 0, lead, lead_bytes));
    uint32_t length = (uint32_t)lead[8] | (uint32_t)lead[9] << 8 | (uint32_t)lead[10] << 16 | (uint32_t)lead[11] << 24;
    if (length > MAX_HEADER_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 8: a header of %lu bytes is above the limit of %d", path,
                 (unsigned long)length, MAX_HEADER_BYTES));
    if (length > file_bytes - lead_bytes)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 8: a header of %lu bytes reaches past the end of the file at %llu", path,
                 (unsigned long)length, (unsigned long long)file_bytes));
    text = malloc(length + 1);
    if (!text) TRY(fail_memory(ctx, length + 1));
    TRY(read_at(ctx, file, path, lead_bytes, text, length));
    TRY(npy_header_parse(ctx, header, path, text, length, lead_bytes));
    *data_offset = lead_bytes + length;

fail:
    free(text);
    return status;
}

/* Fortran order has the first index vary fastest: walks `source` in its order while an index counts along. */
static void from_fortran_order(struct lipcl_tensor *tensor, const unsigned char *source) {
    size_t element = lipcl_dtype_bytes(tensor->dtype), count = lipcl_tensor_count(tensor), rank = tensor->shape.rank;
    size_t index[LIPCL_MAX_RANK] = {0}, stride[LIPCL_MAX_RANK] = {0}, at = 0;
    for (size_t d = rank, step = 1; d-- > 0; step *= tensor->shape.dims[d]) stride[d] = step;
    for (size_t i = 0; i < count; i++) {
        memcpy((unsigned char *)tensor->data + at * element, source + i * element, element);
        for (size_t d = 0; d < rank; d++) {
            at += stride[d];
            if (++index[d] < tensor->shape.dims[d]) break;
            at -= stride[d] * tensor->shape.dims[d];
            index[d] = 0;
        }
    }
}

static enum lipcl_status read_data(struct lipcl_context *ctx, struct lipcl_tensor *tensor, FILE *file, const char *path,
                                   uint64_t offset, bool fortran_order) {
    enum lipcl_status status = LIPCL_OK;
    size_t bytes = lipcl_tensor_bytes(tensor);
    unsigned char *data = NULL;
    if (!fortran_order) return read_at(ctx, file, path, offset, tensor->data, bytes);
    data = malloc(size_max(bytes, 1));
    if (!data) TRY(fail_memory(ctx, bytes));
    TRY(read_at(ctx, file, path, offset, data, bytes));
    from_fortran_order(tensor, data);

fail:
    free(data);
    return status;
}

enum lipcl_status lipcl_npy_load(struct lipcl_context *ctx, struct lipcl_tensor **tensor, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    FILE *file = NULL;
    uint64_t file_bytes = 0, offset = 0;
    struct npy_header header = {0};
    size_t count, bytes;
    *tensor = NULL;
    TRY(file_open(ctx, &file, &file_bytes, path));
    TRY(read_header(ctx, &header, &offset, file, path, file_bytes));
    if (!shape_count_checked(&count, &header.shape) || !size_multiply(&bytes, count, lipcl_dtype_bytes(header.dtype)))
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 10: the size of %s overflows", path, shape_text(&header.shape).chars));
    if (bytes != file_bytes - offset)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte %llu: %s %s takes %zu bytes, but %llu follow the header", path,
                 (unsigned long long)offset, lipcl_dtype_name(header.dtype), shape_text(&header.shape).chars, bytes,
                 (unsigned long long)(file_bytes - offset)));
    TRY(lipcl_tensor_create(ctx, tensor, header.dtype, &header.shape));
    TRY(read_data(ctx, *tensor, file, path, offset, header.fortran_order));

fail:
    if (status != LIPCL_OK) lipcl_tensor_destroy(tensor);
    if (file) fclose(file);
    return status;
}

enum lipcl_status lipcl_npy_save(struct lipcl_context *ctx, const char *path, const struct lipcl_tensor *tensor) {
    enum lipcl_status status = LIPCL_OK;
    struct file_writer writer = {0};
    char text[512] = "", shape[LIPCL_MAX_RANK * 24] = "";
    const char *descr = npy_dtype_text(tensor->dtype);
    size_t used = 0;
    if (!descr) TRY(fail(ctx, LIPCL_ERROR_UNSUPPORTED, "%s: npy has no dtype for %s", path, lipcl_dtype_name(tensor->dtype)));
    for (size_t i = 0; i < tensor->shape.rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%zu, ", tensor->shape.dims[i]);
    if (tensor->shape.rank == 1) shape[used - 1] = '\0'; /* "3," */
    if (tensor->shape.rank > 1) shape[used - 2] = '\0';  /* "2, 3" */
    size_t length =
        (size_t)snprintf(text, sizeof text, "%.6s\x01%c%c%c{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                         (const char *)magic, 0, 0, 0, descr, shape);
    size_t total = size_round_up(length + 1, 64); /* the data is aligned to 64 bytes; a newline ends the header */
    memset(text + length, ' ', total - length);
    text[total - 1] = '\n';
    text[8] = (char)((total - 10) & 0xff);
    text[9] = (char)((total - 10) >> 8);
    TRY(file_writer_begin(ctx, &writer, path));
    TRY(file_writer_put(ctx, &writer, text, total));
    TRY(file_writer_put(ctx, &writer, tensor->data, lipcl_tensor_bytes(tensor)));
    TRY(file_writer_commit(ctx, &writer));

fail:
    file_writer_abandon(&writer);
    return status;
}
