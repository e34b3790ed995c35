/* profile_output.h: what `lipcl profile` found, for people and for programs. */
#ifndef LIPCL_TOOLS_PROFILE_OUTPUT_H
#define LIPCL_TOOLS_PROFILE_OUTPUT_H

#include <jansson.h>

#include "profile_summary.h"

/* The object of one device, as README.md describes it; `summary` is that of a log without a problem, else NULL. */
json_t *profile_document(const struct profile_log *log, const struct profile_summary *summary);
/* How the command line wanted the model planned. */
json_t *profile_document_options(void);
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

/* The page of one or more documents, as `lipcl profile --json` prints them: self-contained HTML, in which they lie verbatim.
 * False after a message. */
bool profile_write_page(const char *path, json_t *const *documents, size_t count);
/* A document that `lipcl profile --json` printed; NULL after a message. */
json_t *profile_read_document(const char *path);

#endif
