/* conv3d_direct.cl: 3-D convolution, with bias, ReLU and a max-pool over disjoint windows in the same pass.
 *
 *   conv[n,k,t,h,w] = bias[k] + sum over c, a, b, d of
 *                     weight[k,c,a,b,d] x[n, c, t ST - PT + a DT, h SH - PH + b DH, w SW - PW + d DW]    (0 outside x)
 *   y[n,k,t,h,w]    = relu(max over a < POOL_T, b < POOL_H, d < POOL_W of conv[n,k, t POOL_T + a, h POOL_H + b, w POOL_W + d])
 *   in GROUPS independent groups of C channels in and K channels out.
 *
 * Layouts
 *   x       any strides X_N, X_C, X_T, X_H, X_W: its elements are read one by one and broadcast
 *   weight  packed in blocks of VEC output channels, K filled up with zeros; the vector of (block, a, b, d, c) starts at
 *           block * W_BLOCK + (((a KH + b) KW + d) C + c) * W_STEP, blocks counted through all groups
 *   bias    [blocks * VEC], filled up likewise
 *   zeros   [C] of 0.0f, which positions outside x read in its place
 *   y       channels-last [N,OUT_T,OUT_H,OUT_W,GROUPS*K]
 *
 * A work-item computes one block of VEC channels at TILE_T x TILE_W positions of y, all in row h: that many vector
 * accumulators, which should just fit the registers. It visits the offsets of the pooling window one after the other and
 * keeps the running maximum, so only pooled values are stored. Every term of a sum is added in the same order wherever the
 * position lies: one chain of fma. Tiles that see the border of x look each position up (tile_at_border), others use one
 * base address and constant displacements (tile_inside); rows b outside x are skipped by both.
 *
 * Options (semantic ones have no default)
 *   N C K GROUPS                   batch; channels in and out of a group; groups
 *   KT KH KW  ST SH SW  PT PH PW  DT DH DW         kernel, stride, padding, dilation
 *   IN_T IN_H IN_W  X_N X_C X_T X_H X_W            sizes and strides of x
 *   OUT_T OUT_H OUT_W  POOL_T POOL_H POOL_W        sizes of y; the pooling window, 1 1 1 for none
 *   RELU                           1: rectify
 *   W_BLOCK W_STEP                 strides of the packed weight
 *   VEC                            4, 8 or 16 output channels a vector
 *   TILE_T TILE_W                  positions a work-item                                                 tuning, 1 and 4
 *   UNROLL_C                       input channels unrolled in the inner loop                             tuning, 4
 *   SUB_GROUP                      work-items in lockstep, where cl_intel_required_subgroup_size is; none: the compiler's choice
 *   BLOCK_ID COLUMN_ID ROW_ID      which work-item dimension counts blocks, tiles along W, and rows      tuning, 2, 0, 1
 */
#if !defined(N) || !defined(C) || !defined(K) || !defined(GROUPS) || !defined(RELU) || !defined(VEC)
#error "conv3d_direct: N C K GROUPS RELU VEC are needed"
#endif
#if !defined(KT) || !defined(KH) || !defined(KW) || !defined(ST) || !defined(SH) || !defined(SW)
#error "conv3d_direct: KT KH KW ST SH SW are needed"
#endif
#if !defined(PT) || !defined(PH) || !defined(PW) || !defined(DT) || !defined(DH) || !defined(DW)
#error "conv3d_direct: PT PH PW DT DH DW are needed"
#endif
#if !defined(IN_T) || !defined(IN_H) || !defined(IN_W) || !defined(OUT_T) || !defined(OUT_H) || !defined(OUT_W)
#error "conv3d_direct: IN_T IN_H IN_W OUT_T OUT_H OUT_W are needed"
#endif
#if !defined(X_N) || !defined(X_C) || !defined(X_T) || !defined(X_H) || !defined(X_W)
#error "conv3d_direct: X_N X_C X_T X_H X_W are needed"
#endif
#if !defined(POOL_T) || !defined(POOL_H) || !defined(POOL_W) || !defined(W_BLOCK) || !defined(W_STEP)
#error "conv3d_direct: POOL_T POOL_H POOL_W W_BLOCK W_STEP are needed"
#endif

