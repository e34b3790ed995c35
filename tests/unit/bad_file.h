/* bad_file.h: for the tests of what files do to the readers: a scratch folder, a context that keeps its warnings, and the
 * rule that a bad file gets a typed error naming file and reason, within a second, in bounded memory, leaving nothing.
 *
 * With LIPCL_KEEP_FILES=FOLDER in the environment, the files that the tests give to the readers are also copied there, named
 * after their tests: the fuzzers start from them (tests/fuzz/README.md). */
#ifndef LIPCL_TESTS_BAD_FILE_H
#define LIPCL_TESTS_BAD_FILE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lipcl/context.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1 /* clang's way to say what gcc says like this */
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
enum { MEMORY_IS_REAL = 0 }; /* the sanitizer's shadow and quarantine are not the library's memory */
#else
enum { MEMORY_IS_REAL = 1 };
#endif

static struct lipcl_context *ctx;
static char scratch[256];      /* the folder */
static char scratch_path[512]; /* the file in it that write_file() wrote last */
static char warnings[8192];

static void keep_warning(void *user, enum lipcl_log_level level, const char *message) {
    (void)user;
    if (level != LIPCL_LOG_WARN) return;
    size_t used = strlen(warnings);
    snprintf(warnings + used, sizeof warnings - used, "%s\n", message);
}

static inline void scratch_open(void) {
    const char *parent = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/lipcl-test-XXXXXX", parent ? parent : "/tmp");
    cr_assert(mkdtemp(scratch), "cannot make %s", scratch);
    cr_assert(lipcl_context_create(&ctx, &(struct lipcl_context_params){.log = keep_warning}) == LIPCL_OK);
}

static inline size_t scratch_count(void) {
    size_t count = 0;
    DIR *dir = opendir(scratch);
    cr_assert(dir);
    for (struct dirent *entry; (entry = readdir(dir));) count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(dir);
    return count;
}

static inline void scratch_close(void) {
    char path[1024];
    lipcl_context_destroy(&ctx);
    DIR *dir = opendir(scratch);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", scratch, entry->d_name);
        unlink(path);
    }
    if (dir) closedir(dir);
    rmdir(scratch);
}

static inline const char *write_file(const char *name, const void *data, size_t bytes) {
    snprintf(scratch_path, sizeof scratch_path, "%s/%s", scratch, name);
    FILE *file = fopen(scratch_path, "wb");
    cr_assert(file, "cannot write %s", scratch_path);
    cr_assert(fwrite(data, 1, bytes, file) == bytes);
    cr_assert(fclose(file) == 0);
    return scratch_path;
}

static inline void copy_into(FILE *to, const char *path) {
    char buffer[65536];
    FILE *from = fopen(path, "rb");
    cr_assert(from, "cannot read %s", path);
    for (size_t bytes; (bytes = fread(buffer, 1, sizeof buffer, from)) > 0;) cr_assert(fwrite(buffer, 1, bytes, to) == bytes);
    fclose(from);
}

/* A folder as one file: for each of its files a line "NAME BYTES" and the bytes (tests/fuzz/fuzz.h reads it). */
static inline void copy_folder_into(FILE *to, const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
            fprintf(to, "%s %lld\n", entries[i]->d_name, (long long)info.st_size);
            copy_into(to, path);
        }
        free(entries[i]);
    }
    free(entries);
}

/* Copies a file or folder to where LIPCL_KEEP_FILES says, as SUITE-TEST-NUMBER.EXTENSION. */
static inline void keep_file(const char *path) {
    static unsigned number; /* each test is a process */
    const char *folder = getenv("LIPCL_KEEP_FILES"), *slash = strrchr(path, '/'), *dot = slash ? strrchr(slash, '.') : NULL;
    struct stat info;
    char kept[1024];
    if (!folder || stat(path, &info) != 0 || S_ISFIFO(info.st_mode)) return;
    snprintf(kept, sizeof kept, "%s/%s-%s-%02u%s", folder, criterion_current_test->category, criterion_current_test->name,
             ++number,
             S_ISDIR(info.st_mode) ? ".folder"
             : dot                 ? dot
                                   : "");
    FILE *to = fopen(kept, "wb");
    cr_assert(to, "cannot write %s", kept);
    if (S_ISDIR(info.st_mode))
        copy_folder_into(to, path);
    else
        copy_into(to, path);
    cr_assert(fclose(to) == 0);
}

/* A line of /proc/self/status in bytes: VmRSS is the memory in use, VmHWM its peak. */
static inline size_t memory_bytes(const char *key) {
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) kib = strtoul(line + strlen(key) + 1, NULL, 10);
    fclose(file);
    return kib * 1024;
}

struct watch {
    struct timespec start;
    size_t memory, entries;
    bool has_memory;
};

static inline struct watch watch_start(void) {
    struct watch watch = {.entries = scratch_count()};
    FILE *file = fopen("/proc/self/clear_refs", "w"); /* "5" sets the peak back to the memory in use */
    watch.has_memory = file && fputs("5", file) >= 0;
    if (file && fclose(file) != 0) watch.has_memory = false;
    watch.memory = memory_bytes("VmHWM");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &watch.start);
    return watch;
}

/* What holds of every bad file, once its reader has returned `status`. */
static inline void expect_refused(const struct watch *watch, const char *path, enum lipcl_status status,
                                  enum lipcl_status wanted, const char *reason) {
    struct timespec end;
    struct stat info;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    size_t peak = memory_bytes("VmHWM") - watch->memory;
    double seconds = (double)(end.tv_sec - watch->start.tv_sec) + 1e-9 * (double)(end.tv_nsec - watch->start.tv_nsec);
    const char *sentence = lipcl_context_error(ctx);
    keep_file(path);
    cr_expect(status == wanted, "wanted \"%s\", got \"%s\": %s", lipcl_status_name(wanted), lipcl_status_name(status),
              sentence);
    cr_expect(strstr(sentence, path), "the file is not named: %s", sentence);
    cr_expect(strstr(sentence, reason), "the reason \"%s\" is not given: %s", reason, sentence);
    cr_expect(seconds < 1.0 || !MEMORY_IS_REAL, "took %.2f s of processor time", seconds);
    size_t size = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
    if (MEMORY_IS_REAL && watch->has_memory) cr_expect(peak <= 2 * size + (16 << 20), "%zu bytes of memory", peak);
    cr_expect(scratch_count() == watch->entries, "something was left in the folder");
}

#endif
