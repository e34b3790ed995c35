#include <lipcl/safetensors.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/bytes.h"
#include "formats/safetensors_header.h"

enum { LENGTH_BYTES = 8 };

/* Reads the header's text; *text is freed with free(). */
static enum lipcl_status read_header_text(struct lipcl_context *ctx, char **text, size_t *size, FILE *file, const char *path,
                                          uint64_t file_bytes) {
    enum lipcl_status status = LIPCL_OK;
    uint64_t length = 0;
    if (file_bytes < LENGTH_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: %llu bytes are too few for a safetensors file", path,
                 (unsigned long long)file_bytes));
    TRY(read_at(ctx, file, path, 0, &length, LENGTH_BYTES));
    if (length == 0) TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: the header's length is 0", path));
    if (length > SAFETENSORS_MAX_HEADER_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: the header's length, %llu, is above the limit of %d bytes", path,
                 (unsigned long long)length, SAFETENSORS_MAX_HEADER_BYTES));
    if (length > file_bytes - LENGTH_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte 0: the header's length, %llu, reaches past the end of the file at %llu",
                 path, (unsigned long long)length, (unsigned long long)file_bytes));
    *size = (size_t)length;
    *text = malloc(*size);
    if (!*text) TRY(fail_memory(ctx, *size));
    TRY(read_at(ctx, file, path, LENGTH_BYTES, *text, *size));

fail:
    return status;
}

enum lipcl_status lipcl_safetensors_load(struct lipcl_context *ctx, struct lipcl_tensor_set **set, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    FILE *file = NULL;
    char *text = NULL;
    size_t size = 0;
    uint64_t file_bytes = 0;
    struct safetensors_header header = {0};
    struct lipcl_tensor *tensor = NULL;
    *set = NULL;
    TRY(file_open(ctx, &file, &file_bytes, path));
    TRY(read_header_text(ctx, &text, &size, file, path, file_bytes));
    uint64_t data_offset = LENGTH_BYTES + (uint64_t)size;
    TRY(lipcl_tensor_set_create(ctx, set));
    TRY(safetensors_header_parse(ctx, &header, *set, path, text, size, file_bytes - data_offset));
    free(text);
    text = NULL;
    for (size_t i = 0; i < header.count; i++) {
        const struct safetensors_entry *entry = &header.entries[i];
        TRY(lipcl_tensor_create(ctx, &tensor, entry->dtype, &entry->shape));
        TRY(read_at(ctx, file, path, data_offset + entry->begin, tensor->data, lipcl_tensor_bytes(tensor)));
        TRY(lipcl_tensor_set_add(ctx, *set, entry->name, &tensor));
    }

fail:
    if (status != LIPCL_OK) lipcl_tensor_set_destroy(set);
    lipcl_tensor_destroy(&tensor);
    safetensors_header_finish(&header);
    free(text);
    if (file) fclose(file);
    return status;
}

static const char *dtype_text(enum lipcl_dtype dtype) {
    switch (dtype) {
    case LIPCL_F32: return "F32";
    case LIPCL_F16: return "F16";
    case LIPCL_BF16: return "BF16";
    case LIPCL_F64: return "F64";
    case LIPCL_U8: return "U8";
    case LIPCL_I64: return "I64";
    }
    return NULL;
}

/* Hands `value` over to `object`; false when either is missing or the key is not UTF-8. */
static bool put(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

static enum lipcl_status describe_metadata(struct lipcl_context *ctx, json_t *header, const char *path,
                                           const struct lipcl_tensor_set *set) {
    size_t count = lipcl_tensor_set_metadata_count(set);
    if (count == 0) return LIPCL_OK;
    if (count > SAFETENSORS_MAX_METADATA)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: %zu metadata pairs are more than %d", path, count,
                    SAFETENSORS_MAX_METADATA);
    size_t total = 0;
    json_t *metadata = json_object();
    if (!put(header, "__metadata__", metadata)) return fail_memory(ctx, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        const char *key = lipcl_tensor_set_metadata_key(set, i);
        const char *value = lipcl_tensor_set_metadata(set, key);
        size_t most = 6 * size_max(strlen(key), strlen(value)) + 2; /* as JSON, where one byte may take six: \u00XX */
        total += 2 * most + 2;
        if (most > SAFETENSORS_MAX_METADATA_BYTES || total > SAFETENSORS_MAX_METADATA_TOTAL_BYTES)
            return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: the metadata, up to \"%s\", is too long", path, printable(key).chars);
        if (!put(metadata, key, json_string(value)))
            return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: metadata \"%s\" is not UTF-8", path, printable(key).chars);
    }
    return LIPCL_OK;
}

