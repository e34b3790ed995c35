/* tuning_file.c: a device's records as a JSON file, read as if anyone had written it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cache.h"
#include "base/file.h"
#include "base/hash.h"
#include "device/identity.h"
#include "plan/tuning.h"

enum { MAX_BYTES = 4 << 20, MAX_RECORDS = 4096, MAX_LAYER_BYTES = 4096 };

static const char format_name[] = "lipcl tuning 1";

static bool describe(struct tuning_file *file, const struct lipcl_device_info *info) {
    struct device_identity identity = device_identity(info);
    for (char *c = identity.text; *c; c++)
        if ((unsigned char)*c >= 0x7f) *c = '?';
    file->text = string_copy(identity.text);
    snprintf(file->name, sizeof file->name, "tuning-%016" PRIx64 ".json", hash_text(HASH_START, identity.text));
    return file->text != NULL;
}

/* Text as this program writes it: printable ASCII of at most bytes - 1 characters. */
static bool take_text(char *out, size_t bytes, const json_t *value) {
    const char *text = json_string_value(value);
    if (!text || !*text || json_string_length(value) >= bytes || strlen(text) != json_string_length(value)) return false;
    for (const char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e) return false;
    snprintf(out, bytes, "%s", text);
    return true;
}

static bool take_values(struct tuning_record *record, const json_t *values) {
    const char *knob;
    json_t *value;
    if (!json_is_object(values)) return false;
    json_object_foreach((json_t *)values, knob, value) {
        json_int_t number = json_integer_value(value);
        if (record->value_count == TUNING_MAX_KNOBS || strlen(knob) >= TUNING_NAME_BYTES || number <= 0 || number > INT32_MAX)
            return false;
        struct tuning_value *out = &record->values[record->value_count++];
        snprintf(out->knob, sizeof out->knob, "%s", knob);
        for (char *c = out->knob; *c; c++)
            if (*c < 0x20 || *c > 0x7e) return false;
        out->value = (size_t)number;
    }
    return true;
}

static bool take_record(struct tuning_record *record, const json_t *object) {
    char layer[MAX_LAYER_BYTES], build[17];
    int end = 0;
    *record = (struct tuning_record){0};
    if (!take_text(layer, sizeof layer, json_object_get(object, "layer"))) return false;
    if (!take_text(record->lowering, sizeof record->lowering, json_object_get(object, "lowering"))) return false;
    if (!take_text(build, sizeof build, json_object_get(object, "build"))) return false;
    if (sscanf(build, "%16" SCNx64 "%n", &record->build, &end) != 1 || build[end]) return false;
    if (!take_values(record, json_object_get(object, "values"))) return false;
    /* What follows is for people and decides nothing. */
    if (!take_text(record->default_lowering, TUNING_NAME_BYTES, json_object_get(object, "default_lowering")))
        record->default_lowering[0] = '\0';
    record->ms = json_number_value(json_object_get(object, "ms"));
    record->default_ms = json_number_value(json_object_get(object, "default_ms"));
    json_int_t candidates = json_integer_value(json_object_get(object, "candidates"));
    record->candidates = candidates > 0 ? (size_t)candidates : 0;
    record->layer = string_copy(layer);
    return record->layer != NULL;
}

/* "device" is the list of the identity's lines. */
static bool is_about(const json_t *lines, const char *identity) {
    const char *at = identity;
    if (!json_is_array(lines)) return false;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i));
        size_t length = line ? strlen(line) : 0;
        if (!line || strncmp(at, line, length) != 0 || at[length] != '\n') return false;
        at += length + 1;
    }
    return *at == '\0';
}

static void warn(struct lipcl_context *ctx, const char *name, const char *what) {
    log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: %s; run `lipcl tune` to measure again, `lipcl tune --forget` to begin anew",
                name, what);
}

/* Takes over the records of a document; with `identity` only when it is about that device. */
static enum lipcl_status take(struct lipcl_context *ctx, struct tuning_file *file, const json_t *document, const char *name,
                              const char *identity) {
    const json_t *records = json_object_get(document, "records");
    const char *format = json_string_value(json_object_get(document, "format"));
    size_t odd = 0;
    if (!format || strcmp(format, format_name) != 0 || !json_is_array(records)) {
        warn(ctx, name, "is no file of tuning records, and ignored");
        return LIPCL_OK;
    }
    if (identity && !is_about(json_object_get(document, "device"), identity)) {
        warn(ctx, name, "is about another device, driver or version, and ignored");
        return LIPCL_OK;
    }
    size_t count = size_min(json_array_size(records), MAX_RECORDS);
    file->records = calloc(count + 1, sizeof *file->records);
    if (!file->records) return fail_memory(ctx, (count + 1) * sizeof *file->records);
    for (size_t i = 0; i < count; i++) {
        struct tuning_record *record = &file->records[file->count];
        if (take_record(record, json_array_get(records, i)))
            file->count++;
        else
            odd++;
    }
    if (odd) {
        char text[96];
        snprintf(text, sizeof text, "%zu of %zu records are not as they are written, and ignored", odd, count);
        warn(ctx, name, text);
    }
    return LIPCL_OK;
}

