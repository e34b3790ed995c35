#include "graph/extract.h"

#include <stdio.h>

#include "graph/build.h"

enum lipcl_status graph_extract(struct lipcl_context *ctx, struct lipcl_graph **extract, const struct lipcl_graph *graph,
                                const struct layer *layer) {
    enum lipcl_status status = LIPCL_OK;
    lipcl_value output = 0, second;
    TRY(lipcl_graph_create(ctx, extract));
    for (size_t i = 0; i < layer->node_count; i++) {
        const struct node *node = &graph->nodes[layer->nodes[i]];
        lipcl_value activations[OP_MAX_ACTIVATIONS] = {output};
        for (size_t k = 0; i == 0 && k < node->activation_count; k++) {
            char name[32];
            snprintf(name, sizeof name, "input.%zu", k);
            if (node->inputs[k]) activations[k] = lipcl_graph_input(*extract, name, &graph->values[node->inputs[k]].shape);
        }
        output = graph_add(*extract, node->op, node->name, node->params, activations, node->activation_count, &second);
    }
    lipcl_graph_output(*extract, "output.0", output);
    TRY(lipcl_graph_status(*extract));
    return LIPCL_OK;

fail:
    lipcl_graph_destroy(extract);
    return status;
}
