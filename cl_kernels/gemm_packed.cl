/* gemm_packed: c[m][n] = bias[n] + sum over k of a[m][k] w[n][k]
 *
 * a      M rows, A_STRIDE apart, each a contiguous block of K
 * w      packed: w[n][k] lies at (n / VEC) W_BLOCK + k W_STEP + n % VEC, zero for n >= N
 * bias   [N rounded up to VEC], zero where there is none
 * c      [M,N], row-major
 *
 * A work-item computes ROWS rows x VEC columns. Every k is one vector of w and ROWS scalars of a, which are broadcast; the
 * accumulators stay in registers. On CPU devices work-groups of one work-item walk down the rows while w's block stays in cache.
 *
 *   semantic   M, N, K, A_STRIDE, W_BLOCK, W_STEP
 *   tuning     VEC       16      columns a work-item: 1, 2, 4, 8 or 16
 *              ROWS      6       rows a work-item
 *              ROW_ID    0       the dimension of the range that counts blocks of rows
 *              BLOCK_ID  1       the dimension that counts blocks of columns
 */
#if !defined M || !defined N || !defined K || !defined A_STRIDE || !defined W_BLOCK || !defined W_STEP
#error "M, N, K, A_STRIDE, W_BLOCK and W_STEP describe the product"
#endif
#ifndef VEC
#define VEC 16
#endif
#ifndef ROWS
#define ROWS 6
#endif
#ifndef ROW_ID
#define ROW_ID 0
#endif
#ifndef BLOCK_ID
#define BLOCK_ID 1
#endif
#if ROWS < 1 || ROWS > 16
#error "ROWS: 1 to 16"
#endif
#if ROW_ID == BLOCK_ID || ROW_ID > 2 || BLOCK_ID > 2
#error "ROW_ID and BLOCK_ID: two different dimensions of 0, 1, 2"
#endif

#include "common.clh"

__kernel void gemm_packed(__global const float *restrict a, __global const float *restrict w,
                          __global const float *restrict bias, __global float *restrict c) {
    const size_t block = get_global_id(BLOCK_ID), first = get_global_id(ROW_ID) * ROWS;
    if (block * VEC >= N || first >= M) return;

    w += block * W_BLOCK;
    __global const float *row[ROWS]; /* rows beyond the last read the last one and are not stored */
    floatV sum[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        row[r] = a + min(first + r, (size_t)(M - 1)) * A_STRIDE;
        sum[r] = load_v(bias + block * VEC);
    }
#pragma unroll 4
    for (int k = 0; k < K; k++) {
        const floatV column = load_v(w + (size_t)k * W_STEP);
#pragma unroll
        for (int r = 0; r < ROWS; r++) sum[r] = fma((floatV)(row[r][k]), column, sum[r]);
    }

#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        if (first + r >= M) continue;
        __global float *out = c + (first + r) * N + block * VEC;
#if N % VEC == 0
        store_v(sum[r], out);
#else
        if ((block + 1) * VEC <= N) {
            store_v(sum[r], out);
        } else {
            float tail[VEC];
            store_v(sum[r], tail);
            for (int i = 0; i < N % VEC; i++) out[i] = tail[i];
        }
#endif
    }
}
