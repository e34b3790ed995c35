#include "formats/npy_header.h"

#include <stdint.h>
#include <string.h>

#include "formats/bytes.h"

static const struct {
    const char *text;
    enum lipcl_dtype dtype;
} dtypes[] = {{"<f4", LIPCL_F32}, {"<f2", LIPCL_F16}, {"<f8", LIPCL_F64}, {"|u1", LIPCL_U8}, {"<i8", LIPCL_I64}};

const char *npy_dtype_text(enum lipcl_dtype dtype) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].text;
    return NULL;
}

struct cursor {
    struct lipcl_context *ctx;
    const char *path, *text;
    size_t size, at, offset; /* of text in the file */
};

static enum lipcl_status bad(struct cursor *c, enum lipcl_status status, const char *reason) {
    return fail(c->ctx, status, "%s: byte %zu: %s", c->path, c->offset + c->at, reason);
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

/* A string in single or double quotes without escapes, which NumPy's own headers never need. */
static enum lipcl_status parse_string(struct cursor *c, const char **string, size_t *length) {
    char quote = peek(c);
    if (quote != '\'' && quote != '"') return bad(c, LIPCL_ERROR_FORMAT, "a quoted string was expected in the header");
    const char *begin = c->text + c->at + 1;
    const char *end = memchr(begin, quote, c->size - c->at - 1);
    if (!end || memchr(begin, '\\', (size_t)(end - begin)))
        return bad(c, LIPCL_ERROR_FORMAT, "a string in the header does not end, or holds a backslash");
    *string = begin;
    *length = (size_t)(end - begin);
    c->at += *length + 2;
    return LIPCL_OK;
}

static bool accept_word(struct cursor *c, const char *word) {
    size_t length = strlen(word);
    peek(c);
    if (c->size - c->at < length || memcmp(c->text + c->at, word, length) != 0) return false;
    c->at += length;
    return true;
}

static enum lipcl_status parse_descr(struct cursor *c, enum lipcl_dtype *dtype) {
    enum lipcl_status status = LIPCL_OK;
    const char *text = NULL;
    size_t length = 0;
    if (peek(c) == '[' || peek(c) == '(')
        TRY(bad(c, LIPCL_ERROR_UNSUPPORTED, "a structured dtype; lipcl reads '<f4', '<f2', '<f8', '|u1' and '<i8'"));
    TRY(parse_string(c, &text, &length));
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (length != strlen(dtypes[i].text) || memcmp(text, dtypes[i].text, length) != 0) continue;
        *dtype = dtypes[i].dtype;
        return LIPCL_OK;
    }
    if (length >= 2 && text[0] == '>')
        TRY(fail(c->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: byte %zu: dtype '%s' is big-endian; save the array little-endian",
                 c->path, c->offset + c->at, printable_bytes(text, length).chars));
    if (length >= 2 && text[0] == '|' && text[1] == 'O')
        TRY(bad(c, LIPCL_ERROR_UNSUPPORTED, "an array of Python objects (pickle), which lipcl never reads"));
    TRY(fail(c->ctx, LIPCL_ERROR_UNSUPPORTED, "%s: byte %zu: dtype '%s'; lipcl reads '<f4', '<f2', '<f8', '|u1' and '<i8'",
             c->path, c->offset + c->at, printable_bytes(text, length).chars));

fail:
    return status;
}

static enum lipcl_status parse_dimension(struct cursor *c, size_t *dim) {
    size_t first = c->at;
    *dim = 0;
    for (; c->at < c->size && c->text[c->at] >= '0' && c->text[c->at] <= '9'; c->at++) {
        size_t digit = (size_t)(c->text[c->at] - '0');
        if (*dim > (SIZE_MAX - digit) / 10) return bad(c, LIPCL_ERROR_FORMAT, "a dimension of the shape overflows");
        *dim = *dim * 10 + digit;
    }
    return c->at > first ? LIPCL_OK : bad(c, LIPCL_ERROR_FORMAT, "a dimension of the shape is not a number from 0 up");
}

/* A tuple of integers; one of a single element needs its comma, "(3,)", as in Python. */
static enum lipcl_status parse_shape(struct cursor *c, struct lipcl_shape *shape) {
    enum lipcl_status status = LIPCL_OK;
    bool comma = true;
    if (!accept(c, '(')) TRY(bad(c, LIPCL_ERROR_FORMAT, "the shape is not a tuple"));
    while (!accept(c, ')')) {
        if (!comma) TRY(bad(c, LIPCL_ERROR_FORMAT, "',' or ')' was expected in the shape"));
        if (shape->rank == LIPCL_MAX_RANK) TRY(bad(c, LIPCL_ERROR_UNSUPPORTED, "the shape has more than 8 dimensions"));
        TRY(parse_dimension(c, &shape->dims[shape->rank++]));
        comma = accept(c, ',');
    }
    if (shape->rank == 1 && !comma) TRY(bad(c, LIPCL_ERROR_FORMAT, "the shape is a number in brackets, not a tuple"));

fail:
    return status;
}

static enum lipcl_status parse_pair(struct cursor *c, struct npy_header *header, bool seen[3]) {
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    enum lipcl_status status = LIPCL_OK;
    const char *key = NULL;
    size_t length = 0, which = 0;
    TRY(parse_string(c, &key, &length));
    while (which < 3 && (length != strlen(keys[which]) || memcmp(key, keys[which], length) != 0)) which++;
    if (which == 3 || seen[which])
        TRY(fail(c->ctx, LIPCL_ERROR_FORMAT, "%s: byte %zu: the header's key '%s' is %s", c->path, c->offset + c->at,
                 printable_bytes(key, length).chars, which == 3 ? "not one of descr, fortran_order, shape" : "there twice"));
    seen[which] = true;
    if (!accept(c, ':')) TRY(bad(c, LIPCL_ERROR_FORMAT, "':' was expected in the header"));
    if (which == 0) TRY(parse_descr(c, &header->dtype));
    if (which == 2) TRY(parse_shape(c, &header->shape));
    if (which != 1) return LIPCL_OK;
    header->fortran_order = accept_word(c, "True");
    if (!header->fortran_order && !accept_word(c, "False"))
        TRY(bad(c, LIPCL_ERROR_FORMAT, "fortran_order is neither True nor False"));

fail:
    return status;
}

enum lipcl_status npy_header_parse(struct lipcl_context *ctx, struct npy_header *header, const char *path, const char *text,
                                   size_t size, size_t offset) {
    enum lipcl_status status = LIPCL_OK;
    struct cursor c = {.ctx = ctx, .path = path, .text = text, .size = size, .offset = offset};
    bool seen[3] = {false}, comma = true;
    *header = (struct npy_header){0};
    if (!accept(&c, '{')) TRY(bad(&c, LIPCL_ERROR_FORMAT, "the header is not a dictionary"));
    while (!accept(&c, '}')) {
        if (!comma) TRY(bad(&c, LIPCL_ERROR_FORMAT, "',' or '}' was expected in the header"));
        TRY(parse_pair(&c, header, seen));
        comma = accept(&c, ',');
    }
    if (!seen[0] || !seen[1] || !seen[2])
        TRY(bad(&c, LIPCL_ERROR_FORMAT, "the header lacks one of descr, fortran_order, shape"));
    peek(&c);
    if (c.at != size) TRY(bad(&c, LIPCL_ERROR_FORMAT, "junk follows the header's dictionary"));

fail:
    return status;
}
