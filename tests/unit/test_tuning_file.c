/* The tuner's records: kept, merged, and read as if anyone had written them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "base/cache.h"
#include "plan/tuning.h"
#include "support/kept_messages.h"
#include "support/program.h"

static char *folder;
static struct lipcl_context *ctx;
static const struct lipcl_device_info info = {
    .name = "A D\xc3\xa9vice", .vendor = "V", .version = "OpenCL 1.2", .driver = "7.0\nbeta", .platform = "P"};

static void setup(void) {
    struct lipcl_context_params params = {.log = keep_message};
    folder = test_folder_make();
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("LIPCL_CACHE");
    messages[0] = '\0';
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
}

static void teardown(void) {
    lipcl_context_destroy(&ctx);
    test_folder_remove(&folder);
}

TestSuite(tuning_file, .init = setup, .fini = teardown);

static struct tuning_record record_of(char *layer) {
    return (struct tuning_record){
        .layer = layer,
        .lowering = "conv3d_direct",
        .value_count = 2,
        .values = {{"VEC", 8}, {"TILE_W", 3}},
        .build = UINT64_C(0xfedcba9876543210),
        .ms = 1.5,
        .default_lowering = "conv3d_winograd",
        .default_ms = 2.25,
        .candidates = 17,
    };
}

static void put(struct tuning_file *file, char *layer) {
    struct tuning_record record = record_of(layer);
    cr_assert(tuning_file_put(ctx, file, &info, &record));
}

static size_t loaded(const struct lipcl_device_info *of) {
    struct tuning_file file;
    cr_assert(tuning_file_load(ctx, &file, of) == LIPCL_OK);
    size_t count = file.count;
    tuning_file_finish(&file);
    return count;
}

Test(tuning_file, comes_back_as_it_went) {
    struct tuning_file file = {0};
    cr_expect_eq(loaded(&info), 0);
    put(&file, "conv3d: [1] -> [1]");
    tuning_file_finish(&file);
    cr_assert(tuning_file_load(ctx, &file, &info) == LIPCL_OK);
    cr_assert_eq(file.count, 1);
    const struct tuning_record *got = tuning_file_find(&file, "conv3d: [1] -> [1]"), wanted = record_of("");
    cr_assert_not_null(got);
    cr_expect_null(tuning_file_find(&file, "conv3d: [1] -> [2]"));
    cr_expect_str_eq(got->lowering, wanted.lowering);
    cr_expect_str_eq(got->default_lowering, wanted.default_lowering);
    cr_expect_eq(got->build, wanted.build);
    cr_expect(got->ms == wanted.ms && got->default_ms == wanted.default_ms && got->candidates == wanted.candidates);
    cr_assert_eq(got->value_count, 2);
    cr_expect(strcmp(got->values[0].knob, "VEC") == 0 && got->values[0].value == 8);
    cr_expect(strcmp(got->values[1].knob, "TILE_W") == 0 && got->values[1].value == 3);
    cr_expect_str_eq(messages, "");
    tuning_file_finish(&file);
}

Test(tuning_file, keeps_what_others_wrote_and_replaces_its_own) {
    struct tuning_file first, second;
    struct tuning_record newer = record_of("a");
    cr_assert(tuning_file_load(ctx, &first, &info) == LIPCL_OK);
    cr_assert(tuning_file_load(ctx, &second, &info) == LIPCL_OK);
    put(&first, "a");
    put(&second, "b"); /* loaded before the other wrote */
    newer.value_count = 0;
    newer.ms = 1;
    cr_assert(tuning_file_put(ctx, &first, &info, &newer));
    cr_expect_eq(first.count, 2);
    cr_expect_eq(loaded(&info), 2);
    cr_expect_eq(tuning_file_find(&first, "a")->value_count, 0);
    cr_expect_eq(tuning_file_find(&first, "b")->value_count, 2);
    tuning_file_finish(&first);
    tuning_file_finish(&second);
    tuning_file_forget(&info);
    cr_expect_eq(loaded(&info), 0);
}

Test(tuning_file, belongs_to_one_driver) {
    struct tuning_file file = {0};
    struct lipcl_device_info other = info;
    put(&file, "a");
    snprintf(other.driver, sizeof other.driver, "7.1");
    cr_expect_eq(loaded(&other), 0);
    cr_expect_str_eq(messages, "", "it has none, that is all");
    tuning_file_forget(&other);
    cr_expect_eq(loaded(&info), 1);
    tuning_file_finish(&file);
}

