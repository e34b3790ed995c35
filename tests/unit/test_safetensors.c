/* What good .safetensors files hold, and what is written comes back. test_safetensors_bad.c has the bad ones. */
#include <lipcl/safetensors.h>

#include "bad_file.h"
#include "tensor/shape.h"
#include "tensor/tensor_match.h"

TestSuite(safetensors, .init = scratch_open, .fini = scratch_close, .timeout = 60);

static struct lipcl_tensor_set *load(const char *path) {
    keep_file(path);
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_safetensors_load(ctx, &set, path) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    return set;
}

Test(safetensors, reads_a_file_that_pytorch_wrote) {
    struct lipcl_tensor_set *set = load(TEST_DATA_DIR "/reference/pytorch_cases.safetensors");
    const char *cases = lipcl_tensor_set_metadata(set, "cases");
    cr_assert(cases);
    cr_expect(strncmp(cases, "[{\"op\": \"conv3d\", \"id\": 0,", 26) == 0);
    const struct lipcl_tensor *x = lipcl_tensor_set_find(set, "conv3d.0.x");
    cr_assert(x);
    cr_expect(x->dtype == LIPCL_F32);
    cr_expect(x->shape.rank == 5);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, reads_the_bytes_of_every_dtype) {
    const char *header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                         " \"__metadata__\" : { \"k\" : \"v\\u00e9\" } ,"
                         "\"b\":{\"shape\":[1,1],\"dtype\":\"BF16\",\"data_offsets\":[4,6]},\n"
                         "\"u\":{\"dtype\":\"U8\",\"shape\":[2,0],\"data_offsets\":[6,6]},"
                         "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[6,10]},"
                         "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[10,18]},"
                         "\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[18,26]}}  ";
    unsigned char file[1024];
    uint64_t length = strlen(header);
    const uint16_t half[3] = {0x3c00, 0x8001, 0x3fc0};
    const float scalar = 2.5f;
    const double d = -1e300;
    const int64_t i = INT64_MIN;
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, half, 6);
    memcpy(file + 8 + length + 6, &scalar, 4);
    memcpy(file + 8 + length + 10, &d, 8);
    memcpy(file + 8 + length + 18, &i, 8);
    struct lipcl_tensor_set *set = load(write_file("all.safetensors", file, 8 + length + 26));
    cr_assert(lipcl_tensor_set_count(set) == 6);
    cr_expect(strcmp(lipcl_tensor_set_name(set, 2), "u") == 0, "the header's order is kept");
    cr_expect(memcmp(lipcl_tensor_set_find(set, "h")->data, half, 4) == 0);
    cr_expect(memcmp(lipcl_tensor_set_find(set, "b")->data, half + 2, 2) == 0);
    cr_expect(lipcl_tensor_count(lipcl_tensor_set_find(set, "u")) == 0);
    cr_expect(lipcl_tensor_set_find(set, "scalar")->shape.rank == 0);
    cr_expect(*(float *)lipcl_tensor_set_find(set, "scalar")->data == scalar);
    cr_expect(*(double *)lipcl_tensor_set_find(set, "d")->data == d);
    cr_expect(*(int64_t *)lipcl_tensor_set_find(set, "i")->data == i);
    cr_expect(strcmp(lipcl_tensor_set_metadata(set, "k"), "v\xc3\xa9") == 0);
    lipcl_tensor_set_destroy(&set);
}

static void add(struct lipcl_tensor_set *set, const char *name, enum lipcl_dtype dtype, struct lipcl_shape shape, int seed) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_create(ctx, &tensor, dtype, &shape) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_bytes(tensor); i++) ((unsigned char *)tensor->data)[i] = (unsigned char)(seed += 37);
    cr_assert(lipcl_tensor_set_add(ctx, set, name, &tensor) == LIPCL_OK);
}

static struct lipcl_tensor_set *sample(void) {
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    add(set, "bytes \"quoted\" \xc3\xa9\n", LIPCL_U8, SHAPE(3), 1);
    add(set, "wide", LIPCL_F64, SHAPE(2, 3), 2);
    add(set, "half", LIPCL_F16, SHAPE(5), 3);
    add(set, "empty", LIPCL_F32, SHAPE(4, 0, 2), 4);
    add(set, "brain", LIPCL_BF16, SHAPE(1, 2, 3, 1, 1, 1, 1, 1), 5);
    add(set, "single", LIPCL_F32, SHAPE(7), 6);
    add(set, "scalar", LIPCL_I64, (struct lipcl_shape){0}, 7);
    cr_assert(lipcl_tensor_set_add_metadata(ctx, set, "key", "a \"value\"\t\xe2\x82\xac") == LIPCL_OK);
    return set;
}

