/* program.h: running the program as a user does. */
#ifndef LIPCL_TESTS_PROGRAM_H
#define LIPCL_TESTS_PROGRAM_H

#include <stddef.h>

#include <jansson.h>

struct program_run {
    int status; /* of the exit; 128 + the signal's number when it was killed */
    char *out, *err;
};

/* Runs lipcl. `arguments` and `environment` ("NAME=value", beside the test's own) end with NULL; `environment` may be NULL. */
struct program_run program_run(const char *const *arguments, const char *const *environment);
void program_run_finish(struct program_run *run);

/* The same with the arguments in a row. */
#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, NULL)

/* The one JSON document that stdout must be; the test fails otherwise. The caller releases it with json_decref(). */
json_t *program_json(const struct program_run *run);

/* A new folder for a test's files; removed with all in it by test_folder_remove(). */
char *test_folder_make(void);
void test_folder_remove(char **folder);

/* "FOLDER/NAME" in memory that lives until the test ends. */
const char *in_folder(const char *folder, const char *name);

/* Makes a file of that content. */
void put_file(const char *path, const char *content);

/* Makes a short clip, an npy of u8 [frames,64,128,3], of the test data's frames from number `first` on. */
void put_clip(const char *path, size_t first, size_t frames);

/* The whole file with a NUL behind it, for free(); NULL when there is no such file. */
char *get_file(const char *path);

/* The first usable OpenCL device, in memory that lives until the test ends; a machine without one fails the test. */
const char *program_device(void);

#endif