/* Changes of a file with two records: how many are left, and what is said. */
static const struct doctored {
    const char *from, *to;
    size_t left;
    const char *said;
} doctored[] = {
    {"}\n  ]\n}", "", 0, "is no whole JSON document"},
    {"\"records\"", "records", 0, "is no whole JSON document"},
    {"lipcl tuning 1", "lipcl tuning 2", 0, "is no file of tuning records"},
    {"\"records\"", "\"others\"", 0, "is no file of tuning records"},
    {"\"driver 7.0", "\"driver 7.1", 0, "is about another device"},
    {"\"vendor V\",", "", 0, "is about another device"},
    {"\"device\"", "\"devices\"", 0, "is about another device"},
    {"\"layer\": \"a\"", "\"layer\": 7", 1, "1 of 2 records"},
    {"\"layer\": \"a\"", "\"layer\": \"\"", 1, "1 of 2 records"},
    {"\"layer\": \"a\"", "\"layer\": \"\\u001b[2J\"", 1, "1 of 2 records"},
    {"\"lowering\": \"conv3d_direct\"", "\"lowering\": \"a name that no lowering of any operator can have\"", 1, "1 of 2"},
    {"\"VEC\": 8", "\"VEC\": 0", 1, "1 of 2 records"},
    {"\"VEC\": 8", "\"VEC\": -8", 1, "1 of 2 records"},
    {"\"VEC\": 8", "\"VEC\": 1e9", 1, "1 of 2 records"},
    {"\"VEC\": 8", "\"VEC\": 99999999999", 1, "1 of 2 records"},
    {"\"VEC\": 8", "\"V\\nEC\": 8", 1, "1 of 2 records"},
    {"\"VEC\": 8", "\"A\":1,\"B\":1,\"C\":1,\"D\":1,\"E\":1,\"F\":1,\"G\":1,\"H\":1", 1, "1 of 2 records"},
    {"fedcba9876543210", "fedcba98765432z0", 1, "1 of 2 records"},
    {"fedcba9876543210", "", 1, "1 of 2 records"},
};

Test(tuning_file, a_doctored_file_is_a_warning) {
    struct tuning_file file = {0};
    put(&file, "a");
    put(&file, "b");
    char *whole = get_file(in_folder(in_folder(folder, "lipcl"), file.name)), text[8192];
    cr_assert_not_null(whole);
    for (size_t i = 0; i < sizeof doctored / sizeof *doctored; i++) {
        const struct doctored *change = &doctored[i];
        const char *at = strstr(whole, change->from);
        cr_assert_not_null(at, "%s is not in %s", change->from, whole);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, change->to, at + strlen(change->from));
        cr_assert(cache_write(file.name, text, strlen(text)));
        messages[0] = '\0';
        cr_expect_eq(loaded(&info), change->left, "change %zu: %s", i, change->to);
        cr_expect(strstr(messages, change->said) && strstr(messages, file.name), "change %zu: %s", i, messages);
        for (const char *c = messages; *c; c++) cr_expect(*c == '\n' || (*c >= 0x20 && *c < 0x7f), "change %zu", i);
    }
    cr_assert(cache_write(file.name, whole, strlen(whole) - 1));
    cr_expect_eq(loaded(&info), 0, "truncated by its last character");
    put(&file, "c");
    cr_expect_eq(loaded(&info), 1, "what could not be read is written anew");
    free(whole);
    tuning_file_finish(&file);
}

Test(tuning_file, a_file_from_elsewhere_can_be_imported) {
    struct tuning_file file = {0}, imported;
    struct lipcl_device_info other = {.name = "Another"};
    struct tuning_record record = record_of("a");
    cr_assert(tuning_file_put(ctx, &file, &other, &record));
    const char *path = in_folder(in_folder(folder, "lipcl"), file.name);
    cr_expect_eq(loaded(&info), 0);
    cr_assert(tuning_file_import(ctx, &imported, path) == LIPCL_OK);
    cr_expect(imported.count == 1 && tuning_file_find(&imported, "a"));
    tuning_file_finish(&imported);
    cr_expect(tuning_file_import(ctx, &imported, in_folder(folder, "none")) == LIPCL_ERROR_NOT_FOUND);
    put_file(path, "[1, 2");
    cr_expect(tuning_file_import(ctx, &imported, path) == LIPCL_ERROR_FORMAT);
    tuning_file_finish(&file);
}

Test(tuning_file, a_choice_has_to_be_one) {
    const struct op_def *op = op_find("conv3d");
    struct tuning_record record = record_of("a");
    struct tuning tuning;
    struct arena arena = {0};
    const struct lowering *lowering = tuning_record_choice(ctx, &record, op, "conv1", &tuning);
    cr_assert_not_null(lowering);
    cr_expect_str_eq(lowering->name, "conv3d_direct");
    cr_expect_str_eq(tuning_text(&arena, lowering, &tuning), "VEC=8 TILE_W=3");
    cr_expect_str_eq(messages, "");
    record.values[1].value = 7;
    cr_expect_null(tuning_record_choice(ctx, &record, op, "conv1", &tuning));
    cr_expect(strstr(messages, "conv1: TILE_W=7 is no choice that conv3d_direct has"), "%s", messages);
    record = record_of("a");
    strcpy(record.values[0].knob, "UNROLL");
    cr_expect_null(tuning_record_choice(ctx, &record, op, "conv1", &tuning));
    strcpy(record.lowering, "conv3d");
    cr_expect_null(tuning_record_choice(ctx, &record, op, "conv1", &tuning));
    cr_expect(strstr(messages, "conv1: the record names conv3d, which is no lowering of conv3d"), "%s", messages);
    cr_expect_null(tuning_record_choice(ctx, &record, op_find("gru"), "gru1", &tuning));
    arena_finish(&arena);
}
