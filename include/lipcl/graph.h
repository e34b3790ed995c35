/* graph.h: describing a network.
 *
 * A builder takes values and returns a new one; shapes are inferred and checked at once. Errors are sticky: the first one is
 * kept (and logged), later builders pass it on, and lipcl_graph_status() or planning reports it, so that a model reads like
 * its definition without a check a line. Every layer has a name; its parameters are named "name.weight", "name.bias" and so on,
 * as in a PyTorch state dict.
 */
#ifndef LIPCL_GRAPH_H
#define LIPCL_GRAPH_H

#include <stddef.h>

#include <lipcl/context.h>
#include <lipcl/operators.h>
#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lipcl_graph;

/* A value of one graph; 0 is none: "no initial state", or the result after an error. */
typedef size_t lipcl_value;

LIPCL_API enum lipcl_status lipcl_graph_create(struct lipcl_context *ctx, struct lipcl_graph **graph);
LIPCL_API void lipcl_graph_destroy(struct lipcl_graph **graph);

/* LIPCL_OK, or the first error of any builder. */
LIPCL_API enum lipcl_status lipcl_graph_status(const struct lipcl_graph *graph);

/* Inputs and outputs are numbered in the order of these calls; a run takes and gives them in that order. */
LIPCL_API lipcl_value lipcl_graph_input(struct lipcl_graph *graph, const char *name, const struct lipcl_shape *shape);
LIPCL_API void lipcl_graph_output(struct lipcl_graph *graph, const char *name, lipcl_value value);

/* See operators.h for formulas, shapes and the parameters' names. */
LIPCL_API lipcl_value lipcl_conv3d(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                   const struct lipcl_conv3d_params *params);
LIPCL_API lipcl_value lipcl_maxpool3d(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                      const struct lipcl_maxpool3d_params *params);
/* h0 may be 0 (zeros); h_n may be NULL. Parameters: "name.weight_ih_l0", "name.weight_hh_l0", "name.bias_ih_l0",
 * "name.bias_hh_l0", the same with "_reverse", then l1 ... */
LIPCL_API lipcl_value lipcl_gru(struct lipcl_graph *graph, const char *name, lipcl_value x, lipcl_value h0, lipcl_value *h_n,
                                const struct lipcl_gru_params *params);
LIPCL_API lipcl_value lipcl_linear(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                   const struct lipcl_linear_params *params);
LIPCL_API lipcl_value lipcl_relu(struct lipcl_graph *graph, const char *name, lipcl_value x);
LIPCL_API lipcl_value lipcl_dropout(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                    const struct lipcl_dropout_params *params);
LIPCL_API lipcl_value lipcl_dropout3d(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                      const struct lipcl_dropout_params *params);
LIPCL_API lipcl_value lipcl_permute(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                    const struct lipcl_permute_params *params);
LIPCL_API lipcl_value lipcl_reshape(struct lipcl_graph *graph, const char *name, lipcl_value x,
                                    const struct lipcl_reshape_params *params);
LIPCL_API lipcl_value lipcl_log_softmax(struct lipcl_graph *graph, const char *name, lipcl_value x);

/* What the graph consists of. Names are owned by the graph. */
LIPCL_API size_t lipcl_graph_input_count(const struct lipcl_graph *graph);
LIPCL_API size_t lipcl_graph_output_count(const struct lipcl_graph *graph);
LIPCL_API const char *lipcl_graph_input_name(const struct lipcl_graph *graph, size_t index);
LIPCL_API const char *lipcl_graph_output_name(const struct lipcl_graph *graph, size_t index);
LIPCL_API const struct lipcl_shape *lipcl_graph_input_shape(const struct lipcl_graph *graph, size_t index);
LIPCL_API const struct lipcl_shape *lipcl_graph_output_shape(const struct lipcl_graph *graph, size_t index);
/* The parameters that planning takes from the weights, in the order of the layers. */
LIPCL_API size_t lipcl_graph_parameter_count(const struct lipcl_graph *graph);
LIPCL_API const char *lipcl_graph_parameter_name(const struct lipcl_graph *graph, size_t index);
LIPCL_API const struct lipcl_shape *lipcl_graph_parameter_shape(const struct lipcl_graph *graph, size_t index);

#ifdef __cplusplus
}
#endif
#endif
