#include "check_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "devices.h"
#include "document.h"
#include "messages.h"
#include "table.h"

/* A lowering that is wrong is wrong often: that many failures of a row are told in words. */
enum { FAILURES_SHOWN = 3 };

void check_rows_begin(struct check_rows *rows, uint64_t seed) {
    rows->seed = seed;
    if (!rows->document) return;
    char *text = format_text("%" PRIu64, seed);
    document_set(rows->document, "seed", document_text(text));
    document_set(rows->document, "rows", document_array());
    free(text);
}

void check_rows_finish(struct check_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) free(rows->rows[i].device);
    free(rows->rows);
    *rows = (struct check_rows){0};
}

void check_rows_add(struct check_rows *rows, const struct lipcl_device_info *device, const char *op, const char *lowering,
                    enum lipcl_fill fill) {
    struct check_row *grown = realloc(rows->rows, (rows->count + 1) * sizeof *grown);
    if (!grown) die_of_memory();
    rows->rows = grown;
    struct check_row *row = &grown[rows->count++];
    *row = (struct check_row){.device = device_selector(device), .op = op, .lowering = lowering, .fill = fill};
    row->failures = rows->document ? document_array() : NULL;
}

static void count_failure(struct check_row *row, const struct lipcl_check_result *result, const struct lipcl_check_case *one) {
    char *by_lowering = one->lowering ? format_text(" --lowering %s", one->lowering) : format_text("%s", "");
    char *again =
        format_text("lipcl check --op %s%s --device %s --fill %s --seed %" PRIu64 " --index %" PRIu64 " --n 1%s", one->op,
                    by_lowering, row->device, lipcl_fill_name(one->fill), one->seed, one->index, one->small ? " --small" : "");
    if (row->failed++ == 0) row->first_failure = one->index;
    if (row->failed <= FAILURES_SHOWN) {
        complain("%s: %s\n    %s\n    %s", row->lowering, result->reason, result->text, again);
    }
    if (row->failures) {
        json_t *object = document_object();
        document_set(object, "index", document_count((size_t)one->index));
        document_set(object, "case", document_text(result->text));
        document_set(object, "reason", document_text(result->reason));
        document_set(object, "reproduce", document_text(again));
        document_append(row->failures, object);
    }
    free(again);
    free(by_lowering);
}

void check_row_count(struct check_row *row, const struct lipcl_check_result *result, const struct lipcl_check_case *one) {
    row->cases++;
    switch (result->verdict) {
    case LIPCL_CHECK_PASSED: row->passed++; break;
    case LIPCL_CHECK_VACUOUS: row->vacuous++; break;
    case LIPCL_CHECK_UNSUPPORTED: row->unsupported++; break;
    case LIPCL_CHECK_FAILED: count_failure(row, result, one); break;
    }
    row->bound_share = fmax(row->bound_share, result->bound_share);
    row->rho = fmax(row->rho, result->rho);
}

void check_rows_close(struct check_rows *rows, struct check_row *row) {
    rows->failed += row->failed;
    if (row->failed > FAILURES_SHOWN) complain("%s: and %zu more", row->lowering, row->failed - FAILURES_SHOWN);
    if (!rows->document) return;
    json_t *object = document_object();
    document_set(object, "device", document_text(row->device));
    document_set(object, "op", document_text(row->op));
    document_set(object, "lowering", document_text(row->lowering));
    document_set(object, "fill", document_text(lipcl_fill_name(row->fill)));
    document_set(object, "cases", document_count(row->cases));
    document_set(object, "passed", document_count(row->passed));
    document_set(object, "failed", document_count(row->failed));
    document_set(object, "vacuous", document_count(row->vacuous));
    document_set(object, "unsupported", document_count(row->unsupported));
    document_set(object, "worst_bound_share", document_number(row->bound_share));
    document_set(object, "worst_rho", document_number(row->rho));
    document_set(object, "failures", row->failures);
    row->failures = NULL;
    document_append(json_object_get(rows->document, "rows"), object);
}

static void add_cells(struct table *table, const struct check_row *row) {
    bool silent = row->passed == 0 && row->failed == 0;
    enum colour shade = row->failed ? COLOUR_RED : silent ? COLOUR_YELLOW : COLOUR_GREEN;
    table_add(table, COLOUR_NONE, "%s", row->device);
    table_add(table, COLOUR_NONE, "%s", row->op);
    table_add(table, COLOUR_NONE, "%s", row->lowering);
    table_add(table, COLOUR_NONE, "%s", lipcl_fill_name(row->fill));
    table_add(table, COLOUR_NONE, "%zu", row->cases);
    table_add(table, COLOUR_NONE, "%zu", row->passed);
    table_add(table, row->failed ? COLOUR_RED : COLOUR_NONE, "%zu", row->failed);
    table_add(table, COLOUR_NONE, "%zu", row->vacuous);
    table_add(table, COLOUR_NONE, "%zu", row->unsupported);
    table_add(table, COLOUR_NONE, "%.2f %%", 100 * row->bound_share);
    table_add(table, COLOUR_NONE, "%.2f", row->rho);
    table_add(table, shade, "%s", row->failed ? "FAILED" : silent ? "nothing proven" : "ok");
}

void check_rows_print(const struct check_rows *rows) {
    static const char *const titles[] = {"DEVICE", "OPERATOR", "LOWERING",    "FILL",     "CASES", "PASSED",
                                         "FAILED", "VACUOUS",  "UNSUPPORTED", "OF BOUND", "RHO",   "VERDICT"};
    size_t cases = 0, passed = 0;
    struct table table;
    if (rows->document) {
        document_set(rows->document, "failed", document_count(rows->failed));
        document_set(rows->document, "ok", json_boolean(rows->failed == 0));
        return;
    }
    table_init(&table, "llllrrrrrrrl");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    for (size_t i = 0; i < rows->count; i++) {
        add_cells(&table, &rows->rows[i]);
        cases += rows->rows[i].cases;
        passed += rows->rows[i].passed;
    }
    table_print(&table);
    table_finish(&table);
    const char *end = colour(stdout, COLOUR_NONE);
    if (rows->failed)
        print("%sFAILED%s: %zu of %zu cases\n", colour(stdout, COLOUR_RED), end, rows->failed, cases);
    else
        print("%sok%s: %zu of %zu cases passed, none failed (seed %" PRIu64 ")\n", colour(stdout, COLOUR_GREEN), end, passed,
              cases, rows->seed);
}
