/* embedded.h: text files that the build put into the library (see tools/embed.cmake). */
#ifndef LIPCL_BASE_EMBEDDED_H
#define LIPCL_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* without its folder; NULL ends a table */
    const char *text; /* followed by a NUL that `bytes` does not count */
    size_t bytes;
};

extern const struct embedded_file embedded_kernels[];  /* cl_kernels/: *.cl and *.clh */
extern const struct embedded_file embedded_grammars[]; /* runtime/text/: *.grammar */

#endif
