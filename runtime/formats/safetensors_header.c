#include "formats/safetensors_header.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"
#include "tensor/shape.h"

enum { HEADER_OFFSET = 8, MAX_KEY_BYTES = 6 * SAFETENSORS_MAX_NAME_BYTES + 2, MAX_ENTRY_BYTES = 1024 };

/* A cursor over the header's text. The outermost object and __metadata__ are walked here one key and one value at a time, each
 * through jansson with a cap on its length, so that no text of any size or nesting becomes a tree in memory. */
struct cursor {
    struct lipcl_context *ctx;
    const char *path, *text;
    size_t size, at;
};

/* fail() with "path: byte N: " in front of the sentence, N being an offset into the file. */
LIKE_PRINTF(4, 5)
static enum lipcl_status fail_at(struct cursor *c, enum lipcl_status status, uint64_t offset, const char *format, ...) {
    char reason[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return fail(c->ctx, status, "%s: byte %llu: %s", c->path, (unsigned long long)offset, reason);
}

static uint64_t file_offset(const struct cursor *c) {
    return HEADER_OFFSET + (uint64_t)c->at;
}

static enum lipcl_status bad(struct cursor *c, const char *reason) {
    return fail_at(c, LIPCL_ERROR_FORMAT, file_offset(c), "%s", reason);
}

static bool is_space(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* The next character that is not white space, or '\0' at the end. */
static char peek(struct cursor *c) {
    while (c->at < c->size && is_space(c->text[c->at])) c->at++;
    return c->at < c->size ? c->text[c->at] : '\0';
}

static bool accept(struct cursor *c, char wanted) {
    if (peek(c) != wanted) return false;
    c->at++;
    return true;
}

static enum lipcl_status read_json(struct cursor *c, json_t **value, size_t limit, const char *what) {
    json_error_t error;
    peek(c);
    size_t length = size_min(c->size - c->at, limit);
    *value = json_loadb(c->text + c->at, length, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (*value) {
        c->at += (size_t)error.position;
        return LIPCL_OK;
    }
    if (json_error_code(&error) == json_error_out_of_memory) return fail_memory(c->ctx, limit);
    if (json_error_code(&error) == json_error_premature_end_of_input && length == limit)
        return fail_at(c, LIPCL_ERROR_FORMAT, file_offset(c), "%s is longer than %zu bytes of JSON", what, limit);
    return fail_at(c, LIPCL_ERROR_FORMAT, file_offset(c) + (error.position > 0 ? (uint64_t)error.position : 0),
                   "bad JSON in %s: %s", what, printable(error.text).chars);
}

/* A key with the colon behind it. */
static enum lipcl_status read_key(struct cursor *c, json_t **key, size_t limit, const char *what) {
    enum lipcl_status status = LIPCL_OK;
    *key = NULL;
    if (peek(c) != '"') TRY(bad(c, "bad JSON: a name in double quotes was expected"));
    TRY(read_json(c, key, limit, what));
    if (!accept(c, ':')) TRY(bad(c, "bad JSON: ':' was expected"));
    return LIPCL_OK;

fail:
    json_decref(*key);
    *key = NULL;
    return status;
}

/* After a pair: true in *more when another one follows, false when the object ends. */
static enum lipcl_status read_separator(struct cursor *c, bool *more) {
    *more = accept(c, ',');
    return *more || accept(c, '}') ? LIPCL_OK : bad(c, "bad JSON: ',' or '}' was expected");
}

static enum lipcl_status read_metadata_pair(struct cursor *c, struct lipcl_tensor_set *set) {
    enum lipcl_status status = LIPCL_OK;
    json_t *key = NULL, *value = NULL;
    TRY(read_key(c, &key, SAFETENSORS_MAX_METADATA_BYTES, "a metadata key"));
    const char *name = json_string_value(key);
    if (lipcl_tensor_set_metadata(set, name))
        TRY(fail_at(c, LIPCL_ERROR_FORMAT, file_offset(c), "metadata \"%s\" is there twice", printable(name).chars));
    if (peek(c) != '"')
        TRY(fail_at(c, LIPCL_ERROR_FORMAT, file_offset(c), "metadata \"%s\" is not a string", printable(name).chars));
    TRY(read_json(c, &value, SAFETENSORS_MAX_METADATA_BYTES, "a metadata value"));
    TRY(lipcl_tensor_set_add_metadata(c->ctx, set, name, json_string_value(value)));

fail:
    json_decref(key);
    json_decref(value);
    return status;
}

static enum lipcl_status read_metadata(struct cursor *c, struct lipcl_tensor_set *set) {
    enum lipcl_status status = LIPCL_OK;
    size_t begin = c->at;
    if (!accept(c, '{')) return bad(c, "__metadata__ is not an object");
    for (bool more = !accept(c, '}'); more;) {
        if (lipcl_tensor_set_metadata_count(set) == SAFETENSORS_MAX_METADATA)
            TRY(fail_at(c, LIPCL_ERROR_UNSUPPORTED, file_offset(c), "more than %d metadata pairs", SAFETENSORS_MAX_METADATA));
        if (c->at - begin > SAFETENSORS_MAX_METADATA_TOTAL_BYTES)
            TRY(fail_at(c, LIPCL_ERROR_UNSUPPORTED, file_offset(c), "more than %d bytes of metadata",
                        SAFETENSORS_MAX_METADATA_TOTAL_BYTES));
        TRY(read_metadata_pair(c, set));
        TRY(read_separator(c, &more));
    }

fail:
    return status;
}

static enum lipcl_status parse_dtype(struct cursor *c, struct safetensors_entry *entry, const json_t *field) {
    static const struct {
        const char *name;
        enum lipcl_dtype dtype;
    } known[] = {{"F32", LIPCL_F32}, {"F16", LIPCL_F16}, {"BF16", LIPCL_BF16},
                 {"F64", LIPCL_F64}, {"U8", LIPCL_U8},   {"I64", LIPCL_I64}};
    static const char *const others[] = {"BOOL",    "I8",  "I16", "U16",     "I32",     "U32",     "U64",
                                         "F8_E4M3", "C64", "F4",  "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E8M0"};
    struct printable name = printable(entry->name);
    const char *text = json_string_value(field);
    if (!text) return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": dtype is not a string", name.chars);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i].name) != 0) continue;
        entry->dtype = known[i].dtype;
        return LIPCL_OK;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(text, others[i]) == 0)
            return fail_at(c, LIPCL_ERROR_UNSUPPORTED, entry->offset,
                           "tensor \"%s\" is %s; lipcl reads F32, F16, BF16, F64, U8 and I64", name.chars, text);
    return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": \"%s\" is not a dtype", name.chars,
                   printable(text).chars);
}

