/* gru_step: one step of the recurrence of one GRU layer, in all directions; launched T times in a row.
 *
 *   r = sigmoid(gx_r + W_hr h)            gx = W_i x + b_i (+ b_h for r and z), computed before for all steps at once
 *   z = sigmoid(gx_z + W_hz h)
 *   n = tanh(gx_n + r (W_hn h + b_hn))
 *   h' = (1 - z) n + z h
 *
 * gates  [rows, DIRECTIONS, 3, U]: row t ROW_T + n ROW_N; U is H rounded up to VEC
 * w      [DIRECTIONS] x packed W_hh: gate g, unit j, input k at (j / VEC) W_BLOCK + k W_STEP + g W_GATE + j % VEC
 * b_hn   [DIRECTIONS, U]
 * h0     [layers DIRECTIONS, N, H], read when INITIAL
 * y      [T, N, DIRECTIONS H]: the step before is read, this one is written
 * h_n    [layers DIRECTIONS, N, H], written by the last step
 * steps  int a work-item: how many steps it has done
 *
 * For devices whose local memory does not hold a state, or that end what takes long: a launch is short, needs no local memory
 * and no barrier, and spreads a direction's units over the whole device. The steps' order is that of the in-order queue; every
 * work-item counts them for itself, so that all launches are the same one and the host sends nothing in between.
 * gru_step_begin zeroes the counts before the first step. A work-item takes VEC units of ROWS samples.
 *
 *   semantic   T, N, H, DIRECTIONS, ROW_T, ROW_N
 *              LAYER, INITIAL            which layer's part of h0 and h_n; whether there is an h0
 *              W_BLOCK, W_STEP, W_GATE   strides of w
 *   tuning     VEC       16              units at a time: 1, 2, 4, 8 or 16
 *              ROWS      1               samples a work-item, which share the stream of W_hh
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

/* The part of a vector of units that exists, and zeros. */
static floatV load_units(__global const float *from, size_t first) {
#if H % VEC == 0
    return load_v(from + first);
#else
    float units[VEC];
    for (size_t i = 0; i < VEC; i++) units[i] = first + i < H ? from[first + i] : 0.0f;
    return load_v(units);
#endif
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void gru_step_begin(__global int *restrict steps) {
    steps[(get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0)] = 0;
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void gru_step(__global const float *restrict gates,
                                                                          __global const float *restrict w,
                                                                          __global const float *restrict b_hn,
                                                                          __global const float *restrict h0,
                                                                          __global float *y,
                                                                          __global float *restrict h_n,
                                                                          __global int *restrict steps) {
    const size_t unit = get_global_id(0) * VEC, direction = get_global_id(1), first = get_global_id(2) * ROWS;
    const size_t state = (LAYER * DIRECTIONS + direction) * N; /* in rows of h0 and h_n */
    __global int *done = steps + (get_global_id(2) * get_global_size(1) + direction) * get_global_size(0) + get_global_id(0);
    const size_t step = *done, t = direction ? T - 1 - step : step, before = direction ? t + 1 : t - 1;
    if (unit >= H || step >= T) return;
    *done = step + 1;
    w += direction * H * 3 * U + unit / VEC * W_BLOCK;

    __global const float *h[ROWS];
    floatV a_r[ROWS], a_z[ROWS], a_n[ROWS];
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        const size_t sample = min(first + i, (size_t)(N - 1)); /* beyond the batch the last one, which is not stored */
        h[i] = step > 0 ? y + ((before * N + sample) * DIRECTIONS + direction) * H : h0 + (state + sample) * H;
        a_r[i] = a_z[i] = (floatV)(0.0f);
        a_n[i] = load_v(b_hn + direction * U + unit);
    }
    if (INITIAL || step > 0) {
        for (size_t k = 0; k < H; k++, w += W_STEP) {
            const floatV w_r = load_v(w), w_z = load_v(w + W_GATE), w_n = load_v(w + 2 * W_GATE);
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                const floatV hk = (floatV)(h[i][k]);
                a_r[i] = fma(hk, w_r, a_r[i]);
                a_z[i] = fma(hk, w_z, a_z[i]);
                a_n[i] = fma(hk, w_n, a_n[i]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        if (first + i >= N) break;
        const size_t sample = first + i;
        __global const float *g = gates + ((t * ROW_T + sample * ROW_N) * DIRECTIONS + direction) * 3 * U + unit;
        const floatV old = INITIAL || step > 0 ? load_units(h[i], unit) : (floatV)(0.0f);
        const floatV r = sigmoid(load_v(g) + a_r[i]), z = sigmoid(load_v(g + U) + a_z[i]);
        const floatV n = tanh(fma(r, a_n[i], load_v(g + 2 * U)));
        const floatV next = fma(z, old - n, n); /* (1 - z) n + z h */
        store_units(y + ((t * N + sample) * DIRECTIONS + direction) * H, unit, next);
        if (step == T - 1) store_units(h_n + (state + sample) * H, unit, next);
    }
}