static json_t *parse(const char *text, size_t bytes) {
    return json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
}

enum lipcl_status tuning_file_load(struct lipcl_context *ctx, struct tuning_file *file, const struct lipcl_device_info *info) {
    enum lipcl_status status = LIPCL_OK;
    char *text = NULL;
    json_t *document = NULL;
    size_t bytes;
    *file = (struct tuning_file){0};
    if (!describe(file, info)) TRY(fail_memory(ctx, sizeof(struct device_identity)));
    if (!cache_read(&text, &bytes, file->name, MAX_BYTES)) return LIPCL_OK;
    document = parse(text, bytes);
    if (document)
        TRY(take(ctx, file, document, file->name, file->text));
    else
        warn(ctx, file->name, "is no whole JSON document, and ignored");

fail:
    free(text);
    json_decref(document);
    return status;
}

enum lipcl_status tuning_file_import(struct lipcl_context *ctx, struct tuning_file *file, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    char *text = NULL;
    json_t *document = NULL;
    size_t bytes;
    *file = (struct tuning_file){0};
    TRY(file_read_all(ctx, &text, &bytes, path, MAX_BYTES));
    document = parse(text, bytes);
    if (!document) TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: is no JSON document, so no tuning records", path));
    TRY(take(ctx, file, document, path, NULL));

fail:
    free(text);
    json_decref(document);
    return status;
}

void tuning_file_finish(struct tuning_file *file) {
    for (size_t i = 0; i < file->count; i++) free(file->records[i].layer);
    free(file->records);
    free(file->text);
    *file = (struct tuning_file){0};
}

const struct tuning_record *tuning_file_find(const struct tuning_file *file, const char *layer) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->records[i].layer, layer) == 0) return &file->records[i];
    return NULL;
}

static json_t *record_object(const struct tuning_record *record) {
    char build[17];
    json_t *values = json_object();
    for (size_t i = 0; i < record->value_count; i++)
        json_object_set_new(values, record->values[i].knob, json_integer((json_int_t)record->values[i].value));
    snprintf(build, sizeof build, "%016" PRIx64, record->build);
    return json_pack("{s:s, s:s, s:o, s:f, s:s, s:f, s:I, s:s}", "layer", record->layer, "lowering", record->lowering, "values",
                     values, "ms", record->ms, "default_lowering", record->default_lowering, "default_ms", record->default_ms,
                     "candidates", (json_int_t)record->candidates, "build", build);
}

static json_t *lines_of(const char *text) {
    json_t *lines = json_array();
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        json_array_append_new(lines, json_stringn(text, (size_t)(end - text)));
    return lines;
}

/* Text is printable ASCII, so that jansson refuses nothing but where memory is out; then there is no document. */
static char *compose(const struct tuning_file *file) {
    json_t *records = json_array();
    size_t first = file->count > MAX_RECORDS ? file->count - MAX_RECORDS : 0; /* forgets the oldest */
    bool whole = records != NULL;
    for (size_t i = first; i < file->count; i++)
        whole = whole && json_array_append_new(records, record_object(&file->records[i])) == 0;
    json_t *document = json_pack("{s:s, s:o, s:o}", "format", format_name, "device", lines_of(file->text), "records", records);
    char *text = document && whole ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(document);
    return text;
}

bool tuning_file_put(struct lipcl_context *ctx, struct tuning_file *file, const struct lipcl_device_info *info,
                     const struct tuning_record *record) {
    bool kept = false;
    tuning_file_finish(file);
    if (tuning_file_load(ctx, file, info) != LIPCL_OK) return false;
    struct tuning_record copy = *record, *grown = realloc(file->records, (file->count + 1) * sizeof *grown);
    if (!grown) return false;
    file->records = grown;
    copy.layer = string_copy(record->layer);
    if (!copy.layer) return false;
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->records[i].layer, record->layer) != 0) continue;
        free(file->records[i].layer);
        memmove(&file->records[i], &file->records[i + 1], (--file->count - i) * sizeof *file->records);
        break;
    }
    file->records[file->count++] = copy;
    char *text = compose(file);
    kept = text && cache_write(file->name, text, strlen(text));
    free(text);
    return kept;
}

void tuning_file_forget(const struct lipcl_device_info *info) {
    struct tuning_file file = {0};
    if (describe(&file, info)) cache_remove(file.name);
    tuning_file_finish(&file);
}
