/* profile_output.h: what `lipcl profile` found, for people and for programs. */
#ifndef LIPCL_TOOLS_PROFILE_OUTPUT_H
#define LIPCL_TOOLS_PROFILE_OUTPUT_H

#include <jansson.h>

#include "profile_summary.h"

/* The object of one device, as README.md describes it; `summary` is that of a log without a problem, else NULL. */
json_t *profile_document(const struct profile_log *log, const struct profile_summary *summary);
/* Where all this was measured. */
json_t *profile_environment(void);

/* One device on stdout. */
void profile_print(const struct profile_summary *summary);
/* Layers down, devices across; entries of `summaries` without a log are devices that failed. */
void profile_print_matrix(const struct profile_log *logs, const struct profile_summary *summaries, size_t count);

/* A row for each of a device's run, its stages on the host, its layers, kernels, transfers and gaps, on stdout, below their
 * titles. */
void profile_print_csv(const struct profile_summary *summaries, size_t count);

/* A Chrome trace of every run on every device. False after a message. */
bool profile_write_trace(const char *path, const struct profile_log *logs, size_t count);

#endif
