/* graph.c: what a graph consists of. builders.c adds to it. */
#include <stdlib.h>

#include "graph/build.h"

enum lipcl_status lipcl_graph_create(struct lipcl_context *ctx, struct lipcl_graph **graph) {
    *graph = calloc(1, sizeof **graph);
    if (!*graph) return fail_memory(ctx, sizeof **graph);
    (*graph)->ctx = ctx;
    (*graph)->value_count = 1;
    return LIPCL_OK;
}

void lipcl_graph_destroy(struct lipcl_graph **graph) {
    if (!graph || !*graph) return;
    arena_finish(&(*graph)->arena);
    free((*graph)->values);
    free((*graph)->nodes);
    free((*graph)->inputs);
    free((*graph)->outputs);
    free((*graph)->parameters);
    free((*graph)->output_names);
    free(*graph);
    *graph = NULL;
}

enum lipcl_status lipcl_graph_status(const struct lipcl_graph *graph) {
    return graph->status;
}

/* The array with room for one more element than `count`: its capacity is a power of two. NULL when memory is out; the old one
 * is then still there. */
static void *grow(void *array, size_t count, size_t element_bytes) {
    if (count != 0 && (count & (count - 1)) != 0) return array;
    return realloc(array, (count ? 2 * count : 1) * element_bytes);
}

static lipcl_value remember(struct lipcl_graph *graph, enum lipcl_status status) {
    if (graph->status == LIPCL_OK) graph->status = status;
    return 0;
}

static lipcl_value out_of_memory(struct lipcl_graph *graph) {
    return remember(graph, fail(graph->ctx, LIPCL_ERROR_MEMORY, "graph: out of memory"));
}

static lipcl_value add_value(struct lipcl_graph *graph, const struct value *value) {
    size_t count, bytes;
    if (!shape_count_checked(&count, &value->shape) || !size_multiply(&bytes, count, sizeof(double)))
        return remember(graph, fail(graph->ctx, LIPCL_ERROR_SHAPE, "%s: the size of %s overflows", value->name,
                                    shape_text(&value->shape).chars));
    if (count == 0)
        return remember(graph, fail(graph->ctx, LIPCL_ERROR_SHAPE, "%s: %s has no elements; every dimension must be at least 1",
                                    value->name, shape_text(&value->shape).chars));
    struct value *values = grow(graph->values, graph->value_count, sizeof *values);
    if (!values) return out_of_memory(graph);
    graph->values = values;
    values[graph->value_count] = *value;
    return graph->value_count++;
}

static bool append(lipcl_value **array, size_t *count, lipcl_value value) {
    lipcl_value *grown = grow(*array, *count, sizeof *grown);
    if (!grown) return false;
    *array = grown;
    grown[(*count)++] = value;
    return true;
}

lipcl_value lipcl_graph_input(struct lipcl_graph *graph, const char *name, const struct lipcl_shape *shape) {
    if (graph->status != LIPCL_OK) return 0;
    if (shape->rank > LIPCL_MAX_RANK)
        return remember(graph,
                        fail(graph->ctx, LIPCL_ERROR_SHAPE, "%s: rank %zu is above %d", name, shape->rank, LIPCL_MAX_RANK));
    struct value value = {VALUE_INPUT, arena_printf(&graph->arena, "%s", name), *shape, 0};
    if (!value.name) return out_of_memory(graph);
    lipcl_value added = add_value(graph, &value);
    if (added && !append(&graph->inputs, &graph->input_count, added)) return out_of_memory(graph);
    return added;
}

void lipcl_graph_output(struct lipcl_graph *graph, const char *name, lipcl_value value) {
    if (graph->status != LIPCL_OK) return;
    if (value == 0 || value >= graph->value_count) {
        remember(graph, fail(graph->ctx, LIPCL_ERROR_ARGUMENT, "output \"%s\": is not a value of this graph", name));
        return;
    }
    char *copy = arena_printf(&graph->arena, "%s", name);
    const char **names = grow(graph->output_names, graph->output_count, sizeof *names);
    if (names) graph->output_names = names;
    if (!copy || !names) {
        out_of_memory(graph);
        return;
    }
    names[graph->output_count] = copy;
    if (!append(&graph->outputs, &graph->output_count, value)) out_of_memory(graph);
}

/* Appends the node's parameters to `inputs`, naming them after the layer. */
static enum lipcl_status add_parameters(struct lipcl_graph *graph, const char *layer, const struct op_parameter *wanted,
                                        size_t count, lipcl_value *inputs) {
    for (size_t i = 0; i < count; i++) {
        if (wanted[i].absent) continue;
        struct value value = {VALUE_PARAMETER, arena_printf(&graph->arena, "%s.%s", layer, wanted[i].name), wanted[i].shape, 0};
        if (!value.name) return fail_memory(graph->ctx, sizeof wanted[i].name);
        inputs[i] = add_value(graph, &value);
        if (!inputs[i]) return graph->status;
        if (!append(&graph->parameters, &graph->parameter_count, inputs[i])) return fail_memory(graph->ctx, sizeof *inputs);
    }
    return LIPCL_OK;
}

