/* networks.h: numbers that look random, and the smallest network there is. */
#ifndef LIPCL_TESTS_SUPPORT_NETWORKS_H
#define LIPCL_TESTS_SUPPORT_NETWORKS_H

#include <lipcl/lipcl.h>

/* A tensor of numbers in [0, 1), always the same; the caller destroys it. */
struct lipcl_tensor *test_tensor(struct lipcl_context *ctx, const struct lipcl_shape *shape);

/* The same for LipNet: [batch,3,frames,64,128]. */
struct lipcl_tensor *test_frames(struct lipcl_context *ctx, size_t batch, size_t frames);

/* "x" [rows,in] -> the linear layer "fc" -> "y" [rows,out], with weights in [-1, 1). */
struct linear_network {
    struct lipcl_graph *graph;
    struct lipcl_tensor_set *weights;
};

struct linear_network linear_network_create(struct lipcl_context *ctx, size_t rows, size_t in, size_t out);
void linear_network_destroy(struct linear_network *network);

#endif
