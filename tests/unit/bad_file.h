/* bad_file.h: for the tests of what files do to the readers: a scratch folder, a context that keeps its warnings, and the
 * rule that a bad file gets a typed error naming file and reason, within a second, in bounded memory, leaving nothing. */
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
