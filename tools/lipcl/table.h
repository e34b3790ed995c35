/* table.h: columns of text on stdout, as wide as their widest cell, without trailing spaces. */
#ifndef LIPCL_TOOLS_TABLE_H
#define LIPCL_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages.h"

struct table_cell {
    char *text;
    enum colour colour;
};

struct table {
    const char *alignment; /* a letter a column: l(eft) or r(ight) */
    size_t columns, cell_count;
    struct table_cell *cells;
};

void table_init(struct table *table, const char *alignment);
void table_finish(struct table *table);

/* The next cell, row by row; the first row is the title. */
void table_add(struct table *table, enum colour colour, const char *format, ...) __attribute__((format(printf, 3, 4)));

void table_print(const struct table *table);

/* Columns that a text takes on a terminal. */
size_t text_columns(const char *text);

/* "15.6 GiB", "512 KiB"; "-" for 0, which stands for unknown. The caller frees it. */
char *format_bytes(uint64_t bytes);

/* "[1,3,75,64,128]". The caller frees it. */
struct lipcl_shape;
char *format_shape(const struct lipcl_shape *shape);

#endif
