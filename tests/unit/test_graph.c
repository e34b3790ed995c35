/* Graphs: sticky errors, names, and what the passes make of a graph. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "graph/passes.h"

static struct lipcl_context *ctx;
static struct lipcl_graph *graph;
static struct arena arena;
static struct passes passes;

static void setup(void) {
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
}
static void teardown(void) {
    arena_finish(&arena);
    lipcl_graph_destroy(&graph);
    lipcl_context_destroy(&ctx);
}

TestSuite(graph, .init = setup, .fini = teardown);

static const struct lipcl_conv3d_params conv = {.out_channels = 4, .kernel = {1, 3, 3}};
static const struct lipcl_maxpool3d_params pool = {.kernel = {1, 2, 2}};
static const struct lipcl_dropout_params evaluating = {.p = 0.5f}, training = {.p = 0.5f, .training = true};

static lipcl_value input(void) {
    return lipcl_graph_input(graph, "x", &SHAPE(1, 2, 3, 8, 8));
}

static void run(bool no_fusion) {
    cr_assert(lipcl_graph_status(graph) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(passes_run(&passes, &arena, graph, no_fusion) == LIPCL_OK);
}

Test(graph, the_first_error_stays) {
    lipcl_value x = input();
    struct lipcl_conv3d_params wide = {.out_channels = 4, .kernel = {1, 99, 1}};
    lipcl_value y = lipcl_conv3d(graph, "too_wide", x, &wide);
    cr_expect_eq(y, 0);
    cr_expect(lipcl_graph_status(graph) == LIPCL_ERROR_SHAPE);
    char first[512];
    strcpy(first, lipcl_context_error(ctx));
    cr_expect(strstr(first, "too_wide") != NULL, "%s", first);
    cr_expect_eq(lipcl_relu(graph, "relu", y), 0);
    lipcl_graph_output(graph, "y", y);
    cr_expect(lipcl_graph_status(graph) == LIPCL_ERROR_SHAPE);
    cr_expect_str_eq(lipcl_context_error(ctx), first, "later builders are silent");
}

Test(graph, values_of_another_graph) {
    cr_expect_eq(lipcl_relu(graph, "relu", 5), 0);
    cr_expect(lipcl_graph_status(graph) == LIPCL_ERROR_ARGUMENT);
}

Test(graph, empty_and_enormous_inputs) {
    cr_expect_eq(lipcl_graph_input(graph, "none", &SHAPE(2, 0)), 0);
    cr_expect(lipcl_graph_status(graph) == LIPCL_ERROR_SHAPE);
    struct lipcl_graph *other;
    cr_assert(lipcl_graph_create(ctx, &other) == LIPCL_OK);
    cr_expect_eq(lipcl_graph_input(other, "huge", &SHAPE(SIZE_MAX / 2, 3)), 0);
    cr_expect(strstr(lipcl_context_error(ctx), "huge") != NULL);
    lipcl_graph_destroy(&other);
}

Test(graph, parameters_are_named_after_their_layer) {
    lipcl_conv3d(graph, "conv1", input(), &conv);
    cr_assert_eq(lipcl_graph_parameter_count(graph), 2);
    cr_expect_str_eq(lipcl_graph_parameter_name(graph, 0), "conv1.weight");
    cr_expect(lipcl_shape_equal(lipcl_graph_parameter_shape(graph, 0), &SHAPE(4, 2, 1, 3, 3)));
    cr_expect_str_eq(lipcl_graph_parameter_name(graph, 1), "conv1.bias");
    cr_expect_null(lipcl_graph_parameter_name(graph, 2));
}

Test(graph, gru_parameters_are_torch_s) {
    lipcl_value x = lipcl_graph_input(graph, "x", &SHAPE(5, 1, 7)), h_n;
    lipcl_value y =
        lipcl_gru(graph, "gru", x, 0, &h_n, &(struct lipcl_gru_params){.hidden = 3, .layers = 2, .bidirectional = true});
    cr_assert(y && h_n, "%s", lipcl_context_error(ctx));
    static const char *const names[] = {
        "gru.weight_ih_l0",         "gru.weight_hh_l0",         "gru.bias_ih_l0",         "gru.bias_hh_l0",
        "gru.weight_ih_l0_reverse", "gru.weight_hh_l0_reverse", "gru.bias_ih_l0_reverse", "gru.bias_hh_l0_reverse",
        "gru.weight_ih_l1",         "gru.weight_hh_l1",         "gru.bias_ih_l1",         "gru.bias_hh_l1",
        "gru.weight_ih_l1_reverse", "gru.weight_hh_l1_reverse", "gru.bias_ih_l1_reverse", "gru.bias_hh_l1_reverse"};
    cr_assert_eq(lipcl_graph_parameter_count(graph), 16);
    for (size_t i = 0; i < 16; i++) cr_expect_str_eq(lipcl_graph_parameter_name(graph, i), names[i]);
    cr_expect(lipcl_shape_equal(lipcl_graph_parameter_shape(graph, 8), &SHAPE(9, 6)),
              "layer 1 reads both directions of layer 0");
}

Test(graph, conv_relu_pool_fuse) {
    lipcl_value x = lipcl_conv3d(graph, "conv1", input(), &conv);
    x = lipcl_relu(graph, "relu1", x);
    x = lipcl_dropout3d(graph, "dropout1", x, &evaluating);
    x = lipcl_maxpool3d(graph, "pool1", x, &pool);
    lipcl_graph_output(graph, "y", x);
    run(false);
    cr_assert_eq(passes.layer_count, 1);
    cr_expect_eq(passes.layers[0].node_count, 3, "dropout in between is the identity and does not stand in the way");
    run(true);
    cr_expect_eq(passes.layer_count, 3, "the dropout has gone all the same");
}

Test(graph, training_dropout_parts_relu_from_pool) {
    lipcl_value x = lipcl_conv3d(graph, "conv1", input(), &conv);
    x = lipcl_relu(graph, "relu1", x);
    x = lipcl_dropout3d(graph, "dropout1", x, &training);
    x = lipcl_maxpool3d(graph, "pool1", x, &pool);
    lipcl_graph_output(graph, "y", x);
    run(false);
    cr_assert_eq(passes.layer_count, 3);
    cr_expect_eq(passes.layers[0].node_count, 2);
}

Test(graph, what_others_read_is_not_fused_away) {
    lipcl_value y = lipcl_conv3d(graph, "conv1", input(), &conv);
    lipcl_value z = lipcl_relu(graph, "relu1", y);
    lipcl_graph_output(graph, "before", y);
    lipcl_graph_output(graph, "after", z);
    run(false);
    cr_expect_eq(passes.layer_count, 2);
}

Test(graph, two_readers_of_a_convolution) {
    lipcl_value y = lipcl_conv3d(graph, "conv1", input(), &conv);
    lipcl_graph_output(graph, "a", lipcl_relu(graph, "relu1", y));
    lipcl_graph_output(graph, "b", lipcl_maxpool3d(graph, "pool1", y, &pool));
    run(false);
    cr_expect_eq(passes.layer_count, 3);
}

Test(graph, identity_output_is_its_input) {
    lipcl_value x = input();
    lipcl_value y = lipcl_dropout(graph, "dropout", x, &evaluating);
    lipcl_graph_output(graph, "y", y);
    run(false);
    cr_expect_eq(passes.layer_count, 0);
    cr_expect_eq(passes.alias[y], x);
}
