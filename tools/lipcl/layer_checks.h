/* layer_checks.h: what a device computed, layer by layer, against the references. */
#ifndef LIPCL_TOOLS_LAYER_CHECKS_H
#define LIPCL_TOOLS_LAYER_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "reading.h"

struct layer_checks {
    size_t layers, violations;
    double worst_share; /* of the release bound; 1 is the limit */
    char worst_layer[64];
    bool trivial; /* every layer is a reference, compared with itself */
};

/* Checks every layer of the latest run, each fed what the device itself fed it, with an error message for each violation.
 * `document`, an array, gets an object a layer; it may be NULL. Tells progress in steps. False after a message when that
 * failed. */
bool layer_checks_run(struct reading *reading, struct layer_checks *checks, json_t *document);

/* The keys of a check in a layer's object. */
void layer_check_fill(json_t *object, const struct lipcl_layer_check *check);

#endif
