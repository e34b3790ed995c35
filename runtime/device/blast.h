/* blast.h: what CLBlast's kernels can be told: tiles, vectors, work-groups. CLBlast knows good values for the devices in its
 * own database, and has one set for all others. The tables here are other ones to try; the tuner measures which suit a device.
 *
 * A process can change CLBlast's parameters, but not go back to CLBlast's own: it has no call in C that tells what they are.
 */
#ifndef LIPCL_DEVICE_BLAST_H
#define LIPCL_DEVICE_BLAST_H

#include "device/front.h"

enum { BLAST_MAX_PARAMETERS = 16, BLAST_MAX_MIN_INDIRECT = 1 << 20 };

/* One of CLBlast's kernels behind a product in single precision, and the rows of values that it may get. */
struct blast_kernel {
    const char *name; /* CLBlast's */
    size_t parameter_count, row_count;
    const char *parameters[BLAST_MAX_PARAMETERS]; /* CLBlast's names */
    const size_t (*rows)[BLAST_MAX_PARAMETERS];
};

/* Xgemm, behind copies of the operands that pad and transpose them; and XgemmDirect, which reads them as they are. */
extern const struct blast_kernel blast_xgemm, blast_direct;

/* Whether a device's work-groups and local memory are large enough for row `row` (from 1). */
bool blast_fits(const struct blast_kernel *kernel, size_t row, const struct device_caps *caps);

/* Whether the choice names rows that there are, and which fit. */
bool blast_choice_is_valid(const struct blast_choice *choice, const struct device_caps *caps);

/* A hash of the values behind a choice. */
uint64_t blast_choice_hash(const struct blast_choice *choice);

#endif
