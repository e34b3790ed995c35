#include "base/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { PATH_BYTES = 4096 };

/* "BASE/lipcl" into path, with the folders up to it where `make` says so. */
static bool find_folder(char path[PATH_BYTES], bool make) {
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

bool cache_read(char **data, size_t *bytes, const char *name, size_t limit_bytes) {
    char path[PATH_BYTES];
    struct stat info;
    *data = NULL;
    int folder = find_folder(path, false) ? open_folder(path) : -1;
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
