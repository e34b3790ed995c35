#include "base/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 256 };

/* "BASE/lipcl" into path, with the folders up to it where `make` says so. */
static bool find_folder(char path[PATH_BYTES], bool make) {
    const char *wanted = getenv("LIPCL_CACHE");
    if (wanted && strcmp(wanted, "0") == 0) return false;
    const char *base = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    int length = base && base[0] == '/'   ? snprintf(path, PATH_BYTES, "%s/lipcl", base)
                 : home && home[0] == '/' ? snprintf(path, PATH_BYTES, "%s/.cache/lipcl", home)
                                          : -1;
    if (length < 0 || length >= PATH_BYTES) return false;
    for (char *slash = path + 1; make && (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != EACCES && errno != EROFS) return false;
    }
    return !make || mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool is_ours(const struct stat *info) {
    return info->st_uid == geteuid() && (info->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The open folder, or -1. */
static int open_folder(const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0 && is_ours(&info)) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static bool read_all(int fd, char *data, size_t bytes) {
    while (bytes) {
        ssize_t got = read(fd, data, bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        data += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* The cache's folder, or -1. */
static int open_cache(void) {
    char path[PATH_BYTES];
    return find_folder(path, false) ? open_folder(path) : -1;
}

bool cache_read(char **data, size_t *bytes, const char *name, size_t limit_bytes) {
    struct stat info;
    *data = NULL;
    int folder = open_cache();
    if (folder < 0) return false;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* non-blocking: it may be a FIFO */
    close(folder);
    if (fd < 0) return false;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && is_ours(&info) && (size_t)info.st_size <= limit_bytes) {
        *bytes = (size_t)info.st_size;
        *data = calloc(1, *bytes + 1);
    }
    if (*data && !read_all(fd, *data, *bytes)) {
        free(*data);
        *data = NULL;
    }
    close(fd);
    return *data != NULL;
}

bool cache_write(const char *name, const void *data, size_t bytes) {
    struct lipcl_context quiet = {0}; /* the writer's sentences go nowhere */
    struct file_writer writer = {0};
    char folder[PATH_BYTES], path[PATH_BYTES + 256];
    if (!find_folder(folder, true)) return false;
    int fd = open_folder(folder);
    if (fd < 0) return false;
    close(fd);
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) return false;
    if (file_writer_begin(&quiet, &writer, path) != LIPCL_OK) return false;
    if (fchmod(fileno(writer.file), 0600) == 0 && file_writer_put(&quiet, &writer, data, bytes) == LIPCL_OK)
        return file_writer_commit(&quiet, &writer) == LIPCL_OK;
    file_writer_abandon(&writer);
    return false;
}

void cache_touch(const char *name) {
    int folder = open_cache();
    if (folder < 0) return;
    utimensat(folder, name, NULL, AT_SYMLINK_NOFOLLOW); /* what fails only makes the file seem older than it is */
    close(folder);
}

void cache_remove(const char *name) {
    int folder = open_cache();
    if (folder < 0) return;
    unlinkat(folder, name, 0);
    close(folder);
}

/* The bytes that files with that prefix take, and which of them has been unused for longest. */
static size_t survey(DIR *folder, const char *prefix, char oldest[NAME_BYTES]) {
    struct timespec when = {0};
    size_t total = 0;
    oldest[0] = '\0';
    rewinddir(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
            continue;
        total += (size_t)info.st_size;
        const struct timespec *t = &info.st_mtim;
        if (oldest[0] && (t->tv_sec > when.tv_sec || (t->tv_sec == when.tv_sec && t->tv_nsec >= when.tv_nsec))) continue;
        snprintf(oldest, NAME_BYTES, "%s", entry->d_name);
        when = *t;
    }
    return total;
}

void cache_trim(const char *prefix, size_t limit_bytes) {
    char oldest[NAME_BYTES];
    int fd = open_cache();
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder && fd >= 0) close(fd);
    if (!folder) return;
    while (survey(folder, prefix, oldest) > limit_bytes && unlinkat(dirfd(folder), oldest, 0) == 0) {
    }
    closedir(folder);
}
