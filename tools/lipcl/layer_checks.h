/* layer_checks.h: what a device computed, layer by layer, against the references. */
#ifndef LIPCL_TOOLS_LAYER_CHECKS_H
#define LIPCL_TOOLS_LAYER_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "reading.h"
#include "table.h"

struct layer_checks {
    size_t layers, violations;
    double worst_share; /* of the release bound; 1 is the limit */
    char worst_layer[64];
    bool trivial; /* every layer is a reference, compared with itself */
};

/* Checks every layer of the latest run, with an error message for each violation. `table` gets a row a layer and `document`,
 * an array, an object a layer; either may be NULL. Tells progress in steps. False after a message when that failed. */
bool layer_checks_run(struct reading *reading, struct layer_checks *checks, struct table *table, json_t *document);

/* The titles of the table, whose alignment is LAYER_CHECKS_ALIGNMENT. */
#define LAYER_CHECKS_ALIGNMENT "lllrrl"
void layer_checks_titles(struct table *table);

#endif
