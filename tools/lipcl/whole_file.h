/* whole_file.h: files that appear complete or not at all. */
#ifndef LIPCL_TOOLS_WHOLE_FILE_H
#define LIPCL_TOOLS_WHOLE_FILE_H

#include <stdbool.h>

/* Writes `text` to a temporary beside `path` and renames it. False after a message that begins with `option` and `path`. */
bool whole_file_put(const char *option, const char *path, const char *text);

#endif
