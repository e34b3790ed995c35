#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lipcl/lipcl.h>

#include "support/test_devices.h"

extern char **environ;

/* The test's own environment without what would change the program's answers, and `extra` before it: the first one wins. */
static char **make_environment(const char *const *extra) {
    static const char *const unwanted[] = {"LIPCL_DEVICE=", "LIPCL_DATA_DIR=", "LIPCL_KERNEL_DIR=", "NO_COLOR="};
    size_t count = 0, used = 0;
    while (environ[count]) count++;
    for (size_t i = 0; extra && extra[i]; i++) count++;
    char **environment = calloc(count + 1, sizeof *environment);
    cr_assert_not_null(environment);
    for (size_t i = 0; extra && extra[i]; i++) environment[used++] = strdup(extra[i]);
    for (size_t i = 0; environ[i]; i++) {
        size_t name = strcspn(environ[i], "=") + 1, skip = 0;
        for (size_t k = 0; k < sizeof unwanted / sizeof *unwanted; k++) skip |= strncmp(environ[i], unwanted[k], name) == 0;
        for (size_t k = 0; extra && extra[k]; k++) skip |= strncmp(environ[i], extra[k], name) == 0;
        if (!skip) environment[used++] = strdup(environ[i]);
    }
    return environment;
}

struct program_run program_run(const char *const *arguments, const char *const *environment) {
    char out[] = "/tmp/lipcl-out-XXXXXX", err[] = "/tmp/lipcl-err-XXXXXX";
    int out_descriptor = mkstemp(out), err_descriptor = mkstemp(err), status;
    cr_assert(out_descriptor >= 0 && err_descriptor >= 0);
    size_t count = 0;
    while (arguments[count]) count++;
    char **argv = calloc(count + 2, sizeof *argv);
    argv[0] = strdup("lipcl");
    for (size_t i = 0; i < count; i++) argv[i + 1] = strdup(arguments[i]);
    char **variables = make_environment(environment);
    posix_spawn_file_actions_t actions;
    pid_t process;
    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, out_descriptor, 1), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, err_descriptor, 2), 0);
    cr_assert_eq(posix_spawn(&process, LIPCL_PROGRAM, &actions, NULL, argv, variables), 0, "%s", LIPCL_PROGRAM);
    cr_assert_eq(waitpid(process, &status, 0), process);
    posix_spawn_file_actions_destroy(&actions);
    struct program_run run = {
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .out = get_file(out), .err = get_file(err)};
    close(out_descriptor);
    close(err_descriptor);
    unlink(out);
    unlink(err);
    for (size_t i = 0; argv[i]; i++) free(argv[i]);
    for (size_t i = 0; variables[i]; i++) free(variables[i]);
    free(argv);
    free(variables);
    return run;
}

void program_run_finish(struct program_run *run) {
    free(run->out);
    free(run->err);
    *run = (struct program_run){0};
}

json_t *program_json(const struct program_run *run) {
    json_error_t error;
    json_t *document = json_loads(run->out, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(document, "stdout is no JSON document: %s (line %d)\n%s\n%s", error.text, error.line, run->out,
                       run->err);
    cr_assert_eq(json_integer_value(json_object_get(document, "exit_status")), run->status);
    return document;
}

char *test_folder_make(void) {
    char folder[] = "/tmp/lipcl-test-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    return strdup(folder);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void test_folder_remove(char **folder) {
    cr_expect_eq(nftw(*folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(*folder);
    *folder = NULL;
}

const char *in_folder(const char *folder, const char *name) {
    static char paths[32][512]; /* of one test, which is a process of its own */
    static size_t used;
    cr_assert_lt(used, sizeof paths / sizeof *paths, "a test names more files than there is room for");
    char *path = paths[used++];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void put_file(const char *path, const char *content) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    cr_assert(fputs(content, file) >= 0 && fclose(file) == 0, "%s", path);
}

void put_clip(const char *path, size_t first, size_t frames) {
    struct lipcl_context *ctx = test_context();
    struct lipcl_tensor *all = NULL;
    cr_assert(lipcl_npy_load(ctx, &all, TEST_DATA_DIR "/reference/frames.npy") == LIPCL_OK);
    cr_assert_leq(first + frames, all->shape.dims[0]);
    size_t frame_bytes = lipcl_tensor_bytes(all) / all->shape.dims[0];
    struct lipcl_tensor part = {all->dtype, all->shape, (unsigned char *)all->data + first * frame_bytes};
    part.shape.dims[0] = frames;
    cr_assert(lipcl_npy_save(ctx, path, &part) == LIPCL_OK);
    lipcl_tensor_destroy(&all);
    lipcl_context_destroy(&ctx);
}

char *get_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    char *content = NULL;
    size_t bytes = 0, room = 0, got;
    do {
        room += 65536;
        content = realloc(content, room + 1);
        cr_assert_not_null(content);
        got = fread(content + bytes, 1, room - bytes, file);
        bytes += got;
    } while (got);
    content[bytes] = '\0';
    fclose(file);
    return content;
}

const char *program_device(void) {
    static char selector[32];
    struct program_run run = RUN("devices", "--json");
    json_t *document = program_json(&run), *listed;
    size_t index;
    json_array_foreach(json_object_get(document, "devices"), index, listed) {
        const char *select = json_string_value(json_object_get(listed, "select"));
        bool usable = json_is_true(json_object_get(listed, "usable")) && strcmp(select, "host") != 0;
        if (usable && !*selector) snprintf(selector, sizeof selector, "%s", select);
    }
    cr_assert(*selector, "these tests need an OpenCL device, such as pocl-opencl-icd's: %s", run.out);
    json_decref(document);
    program_run_finish(&run);
    return selector;
}
