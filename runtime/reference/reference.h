/* reference.h: the plain-C definition of every operator, which the devices are checked against.
 *
 * A reference reads like the operator's formula. It takes dense row-major F32 tensors, accumulates in double and rounds
 * once. Beside each output it can return the magnitude S that tensor/compare.h's bound is made of: a correct single-precision
 * evaluation y' satisfies |y' - y| <= g u S + u |y|, u = 2^-24. For a sum of products, S = sum |w||x| + |b|; an operator
 * without a sum of its own passes on its input's S (`input_magnitude`), so that S also describes a chain such as
 * conv3d, relu, maxpool3d. A sum of products takes an inexact x as S = sum |w| (|x| + S_x) + |b|; the u |x| of its rounding
 * is left to the margin of g. Through several sums S grows much faster than any error does (LipNet: 20 to 30 times a
 * convolution), so a network is judged layer by layer, each from the inputs that the device itself had.
 *
 * The caller has checked shapes and parameters (the operator's `infer`); params are normalised: no zero stands for a default.
 * References include tensor/ only and know nothing of devices.
 */
#ifndef LIPCL_REFERENCE_H
#define LIPCL_REFERENCE_H

#include "base/log.h"
#include "tensor/shape.h"

struct ref_io {
    const void *params;                       /* the operator's struct from lipcl/operators.h */
    const struct lipcl_tensor *const *inputs; /* in the order of the graph node: activations, then parameters; an optional
                                                 input that is absent is NULL */
    struct lipcl_tensor *const *outputs;      /* allocated by the caller; an output nobody wants is NULL */
    double *magnitude;                        /* S of output 0, one per element, or NULL */
    double *final_magnitude;                  /* gru: S of output 1, or NULL; needs magnitude */
    const double *input_magnitude;            /* S of input 0, or NULL: zero, the input is exact */
    const struct lipcl_tensor *observed;      /* gru with one layer: an output 0 computed elsewhere. When given, step t starts
                                                 from observed[t-1] (t+1 in reverse) instead of the reference's own state, which
                                                 makes the comparison step-locked. NULL: free-running. Others ignore it */
};

typedef enum lipcl_status (*op_ref_fn)(struct lipcl_context *ctx, const struct ref_io *io);

/*  inputs                                                                               outputs   */
enum lipcl_status conv3d_ref(struct lipcl_context *ctx, const struct ref_io *io);      /* x, weight, bias?         -> y      */
enum lipcl_status maxpool3d_ref(struct lipcl_context *ctx, const struct ref_io *io);   /* x                        -> y      */
enum lipcl_status gru_ref(struct lipcl_context *ctx, const struct ref_io *io);         /* x, h0?, then per layer and direction
                                                                weight_ih, weight_hh, bias_ih?, bias_hh?          -> y, h_n? */
enum lipcl_status linear_ref(struct lipcl_context *ctx, const struct ref_io *io);      /* x, weight, bias?         -> y      */
enum lipcl_status relu_ref(struct lipcl_context *ctx, const struct ref_io *io);        /* x                        -> y      */
enum lipcl_status dropout_ref(struct lipcl_context *ctx, const struct ref_io *io);     /* x                        -> y      */
enum lipcl_status dropout3d_ref(struct lipcl_context *ctx, const struct ref_io *io);   /* x                        -> y      */
enum lipcl_status permute_ref(struct lipcl_context *ctx, const struct ref_io *io);     /* x                        -> y      */
enum lipcl_status reshape_ref(struct lipcl_context *ctx, const struct ref_io *io);     /* x                        -> y      */
enum lipcl_status log_softmax_ref(struct lipcl_context *ctx, const struct ref_io *io); /* x, over the last dimension -> y    */

#endif
