/* CLBlast's parameters as a record, which may come from anywhere. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "plan/tuning.h"
#include "support/kept_messages.h"
#include "support/program.h"

static char *folder;
static struct lipcl_context *ctx;
static const struct lipcl_device_info info = {
    .name = "N", .vendor = "V", .version = "OpenCL 1.2", .driver = "7", .platform = "P"};

static const char *name(void) {
    return "libclblast.so.9";
}

static const char *other_name(void) {
    return "libclblast.so.8";
}

static const struct device_caps caps = {
    .max_work_group = 256, .max_work_items = {256, 256, 256}, .local_bytes = 48 << 10, .clblast_name = name};

static void setup(void) {
    struct lipcl_context_params params = {.log = keep_message, .log_level = LIPCL_LOG_INFO};
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

TestSuite(tuning_blast, .init = setup, .fini = teardown);

static struct tuning_record record_of(char *layer, struct blast_choice choice) {
    struct tuning_record record;
    tuning_blast_record(&record, layer, &caps, &choice);
    return record;
}

/* What a plan makes of the record, through its file. */
static struct blast_choice through_file(const struct tuning_record *record, const struct device_caps *of) {
    struct tuning_file file = {0};
    struct blast_choice choice = {0};
    cr_assert(tuning_file_put(ctx, &file, &info, record));
    tuning_file_finish(&file);
    cr_assert(tuning_file_load(ctx, &file, &info) == LIPCL_OK);
    messages[0] = '\0';
    tuning_blast(ctx, &file, of, &choice);
    tuning_file_finish(&file);
    return choice;
}

static void expect_none(const struct tuning_record *record, const struct device_caps *of, const char *said) {
    struct blast_choice choice = through_file(record, of);
    cr_expect(choice.xgemm == 0 && choice.direct == 0 && choice.min_indirect == 0);
    cr_expect(*said ? strstr(messages, said) != NULL : !*messages, "\"%s\" is not in \"%s\"", said, messages);
}

Test(tuning_blast, a_choice_comes_back) {
    char layer[TUNING_BLAST_BYTES];
    struct tuning_record record = record_of(layer, (struct blast_choice){2, 3, 77});
    cr_expect_str_eq(layer, "clblast: libclblast.so.9");
    struct blast_choice choice = through_file(&record, &caps);
    cr_expect(choice.xgemm == 2 && choice.direct == 3 && choice.min_indirect == 77);
}

Test(tuning_blast, its_own_parameters_are_a_record_without_values) {
    char layer[TUNING_BLAST_BYTES];
    struct tuning_record record = record_of(layer, (struct blast_choice){0});
    cr_expect_eq(record.value_count, 0);
    expect_none(&record, &caps, "");
}

Test(tuning_blast, another_clblast_is_not_meant) {
    char layer[TUNING_BLAST_BYTES];
    struct device_caps other = caps;
    other.clblast_name = other_name;
    struct tuning_record record = record_of(layer, (struct blast_choice){1, 1, 1});
    expect_none(&record, &other, "");
}

Test(tuning_blast, what_is_wrong_is_ignored) {
    char layer[TUNING_BLAST_BYTES];
    const struct tuning_record good = record_of(layer, (struct blast_choice){1, 1, 1});
    struct tuning_record record = good;
    record.values[0].value = 1000;
    expect_none(&record, &caps, "none that this device can have");
    record = good;
    strcpy(record.values[1].knob, "XGEMM");
    expect_none(&record, &caps, "none that this device can have");
    record = good;
    record.value_count = 2;
    expect_none(&record, &caps, "none that this device can have");
    record = good;
    record.value_count = 4;
    record.values[3] = (struct tuning_value){"MDIMC", 7};
    expect_none(&record, &caps, "none that this device can have");
    record = good;
    record.build ^= 1;
    expect_none(&record, &caps, "not those that were measured");
    record = good;
    strcpy(record.lowering, "gru_clblast");
    expect_none(&record, &caps, "names gru_clblast");
    struct device_caps small = caps;
    small.max_work_group = 8;
    expect_none(&good, &small, "none that this device can have");
}
