#include "graph/passes.h"

#include <stdlib.h>

extern const struct op_def conv3d_op, relu_op, maxpool3d_op;

static bool is_identity(const struct node *node) {
    return node->op->is_identity && node->op->is_identity(node->params);
}

static void simplify(struct passes *passes, const struct lipcl_graph *graph) {
    for (lipcl_value value = 0; value < graph->value_count; value++) passes->alias[value] = value;
    for (size_t i = 0; i < graph->node_count; i++) { /* nodes are in the order in which they were built: inputs come first */
        const struct node *node = &graph->nodes[i];
        if (is_identity(node)) passes->alias[node->outputs[0]] = passes->alias[node->inputs[0]];
    }
}

/* How often each value is read, by nodes or as an output of the graph. */
static void count_uses(size_t *uses, const struct passes *passes, const struct lipcl_graph *graph) {
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        if (is_identity(node)) continue;
        for (size_t k = 0; k < node->input_count; k++) uses[passes->alias[node->inputs[k]]]++;
    }
    for (size_t i = 0; i < graph->output_count; i++) uses[passes->alias[graph->outputs[i]]]++;
}

/* The node that is the only reader of node `i`'s output and is an `op`; the node count when there is none. */
static size_t only_reader(const struct lipcl_graph *graph, const struct passes *passes, const size_t *uses, size_t i,
                          const struct op_def *op) {
    lipcl_value output = graph->nodes[i].outputs[0];
    if (uses[output] != 1) return graph->node_count;
    for (size_t k = i + 1; k < graph->node_count; k++)
        if (graph->nodes[k].op == op && passes->alias[graph->nodes[k].inputs[0]] == output) return k;
    return graph->node_count;
}

static void fuse(struct passes *passes, bool *taken, const size_t *uses, const struct lipcl_graph *graph, bool no_fusion) {
    static const struct op_def *const followers[] = {&relu_op, &maxpool3d_op};
    for (size_t i = 0; i < graph->node_count; i++) {
        if (taken[i] || is_identity(&graph->nodes[i])) continue;
        struct layer *layer = &passes->layers[passes->layer_count++];
        *layer = (struct layer){1, {i}};
        if (no_fusion || graph->nodes[i].op != &conv3d_op) continue;
        for (size_t f = 0; f < 2; f++) {
            size_t next = only_reader(graph, passes, uses, layer->nodes[layer->node_count - 1], followers[f]);
            if (next == graph->node_count) continue; /* a pool may follow directly, without a relu */
            layer->nodes[layer->node_count++] = next;
            taken[next] = true;
        }
    }
}

enum lipcl_status passes_run(struct passes *passes, struct arena *arena, const struct lipcl_graph *graph, bool no_fusion) {
    enum lipcl_status status = LIPCL_OK;
    *passes = (struct passes){
        .alias = arena_alloc(arena, graph->value_count * sizeof *passes->alias),
        .layers = arena_alloc(arena, graph->node_count * sizeof *passes->layers),
    };
    size_t *uses = calloc(graph->value_count, sizeof *uses);
    bool *taken = calloc(graph->node_count + 1, sizeof *taken);
    if (!passes->alias || !passes->layers || !uses || !taken)
        TRY(fail_memory(graph->ctx, graph->value_count * sizeof *uses + graph->node_count * sizeof *passes->layers));
    simplify(passes, graph);
    count_uses(uses, passes, graph);
    fuse(passes, taken, uses, graph, no_fusion);

fail:
    free(uses);
    free(taken);
    return status;
}
