/* builders.c: one public builder an operator. */
#include "graph/build.h"

#define OP(name) extern const struct op_def name##_op;
#include "ops/ops.def"
#undef OP

lipcl_value lipcl_conv3d(struct lipcl_graph *graph, const char *name, lipcl_value x, const struct lipcl_conv3d_params *params) {
    return graph_add(graph, &conv3d_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_maxpool3d(struct lipcl_graph *graph, const char *name, lipcl_value x,
                            const struct lipcl_maxpool3d_params *params) {
    return graph_add(graph, &maxpool3d_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_gru(struct lipcl_graph *graph, const char *name, lipcl_value x, lipcl_value h0, lipcl_value *h_n,
                      const struct lipcl_gru_params *params) {
    return graph_add(graph, &gru_op, name, params, (lipcl_value[]){x, h0}, 2, h_n);
}

lipcl_value lipcl_linear(struct lipcl_graph *graph, const char *name, lipcl_value x, const struct lipcl_linear_params *params) {
    return graph_add(graph, &linear_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_relu(struct lipcl_graph *graph, const char *name, lipcl_value x) {
    return graph_add(graph, &relu_op, name, NULL, &x, 1, NULL);
}

lipcl_value lipcl_dropout(struct lipcl_graph *graph, const char *name, lipcl_value x,
                          const struct lipcl_dropout_params *params) {
    return graph_add(graph, &dropout_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_dropout3d(struct lipcl_graph *graph, const char *name, lipcl_value x,
                            const struct lipcl_dropout_params *params) {
    return graph_add(graph, &dropout3d_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_permute(struct lipcl_graph *graph, const char *name, lipcl_value x,
                          const struct lipcl_permute_params *params) {
    return graph_add(graph, &permute_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_reshape(struct lipcl_graph *graph, const char *name, lipcl_value x,
                          const struct lipcl_reshape_params *params) {
    return graph_add(graph, &reshape_op, name, params, &x, 1, NULL);
}

lipcl_value lipcl_log_softmax(struct lipcl_graph *graph, const char *name, lipcl_value x) {
    return graph_add(graph, &log_softmax_op, name, NULL, &x, 1, NULL);
}
