/* lipcl tune as a user meets it: records, what uses them, and Ctrl-C. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/program.h"

enum { FRAMES = 3, LAYERS = 6 };

static char *folder, *cache;
static const char *clip;

static void setup(void) {
    folder = test_folder_make();
    cache = test_folder_make();
    setenv("XDG_CACHE_HOME", cache, 1);
    unsetenv("LIPCL_TUNING");
    clip = in_folder(folder, "short.npy");
    put_clip(clip, 20, FRAMES);
}

static void teardown(void) {
    test_folder_remove(&folder);
    test_folder_remove(&cache);
}

TestSuite(program_tune, .init = setup, .fini = teardown, .timeout = 500);

static size_t count_of(json_t *document, const char *key) {
    json_t *array = json_object_get(document, key);
    cr_assert(json_is_array(array), "%s", key);
    return json_array_size(array);
}

/* The path of the cache's file of records; NULL when there is none. */
static const char *record_file(void) {
    static char path[512];
    bool found = false;
    snprintf(path, sizeof path, "%s/lipcl", cache);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strncmp(entry->d_name, "tuning-", 7) != 0) continue;
        if (strcmp(entry->d_name + strlen(entry->d_name) - 5, ".json") != 0) continue;
        snprintf(path, sizeof path, "%s/lipcl/%.200s", cache, entry->d_name);
        found = true;
    }
    if (directory) closedir(directory);
    return found ? path : NULL;
}

static json_t *read_records(void) {
    const char *path = record_file();
    cr_assert_not_null(path, "there are no records");
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(document, "%s", path);
    return document;
}

static char *read_clip(const char *const *environment, char **err) {
    struct program_run run =
        program_run((const char *const[]){"read", clip, "--device", "cpu", "--json", "-v", NULL}, environment);
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *first = json_array_get(json_object_get(document, "clips"), 0);
    char *text = strdup(json_string_value(json_object_get(json_array_get(json_object_get(first, "texts"), 0), "text")));
    json_decref(document);
    *err = strdup(run.err);
    program_run_finish(&run);
    return text;
}

static void expect_reading(const char *wanted, const char *const *environment, const char *said, const char *unsaid) {
    char *err, *got = read_clip(environment, &err);
    cr_expect_str_eq(got, wanted);
    cr_expect(!said || strstr(err, said), "\"%s\" is not in %s", said, err);
    cr_expect(!unsaid || !strstr(err, unsaid), "\"%s\" is in %s", unsaid, err);
    free(got);
    free(err);
}

Test(program_tune, records_are_used_and_forgotten) {
    static const char *const without[] = {"LIPCL_TUNING=0", NULL};
    char *err, *wanted = read_clip(NULL, &err);
    struct program_run run = RUN("tune", "--frames", "3", "--candidates", "2", "--budget", "1000", "--device", "cpu", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_expect_str_eq(run.err, "");
    json_t *document = program_json(&run);
    cr_expect_eq(count_of(document, "layers"), LAYERS);
    for (size_t i = 0; i < LAYERS; i++) {
        json_t *layer = json_array_get(json_object_get(document, "layers"), i);
        cr_expect(json_is_true(json_object_get(layer, "kept")), "layer %zu", i);
        cr_expect(json_integer_value(json_object_get(layer, "candidates")) <= 2, "layer %zu", i);
        cr_expect(json_number_value(json_object_get(layer, "ms")) <= json_number_value(json_object_get(layer, "default_ms")));
    }
    json_decref(document);
    program_run_finish(&run);

    expect_reading(wanted, NULL, "tuning: conv2 is done by ", "warning");
    expect_reading(wanted, without, NULL, "tuning: ");
    run = RUN("tune", "--list", "--device", "cpu", "--json");
    document = program_json(&run);
    cr_expect_eq(count_of(document, "records"), LAYERS);
    json_decref(document);
    program_run_finish(&run);
    run = RUN("devices", "--json");
    cr_expect(strstr(run.out, "\"tuned_layers\": 6"), "%s", run.out);
    program_run_finish(&run);

    cr_assert_eq(truncate(record_file(), 1000), 0);
    expect_reading(wanted, NULL, "is no whole JSON document, and ignored", "is done by");
    run = RUN("tune", "--forget", "--device", "cpu");
    cr_expect_eq(run.status, 0);
    cr_expect_null(record_file());
    program_run_finish(&run);
    expect_reading(wanted, NULL, NULL, "tuning: ");
    free(err);
    free(wanted);
}

static pid_t start(const char *err) {
    pid_t process = fork();
    if (process == 0) {
        int out = open("/dev/null", O_WRONLY), errors = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(errors, 2);
        execl(LIPCL_PROGRAM, "lipcl", "tune", "--frames", "3", "--candidates", "2", "--budget", "1000", "--device", "cpu",
              (char *)NULL);
        _exit(127);
    }
    cr_assert(process > 0);
    return process;
}

Test(program_tune, an_interrupted_search_keeps_the_layers_that_are_done) {
    const char *err = in_folder(folder, "err");
    int status;
    pid_t process = start(err);
    while (!record_file() && waitpid(process, &status, WNOHANG) == 0) usleep(2000);
    cr_assert_eq(kill(process, SIGINT), 0, "it has ended before");
    cr_assert_eq(waitpid(process, &status, 0), process);
    char *said = get_file(err);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x: %s", (unsigned)status, said);
    json_t *records = read_records();
    size_t count = count_of(records, "records");
    char expected[64];
    snprintf(expected, sizeof expected, "interrupted: %zu of 6 layers are done", count);
    cr_expect(count >= 1 && count < LAYERS, "%zu", count);
    cr_expect(strstr(said, expected), "\"%s\" is not in %s", expected, said);
    json_decref(records);
    free(said);
}

Test(program_tune, command_lines_that_make_no_sense) {
    static const char *const wrong[][4] = {
        {"--budget", "0"},     {"--budget", "-1"},     {"--budget", "much"},
        {"--batch", "0"},      {"--frames", "-5"},     {"--seed", "x"},
        {"--candidates", "0"}, {"--list", "--forget"}, {"a.safetensors", "--model", "b.safetensors"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct program_run run = program_run((const char *const[]){"tune", wrong[i][0], wrong[i][1], wrong[i][2], NULL}, NULL);
        cr_expect_eq(run.status, 2, "%s %s: %s", wrong[i][0], wrong[i][1], run.err);
        program_run_finish(&run);
    }
    struct program_run run = RUN("tune", "--device", "host");
    cr_expect_eq(run.status, 1);
    cr_expect(strstr(run.err, "host has one way to do a layer"), "%s", run.err);
    program_run_finish(&run);
    run = RUN("tune", "--device", "cpu", "--import", "/nonexistent.json");
    cr_expect_eq(run.status, 1);
    cr_expect(strstr(run.err, "/nonexistent.json: cannot open"), "%s", run.err);
    program_run_finish(&run);
}