/* A count or an offset: an integer from 0 to 2^53, beyond which JSON numbers are not exact everywhere. */
static enum lipcl_status parse_number(struct cursor *c, uint64_t *number, const struct safetensors_entry *entry,
                                      const char *what, const json_t *value) {
    const char *reason = NULL;
    if (!json_is_integer(value))
        reason = "is not an integer";
    else if (json_integer_value(value) < 0)
        reason = "is negative";
    else if (json_integer_value(value) > (json_int_t)1 << 53)
        reason = "is above 2^53";
    if (reason)
        return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": a number in its %s %s",
                       printable(entry->name).chars, what, reason);
    *number = (uint64_t)json_integer_value(value);
    return LIPCL_OK;
}

static enum lipcl_status parse_shape(struct cursor *c, struct safetensors_entry *entry, const json_t *field) {
    enum lipcl_status status = LIPCL_OK;
    struct printable name = printable(entry->name);
    if (!json_is_array(field))
        TRY(fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": shape is not an array", name.chars));
    if (json_array_size(field) > LIPCL_MAX_RANK)
        TRY(fail_at(c, LIPCL_ERROR_UNSUPPORTED, entry->offset, "tensor \"%s\" has %zu dimensions, lipcl takes up to %d",
                    name.chars, json_array_size(field), LIPCL_MAX_RANK));
    entry->shape.rank = json_array_size(field);
    for (size_t i = 0; i < entry->shape.rank; i++) {
        uint64_t dim = 0;
        TRY(parse_number(c, &dim, entry, "shape", json_array_get(field, i)));
        entry->shape.dims[i] = (size_t)dim;
    }

