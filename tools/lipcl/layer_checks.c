#include "layer_checks.h"

#include <stdio.h>
#include <string.h>

#include "document.h"
#include "messages.h"
#include "progress.h"

void layer_check_fill(json_t *object, const struct lipcl_layer_check *check) {
    document_set(object, "max_error", document_number(check->max_error));
    document_set(object, "bound_share", document_number(check->bound_share));
    document_set(object, "rho", document_number(check->rho));
    document_set(object, "kappa", document_number(check->kappa));
    document_set(object, "ok", json_boolean(check->ok));
    if (!check->ok) document_set(object, "reason", document_text(check->reason));
}

static void add_object(json_t *array, const struct lipcl_layer_info *info, const struct lipcl_layer_check *check) {
    json_t *object = document_object();
    document_set(object, "layer", document_text(info->name));
    document_set(object, "operators", document_text(info->op));
    document_set(object, "lowering", document_text(info->lowering));
    document_set(object, "shape", document_shape(&info->shape));
    layer_check_fill(object, check);
    document_append(array, object);
}

bool layer_checks_run(struct reading *reading, struct layer_checks *checks, json_t *document) {
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
            complain("layer %s (%s): %s", info.name, info.lowering, check.reason);
        }
        if (document) add_object(document, &info, &check);
    }
    progress_step(NULL, checks->layers, checks->layers, "");
    return true;
}
