/* extract.h: one layer as a graph of its own. */
#ifndef LIPCL_GRAPH_EXTRACT_H
#define LIPCL_GRAPH_EXTRACT_H

#include "graph/passes.h"

/* A new graph of the layer's nodes alone: the activations of its first node are the inputs "input.0" ..., as many as are there,
 * the first output of its last node is the output. Names of layers and parameters stay, so the same weights serve.
 * The caller destroys it; `graph` may go before. */
enum lipcl_status graph_extract(struct lipcl_context *ctx, struct lipcl_graph **extract, const struct lipcl_graph *graph,
                                const struct layer *layer);

#endif