fail:
    return status;
}

static enum lipcl_status parse_offsets(struct cursor *c, struct safetensors_entry *entry, const json_t *field) {
    enum lipcl_status status = LIPCL_OK;
    if (!json_is_array(field) || json_array_size(field) != 2)
        TRY(fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": data_offsets is not an array of two",
                    printable(entry->name).chars));
    TRY(parse_number(c, &entry->begin, entry, "data_offsets", json_array_get(field, 0)));
    TRY(parse_number(c, &entry->end, entry, "data_offsets", json_array_get(field, 1)));

fail:
    return status;
}

static enum lipcl_status check_extent(struct cursor *c, const struct safetensors_entry *entry, uint64_t data_bytes) {
    size_t count, bytes;
    struct printable name = printable(entry->name);
    unsigned long long begin = entry->begin, end = entry->end;
    if (end < begin)
        return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\" ends at %llu, before its beginning at %llu",
                       name.chars, end, begin);
    if (end > data_bytes)
        return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\" ends at %llu, but there are %llu bytes of data",
                       name.chars, end, (unsigned long long)data_bytes);
    if (!shape_count_checked(&count, &entry->shape) || !size_multiply(&bytes, count, lipcl_dtype_bytes(entry->dtype)))
        return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": the size of %s overflows", name.chars,
                       shape_text(&entry->shape).chars);
    if (bytes != end - begin)
        return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\": %s %s takes %zu bytes, but its offsets span %llu",
                       name.chars, lipcl_dtype_name(entry->dtype), shape_text(&entry->shape).chars, bytes, end - begin);
    return LIPCL_OK;
}

static enum lipcl_status parse_entry(struct cursor *c, struct safetensors_entry *entry, const json_t *object) {
    enum lipcl_status status = LIPCL_OK;
    const json_t *dtype = json_object_get(object, "dtype"), *shape = json_object_get(object, "shape");
    const json_t *offsets = json_object_get(object, "data_offsets");
    if (!dtype || !shape || !offsets || json_object_size(object) != 3)
        TRY(fail_at(c, LIPCL_ERROR_FORMAT, entry->offset,
                    "tensor \"%s\" is not described by exactly dtype, shape and data_offsets", printable(entry->name).chars));
    TRY(parse_dtype(c, entry, dtype));
    TRY(parse_shape(c, entry, shape));
    TRY(parse_offsets(c, entry, offsets));

fail:
    return status;
}

static enum lipcl_status new_entry(struct cursor *c, struct safetensors_header *header, const json_t *key) {
    const char *name = json_string_value(key);
    size_t length = json_string_length(key);
    if (header->count == SAFETENSORS_MAX_TENSORS)
        return fail_at(c, LIPCL_ERROR_UNSUPPORTED, file_offset(c), "more than %d tensors", SAFETENSORS_MAX_TENSORS);
    if (length > SAFETENSORS_MAX_NAME_BYTES)
        return fail_at(c, LIPCL_ERROR_UNSUPPORTED, file_offset(c), "the name \"%s\" is longer than %d bytes",
                       printable(name).chars, SAFETENSORS_MAX_NAME_BYTES);
    if (header->count == header->capacity) {
        size_t capacity = header->capacity ? 2 * header->capacity : 64;
        struct safetensors_entry *entries = realloc(header->entries, capacity * sizeof *entries);
        if (!entries) return fail_memory(c->ctx, capacity * sizeof *entries);
        header->entries = entries;
        header->capacity = capacity;
    }
    char *copy = arena_copy(&header->names, name, length + 1);
    if (!copy) return fail_memory(c->ctx, length + 1);
    header->entries[header->count++] = (struct safetensors_entry){.name = copy, .offset = file_offset(c)};
    return LIPCL_OK;
}

