/* lipnet.c: the model's definition, and its weights from a file. */
#include <lipcl/lipnet.h>
#include <lipcl/safetensors.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "tensor/shape.h"
#include "tensor/tensor_match.h"

static const struct lipcl_conv3d_params conv1 = {
    .out_channels = 32, .kernel = {3, 5, 5}, .stride = {1, 2, 2}, .padding = {1, 2, 2}};
static const struct lipcl_conv3d_params conv2 = {.out_channels = 64, .kernel = {3, 5, 5}, .padding = {1, 2, 2}};
static const struct lipcl_conv3d_params conv3 = {.out_channels = 96, .kernel = {3, 3, 3}, .padding = {1, 1, 1}};
static const struct lipcl_maxpool3d_params pool = {.kernel = {1, 2, 2}};
static const struct lipcl_gru_params gru = {.hidden = 256, .bidirectional = true};
static const struct lipcl_linear_params fc = {.out_features = LIPCL_LIPNET_CLASSES};

/* Every layer draws its own dropout mask: layer number `layer` of the model has the seed + layer. */
static struct lipcl_dropout_params dropout(const struct lipcl_lipnet_params *params, uint64_t layer) {
    return (struct lipcl_dropout_params){.p = 0.5f, .training = params->training, .seed = params->seed + layer};
}

enum lipcl_status lipcl_lipnet_describe(struct lipcl_graph *graph, size_t batch, size_t frames,
                                        const struct lipcl_lipnet_params *params) {
    static const struct lipcl_lipnet_params evaluating = {0};
    const struct lipcl_lipnet_params *p = params ? params : &evaluating;
    const struct lipcl_dropout_params drop1 = dropout(p, 1), drop2 = dropout(p, 2), drop3 = dropout(p, 3);
    const struct lipcl_dropout_params drop4 = dropout(p, 4), drop5 = dropout(p, 5);

    lipcl_value x = lipcl_graph_input(graph, "x", &SHAPE(batch, 3, frames, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH));

    x = lipcl_conv3d(graph, "conv1", x, &conv1);
    x = lipcl_relu(graph, "relu1", x);
    x = lipcl_dropout3d(graph, "dropout1", x, &drop1);
    x = lipcl_maxpool3d(graph, "pool1", x, &pool); /* [N,32,T,16,32] */

    x = lipcl_conv3d(graph, "conv2", x, &conv2);
    x = lipcl_relu(graph, "relu2", x);
    x = lipcl_dropout3d(graph, "dropout2", x, &drop2);
    x = lipcl_maxpool3d(graph, "pool2", x, &pool); /* [N,64,T,8,16] */

    x = lipcl_conv3d(graph, "conv3", x, &conv3);
    x = lipcl_relu(graph, "relu3", x);
    x = lipcl_dropout3d(graph, "dropout3", x, &drop3);
    x = lipcl_maxpool3d(graph, "pool3", x, &pool); /* [N,96,T,4,8] */

    x = lipcl_permute(graph, "permute", x, &(struct lipcl_permute_params){{2, 0, 1, 3, 4}}); /* [T,N,96,4,8] */
    x = lipcl_reshape(graph, "flatten", x, &(struct lipcl_reshape_params){SHAPE(frames, batch, 96 * 4 * 8)});

    x = lipcl_gru(graph, "gru1", x, 0, NULL, &gru);
    x = lipcl_dropout(graph, "dropout4", x, &drop4);
    x = lipcl_gru(graph, "gru2", x, 0, NULL, &gru);
    x = lipcl_dropout(graph, "dropout5", x, &drop5); /* [T,N,512] */

    x = lipcl_linear(graph, "FC", x, &fc);
    x = lipcl_permute(graph, "logits", x, &(struct lipcl_permute_params){{1, 0, 2}}); /* [N,T,28] */
    lipcl_graph_output(graph, "logits", x);
    return lipcl_graph_status(graph);
}

enum lipcl_status lipcl_lipnet_load(struct lipcl_context *ctx, struct lipcl_tensor_set **set, const char *path) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_graph *graph = NULL;
    struct tensor_wanted *wanted = NULL;
    const struct lipcl_tensor **found = NULL;
    TRY(lipcl_safetensors_load(ctx, set, path));
    TRY(lipcl_graph_create(ctx, &graph));
    TRY(lipcl_lipnet_describe(graph, 1, 1, NULL));
    size_t count = lipcl_graph_parameter_count(graph);
    wanted = calloc(count, sizeof *wanted);
    found = calloc(count, sizeof *found);
    if (!wanted || !found) TRY(fail(ctx, LIPCL_ERROR_MEMORY, "%s: out of memory", path));
    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct tensor_wanted){lipcl_graph_parameter_name(graph, i), *lipcl_graph_parameter_shape(graph, i)};
    TRY(tensor_set_match(ctx, found, *set, path, wanted, count));

fail:
    lipcl_graph_destroy(&graph);
    free(wanted);
    free(found);
    if (status != LIPCL_OK) lipcl_tensor_set_destroy(set);
    return status;
}
