/* window.h: the arithmetic that convolution and pooling share: how many windows fit along T, H and W. */
#ifndef LIPCL_OPS_WINDOW_H
#define LIPCL_OPS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "tensor/box.h"
#include "tensor/shape.h"

/* Triples in the order T, H, W; normalised: no zero stands for a default. */
struct window {
    const size_t *kernel, *stride, *padding, *dilation;
    bool ceil_mode;
};

/* Replaces each zero of a triple by the matching entry of `defaults`. */
void window_default(size_t triple[3], const size_t defaults[3]);

/* Checks the window against x [N,C,T,H,W] and fills y = [N,channels,T',H',W'],
 *   T' = (T + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded up when ceil_mode is set,
 * where the last window must start inside the input or its left padding. `op` and `layer` name the node in messages.
 * LIPCL_ERROR_ARGUMENT: a parameter is out of range; LIPCL_ERROR_SHAPE: x, or a kernel beyond the padded input. */
enum lipcl_status window_infer(struct lipcl_context *ctx, const char *op, const char *layer, struct lipcl_shape *y,
                               const struct lipcl_shape *x, size_t channels, const struct window *window);

/* Sets T, H, W of the input's box to what the output's box is made from, and the padding, which is part of it now, to 0. */
void window_crop(struct box *input, const struct box *output, const struct window *window, size_t padding[3]);

/* True when `shape` is an F32 tensor whose bytes can be counted. */
bool window_shape_fits(const struct lipcl_shape *shape);

#endif