/* One pair of the outermost object: __metadata__ or a tensor. */
static enum lipcl_status read_pair(struct cursor *c, struct safetensors_header *header, struct lipcl_tensor_set *set,
                                   bool *has_metadata, uint64_t data_bytes) {
    enum lipcl_status status = LIPCL_OK;
    json_t *key = NULL, *value = NULL;
    TRY(read_key(c, &key, MAX_KEY_BYTES, "a tensor's name"));
    if (strcmp(json_string_value(key), "__metadata__") == 0) {
        if (*has_metadata) TRY(bad(c, "__metadata__ is there twice"));
        *has_metadata = true;
        TRY(read_metadata(c, set));
    } else {
        TRY(new_entry(c, header, key));
        TRY(read_json(c, &value, MAX_ENTRY_BYTES, "a tensor's description"));
        TRY(parse_entry(c, &header->entries[header->count - 1], value));
        TRY(check_extent(c, &header->entries[header->count - 1], data_bytes));
    }

fail:
    json_decref(key);
    json_decref(value);
    return status;
}

static int by_name(const void *a, const void *b) {
    const struct safetensors_entry *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order ? order : ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

static int by_begin(const void *a, const void *b) {
    const struct safetensors_entry *const *x = a, *const *y = b;
    int order = ((*x)->begin > (*y)->begin) - ((*x)->begin < (*y)->begin);
    return order ? order : ((*x)->end > (*y)->end) - ((*x)->end < (*y)->end);
}

static enum lipcl_status check_names(struct cursor *c, const struct safetensors_entry **sorted, size_t count) {
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return fail_at(c, LIPCL_ERROR_FORMAT, sorted[i]->offset, "tensor \"%s\" is there twice, first at byte %llu",
                           printable(sorted[i]->name).chars, (unsigned long long)sorted[i - 1]->offset);
    return LIPCL_OK;
}

static enum lipcl_status check_coverage(struct cursor *c, const struct safetensors_entry **sorted, size_t count,
                                        uint64_t data_bytes) {
    uint64_t covered = 0;
    qsort(sorted, count, sizeof *sorted, by_begin);
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_entry *entry = sorted[i];
        if (entry->begin != covered)
            return fail_at(c, LIPCL_ERROR_FORMAT, entry->offset, "tensor \"%s\" begins at %llu, %s at %llu",
                           printable(entry->name).chars, (unsigned long long)entry->begin,
                           entry->begin < covered ? "overlapping one that ends" : "after a hole that starts",
                           (unsigned long long)covered);
        covered = entry->end;
    }
    if (covered == data_bytes) return LIPCL_OK;
    return fail_at(c, LIPCL_ERROR_FORMAT, HEADER_OFFSET + c->size + covered, "%llu trailing bytes belong to no tensor",
                   (unsigned long long)(data_bytes - covered));
}

static enum lipcl_status check_entries(struct cursor *c, const struct safetensors_header *header, uint64_t data_bytes) {
    enum lipcl_status status = LIPCL_OK;
    const struct safetensors_entry **sorted = calloc(header->count + 1, sizeof *sorted);
    if (!sorted) return fail_memory(c->ctx, (header->count + 1) * sizeof *sorted);
    for (size_t i = 0; i < header->count; i++) sorted[i] = &header->entries[i];
    TRY(check_names(c, sorted, header->count));
    TRY(check_coverage(c, sorted, header->count, data_bytes));

fail:
    free(sorted);
    return status;
}

enum lipcl_status safetensors_header_parse(struct lipcl_context *ctx, struct safetensors_header *header,
                                           struct lipcl_tensor_set *set, const char *path, const char *text, size_t size,
                                           uint64_t data_bytes) {
    enum lipcl_status status = LIPCL_OK;
    struct cursor c = {.ctx = ctx, .path = path, .text = text, .size = size};
    bool has_metadata = false;
    if (size == 0 || text[0] != '{') TRY(bad(&c, "the header does not begin with '{'"));
    c.at = 1;
    for (bool more = !accept(&c, '}'); more;) {
        TRY(read_pair(&c, header, set, &has_metadata, data_bytes));
        TRY(read_separator(&c, &more));
    }
    for (; c.at < size; c.at++)
        if (text[c.at] != ' ') TRY(bad(&c, "something other than spaces follows the header's object"));
    TRY(check_entries(&c, header, data_bytes));

fail:
    return status;
}

void safetensors_header_finish(struct safetensors_header *header) {
    free(header->entries);
    arena_finish(&header->names);
    *header = (struct safetensors_header){0};
}
