/* cache.h: small files in the user's own folder $XDG_CACHE_HOME/lipcl, else ~/.cache/lipcl.
 *
 * A cache only saves time, so nothing here is an error: what cannot be read is a miss, what cannot be written is not kept. The
 * folder is made with mode 0700. Folder and files must be the user's own and writable by nobody else, or they are left alone;
 * symbolic links are not followed. What is in a file is for its reader to check. LIPCL_CACHE=0 in the environment is no cache.
 */
#ifndef LIPCL_BASE_CACHE_H
#define LIPCL_BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole file with a NUL behind it, for free(); false: there is none, or none of at most limit_bytes to be trusted. */
bool cache_read(char **data, size_t *bytes, const char *name, size_t limit_bytes);

/* A reader sees all of it or what was there before. */
bool cache_write(const char *name, const void *data, size_t bytes);

/* The file has been used: others go first when room is made. */
void cache_touch(const char *name);

/* Removes the files whose names begin with `prefix`, those unused for longest first, until they take at most limit_bytes. */
void cache_trim(const char *prefix, size_t limit_bytes);

void cache_remove(const char *name);

#endif
