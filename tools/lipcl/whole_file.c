#include "whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages.h"

/* A file made by mkstemp is for its owner only; this one is to be as any other new file. */
static mode_t usual_mode(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* False with errno set. */
static bool put_text(int descriptor, const char *text) {
    FILE *file = fdopen(descriptor, "w");
    if (!file) {
        close(descriptor);
        return false;
    }
    bool ok = fputs(text, file) >= 0 && fflush(file) == 0 && fchmod(descriptor, usual_mode()) == 0;
    return fclose(file) == 0 && ok;
}

bool whole_file_put(const char *option, const char *path, const char *text) {
    char *temporary = format_text("%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    bool ok = descriptor >= 0 && put_text(descriptor, text) && rename(temporary, path) == 0;
    if (!ok) {
        complain("%s %s: it cannot be written: %s", option, path, strerror(errno));
        if (descriptor >= 0) unlink(temporary);
    }
    free(temporary);
    return ok;
}
