/* passes.h: what is known about a graph before a device is chosen. A pass reads the graph and leaves it as it is.
 *
 *   simplify   a node that is the identity (dropout when evaluating) disappears: its output becomes another name of its input
 *   fuse       conv3d, relu, maxpool3d in a row, with nobody else looking at what lies between, become one layer
 *
 * (Bias is part of conv3d. Permute and reshape are turned into layouts by the plan, which knows where values lie.)
 */
#ifndef LIPCL_GRAPH_PASSES_H
#define LIPCL_GRAPH_PASSES_H

#include "graph/nodes.h"

enum { LAYER_MAX_NODES = 3 };

struct layer {
    size_t node_count;
    size_t nodes[LAYER_MAX_NODES]; /* node indices in order; only a conv3d is followed by others */
};

struct passes {
    lipcl_value *alias; /* for every value: the one that holds its data */
    size_t layer_count;
    struct layer *layers; /* in an order in which they can be computed */
};

/* Allocates from `arena`. `no_fusion` leaves every node its own layer. */
enum lipcl_status passes_run(struct passes *passes, struct arena *arena, const struct lipcl_graph *graph, bool no_fusion);

#endif