static enum lipcl_status describe_tensor(struct lipcl_context *ctx, json_t *header, size_t *offset, const char *path,
                                         const char *name, const struct lipcl_tensor *tensor) {
    if (strcmp(name, "__metadata__") == 0 || strlen(name) > SAFETENSORS_MAX_NAME_BYTES)
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: a tensor cannot be named \"%s\"", path, printable(name).chars);
    json_t *entry = json_object(), *shape = json_array(), *offsets = json_array();
    bool good = put(entry, "dtype", json_string(dtype_text(tensor->dtype)));
    for (size_t i = 0; i < tensor->shape.rank; i++)
        good &= json_array_append_new(shape, json_integer((json_int_t)tensor->shape.dims[i])) == 0;
    good &= json_array_append_new(offsets, json_integer((json_int_t)*offset)) == 0;
    *offset += lipcl_tensor_bytes(tensor);
    good &= json_array_append_new(offsets, json_integer((json_int_t)*offset)) == 0;
    good &= put(entry, "shape", shape);
    good &= put(entry, "data_offsets", offsets);
    if (!good) {
        json_decref(entry);
        return fail_memory(ctx, sizeof(void *));
    }
    if (!put(header, name, entry))
        return fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: the tensor name \"%s\" is not UTF-8", path, printable(name).chars);
    return LIPCL_OK;
}

/* The header as JSON text, padded with spaces so that the data behind it is aligned to 8 bytes; freed with free().
 * `order` receives the tensors' indices in the order of the file: wide elements first. */
static enum lipcl_status compose_header(struct lipcl_context *ctx, char **text, size_t *size, size_t *order, const char *path,
                                        const struct lipcl_tensor_set *set) {
    enum lipcl_status status = LIPCL_OK;
    size_t placed = 0, offset = 0, count = lipcl_tensor_set_count(set);
    json_t *header = json_object();
    if (!header) TRY(fail_memory(ctx, sizeof(void *)));
    TRY(describe_metadata(ctx, header, path, set));
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < count; i++) {
            const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, i);
            if (lipcl_dtype_bytes(tensor->dtype) != width) continue;
            order[placed++] = i;
            TRY(describe_tensor(ctx, header, &offset, path, lipcl_tensor_set_name(set, i), tensor));
        }
    }
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
    *size = size_round_up(length, 8);
    if (length == 0 || *size > SAFETENSORS_MAX_HEADER_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: a header of %zu bytes cannot be written", path, length));
    *text = malloc(*size);
    if (!*text) TRY(fail_memory(ctx, *size));
    if (json_dumpb(header, *text, *size, JSON_COMPACT) != length) TRY(fail_memory(ctx, length));
    memset(*text + length, ' ', *size - length);

fail:
    json_decref(header);
    return status;
}

enum lipcl_status lipcl_safetensors_save(struct lipcl_context *ctx, const char *path, const struct lipcl_tensor_set *set) {
    enum lipcl_status status = LIPCL_OK;
    struct file_writer writer = {0};
    char *text = NULL;
    size_t size = 0, count = lipcl_tensor_set_count(set);
    size_t *order = calloc(count + 1, sizeof *order);
    if (!order) TRY(fail_memory(ctx, (count + 1) * sizeof *order));
    if (count > SAFETENSORS_MAX_TENSORS)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: %zu tensors are more than %d", path, count, SAFETENSORS_MAX_TENSORS));
    TRY(compose_header(ctx, &text, &size, order, path, set));
    uint64_t length = size;
    TRY(file_writer_begin(ctx, &writer, path));
    TRY(file_writer_put(ctx, &writer, &length, LENGTH_BYTES));
    TRY(file_writer_put(ctx, &writer, text, size));
    for (size_t i = 0; i < count; i++) {
        const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, order[i]);
        TRY(file_writer_put(ctx, &writer, tensor->data, lipcl_tensor_bytes(tensor)));
    }
    TRY(file_writer_commit(ctx, &writer));

fail:
    file_writer_abandon(&writer);
    free(text);
    free(order);
    return status;
}
