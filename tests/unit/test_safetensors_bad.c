/* Bad .safetensors files: each gets its typed error, and nothing else happens. */
#include <lipcl/safetensors.h>

#include <fcntl.h>

#include "bad_file.h"

TestSuite(safetensors_bad, .init = scratch_open, .fini = scratch_close, .timeout = 60);

static void expect_file_refused(const char *path, enum lipcl_status wanted, const char *reason) {
    struct lipcl_tensor_set *set = (struct lipcl_tensor_set *)&set;
    struct watch watch = watch_start();
    enum lipcl_status status = lipcl_safetensors_load(ctx, &set, path);
    expect_refused(&watch, path, status, wanted, reason);
    cr_expect(set == NULL, "a set was made");
}

static void refused_bytes(const void *data, size_t bytes, enum lipcl_status wanted, const char *reason) {
    expect_file_refused(write_file("bad.safetensors", data, bytes), wanted, reason);
}

/* A file of a header and data_bytes bytes of data. */
static void refused_text(const char *header, size_t length, size_t data_bytes, enum lipcl_status wanted, const char *reason) {
    unsigned char *file = calloc(1, 8 + length + data_bytes);
    cr_assert(file);
    uint64_t length64 = length;
    memcpy(file, &length64, 8);
    memcpy(file + 8, header, length);
    const char *path = write_file("bad.safetensors", file, 8 + length + data_bytes);
    free(file);
    expect_file_refused(path, wanted, reason);
}

static void refused(const char *header, size_t data_bytes, const char *reason) {
    refused_text(header, strlen(header), data_bytes, LIPCL_ERROR_FORMAT, reason);
}

static void unsupported(const char *header, size_t data_bytes, const char *reason) {
    refused_text(header, strlen(header), data_bytes, LIPCL_ERROR_UNSUPPORTED, reason);
}

static void refused_length(uint64_t length, const char *reason) {
    unsigned char file[32] = "12345678{}";
    memcpy(file, &length, 8);
    refused_bytes(file, sizeof file, LIPCL_ERROR_FORMAT, reason);
}

Test(safetensors_bad, empty) {
    refused_bytes("", 0, LIPCL_ERROR_FORMAT, "byte 0: 0 bytes are too few");
}

Test(safetensors_bad, fewer_than_8_bytes) {
    refused_bytes("\x02\0\0\0\0\0\0", 7, LIPCL_ERROR_FORMAT, "byte 0: 7 bytes are too few");
}

Test(safetensors_bad, header_length_0) {
    refused_length(0, "byte 0: the header's length is 0");
}

Test(safetensors_bad, header_longer_than_the_file) {
    refused_length(25, "byte 0: the header's length, 25, reaches past the end of the file at 32");
}

Test(safetensors_bad, header_above_100_mb) {
    refused_length(100000001, "byte 0: the header's length, 100000001, is above the limit");
}

Test(safetensors_bad, header_length_2_to_64_minus_1) {
    refused_length(UINT64_MAX, "byte 0: the header's length, 18446744073709551615, is above the limit");
}

Test(safetensors_bad, header_without_brace) {
    refused("[]", 0, "byte 8: the header does not begin with '{'");
    refused(" {}", 0, "byte 8: the header does not begin with '{'");
    refused("\xef\xbb\xbf{}", 0, "byte 8: the header does not begin with '{'");
}

