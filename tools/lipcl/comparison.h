/* comparison.h: when something has become slower, for `lipcl bench --compare` and `lipcl profile diff`. */
#ifndef LIPCL_TOOLS_COMPARISON_H
#define LIPCL_TOOLS_COMPARISON_H

#include <stdbool.h>

#include <jansson.h>

/* What takes a smaller part of a run than that is too short to judge by. */
#define LEAST_SHARE 0.05

/* Whether `now` is more than `percent` longer than `before`. */
bool takes_longer(double before, double now, double percent);

/* The JSON document in that file; NULL after a message that begins with `what`, such as "--compare ". */
json_t *comparison_load(const char *what, const char *path);

#endif
