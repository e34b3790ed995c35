/* What good .npy files hold, and what is written comes back. test_npy_bad.c has the bad ones. */
#include <lipcl/npy.h>

#include "bad_file.h"
#include "tensor/shape.h"

TestSuite(npy, .init = scratch_open, .fini = scratch_close, .timeout = 60);

static struct lipcl_tensor *load(const char *path) {
    keep_file(path);
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_npy_load(ctx, &tensor, path) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return tensor;
}

/* A file of the given version around a header and data. */
static const char *write_npy(int version, const char *header, const void *data, size_t bytes) {
    char file[4096];
    size_t length = strlen(header), lead = version == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    memcpy(file + 6, (char[6]){(char)version, 0, (char)(length & 0xff), (char)(length >> 8), 0, 0}, 6);
    memcpy(file + lead, header, length);
    memcpy(file + lead + length, data, bytes);
    return write_file("a.npy", file, lead + length + bytes);
}

Test(npy, reads_files_that_numpy_wrote) {
    struct lipcl_tensor *frames = load(TEST_DATA_DIR "/reference/frames.npy");
    cr_expect(frames->dtype == LIPCL_U8);
    cr_expect(lipcl_shape_equal(&frames->shape, &SHAPE(75, 64, 128, 3)));
    lipcl_tensor_destroy(&frames);
    struct lipcl_tensor *wide = load(TEST_DATA_DIR "/reference/logits_fp64.npy");
    struct lipcl_tensor *narrow = load(TEST_DATA_DIR "/reference/logits.npy");
    cr_assert(wide->dtype == LIPCL_F64 && narrow->dtype == LIPCL_F32);
    cr_assert(lipcl_shape_equal(&wide->shape, &SHAPE(1, 75, 28)) && lipcl_shape_equal(&narrow->shape, &SHAPE(1, 75, 28)));
    for (size_t i = 0; i < 75 * 28; i++) {
        double d = ((double *)wide->data)[i] - (double)((float *)narrow->data)[i];
        cr_assert(d < 1e-5 && d > -1e-5, "element %zu differs by %g", i, d);
    }
    lipcl_tensor_destroy(&wide);
    lipcl_tensor_destroy(&narrow);
}

Test(npy, reads_every_version_and_spelling) {
    static const struct {
        int version;
        const char *header;
    } cases[] = {
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }   \n"},
        {2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n"},
        {3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"},
        {1, "  {\"shape\":(2,1,),\"fortran_order\":True,\"descr\":\"<f4\"}\n"},
    };
    const float values[2] = {1.5f, -2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lipcl_tensor *tensor = load(write_npy(cases[i].version, cases[i].header, values, sizeof values));
        cr_expect(tensor->dtype == LIPCL_F32);
        cr_expect(lipcl_shape_equal(&tensor->shape, &SHAPE(2, 1)));
        cr_expect(memcmp(tensor->data, values, sizeof values) == 0);
        lipcl_tensor_destroy(&tensor);
    }
}

Test(npy, fortran_order_is_put_into_c_order) {
    unsigned char data[2 * 3 * 4];
    for (unsigned char i = 0; i < 2; i++)
        for (unsigned char j = 0; j < 3; j++)
            for (unsigned char k = 0; k < 4; k++) data[i + 2 * j + 6 * k] = (unsigned char)(100 * i + 10 * j + k);
    struct lipcl_tensor *tensor =
        load(write_npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }\n", data, sizeof data));
    for (unsigned char i = 0; i < 2; i++)
        for (unsigned char j = 0; j < 3; j++)
            for (unsigned char k = 0; k < 4; k++)
                cr_expect(((unsigned char *)tensor->data)[(i * 3 + j) * 4 + k] == 100 * i + 10 * j + k);
    lipcl_tensor_destroy(&tensor);
}

Test(npy, what_is_saved_comes_back) {
    static const enum lipcl_dtype dtypes[] = {LIPCL_F32, LIPCL_F16, LIPCL_F64, LIPCL_U8, LIPCL_I64};
    const struct lipcl_shape shapes[] = {{0}, SHAPE(5), SHAPE(2, 3), SHAPE(0, 4), SHAPE(1, 2, 1, 3, 1, 2, 1, 2)};
    for (size_t d = 0; d < 5; d++) {
        for (size_t s = 0; s < 5; s++) {
            struct lipcl_tensor *tensor = NULL;
            cr_assert(lipcl_tensor_create(ctx, &tensor, dtypes[d], &shapes[s]) == LIPCL_OK);
            for (size_t i = 0; i < lipcl_tensor_bytes(tensor); i++)
                ((unsigned char *)tensor->data)[i] = (unsigned char)(7 * i + d);
            const char *path = write_file("saved.npy", "old", 3);
            cr_assert(lipcl_npy_save(ctx, path, tensor) == LIPCL_OK, "%s", lipcl_context_error(ctx));
            cr_expect(scratch_count() == 1, "the temporary file is gone");
            struct lipcl_tensor *again = load(path);
            cr_expect(again->dtype == tensor->dtype);
            cr_assert(lipcl_shape_equal(&again->shape, &tensor->shape));
            cr_expect(memcmp(again->data, tensor->data, lipcl_tensor_bytes(tensor)) == 0);
            lipcl_tensor_destroy(&again);
            lipcl_tensor_destroy(&tensor);
        }
    }
}

/* numpy.save of the same array, byte for byte. */
Test(npy, saved_bytes_are_numpy_s_own) {
    static const struct {
        struct lipcl_shape shape;
        const char *text;
    } cases[] = {{{0}, "()"}, {{1, {3}}, "(3,)"}, {{2, {2, 3}}, "(2, 3)"}};
    for (size_t i = 0; i < 3; i++) {
        char wanted[256], got[256] = "";
        struct lipcl_tensor *tensor = NULL;
        cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_U8, &cases[i].shape) == LIPCL_OK);
        const char *path = write_file("saved.npy", "", 0);
        cr_assert(lipcl_npy_save(ctx, path, tensor) == LIPCL_OK);
        memset(wanted, ' ', sizeof wanted);
        memcpy(wanted, "\x93NUMPY\x01\x00\x76\x00", 10);
        int used = snprintf(wanted + 10, 200, "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }", cases[i].text);
        wanted[10 + used] = ' ';
        wanted[127] = '\n';
        memset(wanted + 128, 0, lipcl_tensor_bytes(tensor));
        FILE *file = fopen(path, "rb");
        size_t bytes = fread(got, 1, sizeof got, file);
        fclose(file);
        cr_assert(bytes == 128 + lipcl_tensor_bytes(tensor), "%zu", bytes);
        cr_expect(memcmp(got, wanted, bytes) == 0);
        lipcl_tensor_destroy(&tensor);
    }
}

Test(npy, bf16_is_refused_and_the_old_file_kept) {
    struct lipcl_tensor *tensor = NULL;
    char content[4] = "";
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_BF16, &SHAPE(2)) == LIPCL_OK);
    const char *path = write_file("kept.npy", "old", 3);
    cr_expect(lipcl_npy_save(ctx, path, tensor) == LIPCL_ERROR_UNSUPPORTED);
    cr_expect(strstr(lipcl_context_error(ctx), "kept.npy: npy has no dtype for bf16"));
    FILE *file = fopen(path, "rb");
    cr_expect(fread(content, 1, 4, file) == 3 && strcmp(content, "old") == 0);
    fclose(file);
    cr_expect(scratch_count() == 1);
    lipcl_tensor_destroy(&tensor);
}
