/* manifest.h: a list of clips and what is said in them.
 *
 * A line is a path, a tab, and the text (possibly none). Paths are relative to the manifest's folder. Empty lines and lines
 * that begin with '#' are skipped.
 */
#ifndef LIPCL_TOOLS_MANIFEST_H
#define LIPCL_TOOLS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

struct manifest_entry {
    char *name; /* as written */
    char *path; /* to be opened */
    char *text;
};

struct manifest {
    struct manifest_entry *entries;
    size_t count;
};

/* False after a message that names file, line and reason; there must be at least one entry. To be finished in either case. */
bool manifest_load(struct manifest *manifest, const char *path);
void manifest_finish(struct manifest *manifest);

#endif
