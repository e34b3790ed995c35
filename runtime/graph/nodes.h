/* nodes.h: the inside of a graph, nodes and values, as the builders leave them. Values are numbered from 1; value 0 is none. */
#ifndef LIPCL_GRAPH_NODES_H
#define LIPCL_GRAPH_NODES_H

#include <lipcl/graph.h>

#include "ops/op.h"

enum value_kind { VALUE_INPUT, VALUE_PARAMETER, VALUE_COMPUTED };

struct value {
    enum value_kind kind;
    const char *name; /* of an input or a parameter, else of the node that computes it */
    struct lipcl_shape shape;
    size_t node; /* VALUE_COMPUTED: the node's index */
};

struct node {
    const char *name;
    const struct op_def *op;
    const void *params; /* normalised */
    size_t input_count;
    const lipcl_value *inputs; /* activations, then parameters; 0 where an optional one is absent */
    size_t activation_count;
    lipcl_value outputs[OP_MAX_OUTPUTS];
};

struct lipcl_graph {
    struct lipcl_context *ctx;
    enum lipcl_status status;
    struct arena arena;
    size_t value_count; /* one more than the last value's number */
    struct value *values;
    size_t node_count;
    struct node *nodes;
    size_t input_count, output_count, parameter_count;
    lipcl_value *inputs, *outputs, *parameters;
    const char **output_names;
};

#endif