Test(safetensors_bad, header_not_utf8) {
    refused("{\"a\xff\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
            "bad JSON in a tensor's name: unable to decode");
    refused("{\"a\":{\"dtype\":\"U\xc0\x80\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "bad JSON in a tensor's description");
    refused("{\"a\":{\"dtype\":\"\\ud800\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "bad JSON in a tensor's description");
    refused("{\"__metadata__\":{\"k\":\"\xed\xa0\x80\"}}", 0, "bad JSON in a metadata value: unable to decode");
}

Test(safetensors_bad, header_bad_json) {
    static const char *const headers[] = {
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":{",
        "{\"a",
        "{a:1}",
        "{\"a\" {}}",
        "{,}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0,],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[00],\"data_offsets\":[0,0]}}",
        "{\"a\":{'dtype':\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}\"b\":{}}",
        "{\"__metadata__\":{\"a\":\"b\"",
        "{\"__metadata__\":{\"a\" \"b\"}}",
        "{\"__metadata__\":{\"a\":\"b\",}}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) refused(headers[i], 0, "bad JSON");
    refused("{} x", 0, "byte 11: something other than spaces follows");
    refused("{}\n", 0, "byte 10: something other than spaces follows");
    refused("{}{}", 0, "byte 10: something other than spaces follows");
    refused_text("{\"a\0b\":1}", 9, 0, LIPCL_ERROR_FORMAT, "bad JSON");
    refused_text("{\0}", 3, 0, LIPCL_ERROR_FORMAT, "bad JSON");
    refused("{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "bad JSON");
}

Test(safetensors_bad, header_deeply_nested) {
    enum { LENGTH = 8 << 20 };
    char *text = malloc(LENGTH);
    cr_assert(text);
    memset(text, '[', LENGTH);
    memcpy(text, "{\"a\":", 5);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a tensor's description is longer than 1024 bytes");
    memcpy(text, "{\"__metadata__\":{\"a\":", 21);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "metadata \"a\" is not a string");
    for (size_t i = 0; i < LENGTH / 5; i++) memcpy(text + 5 * i, "{\"a\":", 5);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a tensor's description is longer than 1024 bytes");
    free(text);
}

Test(safetensors_bad, header_of_one_huge_value) {
    enum { LENGTH = 8 << 20 };
    char *text = malloc(LENGTH);
    cr_assert(text);
    memset(text, '1', LENGTH);
    for (size_t i = 1; i < LENGTH; i += 2) text[i] = ',';
    memcpy(text, "{\"a\":{\"shape\": [", 16);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a tensor's description is longer than 1024 bytes");
    memset(text, 'n', LENGTH);
    memcpy(text, "{\"", 2);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a tensor's name is longer than 1538 bytes");
    memcpy(text, "{\"__metadata__\":{\"", 18);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a metadata key is longer than 2097152 bytes");
    memcpy(text, "{\"__metadata__\":{\"a\":\"", 22);
    refused_text(text, LENGTH, 0, LIPCL_ERROR_FORMAT, "a metadata value is longer than 2097152 bytes");
    free(text);
}

Test(safetensors_bad, name_too_long) {
    char text[2048];
    snprintf(text, sizeof text, "{\"%0257d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0);
    unsupported(text, 0, "is longer than 256 bytes");
}

Test(safetensors_bad, duplicate_tensor_name) {
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
            "\"data_offsets\":[1,2]}}",
            2, "byte 65: tensor \"a\" is there twice, first at byte 13");
}

Test(safetensors_bad, duplicate_tensor_name_through_an_escape) {
    refused("{\"ab\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"\\u0061b\":{\"dtype\":\"U8\",\"shape\":[1],"
            "\"data_offsets\":[1,2]}}",
            2, "tensor \"ab\" is there twice");
    refused("{\"__metadata__\":{},\"__metadata\\u005f_\":{}}", 0, "__metadata__ is there twice");
}

Test(safetensors_bad, duplicate_field) {
    refused("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "duplicate object key");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"sh\\u0061pe\":[1],\"data_offsets\":[0,1]}}", 1, "duplicate object key");
    refused("{\"__metadata__\":{\"a\":\"1\",\"\\u0061\":\"2\"}}", 0, "metadata \"a\" is there twice");
}

Test(safetensors_bad, missing_or_unknown_field) {
    static const char *const entries[] = {
        "{}",
        "[]",
        "null",
        "\"U8\"",
        "{\"dtype\":\"U8\",\"shape\":[1]}",
        "{\"dtype\":\"U8\",\"data_offsets\":[0,1]}",
        "{\"shape\":[1],\"data_offsets\":[0,1]}",
        "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"extra\":1}",
    };
    char text[256];
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        snprintf(text, sizeof text, "{\"a\":%s}", entries[i]);
        refused(text, 1, "tensor \"a\" is not described by exactly dtype, shape and data_offsets");
    }
}

Test(safetensors_bad, hole) {
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],"
            "\"data_offsets\":[2,3]}}",
            3, "tensor \"b\" begins at 2, after a hole that starts at 1");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "tensor \"a\" begins at 1, after a hole");
}

Test(safetensors_bad, overlap) {
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"
            "\"data_offsets\":[1,3]}}",
            3, "tensor \"b\" begins at 1, overlapping one that ends at 2");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"
            "\"data_offsets\":[0,2]}}",
            2, "overlapping one that ends at 2");
}

Test(safetensors_bad, trailing_bytes) {
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 4,
            "byte 62: 3 trailing bytes belong to no tensor");
    refused("{}", 1, "byte 10: 1 trailing bytes belong to no tensor");
}

Test(safetensors_bad, data_past_the_end) {
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", 8,
            "tensor \"a\" ends at 9, but there are 8 bytes of data");
}

static void refused_offsets(const char *offsets, const char *reason) {
    char text[256];
    snprintf(text, sizeof text, "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":%s}}", offsets);
    refused(text, 4, reason);
}

Test(safetensors_bad, end_before_begin) {
    refused_offsets("[4,0]", "byte 13: tensor \"a\" ends at 0, before its beginning at 4");
}

Test(safetensors_bad, negative_offsets) {
    refused_offsets("[-4,0]", "tensor \"a\": a number in its data_offsets is negative");
}