#ifndef TILE_T
#define TILE_T 1
#endif
#ifndef TILE_W
#define TILE_W 4
#endif
#ifndef UNROLL_C
#define UNROLL_C 4
#endif
#ifndef BLOCK_ID
#define BLOCK_ID 2
#define COLUMN_ID 0
#define ROW_ID 1
#endif
#if VEC != 4 && VEC != 8 && VEC != 16
#error "conv3d_direct: VEC has to be 4, 8 or 16"
#endif
#if TILE_T < 1 || TILE_W < 1 || TILE_T * TILE_W > 32
#error "conv3d_direct: TILE_T and TILE_W have to be at least 1 and their product at most 32"
#endif
#if UNROLL_C < 1
#error "conv3d_direct: UNROLL_C has to be at least 1"
#endif
#if BLOCK_ID + COLUMN_ID + ROW_ID != 3 || BLOCK_ID * COLUMN_ID * ROW_ID != 0 || BLOCK_ID == COLUMN_ID
#error "conv3d_direct: BLOCK_ID, COLUMN_ID and ROW_ID have to be 0, 1 and 2 in some order"
#endif

#include "common.clh"

#define BLOCKS ((K + VEC - 1) / VEC) /* in a group */
#define TILE (TILE_T * TILE_W)
#define TILES_T ((OUT_T + TILE_T - 1) / TILE_T)
#define TILES_W ((OUT_W + TILE_W - 1) / TILE_W)
/* Neighbouring positions of a tile are that far apart in x. */
#define HOP_T (POOL_T * ST)
#define HOP_W (POOL_W * SW)

/* Adds the taps of rows b_begin <= b < b_end; x is at tap (0, 0, 0) of the tile's first position. All lies inside. */
static inline void tile_inside(floatV sum[TILE], __global const float *x, __global const float *weight, int b_begin,
                               int b_end) {
#pragma unroll 1
    for (int a = 0; a < KT; a++)
#pragma unroll 1
        for (int b = b_begin; b < b_end; b++) {
            __global const float *row = x + (long)a * (DT * (long)X_T) + (long)b * (DH * (long)X_H);
            __global const float *w = weight + (long)((a * KH + b) * KW) * (C * (long)W_STEP);
#pragma unroll 1
            for (int d = 0; d < KW; d++)
#pragma unroll UNROLL_C
                for (int c = 0; c < C; c++) {
                    floatV filter = load_v(w + (d * C + c) * (long)W_STEP);
#pragma unroll
                    for (int p = 0; p < TILE; p++)
                        sum[p] = fma((floatV)(row[p / TILE_W * (HOP_T * (long)X_T) + (p % TILE_W * HOP_W + d * DW) * (long)X_W +
                                                  c * (long)X_C]),
                                     filter, sum[p]);
                }
        }
}

/* The same where taps may lie outside: tap (0, 0, 0) of the first position is at t, w and `first` elements from x; only the
 * first valid_t x valid_w positions of the tile exist. */
static inline void tile_at_border(floatV sum[TILE], __global const float *x, __global const float *zeros,
                                  __global const float *weight, int t, int w, long first, int valid_t, int valid_w, int b_begin,
                                  int b_end) {
#pragma unroll 1
    for (int a = 0; a < KT; a++) {
        int inside_t[TILE_T];
#pragma unroll
        for (int i = 0; i < TILE_T; i++) inside_t[i] = i < valid_t && (uint)(t + i * HOP_T + a * DT) < IN_T;
#pragma unroll 1
        for (int b = b_begin; b < b_end; b++)
#pragma unroll 1
            for (int d = 0; d < KW; d++) {
                const long tap = first + a * (DT * (long)X_T) + b * (DH * (long)X_H) + d * (DW * (long)X_W);
                __global const float *at[TILE];
                long step[TILE];
                int any = 0;
#pragma unroll
                for (int p = 0; p < TILE; p++) {
                    const int i = p / TILE_W, j = p % TILE_W;
                    const int inside = inside_t[i] && j < valid_w && (uint)(w + j * HOP_W + d * DW) < IN_W;
                    at[p] = inside ? x + (tap + i * (HOP_T * (long)X_T) + j * (HOP_W * (long)X_W)) : zeros;
                    step[p] = X_C == 1 || inside ? X_C : 0;
                    any |= inside;
                }
                if (!any) continue;
                __global const float *filters = weight + (long)((a * KH + b) * KW + d) * (C * (long)W_STEP);
#pragma unroll UNROLL_C
                for (int c = 0; c < C; c++) {
                    floatV filter = load_v(filters + c * (long)W_STEP);
#pragma unroll
                    for (int p = 0; p < TILE; p++) sum[p] = fma((floatV)(at[p][c * step[p]]), filter, sum[p]);
                }
            }
    }
}

