/* child.h: this program as a child process, timed from its start. */
#ifndef LIPCL_TOOLS_CHILD_H
#define LIPCL_TOOLS_CHILD_H

#include <stdbool.h>

struct child_usage {
    double first_output_ms; /* from before the process was there until its first byte on stdout */
    double peak_memory_mib; /* resident */
};

/* Runs lipcl with arguments, which end with NULL, to its end. What it says on stderr is dropped. `caches`: a folder in which
 * lipcl and the drivers shall keep what they cache, instead of the user's; NULL: the user's. False when the child could not be
 * run, failed or printed nothing.
 *
 * Call it while this process is small: on Linux the peak memory of a child is at least what its parent had when it began. */
bool child_run(const char *const *arguments, const char *caches, struct child_usage *usage);

/* A new empty folder for caches, and its end with all that is in it. NULL: there is none to be had. */
char *caches_make(void);
void caches_remove(char **folder);

#endif
