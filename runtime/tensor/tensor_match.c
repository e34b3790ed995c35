#include "tensor/tensor_match.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tensor/shape.h"

static const char prefix[] = "module."; /* what torch.nn.DataParallel puts in front of every name */

static const char *without_prefix(const char *name) {
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

static const struct lipcl_tensor *find(const struct lipcl_tensor_set *set, const char *name) {
    const struct lipcl_tensor *tensor = lipcl_tensor_set_find(set, name);
    char prefixed[1024];
    if (tensor || snprintf(prefixed, sizeof prefixed, "%s%s", prefix, name) >= (int)sizeof prefixed) return tensor;
    return lipcl_tensor_set_find(set, prefixed);
}

/* Sentences joined by "; " in a fixed room; those that no longer fit are counted. */
struct list {
    char text[2048];
    size_t used, more;
};

LIKE_PRINTF(2, 3)
static void append(struct list *list, const char *format, ...) {
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    const char *separator = list->used ? "; " : "";
    if (list->used + strlen(separator) + strlen(sentence) + sizeof "; and 18446744073709551615 more" > sizeof list->text)
        list->more++;
    else
        list->used += (size_t)sprintf(list->text + list->used, "%s%s", separator, sentence);
}

static const char *finish(struct list *list) {
    if (list->more) sprintf(list->text + list->used, "; and %zu more", list->more);
    return list->text;
}

static bool is_floating(enum lipcl_dtype dtype) {
    return dtype == LIPCL_F32 || dtype == LIPCL_F16 || dtype == LIPCL_BF16 || dtype == LIPCL_F64;
}

/* A copy in which control characters of a hostile file are replaced, so that they do not reach a terminal. */
static void copy_name(char *copy, size_t room, const char *name) {
    size_t i = 0;
    for (; name[i] && i < room - 1; i++) copy[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
    copy[i] = '\0';
}

static bool is_wanted(const struct lipcl_tensor *const *found, size_t count, const struct lipcl_tensor *tensor) {
    for (size_t i = 0; i < count; i++)
        if (found[i] == tensor) return true;
    return false;
}

static void warn_of_extras(struct lipcl_context *ctx, const struct lipcl_tensor_set *set, const char *source,
                           const struct lipcl_tensor *const *found, size_t count) {
    struct list extras = {.text = ""};
    char name[128];
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        if (is_wanted(found, count, lipcl_tensor_set_tensor(set, i))) continue;
        copy_name(name, sizeof name, lipcl_tensor_set_name(set, i));
        append(&extras, "\"%s\"", name);
    }
    if (extras.used) log_message(ctx, LIPCL_LOG_WARN, "%s: unexpected tensors are ignored: %s", source, finish(&extras));
}

static void warn_of_nonfinite(struct lipcl_context *ctx, const char *source, const struct tensor_wanted *wanted,
                              const struct lipcl_tensor *const *found, size_t count) {
    struct list bad = {.text = ""};
    size_t index;
    for (size_t i = 0; i < count; i++)
        if (tensor_find_nonfinite(&index, found[i])) append(&bad, "\"%s\" (element %zu)", wanted[i].name, index);
    if (bad.used) log_message(ctx, LIPCL_LOG_WARN, "%s: NaN or infinity in %s", source, finish(&bad));
}

enum lipcl_status tensor_set_find_all(struct lipcl_context *ctx, const struct lipcl_tensor **found,
                                      const struct lipcl_tensor_set *set, const char *source,
                                      const struct tensor_wanted *wanted, size_t count) {
    struct list wrong = {.text = ""};
    enum lipcl_status status = LIPCL_OK;
    for (size_t i = 0; i < count; i++) {
        const char *name = without_prefix(wanted[i].name);
        struct shape_text shape = shape_text(&wanted[i].shape);
        found[i] = find(set, name);
        if (!found[i]) {
            status = LIPCL_ERROR_NOT_FOUND;
            append(&wrong, "tensor \"%s\" %s is missing", name, shape.chars);
        } else if (!lipcl_shape_equal(&found[i]->shape, &wanted[i].shape)) {
            if (status == LIPCL_OK) status = LIPCL_ERROR_SHAPE;
            append(&wrong, "tensor \"%s\" should be %s, but is %s", name, shape.chars, shape_text(&found[i]->shape).chars);
        } else if (!is_floating(found[i]->dtype)) {
            if (status == LIPCL_OK) status = LIPCL_ERROR_SHAPE;
            append(&wrong, "tensor \"%s\" should be f32, f16, bf16 or f64, but is %s", name, lipcl_dtype_name(found[i]->dtype));
        }
    }
    if (status != LIPCL_OK) return fail(ctx, status, "%s: does not fit the model: %s", source, finish(&wrong));
    return LIPCL_OK;
}

enum lipcl_status tensor_set_match(struct lipcl_context *ctx, const struct lipcl_tensor **found,
                                   const struct lipcl_tensor_set *set, const char *source, const struct tensor_wanted *wanted,
                                   size_t count) {
    enum lipcl_status status = tensor_set_find_all(ctx, found, set, source, wanted, count);
    if (status != LIPCL_OK || !log_wants(ctx, LIPCL_LOG_WARN)) return status;
    warn_of_extras(ctx, set, source, found, count);
    warn_of_nonfinite(ctx, source, wanted, found, count);
    return LIPCL_OK;
}

/* The first of `count` 16-bit floats whose exponent bits are all set. */
static size_t first_nonfinite16(const uint16_t *values, size_t count, uint16_t exponent) {
    size_t i = 0;
    while (i < count && (values[i] & exponent) != exponent) i++;
    return i;
}

bool tensor_find_nonfinite(size_t *index, const struct lipcl_tensor *tensor) {
    size_t i = 0, count = lipcl_tensor_count(tensor);
    const float *narrow = tensor->data;
    const double *wide = tensor->data;
    switch (tensor->dtype) {
    case LIPCL_F32:
        while (i < count && isfinite(narrow[i])) i++;
        break;
    case LIPCL_F64:
        while (i < count && isfinite(wide[i])) i++;
        break;
    case LIPCL_F16: i = first_nonfinite16(tensor->data, count, 0x7c00); break;
    case LIPCL_BF16: i = first_nonfinite16(tensor->data, count, 0x7f80); break;
    case LIPCL_U8:
    case LIPCL_I64: i = count; break;
    }
    *index = i;
    return i < count;
}