Test(safetensors, what_is_saved_comes_back) {
    struct lipcl_tensor_set *set = sample(), *again;
    const char *path = write_file("saved.safetensors", "old", 3);
    cr_assert(lipcl_safetensors_save(ctx, path, set) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_expect(scratch_count() == 1, "the temporary file is gone");
    again = load(path);
    cr_assert(lipcl_tensor_set_count(again) == lipcl_tensor_set_count(set));
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        const struct lipcl_tensor *a = lipcl_tensor_set_tensor(set, i);
        const struct lipcl_tensor *b = lipcl_tensor_set_find(again, lipcl_tensor_set_name(set, i));
        cr_assert(b);
        cr_expect(a->dtype == b->dtype);
        cr_assert(lipcl_shape_equal(&a->shape, &b->shape));
        cr_expect(memcmp(a->data, b->data, lipcl_tensor_bytes(a)) == 0);
    }
    cr_expect(strcmp(lipcl_tensor_set_metadata(again, "key"), "a \"value\"\t\xe2\x82\xac") == 0);
    lipcl_tensor_set_destroy(&again);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, data_is_aligned_in_a_saved_file) {
    struct lipcl_tensor_set *set = sample();
    char text[4096] = "";
    const char *path = write_file("saved.safetensors", "", 0);
    cr_assert(lipcl_safetensors_save(ctx, path, set) == LIPCL_OK);
    FILE *file = fopen(path, "rb");
    cr_assert(fread(text, 1, sizeof text - 1, file) > 8);
    fclose(file);
    cr_expect(text[0] % 8 == 0, "the header's length is a multiple of 8");
    cr_expect(strstr(text + 8, "\"wide\":{\"dtype\":\"F64\",\"shape\":[2,3],\"data_offsets\":[0,48]}"), "%s", text + 8);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, an_empty_set_is_saved_and_read) {
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    const char *path = write_file("empty.safetensors", "", 0);
    cr_assert(lipcl_safetensors_save(ctx, path, set) == LIPCL_OK);
    lipcl_tensor_set_destroy(&set);
    set = load(path);
    cr_expect(lipcl_tensor_set_count(set) == 0);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, a_failed_save_leaves_the_old_file) {
    static const char *const names[] = {"not utf-8 \xff", "__metadata__"};
    for (size_t i = 0; i < 2; i++) {
        struct lipcl_tensor_set *set = sample();
        char content[4] = "";
        add(set, names[i], LIPCL_F32, SHAPE(1), 1);
        const char *path = write_file("kept.safetensors", "old", 3);
        cr_expect(lipcl_safetensors_save(ctx, path, set) == LIPCL_ERROR_ARGUMENT);
        cr_expect(strstr(lipcl_context_error(ctx), path));
        FILE *file = fopen(path, "rb");
        cr_expect(fread(content, 1, 4, file) == 3 && strcmp(content, "old") == 0);
        fclose(file);
        cr_expect(scratch_count() == 1);
        lipcl_tensor_set_destroy(&set);
    }
}

Test(safetensors, saving_where_no_folder_is_fails) {
    struct lipcl_tensor_set *set = sample();
    cr_expect(lipcl_safetensors_save(ctx, "/nonexistent/folder/a.safetensors", set) == LIPCL_ERROR_IO);
    cr_expect(strstr(lipcl_context_error(ctx), "/nonexistent/folder/a.safetensors"));
    lipcl_tensor_set_destroy(&set);
}

/* tensor_set_match(): the file's tensors against what a model wants. */

static struct lipcl_tensor_set *weights(const char *prefix, enum lipcl_dtype dtype) {
    struct lipcl_tensor_set *set = NULL;
    char name[64];
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    snprintf(name, sizeof name, "%sconv.weight", prefix);
    add(set, name, dtype, SHAPE(2, 3), 1);
    snprintf(name, sizeof name, "%sconv.bias", prefix);
    add(set, name, dtype, SHAPE(2), 1);
    for (size_t i = 0; i < 2; i++) {
        const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, i);
        memset(tensor->data, 0, lipcl_tensor_bytes(tensor));
    }
    return set;
}

static enum lipcl_status match(struct lipcl_tensor_set *set) {
    const struct lipcl_tensor *found[2];
    if (getenv("LIPCL_KEEP_FILES")) { /* a file that holds it */
        char path[512];
        snprintf(path, sizeof path, "%s/set.safetensors", scratch);
        cr_assert(lipcl_safetensors_save(ctx, path, set) == LIPCL_OK);
        keep_file(path);
    }
    const struct tensor_wanted wanted[2] = {{"conv.weight", SHAPE(2, 3)}, {"conv.bias", SHAPE(2)}};
    enum lipcl_status status = tensor_set_match(ctx, found, set, "weights.safetensors", wanted, 2);
    if (status == LIPCL_OK) {
        cr_expect(found[0] == lipcl_tensor_set_tensor(set, 0));
        cr_expect(found[1] == lipcl_tensor_set_tensor(set, 1));
    }
    return status;
}

