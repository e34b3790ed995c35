/* operators.h: the operators' parameters. Pure data; graph.h has the builders that take them.
 *
 * Semantics are PyTorch's, whose names are used where they exist. Triples are in the order T, H, W.
 */
#ifndef LIPCL_OPERATORS_H
#define LIPCL_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* torch.nn.Conv3d with zero padding.
 *   x [N,C,T,H,W], weight [K,C/groups,kernel...], bias [K]  ->  y [N,K,T',H',W'],
 *   T' = (T + 2 padding - dilation (kernel - 1) - 1) / stride + 1, likewise H', W'. */
struct lipcl_conv3d_params {
    size_t out_channels;
    size_t kernel[3];
    size_t stride[3]; /* 0 means 1 */
    size_t padding[3];
    size_t dilation[3]; /* 0 means 1 */
    size_t groups;      /* 0 means 1; divides the channels in and out */
    bool no_bias;
};

/* torch.nn.MaxPool3d; padding counts as -infinity and is at most half the kernel, a NaN in the window wins.
 *   x [N,C,T,H,W] -> y [N,C,T',H',W'], sizes as for conv3d, rounded up when ceil_mode is set
 *   (but the last window must start inside the input or its left padding). */
struct lipcl_maxpool3d_params {
    size_t kernel[3];
    size_t stride[3]; /* 0 means the kernel's size */
    size_t padding[3];
    size_t dilation[3]; /* 0 means 1 */
    bool ceil_mode;
};

/* torch.nn.GRU, batch_first = False. D = bidirectional ? 2 : 1.
 *   x [T,N,input], h0 [layers D,N,hidden]  ->  y [T,N,D hidden], h_n [layers D,N,hidden]
 *   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
 *   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
 *   n = tanh(W_in x + b_in + r (W_hn h + b_hn))
 *   h' = (1 - z) n + z h
 * Weights hold the gates in the order r, z, n: weight_ih [3 hidden,input or D hidden], weight_hh [3 hidden,hidden],
 * bias_ih [3 hidden], bias_hh [3 hidden], for each layer and direction. */
struct lipcl_gru_params {
    size_t hidden;
    size_t layers; /* 0 means 1 */
    bool bidirectional;
    bool no_bias;
};

/* torch.nn.Linear: x [...,in], weight [out,in], bias [out] -> y [...,out]. */
struct lipcl_linear_params {
    size_t out_features;
    bool no_bias;
};

/* torch.nn.Dropout (a mask by element) and torch.nn.Dropout3d (a mask by sample and channel).
 * Evaluating (training == false), the identity. Training, an element is kept with probability 1 - p and scaled by 1/(1-p).
 * The mask is a pure function of seed and index, the same on every device: element i (dropout3d: i = n C + c) draws
 * word i % 4 of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11) with
 *   key = (seed's low word, seed's high word), counter = (low word of i / 4, high word of i / 4, 0, 0),
 * and is kept when (word >> 8) * 2^-24 >= p. The factor 1/(1-p) is rounded to float once, then y = x * factor, or x * 0 where
 * the element is dropped (so that, as in PyTorch, a NaN or an infinity shows as NaN). */
struct lipcl_dropout_params {
    float p; /* 0 <= p < 1 */
    bool training;
    uint64_t seed;
};

/* torch.permute: dimension i of y is dimension order[i] of x. */
struct lipcl_permute_params {
    size_t order[LIPCL_MAX_RANK]; /* as many as x has dimensions */
};

/* torch.reshape: the same elements in row-major order under another shape. */
struct lipcl_reshape_params {
    struct lipcl_shape shape;
};

/* Which matrix product the linear and GRU layers use. */
enum lipcl_gemm {
    LIPCL_GEMM_AUTO = 0, /* CLBlast on GPUs, lipcl's own on CPU devices */
    LIPCL_GEMM_CLBLAST,
    LIPCL_GEMM_OWN,
};

#ifdef __cplusplus
}
#endif
#endif
