/* library.h: shared libraries that are opened when they are first needed. */
#ifndef LIPCL_BASE_LIBRARY_H
#define LIPCL_BASE_LIBRARY_H

/* The first of `names` (the last is NULL) that there is, for dlsym(); NULL: none. Stays open until the process ends. */
void *open_library(const char *const *names);

#endif