Test(safetensors, wanted_tensors_are_found_with_and_without_module) {
    static const char *const prefixes[] = {"", "module."};
    static const enum lipcl_dtype dtypes[] = {LIPCL_F32, LIPCL_F16, LIPCL_BF16, LIPCL_F64};
    for (size_t i = 0; i < 8; i++) {
        struct lipcl_tensor_set *set = weights(prefixes[i % 2], dtypes[i / 2]);
        cr_expect(match(set) == LIPCL_OK, "%s", lipcl_context_error(ctx));
        cr_expect(strcmp(warnings, "") == 0, "%s", warnings);
        lipcl_tensor_set_destroy(&set);
    }
}

Test(safetensors, a_missing_tensor_is_named) {
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    add(set, "conv.weight", LIPCL_F32, SHAPE(2, 3), 1);
    cr_expect(match(set) == LIPCL_ERROR_NOT_FOUND);
    cr_expect(strcmp(lipcl_context_error(ctx),
                     "weights.safetensors: does not fit the model: tensor \"conv.bias\" [2] is missing") == 0);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, another_shape_is_named_with_both_shapes) {
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    add(set, "conv.weight", LIPCL_F32, SHAPE(3, 2), 1);
    add(set, "conv.bias", LIPCL_F32, SHAPE(2, 1), 1);
    cr_expect(match(set) == LIPCL_ERROR_SHAPE);
    cr_expect(strstr(lipcl_context_error(ctx), "tensor \"conv.weight\" should be [2,3], but is [3,2]; "
                                               "tensor \"conv.bias\" should be [2], but is [2,1]"));
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, another_dtype_is_named) {
    struct lipcl_tensor_set *set = weights("", LIPCL_I64);
    cr_expect(match(set) == LIPCL_ERROR_SHAPE);
    cr_expect(strstr(lipcl_context_error(ctx), "tensor \"conv.bias\" should be f32, f16, bf16 or f64, but is i64"));
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, extra_tensors_are_warned_of) {
    struct lipcl_tensor_set *set = weights("", LIPCL_F32);
    add(set, "optimizer\x1b[31m", LIPCL_F32, SHAPE(1), 1);
    cr_expect(match(set) == LIPCL_OK);
    cr_expect(strcmp(warnings, "weights.safetensors: unexpected tensors are ignored: \"optimizer?[31m\"\n") == 0, "%s",
              warnings);
    lipcl_tensor_set_destroy(&set);
}

Test(safetensors, nan_and_infinity_in_weights_are_warned_of) {
    static const struct {
        enum lipcl_dtype dtype;
        uint64_t bits;
    } cases[] = {{LIPCL_F32, 0x7fc00000},
                 {LIPCL_F32, 0xff800000},
                 {LIPCL_F16, 0x7c01},
                 {LIPCL_F16, 0xfc00},
                 {LIPCL_BF16, 0x7fc0},
                 {LIPCL_BF16, 0xff80},
                 {LIPCL_F64, 0x7ff8000000000000},
                 {LIPCL_F64, 0xfff0000000000000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lipcl_tensor_set *set = weights("", cases[i].dtype);
        size_t bytes = lipcl_dtype_bytes(cases[i].dtype);
        warnings[0] = '\0';
        memcpy((char *)lipcl_tensor_set_tensor(set, 0)->data + 4 * bytes, &cases[i].bits, bytes);
        cr_expect(match(set) == LIPCL_OK);
        cr_expect(strcmp(warnings, "weights.safetensors: NaN or infinity in \"conv.weight\" (element 4)\n") == 0, "%s",
                  warnings);
        lipcl_tensor_set_destroy(&set);
    }
}

Test(safetensors, a_long_list_of_faults_is_cut_with_a_count) {
    struct tensor_wanted wanted[200];
    const struct lipcl_tensor *found[200];
    char names[200][64];
    struct lipcl_tensor_set *set = NULL;
    cr_assert(lipcl_tensor_set_create(ctx, &set) == LIPCL_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "a.rather.long.name.of.a.tensor.%d", i);
        wanted[i] = (struct tensor_wanted){names[i], SHAPE(1)};
    }
    cr_expect(tensor_set_match(ctx, found, set, "w", wanted, 200) == LIPCL_ERROR_NOT_FOUND);
    const char *more = strstr(lipcl_context_error(ctx), "; and ");
    cr_assert(more);
    cr_expect(strtol(more + 6, NULL, 10) > 100);
    cr_expect(strstr(more, " more") && strlen(strstr(more, " more")) == 5);
    lipcl_tensor_set_destroy(&set);
}