static enum lipcl_status add_node(struct lipcl_graph *graph, struct node *node, const char *name, const void *params,
                                  const lipcl_value *activations) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_context *ctx = graph->ctx;
    const struct op_def *op = node->op;
    const struct lipcl_shape *shapes[OP_MAX_ACTIVATIONS] = {0};
    struct lipcl_shape outputs[OP_MAX_OUTPUTS] = {0};
    struct op_parameter *wanted = NULL;
    lipcl_value *inputs;

    for (size_t i = 0; i < node->activation_count; i++) {
        if (activations[i] >= graph->value_count || (i == 0 && activations[i] == 0))
            TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "%s: input %zu is not a value of this graph", name, i));
        if (activations[i]) shapes[i] = &graph->values[activations[i]].shape;
    }
    node->name = arena_printf(&graph->arena, "%s", name);
    void *own = arena_copy(&graph->arena, params, op->params_bytes);
    if (!node->name || !own) TRY(fail_memory(ctx, op->params_bytes));
    TRY(op->infer(ctx, name, own, shapes, node->activation_count, outputs));
    node->params = own;

    size_t parameter_count = op->parameters ? op->parameters(own, shapes, NULL) : 0;
    node->input_count = node->activation_count + parameter_count;
    wanted = calloc(parameter_count + 1, sizeof *wanted);
    inputs = arena_alloc(&graph->arena, node->input_count * sizeof *inputs);
    if (!wanted || !inputs) TRY(fail_memory(ctx, node->input_count * sizeof *wanted));
    for (size_t i = 0; i < node->activation_count; i++) inputs[i] = activations[i];
    if (parameter_count) op->parameters(own, shapes, wanted);
    TRY(add_parameters(graph, name, wanted, parameter_count, inputs + node->activation_count));
    node->inputs = inputs;

    for (size_t i = 0; i < op->output_count; i++) {
        node->outputs[i] = add_value(graph, &(struct value){VALUE_COMPUTED, node->name, outputs[i], graph->node_count});
        if (!node->outputs[i]) TRY(graph->status);
    }
    struct node *nodes = grow(graph->nodes, graph->node_count, sizeof *nodes);
    if (!nodes) TRY(fail_memory(ctx, sizeof *nodes));
    graph->nodes = nodes;
    nodes[graph->node_count++] = *node;

fail:
    free(wanted);
    return status;
}

lipcl_value graph_add(struct lipcl_graph *graph, const struct op_def *op, const char *name, const void *params,
                      const lipcl_value *activations, size_t activation_count, lipcl_value *second_output) {
    if (second_output) *second_output = 0;
    if (graph->status != LIPCL_OK) return 0;
    struct node node = {.op = op, .activation_count = activation_count};
    enum lipcl_status status = add_node(graph, &node, name, params, activations);
    if (status != LIPCL_OK) return remember(graph, status);
    if (second_output) *second_output = node.outputs[1];
    return node.outputs[0];
}

size_t lipcl_graph_input_count(const struct lipcl_graph *graph) {
    return graph->input_count;
}

size_t lipcl_graph_output_count(const struct lipcl_graph *graph) {
    return graph->output_count;
}

size_t lipcl_graph_parameter_count(const struct lipcl_graph *graph) {
    return graph->parameter_count;
}

const char *lipcl_graph_input_name(const struct lipcl_graph *graph, size_t index) {
    return index < graph->input_count ? graph->values[graph->inputs[index]].name : NULL;
}

const char *lipcl_graph_output_name(const struct lipcl_graph *graph, size_t index) {
    return index < graph->output_count ? graph->output_names[index] : NULL;
}

const char *lipcl_graph_parameter_name(const struct lipcl_graph *graph, size_t index) {
    return index < graph->parameter_count ? graph->values[graph->parameters[index]].name : NULL;
}

const struct lipcl_shape *lipcl_graph_input_shape(const struct lipcl_graph *graph, size_t index) {
    return index < graph->input_count ? &graph->values[graph->inputs[index]].shape : NULL;
}

const struct lipcl_shape *lipcl_graph_output_shape(const struct lipcl_graph *graph, size_t index) {
    return index < graph->output_count ? &graph->values[graph->outputs[index]].shape : NULL;
}

const struct lipcl_shape *lipcl_graph_parameter_shape(const struct lipcl_graph *graph, size_t index) {
    return index < graph->parameter_count ? &graph->values[graph->parameters[index]].shape : NULL;
}
