/* check_row.h: what `lipcl check` found out, a row a device, lowering and fill. */
#ifndef LIPCL_TOOLS_CHECK_ROW_H
#define LIPCL_TOOLS_CHECK_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <lipcl/check.h>

struct check_row {
    char *device; /* what --device takes for it */
    const char *op, *lowering;
    enum lipcl_fill fill;
    size_t cases, passed, failed, vacuous, unsupported;
    uint64_t first_failure;  /* its index */
    double bound_share, rho; /* the worst */
    json_t *failures;        /* NULL without --json */
};

struct check_rows {
    json_t *document; /* --json's, else NULL */
    uint64_t seed;
    size_t count, failed;
    struct check_row *rows;
};

void check_rows_begin(struct check_rows *rows, uint64_t seed);
void check_rows_finish(struct check_rows *rows);

/* The next row. */
void check_rows_add(struct check_rows *rows, const struct lipcl_device_info *device, const char *op, const char *lowering,
                    enum lipcl_fill fill);
/* Counts one case in; says on stderr what is wrong with it, and how to see it again. */
void check_row_count(struct check_row *row, const struct lipcl_check_result *result, const struct lipcl_check_case *one);
/* The row is complete: into the document with it. */
void check_rows_close(struct check_rows *rows, struct check_row *row);

/* The table and a last line, or the document's last keys. */
void check_rows_print(const struct check_rows *rows);

#endif
