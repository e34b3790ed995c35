/* build.h: what the builders share. */
#ifndef LIPCL_GRAPH_BUILD_H
#define LIPCL_GRAPH_BUILD_H

#include "graph/nodes.h"

/* Adds a node and returns its output 0, or 0 with the error kept in the graph. `params` is copied and normalised. */
lipcl_value graph_add(struct lipcl_graph *graph, const struct op_def *op, const char *name, const void *params,
                      const lipcl_value *activations, size_t activation_count, lipcl_value *second_output);

#endif
