/* Bad .npy files: each gets its typed error, and nothing else happens. */
#include <lipcl/npy.h>

#include "bad_file.h"

TestSuite(npy_bad, .init = scratch_open, .fini = scratch_close, .timeout = 60);

static void expect_file_refused(const char *path, enum lipcl_status wanted, const char *reason) {
    struct lipcl_tensor *tensor = (struct lipcl_tensor *)&tensor;
    struct watch watch = watch_start();
    enum lipcl_status status = lipcl_npy_load(ctx, &tensor, path);
    expect_refused(&watch, path, status, wanted, reason);
    cr_expect(tensor == NULL, "a tensor was made");
}

static void refused_bytes(const void *data, size_t bytes, enum lipcl_status wanted, const char *reason) {
    expect_file_refused(write_file("bad.npy", data, bytes), wanted, reason);
}

/* Version 1.0 around a header that claims `claimed` bytes, and data_bytes bytes of data. */
static void refused_claim(size_t claimed, const char *header, size_t data_bytes, enum lipcl_status wanted, const char *reason) {
    char file[16384] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    file[8] = (char)(claimed & 0xff);
    file[9] = (char)(claimed >> 8);
    memcpy(file + 10, header, length);
    refused_bytes(file, 10 + length + data_bytes, wanted, reason);
}

static void refused(const char *header, size_t data_bytes, const char *reason) {
    refused_claim(strlen(header), header, data_bytes, LIPCL_ERROR_FORMAT, reason);
}

static void refused_shape(const char *shape, size_t data_bytes, enum lipcl_status wanted, const char *reason) {
    char header[512];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n", shape);
    refused_claim(strlen(header), header, data_bytes, wanted, reason);
}

static void refused_descr(const char *descr, enum lipcl_status wanted, const char *reason) {
    char header[512];
    snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (1,), }\n", descr);
    refused_claim(strlen(header), header, 8, wanted, reason);
}

Test(npy_bad, empty_or_cut_in_front_of_the_header) {
    refused_bytes("", 0, LIPCL_ERROR_FORMAT, "byte 0: 0 bytes are too few");
    refused_bytes("\x93NUMPY\x01\0\x10", 9, LIPCL_ERROR_FORMAT, "byte 0: 9 bytes are too few");
    refused_bytes("\x93NUMPY\x02\0\x10\0\0", 11, LIPCL_ERROR_FORMAT, "byte 11: the file ends where 1 more bytes");
}

Test(npy_bad, magic) {
    refused_bytes("\x93NUMPX\x01\0\x02\0{}", 12, LIPCL_ERROR_FORMAT, "byte 0: the file does not begin as a npy file does");
    refused_bytes("PK\x03\x04 an npz file", 16, LIPCL_ERROR_FORMAT, "byte 0: the file does not begin as a npy file does");
}

Test(npy_bad, version) {
    refused_bytes("\x93NUMPY\x04\0\x02\0\0\0{}", 14, LIPCL_ERROR_UNSUPPORTED,
                  "byte 6: version 4.0; lipcl reads 1.0, 2.0 and 3.0");
    refused_bytes("\x93NUMPY\x01\x01\x02\0{}", 12, LIPCL_ERROR_UNSUPPORTED, "byte 6: version 1.1");
    refused_bytes("\x93NUMPY\0\0\x02\0{}", 12, LIPCL_ERROR_UNSUPPORTED, "byte 6: version 0.0");
}

Test(npy_bad, header_above_10000_bytes) {
    char file[16384] = "\x93NUMPY\x02";
    refused_claim(10001, "{", 12000, LIPCL_ERROR_FORMAT, "byte 8: a header of 10001 bytes is above the limit of 10000");
    memcpy(file + 8, "\xff\xff\xff\xff", 4); /* refused before anything of that size is allocated or read */
    refused_bytes(file, sizeof file, LIPCL_ERROR_FORMAT, "byte 8: a header of 4294967295 bytes is above the limit");
}

Test(npy_bad, header_past_the_end) {
    refused_claim(100, "{}", 0, LIPCL_ERROR_FORMAT, "byte 8: a header of 100 bytes reaches past the end of the file at 12");
    refused_claim(10000, "{}", 10, LIPCL_ERROR_FORMAT, "reaches past the end of the file at 22");
}

Test(npy_bad, junk) {
    refused("", 0, "byte 10: the header is not a dictionary");
    refused("junk", 0, "byte 10: the header is not a dictionary");
    refused("['descr']", 0, "byte 10: the header is not a dictionary");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} junk", 4, "byte 66: junk follows the header's dictionary");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, "',' or '}' was expected");
    refused("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, "',' or '}' was expected");
    refused("{'descr', '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "':' was expected");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,),,}", 4, "a quoted string was expected");
    refused("{'descr': '<f4", 0, "does not end");
    refused("{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (1,)}", 4, "holds a backslash");
    refused("{'descr': <f4, 'fortran_order': False, 'shape': (1,)}", 4, "a quoted string was expected");
    refused("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", 4, "fortran_order is neither True nor False");
    refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, "fortran_order is neither True nor False");
    refused("{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (1,)}", 4, "',' or '}' was expected");
    refused_shape("1", 4, LIPCL_ERROR_FORMAT, "the shape is not a tuple");
    refused_shape("[1]", 4, LIPCL_ERROR_FORMAT, "the shape is not a tuple");
    refused_shape("(1)", 4, LIPCL_ERROR_FORMAT, "a number in brackets, not a tuple");
    refused_shape("(,)", 4, LIPCL_ERROR_FORMAT, "a dimension of the shape is not a number from 0 up");
    refused_shape("(-1,)", 4, LIPCL_ERROR_FORMAT, "a dimension of the shape is not a number from 0 up");
    refused_shape("(1.0,)", 4, LIPCL_ERROR_FORMAT, "',' or ')' was expected in the shape");
    refused_shape("(1 1)", 4, LIPCL_ERROR_FORMAT, "',' or ')' was expected in the shape");
    refused_shape("(1", 4, LIPCL_ERROR_FORMAT, "a dimension of the shape is not a number from 0 up");
}

