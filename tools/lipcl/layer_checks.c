#include "layer_checks.h"

#include <stdio.h>
#include <string.h>

#include "document.h"
#include "messages.h"
#include "progress.h"

void layer_checks_titles(struct table *table) {
    static const char *const titles[] = {"LAYER", "OPERATORS", "LOWERING", "MAX |D|", "OF BOUND", "VERDICT"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(table, COLOUR_NONE, "%s", titles[i]);
}

static void add_row(struct table *table, const struct lipcl_layer_info *info, const struct lipcl_layer_check *check) {
    table_add(table, COLOUR_NONE, "%s", info->name);
    table_add(table, COLOUR_NONE, "%s", info->op);
    table_add(table, COLOUR_NONE, "%s", info->lowering);
    table_add(table, COLOUR_NONE, "%.2e", check->max_error);
    table_add(table, COLOUR_NONE, "%.2f %%", 100 * check->bound_share);
    table_add(table, check->ok ? COLOUR_GREEN : COLOUR_RED, "%s", check->ok ? "ok" : "MISMATCH");
}

static void add_object(json_t *array, const struct lipcl_layer_info *info, const struct lipcl_layer_check *check) {
    json_t *object = document_object();
    document_set(object, "layer", document_text(info->name));
    document_set(object, "operators", document_text(info->op));
    document_set(object, "lowering", document_text(info->lowering));
    document_set(object, "shape", document_shape(&info->shape));
    document_set(object, "max_error", document_number(check->max_error));
    document_set(object, "bound_share", document_number(check->bound_share));
    document_set(object, "rho", document_number(check->rho));
    document_set(object, "ok", json_boolean(check->ok));
    if (!check->ok) document_set(object, "reason", document_text(check->reason));
    document_append(array, object);
}

bool layer_checks_run(struct reading *reading, struct layer_checks *checks, struct table *table, json_t *document) {
    struct lipcl_plan *plan = lipcl_lipnet_reader_plan(reading->reader);
    *checks = (struct layer_checks){.layers = lipcl_plan_layer_count(plan), .trivial = true};
    for (size_t i = 0; i < checks->layers; i++) {
        struct lipcl_layer_info info;
        struct lipcl_layer_check check;
        if (lipcl_plan_layer_info(reading->ctx, plan, i, &info) != LIPCL_OK) return false;
        progress_step(NULL, i, checks->layers, info.name);
        if (lipcl_plan_check_layer(reading->ctx, plan, i, &check) != LIPCL_OK) return false;
        if (strcmp(info.lowering, "reference") != 0) checks->trivial = false;
        if (i == 0 || !(check.bound_share <= checks->worst_share)) {
            checks->worst_share = check.bound_share;
            snprintf(checks->worst_layer, sizeof checks->worst_layer, "%s", info.name);
        }
        if (!check.ok) {
            checks->violations++;
            complain("layer %s (%s): %s; at element %zu the device has %.9g, the reference %.9g", info.name, info.lowering,
                     check.reason, check.worst, (double)check.got, (double)check.wanted);
        }
        if (table) add_row(table, &info, &check);
        if (document) add_object(document, &info, &check);
    }
    progress_step(NULL, checks->layers, checks->layers, "");
    return true;
}
