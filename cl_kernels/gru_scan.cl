/* gru_scan: the recurrence of one GRU layer, all steps and directions in one launch.
 *
 *   r = sigmoid(gx_r + W_hr h)            gx = W_i x + b_i (+ b_h for r and z), computed before for all steps at once
 *   z = sigmoid(gx_z + W_hz h)
 *   n = tanh(gx_n + r (W_hn h + b_hn))
 *   h' = (1 - z) n + z h
 *
 * gates  [rows, DIRECTIONS, 3, U]: row t ROW_T + n ROW_N; U is H rounded up to VEC, padded units are 0 and stay 0
 * w      [DIRECTIONS] x packed W_hh: gate g, unit j, input k at (j / VEC) W_BLOCK + k W_STEP + g W_GATE + j % VEC
 * b_hn   [DIRECTIONS, U]
 * h0     [layers DIRECTIONS, N, H], read when INITIAL
 * y      [T, N, DIRECTIONS H]
 * h_n    [layers DIRECTIONS, N, H]
 *
 * A work-group takes ROWS samples of one direction through all steps; W_hh is streamed once a step for all of them. Its LOCAL
 * work-items share the units, VEC at a time, and meet at a barrier a step. h is kept twice in local memory: one is read
 * while the other is written. On CPU devices a work-group is one work-item and VEC fills its registers.
 *
 *   semantic   T, N, H, DIRECTIONS, ROW_T, ROW_N
 *              LAYER, INITIAL            which layer's part of h0 and h_n; whether there is an h0
 *              W_BLOCK, W_STEP, W_GATE   strides of w
 *   tuning     VEC       16              units at a time: 1, 2, 4, 8 or 16
 *              ROWS      1               samples a work-group
 *              LOCAL     1               work-items a work-group
 */
#if !defined T || !defined N || !defined H || !defined DIRECTIONS || !defined ROW_T || !defined ROW_N
#error "T, N, H, DIRECTIONS, ROW_T and ROW_N describe the recurrence"
#endif
#if !defined LAYER || !defined INITIAL || !defined W_BLOCK || !defined W_STEP || !defined W_GATE
#error "LAYER, INITIAL, W_BLOCK, W_STEP and W_GATE describe the recurrence"
#endif
#ifndef VEC
#define VEC 16
#endif
#ifndef ROWS
#define ROWS 1
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#if ROWS < 1 || ROWS > 8 || LOCAL < 1
#error "ROWS: 1 to 8, LOCAL: at least 1"
#endif

#include "common.clh"
#include "gru_cell.clh"

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void gru_scan(__global const float *restrict gates,
                                                                          __global const float *restrict w,
                                                                          __global const float *restrict b_hn,
                                                                          __global const float *restrict h0,
                                                                          __global float *restrict y,
                                                                          __global float *restrict h_n) {
    __local float h[2][ROWS][U];
    const size_t lane = get_local_id(0), direction = get_group_id(1), first = get_group_id(2) * ROWS;
    const size_t state = (LAYER * DIRECTIONS + direction) * N; /* in rows of h0 and h_n */
    w += direction * H * 3 * U;
    b_hn += direction * U;

    for (size_t i = lane; i < ROWS * U; i += LOCAL) {
        const size_t row = i / U, unit = i % U, sample = min(first + row, (size_t)(N - 1));
        h[0][row][unit] = INITIAL && unit < H ? h0[(state + sample) * H + unit] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (size_t s = 0; s < T; s++) {
        const size_t t = direction ? T - 1 - s : s, now = s & 1, then = now ^ 1;
        for (size_t unit = lane * VEC; unit < U; unit += LOCAL * VEC) {
            floatV a_r[ROWS], a_z[ROWS], a_n[ROWS];
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                a_r[i] = a_z[i] = (floatV)(0.0f);
                a_n[i] = load_v(b_hn + unit);
            }
            __global const float *column = w + unit / VEC * W_BLOCK;
            for (size_t k = 0; k < H; k++, column += W_STEP) {
                const floatV w_r = load_v(column), w_z = load_v(column + W_GATE), w_n = load_v(column + 2 * W_GATE);
#pragma unroll
                for (int i = 0; i < ROWS; i++) {
                    const floatV hk = (floatV)(h[now][i][k]);
                    a_r[i] = fma(hk, w_r, a_r[i]);
                    a_z[i] = fma(hk, w_z, a_z[i]);
                    a_n[i] = fma(hk, w_n, a_n[i]);
                }
            }
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                const size_t sample = min(first + i, (size_t)(N - 1));
                __global const float *g = gates + ((t * ROW_T + sample * ROW_N) * DIRECTIONS + direction) * 3 * U + unit;
                const floatV r = sigmoid(load_v(g) + a_r[i]), z = sigmoid(load_v(g + U) + a_z[i]);
                const floatV n = tanh(fma(r, a_n[i], load_v(g + 2 * U)));
                const floatV next = fma(z, load_v(&h[now][i][unit]) - n, n); /* (1 - z) n + z h */
                store_v(next, &h[then][i][unit]);
                if (first + i < N) store_units(y + ((t * N + sample) * DIRECTIONS + direction) * H, unit, next);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    for (size_t i = lane; i < ROWS * H; i += LOCAL)
        if (first + i / H < N) h_n[(state + first + i / H) * H + i % H] = h[T & 1][i / H][i % H];
}
