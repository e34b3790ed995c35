#include "support/networks.h"

#include <criterion/criterion.h>

struct lipcl_tensor *test_tensor(struct lipcl_context *ctx, const struct lipcl_shape *shape) {
    struct lipcl_tensor *tensor = NULL;
    cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, shape) == LIPCL_OK);
    float *data = tensor->data;
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++) data[i] = (float)(i * 2654435761u % 1000) / 1000;
    return tensor;
}

struct lipcl_tensor *test_frames(struct lipcl_context *ctx, size_t batch, size_t frames) {
    return test_tensor(ctx, &(struct lipcl_shape){5, {batch, 3, frames, 64, 128}});
}

static void add_weight(struct lipcl_context *ctx, struct linear_network *network, size_t index) {
    struct lipcl_tensor *tensor = test_tensor(ctx, lipcl_graph_parameter_shape(network->graph, index));
    float *data = tensor->data;
    for (size_t i = 0; i < lipcl_tensor_count(tensor); i++) data[i] = 2 * data[i] - 1;
    cr_assert(lipcl_tensor_set_add(ctx, network->weights, lipcl_graph_parameter_name(network->graph, index), &tensor) ==
              LIPCL_OK);
}

struct linear_network linear_network_create(struct lipcl_context *ctx, size_t rows, size_t in, size_t out) {
    struct linear_network network;
    cr_assert(lipcl_graph_create(ctx, &network.graph) == LIPCL_OK);
    lipcl_value x = lipcl_graph_input(network.graph, "x", &(struct lipcl_shape){2, {rows, in}});
    lipcl_value y = lipcl_linear(network.graph, "fc", x, &(struct lipcl_linear_params){.out_features = out});
    lipcl_graph_output(network.graph, "y", y);
    cr_assert(lipcl_tensor_set_create(ctx, &network.weights) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_graph_parameter_count(network.graph); i++) add_weight(ctx, &network, i);
    return network;
}

void linear_network_destroy(struct linear_network *network) {
    lipcl_tensor_set_destroy(&network->weights);
    lipcl_graph_destroy(&network->graph);
}