Test(safetensors_bad, fractional_offsets) {
    refused_offsets("[0,4.5]", "tensor \"a\": a number in its data_offsets is not an integer");
    refused_offsets("[0,4.0]", "tensor \"a\": a number in its data_offsets is not an integer");
    refused_offsets("[0,4e0]", "tensor \"a\": a number in its data_offsets is not an integer");
    refused_offsets("[0,\"4\"]", "tensor \"a\": a number in its data_offsets is not an integer");
}

Test(safetensors_bad, offsets_above_2_to_53) {
    refused_offsets("[0,9007199254740993]", "tensor \"a\": a number in its data_offsets is above 2^53");
    refused_offsets("[0,9007199254740992]", "tensor \"a\" ends at 9007199254740992, but there are 4 bytes of data");
    refused_offsets("[0,18446744073709551620]", "bad JSON in a tensor's description: too big integer");
}

Test(safetensors_bad, offsets_that_are_no_pair) {
    static const char *const offsets[] = {"[]", "[4]", "[0,4,4]", "4", "{\"0\":4}", "null"};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        refused_offsets(offsets[i], "tensor \"a\": data_offsets is not an array of two");
}

static void refused_shape(const char *shape, enum lipcl_status wanted, const char *reason) {
    char text[256];
    snprintf(text, sizeof text, "{\"a\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,4]}}", shape);
    refused_text(text, strlen(text), 4, wanted, reason);
}

Test(safetensors_bad, shape_product_overflow) {
    refused_shape("[4294967296,4294967296]", LIPCL_ERROR_FORMAT, "the size of [4294967296,4294967296] overflows");
    refused_shape("[4503599627370496,1024]", LIPCL_ERROR_FORMAT, "overflows"); /* 2^62 elements of 4 bytes */
    refused_shape("[9007199254740992,2048,0]", LIPCL_ERROR_FORMAT, "overflows");
}

Test(safetensors_bad, rank_above_8) {
    refused_shape("[1,1,1,1,1,1,1,1,1]", LIPCL_ERROR_UNSUPPORTED, "tensor \"a\" has 9 dimensions, lipcl takes up to 8");
}

Test(safetensors_bad, shape_of_no_counts) {
    refused_shape("[-1]", LIPCL_ERROR_FORMAT, "tensor \"a\": a number in its shape is negative");
    refused_shape("[1.0]", LIPCL_ERROR_FORMAT, "tensor \"a\": a number in its shape is not an integer");
    refused_shape("[[1]]", LIPCL_ERROR_FORMAT, "tensor \"a\": a number in its shape is not an integer");
    refused_shape("1", LIPCL_ERROR_FORMAT, "tensor \"a\": shape is not an array");
}

Test(safetensors_bad, unknown_dtype) {
    refused("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": \"F33\" is not a dtype");
    refused("{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": \"f32\" is not a dtype");
    refused("{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": dtype is not a string");
}

Test(safetensors_bad, dtype_that_lipcl_does_not_read) {
    static const char *const dtypes[] = {"BOOL", "I8", "I16", "U16", "I32", "U32", "U64", "F8_E4M3", "F8_E5M2", "C64"};
    char text[256], reason[64];
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        snprintf(text, sizeof text, "{\"layer.mask\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,4]}}", dtypes[i]);
        snprintf(reason, sizeof reason, "tensor \"layer.mask\" is %s; lipcl reads", dtypes[i]);
        unsupported(text, 4, reason);
    }
}

Test(safetensors_bad, size_is_not_shape_times_dtype) {
    refused_shape("[2]", LIPCL_ERROR_FORMAT, "tensor \"a\": f32 [2] takes 8 bytes, but its offsets span 4");
    refused_shape("[0]", LIPCL_ERROR_FORMAT, "tensor \"a\": f32 [0] takes 0 bytes, but its offsets span 4");
    refused_shape("[1,2,1]", LIPCL_ERROR_FORMAT, "tensor \"a\": f32 [1,2,1] takes 8 bytes, but its offsets span 4");
}

/* A header of `count` pairs made by `format` from their number, with `open` and `close` around them. */
static void refused_many(const char *open, const char *format, const char *close, unsigned count, const char *reason) {
    size_t room = 128 + (size_t)count * 80, used = 0;
    char *text = malloc(room);
    cr_assert(text);
    used += (size_t)sprintf(text, "%s", open);
    for (unsigned i = 0; i < count; i++) {
        if (i) text[used++] = ',';
        used += (size_t)snprintf(text + used, room - used, format, i);
    }
    used += (size_t)sprintf(text + used, "%s", close);
    refused_text(text, used, 0, LIPCL_ERROR_UNSUPPORTED, reason);
    free(text);
}

