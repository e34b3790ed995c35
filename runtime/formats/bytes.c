#include "formats/bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum lipcl_status read_at(struct lipcl_context *ctx, FILE *file, const char *path, uint64_t offset, void *data, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(fileno(file), (char *)data + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(ctx, LIPCL_ERROR_IO, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0)
            return fail(ctx, LIPCL_ERROR_FORMAT, "%s: byte %llu: the file ends where %zu more bytes were expected", path,
                        (unsigned long long)(offset + done), bytes - done);
        done += (size_t)got;
    }
    return LIPCL_OK;
}

struct printable printable(const char *text) {
    return printable_bytes(text, strlen(text));
}

struct printable printable_bytes(const char *text, size_t bytes) {
    struct printable result = {""};
    enum { ROOM = sizeof result.chars - sizeof "..." };
    size_t shown = bytes <= ROOM ? bytes : ROOM;
    for (size_t i = 0; i < shown; i++) result.chars[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    if (shown < bytes) memcpy(result.chars + shown, "...", sizeof "...");
    return result;
}
