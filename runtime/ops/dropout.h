/* dropout.h: what dropout and dropout3d share. */
#ifndef LIPCL_OPS_DROPOUT_H
#define LIPCL_OPS_DROPOUT_H

#include "ops/op.h"

extern const struct lowering dropout_mask, dropout3d_mask;

enum lipcl_status dropout_infer(struct lipcl_context *ctx, const char *op, const char *layer,
                                const struct lipcl_dropout_params *params);
struct op_cost dropout_cost(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                            const struct lipcl_shape *outputs);
/* True when nothing is dropped: evaluating, or p == 0. */
bool dropout_is_identity(const void *params);

#endif