Test(safetensors_bad, a_million_entries) {
    refused_many("{", "\"%u\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", "}", 1000000,
                 "more than 16384 tensors");
}

Test(safetensors_bad, a_million_metadata_pairs) {
    refused_many("{\"__metadata__\":{", "\"%u\":\"\"", "}}", 1000000, "more than 4096 metadata pairs");
}

Test(safetensors_bad, megabytes_of_metadata) {
    enum { PAIRS = 40, EACH = 1 << 20 };
    char *text = malloc(PAIRS * (EACH + 16) + 32);
    size_t used = 17;
    cr_assert(text);
    memcpy(text, "{\"__metadata__\":{", 17);
    for (int i = 0; i < PAIRS; i++) {
        used += (size_t)sprintf(text + used, "\"%d\":\"", i);
        memset(text + used, 'v', EACH);
        memcpy(text + used + EACH, "\",", 2);
        used += EACH + 2;
    }
    memcpy(text + used - 1, "}}", 2);
    refused_text(text, used + 1, 0, LIPCL_ERROR_UNSUPPORTED, "more than 16777216 bytes of metadata");
    free(text);
}

/* As many entries as are taken, but the last is bad: the most memory that a bad header of little text gets. */
Test(safetensors_bad, as_many_entries_as_are_taken) {
    enum { COUNT = 16384 };
    char *text = malloc(COUNT * 80);
    size_t used = 1;
    cr_assert(text);
    text[0] = '{';
    for (unsigned i = 0; i < COUNT; i++)
        used += (size_t)sprintf(text + used, "\"%u\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},", i / 2);
    text[used - 1] = '}';
    refused_text(text, used, 0, LIPCL_ERROR_FORMAT, "is there twice");
    free(text);
}

Test(safetensors_bad, non_string_metadata) {
    refused("{\"__metadata__\":{\"epoch\":3}}", 0, "byte 33: metadata \"epoch\" is not a string");
    refused("{\"__metadata__\":{\"a\":null}}", 0, "metadata \"a\" is not a string");
    refused("{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, "metadata \"a\" is not a string");
    refused("{\"__metadata__\":[]}", 0, "__metadata__ is not an object");
    refused("{\"__metadata__\":\"text\"}", 0, "__metadata__ is not an object");
}

Test(safetensors_bad, control_characters_stay_out_of_the_message) {
    refused("{\"a\\u001b[2J\\n\":{\"dtype\":\"\\u0007\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
            "tensor \"a?[2J?\": \"?\" is not a dtype");
}

/* A good file cut at every place. */
Test(safetensors_bad, truncated_anywhere) {
    char file[256] = "";
    const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    uint64_t length = sizeof header - 1;
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    for (size_t cut = 0; cut < 8 + length + 8; cut++) refused_bytes(file, cut, LIPCL_ERROR_FORMAT, "byte ");
}

Test(safetensors_bad, files_that_are_none) {
    char path[600];
    snprintf(path, sizeof path, "%s/none.safetensors", scratch);
    expect_file_refused(path, LIPCL_ERROR_NOT_FOUND, "cannot open");
    expect_file_refused(scratch, LIPCL_ERROR_ARGUMENT, "is a folder");
    cr_assert(mkfifo(path, 0600) == 0);
    expect_file_refused(path, LIPCL_ERROR_ARGUMENT, "is not a regular file");
}

/* Noise in a good file: it is read as something that fits its own header, or refused. */
Test(safetensors_bad, noise) {
    const char header[] = "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                          "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}}  ";
    static const char letters[] = "0123456789{}[]:,\"\\u-.eE+ \n\xff\x80"
                                  "ab";
    char good[256] = "", noisy[256];
    uint64_t length = sizeof header - 1;
    size_t bytes = 8 + (size_t)length + 16, refusals = 0;
    uint32_t state = 1;
    memcpy(good, &length, 8);
    memcpy(good + 8, header, (size_t)length);
    for (int round = 0; round < 1000; round++) {
        struct lipcl_tensor_set *set = NULL;
        memcpy(noisy, good, bytes);
        for (int i = 0; i <= round % 3; i++) {
            state = state * 1664525u + 1013904223u;
            noisy[(state >> 8) % bytes] = letters[(state >> 20) % (sizeof letters - 1)];
        }
        enum lipcl_status status = lipcl_safetensors_load(ctx, &set, write_file("noise.safetensors", noisy, bytes));
        cr_assert((status == LIPCL_OK) == (set != NULL));
        refusals += status != LIPCL_OK;
        for (size_t i = 0; set && i < lipcl_tensor_set_count(set); i++)
            cr_assert(lipcl_tensor_bytes(lipcl_tensor_set_tensor(set, i)) <= 16);
        lipcl_tensor_set_destroy(&set);
    }
    cr_expect(refusals > 500 && refusals < 1000, "%zu refused", refusals);
}
