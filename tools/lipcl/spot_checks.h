/* spot_checks.h: --check-every N: a small block of what the device computed is computed once more, in one run of N. */
#ifndef LIPCL_TOOLS_SPOT_CHECKS_H
#define LIPCL_TOOLS_SPOT_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "reading.h"

struct spot_checks {
    size_t every; /* 0: never */
    size_t runs, blocks, mismatches;
    double worst_share;      /* of the release bound; 1 is the limit */
    double milliseconds;     /* what the checks took, and ... */
    double run_milliseconds; /* ... what the runs did */
    uint64_t seed;
};

/* As `options` say; every invocation draws other blocks. */
struct spot_checks spot_checks_init(void);

/* After a run: checks a block of it if it is its turn; the first run's it is. A mismatch is an error message that names layer,
 * lowering and device. False after a message when the block could not be looked at. */
bool spot_checks_run(struct spot_checks *checks, struct reading *reading, const struct clip *clip);

/* A line on stdout; nothing where there are no checks. */
void spot_checks_print(const struct spot_checks *checks);

/* The same as "spot_checks" of a document. */
void spot_checks_fill(const struct spot_checks *checks, json_t *document);

#endif
