#include "base/library.h"

#include <dlfcn.h>
#include <stddef.h>

void *open_library(const char *const *names) {
    for (; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}
