/* winograd_output: the products of a convolution by Winograd's minimal filtering, and y = A^T M A, with bias, ReLU and max-pool.
 *
 *   M[p][k] = sum over kt, c of V[tile][t + kt][p][c] U[p][kt][c][k]      p = one of SIZE x SIZE points
 *   y       = pool(relu(A^T M A + bias))                                  STEP x STEP positions a tile, before the pool
 *
 * v      [tiles of this launch, OUT_T + KT - 1, SIZE SIZE, CHANNELS]: from winograd_input; the temporal taps are summed here
 * u      [blocks of VEC output channels, SIZE SIZE, KT, CHANNELS, VEC], zero where K ends
 * bias   [K rounded up to VEC]
 * y      [N, OUT_T, OUT_H, OUT_W, K], sizes after the pool
 *
 * A work-item takes ROWS successive frames of one tile and VEC output channels: for each point ROWS accumulators in registers,
 * which share what the taps read, then the transform of what it has gathered privately, so that M never leaves the first
 * cache. Made for CPU devices: a work-group is one work-item, and u's block stays in cache while the work-items walk along the
 * frames and tiles. The last work-item of a tile begins so early that all of its frames exist, and stores the new ones.
 * A launch takes the same tiles as winograd_input's before it, from its offset on, which counts from 1.
 *
 *   semantic   N, OUT_T, OUT_H, OUT_W, K, KT, CHANNELS
 *              TILES_H, TILES_W, STEP, SIZE
 *              OUT_0 ... OUT_5     rows of A^T as sums over d[0] ... d[SIZE - 1]
 *              POOL_H, POOL_W      window and stride of the pool, dividing STEP; 1 for none
 *              RELU                1 or 0
 *   tuning     VEC                 output channels at a time
 *              ROWS                frames at a time, at most OUT_T
 */
#if !defined N || !defined OUT_T || !defined OUT_H || !defined OUT_W || !defined K || !defined KT || !defined CHANNELS
#error "N, OUT_T, OUT_H, OUT_W, K, KT and CHANNELS describe the convolution"
#endif
#if !defined TILES_H || !defined TILES_W || !defined STEP || !defined SIZE || !defined OUT_0
#error "TILES_H, TILES_W, STEP, SIZE and OUT_0 ... describe the tiles"
#endif
#if !defined POOL_H || !defined POOL_W || !defined RELU
#error "POOL_H, POOL_W and RELU describe the epilogue"
#endif
#if STEP % POOL_H != 0 || STEP % POOL_W != 0
#error "POOL_H and POOL_W: divide STEP"
#endif
#ifndef VEC
#define VEC 16
#endif
#ifndef ROWS
#define ROWS 6
#endif

#include "common.clh"

#if ROWS > OUT_T
#error "ROWS: at most OUT_T"
#endif

#define TILES (TILES_H * TILES_W)
#define POINTS (SIZE * SIZE)

#if STEP > 4 || STEP < 2
#error "STEP: 2, 3 or 4"
#endif
#if STEP > 2
#define LINE_2(out) out(2, OUT_2)
#else
#define LINE_2(out)
#endif
#if STEP > 3
#define LINE_3(out) out(3, OUT_3)
#else
#define LINE_3(out)
#endif
#define TRANSFORM(out) out(0, OUT_0) out(1, OUT_1) LINE_2(out) LINE_3(out)

static void store_channels(__global float *y, size_t channel, floatV value) {
    if (channel + VEC <= K) {
        store_v(value, y + channel);
    } else {
        float tail[VEC];
        store_v(value, tail);
        for (size_t i = 0; channel + i < K; i++) y[channel + i] = tail[i];
    }
}

/* A tile's points through A^T on both sides, then the epilogue. */
static void finish_tile(const floatV m[POINTS][ROWS], int r, floatV bias, __global float *restrict y, size_t frame, size_t tile,
                        size_t channel) {
    floatV half_done[STEP][SIZE];
#pragma unroll 1
    for (int j = 0; j < SIZE; j++) {
        floatV d[SIZE];
#pragma unroll
        for (int i = 0; i < SIZE; i++) d[i] = m[i * SIZE + j][r];
#define KEEP(i, sum) half_done[i][j] = sum;
        TRANSFORM(KEEP)
    }
    floatV out[STEP][STEP];
#pragma unroll 1
    for (int i = 0; i < STEP; i++) {
        floatV d[SIZE];
#pragma unroll
        for (int j = 0; j < SIZE; j++) d[j] = half_done[i][j];
#define FINISH(j, sum) out[i][j] = (sum) + bias;
        TRANSFORM(FINISH)
    }

    const size_t top = tile / TILES_W * (STEP / POOL_H), left = tile % TILES_W * (STEP / POOL_W);
#pragma unroll 1
    for (int i = 0; i < STEP / POOL_H; i++) {
#pragma unroll 1
        for (int j = 0; j < STEP / POOL_W; j++) {
            floatV best = out[i * POOL_H][j * POOL_W];
#pragma unroll
            for (int a = 0; a < POOL_H * POOL_W; a++) best = max_nan(best, out[i * POOL_H + a / POOL_W][j * POOL_W + a % POOL_W]);
#if RELU /* after the pool: both are monotonic, so the order does not matter */
            best = relu_nan(best);
#endif
            if (top + i < OUT_H && left + j < OUT_W)
                store_channels(y + ((frame * OUT_H + top + i) * OUT_W + left + j) * K, channel, best);
        }
    }
}

__kernel void winograd_output(__global const float *restrict v, __global const float *restrict u,
                              __global const float *restrict bias, __global float *restrict y) {
    const size_t begin = get_global_id(0) * ROWS, first = min(begin, (size_t)(OUT_T - ROWS));
    const size_t item = get_global_id(1) - 1, tile = item % TILES, n = item / TILES, block = get_global_id(2);
    v += ((get_global_id(1) - get_global_offset(1)) * (OUT_T + KT - 1) + first) * POINTS * CHANNELS;
    u += block * POINTS * KT * CHANNELS * VEC;

    floatV m[POINTS][ROWS];
    for (int p = 0; p < POINTS; p++) {
        floatV sum[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) sum[r] = (floatV)(0.0f);
        for (int kt = 0; kt < KT; kt++) {
            __global const float *restrict row = v + (kt * POINTS + p) * CHANNELS;
#pragma unroll 4
            for (int c = 0; c < CHANNELS; c++, u += VEC) {
                const floatV weight = load_v(u);
#pragma unroll
                for (int r = 0; r < ROWS; r++) sum[r] = fma((floatV)(row[r * POINTS * CHANNELS + c]), weight, sum[r]);
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) m[p][r] = sum[r];
    }

    const floatV b = load_v(bias + block * VEC);
    for (int r = (int)(begin - first); r < ROWS; r++) finish_tile(m, r, b, y, n * OUT_T + first + r, tile, block * VEC);
}
