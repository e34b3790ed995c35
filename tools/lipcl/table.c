#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <lipcl/tensor.h>

void table_init(struct table *table, const char *alignment) {
    *table = (struct table){.alignment = alignment, .columns = strlen(alignment)};
}

void table_finish(struct table *table) {
    for (size_t i = 0; i < table->cell_count; i++) free(table->cells[i].text);
    free(table->cells);
    *table = (struct table){0};
}

void table_add(struct table *table, enum colour colour, const char *format, ...) {
    struct table_cell *cells = realloc(table->cells, (table->cell_count + 1) * sizeof *cells);
    if (!cells) die_of_memory();
    table->cells = cells;
    va_list args;
    va_start(args, format);
    char *text = format_text_va(format, args);
    va_end(args);
    cells[table->cell_count++] = (struct table_cell){make_printable(text), colour};
}

size_t text_columns(const char *text) {
    mbstate_t conversion = {0};
    size_t columns = 0;
    while (*text) {
        wchar_t character;
        size_t bytes = mbrtowc(&character, text, MB_CUR_MAX, &conversion);
        if (bytes == (size_t)-1 || bytes == (size_t)-2) {
            memset(&conversion, 0, sizeof conversion);
            bytes = 1;
            character = L'?';
        }
        int width = wcwidth(character);
        columns += width > 0 ? (size_t)width : 0;
        text += bytes;
    }
    return columns;
}

void table_print(const struct table *table) {
    size_t *widths = allocate(table->columns, sizeof *widths);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = text_columns(table->cells[i].text);
        if (width > widths[i % table->columns]) widths[i % table->columns] = width;
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        const struct table_cell *cell = &table->cells[i];
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        int padding = (int)(widths[column] - text_columns(cell->text));
        bool right = table->alignment[column] == 'r';
        enum colour paint = i < table->columns ? COLOUR_BOLD : cell->colour;
        print("%*s%s%s%s%*s%s", right ? padding : 0, "", paint ? colour(stdout, paint) : "", cell->text,
              paint ? colour(stdout, COLOUR_NONE) : "", right || last ? 0 : padding, "", last ? "\n" : "  ");
    }
    free(widths);
}

char *format_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    if (bytes == 0) return format_text("-");
    bool whole = value == (double)(uint64_t)value || value >= 100;
    return format_text(whole ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

char *format_shape(const struct lipcl_shape *shape) {
    char text[LIPCL_MAX_RANK * 21 + 3] = "[", *end = text + 1;
    for (size_t i = 0; i < shape->rank; i++)
        end += snprintf(end, (size_t)(text + sizeof text - end), "%s%zu", i ? "," : "", shape->dims[i]);
    snprintf(end, (size_t)(text + sizeof text - end), "]");
    return format_text("%s", text);
}