/* Stores the first `count` channels of a vector. */
static inline void store_channels(floatV value, __global float *y, int count) {
    if (count >= VEC) {
        store_v(value, y);
        return;
    }
    float lane[VEC];
    JOIN(vstore, VEC)(value, 0, lane);
    for (int i = 0; i < count; i++) y[i] = lane[i];
}

#ifdef SUB_GROUP
__attribute__((intel_reqd_sub_group_size(SUB_GROUP)))
#endif
__kernel void conv3d_direct(__global const float *x, __global const float *weight, __global const float *bias,
                            __global const float *zeros, __global float *y) {
    const int block = get_global_id(BLOCK_ID), column = get_global_id(COLUMN_ID);
    int row = get_global_id(ROW_ID); /* n, tile along T, h: h fastest */
    if (block >= GROUPS * BLOCKS || column >= TILES_W || row >= N * TILES_T * OUT_H) return;
    const int out_h = row % OUT_H, out_t = row / OUT_H % TILES_T * TILE_T, n = row / OUT_H / TILES_T;
    const int out_w = column * TILE_W;
    const int group = block / BLOCKS, channel = block % BLOCKS * VEC;
    x += n * (long)X_N + group * (C * (long)X_C);
    weight += block * (long)W_BLOCK;

    floatV best[TILE];
#pragma unroll
    for (int p = 0; p < TILE; p++) best[p] = (floatV)(-INFINITY);

#pragma unroll 1
    for (int a = 0; a < POOL_T; a++)
#pragma unroll 1
        for (int b = 0; b < POOL_H; b++)
#pragma unroll 1
            for (int d = 0; d < POOL_W; d++) {
                const int t = (out_t * POOL_T + a) * ST - PT, h = (out_h * POOL_H + b) * SH - PH;
                const int w = (out_w * POOL_W + d) * SW - PW;
                const int b_begin = h < 0 ? (-h + DH - 1) / DH : 0, b_end = min(KH, (IN_H - h + DH - 1) / DH);
                const int inside = out_t + TILE_T <= OUT_T && out_w + TILE_W <= OUT_W && t >= 0 && w >= 0 &&
                                   t + (TILE_T - 1) * HOP_T + (KT - 1) * DT < IN_T &&
                                   w + (TILE_W - 1) * HOP_W + (KW - 1) * DW < IN_W;
                floatV sum[TILE];
#pragma unroll
                for (int p = 0; p < TILE; p++) sum[p] = load_v(bias + block * VEC);
                const long first = t * (long)X_T + h * (long)X_H + w * (long)X_W;
                if (inside)
                    tile_inside(sum, x + first, weight, b_begin, b_end);
                else
                    tile_at_border(sum, x, zeros, weight, t, w, first, OUT_T - out_t, OUT_W - out_w, b_begin, b_end);
#pragma unroll
                for (int p = 0; p < TILE; p++) best[p] = max_nan(best[p], sum[p]);
            }

    y += (((n * (long)OUT_T + out_t) * OUT_H + out_h) * OUT_W + out_w) * (GROUPS * K) + group * K + channel;
#pragma unroll
    for (int p = 0; p < TILE; p++) {
        const int i = p / TILE_W, j = p % TILE_W;
        if (out_t + i >= OUT_T || out_w + j >= OUT_W) continue;
        store_channels(RELU ? relu_nan(best[p]) : best[p], y + (i * (OUT_H * (long)OUT_W) + j) * (GROUPS * K), K - channel);
    }
}