Test(npy_bad, duplicate_key) {
    refused("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "key 'descr' is there twice");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}", 4, "key 'shape' is there twice");
}

Test(npy_bad, extra_key) {
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x\x1b': 1}", 4,
            "key 'x?' is not one of descr, fortran_order, shape");
}

Test(npy_bad, missing_key) {
    refused("{}", 0, "the header lacks one of descr, fortran_order, shape");
    refused("{'descr': '<f4', 'shape': (1,)}", 4, "the header lacks one of descr, fortran_order, shape");
}

Test(npy_bad, object_dtype) {
    refused_descr("'|O'", LIPCL_ERROR_UNSUPPORTED, "an array of Python objects (pickle), which lipcl never reads");
}

Test(npy_bad, big_endian) {
    refused_descr("'>f4'", LIPCL_ERROR_UNSUPPORTED, "dtype '>f4' is big-endian; save the array little-endian");
}

Test(npy_bad, structured) {
    refused_descr("[('a', '<f4'), ('b', '<f4')]", LIPCL_ERROR_UNSUPPORTED, "a structured dtype");
}

Test(npy_bad, other_dtypes) {
    static const char *const descrs[] = {"'<i4'",     "'|b1'", "'<c8'", "'<U3'", "'|S8'",
                                         "'<M8[ns]'", "'=f4'", "'f4'",  "''",    "'<f4 '"};
    for (size_t i = 0; i < sizeof descrs / sizeof *descrs; i++) {
        char reason[64];
        snprintf(reason, sizeof reason, "dtype %s; lipcl reads '<f4', '<f2', '<f8', '|u1' and '<i8'", descrs[i]);
        refused_descr(descrs[i], LIPCL_ERROR_UNSUPPORTED, reason);
    }
}

Test(npy_bad, overflowing_shapes) {
    refused_shape("(4294967296, 4294967296)", 4, LIPCL_ERROR_FORMAT, "the size of [4294967296,4294967296] overflows");
    refused_shape("(4611686018427387904,)", 4, LIPCL_ERROR_FORMAT, "overflows");
    refused_shape("(18446744073709551616,)", 4, LIPCL_ERROR_FORMAT, "a dimension of the shape overflows");
    refused_shape("(18446744073709551615, 2)", 4, LIPCL_ERROR_FORMAT, "overflows");
    refused_shape("(1, 1, 1, 1, 1, 1, 1, 1, 1)", 4, LIPCL_ERROR_UNSUPPORTED, "more than 8 dimensions");
}

Test(npy_bad, short_data) {
    refused_shape("(3,)", 11, LIPCL_ERROR_FORMAT, "f32 [3] takes 12 bytes, but 11 follow the header");
    refused_shape("(1000000, 1000000)", 4, LIPCL_ERROR_FORMAT, "takes 4000000000000 bytes, but 4 follow");
    refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 12, "takes 16 bytes, but 12 follow");
}

Test(npy_bad, surplus_data) {
    refused_shape("(3,)", 13, LIPCL_ERROR_FORMAT, "f32 [3] takes 12 bytes, but 13 follow the header");
    refused_shape("(0,)", 1, LIPCL_ERROR_FORMAT, "f32 [0] takes 0 bytes, but 1 follow the header");
}

Test(npy_bad, files_that_are_none) {
    char path[600];
    snprintf(path, sizeof path, "%s/none.npy", scratch);
    expect_file_refused(path, LIPCL_ERROR_NOT_FOUND, "cannot open");
    expect_file_refused(scratch, LIPCL_ERROR_ARGUMENT, "is a folder");
    cr_assert(mkfifo(path, 0600) == 0);
    expect_file_refused(path, LIPCL_ERROR_ARGUMENT, "is not a regular file");
}

/* Noise in a good file: it is read as something that fits its own header, or refused. */
Test(npy_bad, noise) {
    char good[128] = "\x93NUMPY\x01\0\x56\0";
    snprintf(good + 10, sizeof good - 10, "%-85s\n%s", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
             "012345678901234567890123");
    static const char letters[] = "0123456789{}[]():,'\"\\ <>|fuib8TrueFalse\n\xff\x80";
    char noisy[sizeof good];
    size_t bytes = 10 + 86 + 24, refusals = 0;
    uint32_t state = 1;
    for (int round = 0; round < 1000; round++) {
        struct lipcl_tensor *tensor = NULL;
        memcpy(noisy, good, bytes);
        for (int i = 0; i <= round % 3; i++) {
            state = state * 1664525u + 1013904223u;
            noisy[(state >> 8) % bytes] = letters[(state >> 20) % (sizeof letters - 1)];
        }
        enum lipcl_status status = lipcl_npy_load(ctx, &tensor, write_file("noise.npy", noisy, bytes));
        cr_assert((status == LIPCL_OK) == (tensor != NULL));
        refusals += status != LIPCL_OK;
        cr_assert(!tensor || lipcl_tensor_bytes(tensor) <= bytes);
        lipcl_tensor_destroy(&tensor);
    }
    cr_expect(refusals > 300 && refusals < 1000, "%zu refused", refusals);
}
