#include "fuzz.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1 /* clang's way to say what gcc says like this */
#endif
#endif
enum { MAX_FILES = 32, MAX_NAME = 64, ALLOWANCE = 16 << 20 };

static char folder[256];

void require(bool holds, const char *format, ...) {
    if (holds) return;
    va_list args;
    va_start(args, format);
    fputs("fuzz: broken: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

static void remove_files(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static void remove_folder(void) {
    char inner[sizeof folder + 8];
    snprintf(inner, sizeof inner, "%s/folder", folder);
    remove_files(inner);
    remove_files(folder);
}

const char *fuzz_path(const char *name) {
    static char paths[4][sizeof folder + MAX_NAME + 1];
    static unsigned next;
    if (!*folder) {
        const char *parent = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/lipcl-fuzz-XXXXXX", parent ? parent : "/tmp");
        require(mkdtemp(folder) != NULL, "cannot make %s", folder);
        atexit(remove_folder);
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "wb");
    require(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "cannot write %s", path);
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    const char *path = fuzz_path("input");
    write_file(path, data, size);
    return path;
}

const char *fuzz_folder(const uint8_t *data, size_t size) {
    const char *path = fuzz_path("folder");
    const uint8_t *end = data + size;
    remove_files(path);
    require(mkdir(path, 0700) == 0, "cannot make %s", path);
    for (int i = 0; i < MAX_FILES && data < end; i++) {
        char line[MAX_NAME + 24] = "", name[MAX_NAME], file[sizeof folder + 2 * MAX_NAME];
        unsigned long long bytes = 0;
        const uint8_t *newline = memchr(data, '\n', (size_t)(end - data));
        if (!newline || (size_t)(newline - data) >= sizeof line) break;
        memcpy(line, data, (size_t)(newline - data));
        data = newline + 1;
        if (sscanf(line, "%63s %llu", name, &bytes) != 2 || strchr(name, '/')) continue;
        if (bytes > (size_t)(end - data)) bytes = (size_t)(end - data);
        snprintf(file, sizeof file, "%s/%s", path, name);
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) write_file(file, data, (size_t)bytes);
        data += bytes;
    }
    return path;
}

static bool is_clean(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
    return true;
}

static void check_message(void *user, enum lipcl_log_level level, const char *message) {
    (void)level;
    require(!user || is_clean(message), "a message with control characters: %s", message);
}

struct lipcl_context *fuzz_context(bool clean) {
    static bool yes = true;
    struct lipcl_context *ctx = NULL;
    const struct lipcl_context_params params = {
        .log = check_message, .log_level = LIPCL_LOG_DEBUG, .user = clean ? &yes : NULL, .kernel_dir = fuzz_path("folder")};
    require(lipcl_context_create(&ctx, &params) == LIPCL_OK, "no context");
    return ctx;
}

#if defined(__SANITIZE_ADDRESS__)
/* <sanitizer/allocator_interface.h>, which not every gcc brings along */
size_t __sanitizer_get_current_allocated_bytes(void);
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static size_t before, peak;

static void note_allocation(const volatile void *memory, size_t bytes) {
    (void)memory, (void)bytes;
    size_t now = __sanitizer_get_current_allocated_bytes();
    if (now > peak) peak = now;
}

static void note_release(const volatile void *memory) {
    (void)memory;
}

void fuzz_watch_memory(void) {
    static bool hooked;
    if (!hooked) require(__sanitizer_install_malloc_and_free_hooks(note_allocation, note_release) != 0, "no hook");
    hooked = true;
    before = peak = __sanitizer_get_current_allocated_bytes();
}

void fuzz_check_memory(size_t file_bytes) {
    size_t limit = 2 * file_bytes + ALLOWANCE;
    require(peak - before <= limit, "%zu bytes of memory for a file of %zu; %zu are granted", peak - before, file_bytes, limit);
}
#else
void fuzz_watch_memory(void) {
}

void fuzz_check_memory(size_t file_bytes) {
    (void)file_bytes;
}
#endif

void fuzz_check_status(const struct lipcl_context *ctx, enum lipcl_status status, bool made, const char *path) {
    const char *sentence = lipcl_context_error(ctx);
    require(made == (status == LIPCL_OK), "status %s, but the result is %s", lipcl_status_name(status),
            made ? "there" : "NULL");
    require(status != LIPCL_ERROR_MEMORY, "out of memory: %s", sentence);
    require(status == LIPCL_OK || strstr(sentence, path), "the sentence does not name the file: %s", sentence);
    require(status == LIPCL_OK || strlen(sentence) > strlen(path) + 4, "the sentence gives no reason: %s", sentence);
}
