/* winograd_input: V = B^T d B for every tile of x, the first half of a convolution by Winograd's minimal filtering.
 *
 *   V[tile][f][i][j][c] = sum over a, b of bt[i][a] d[a][b] bt[j][b],   d = the SIZE x SIZE window of frame f of x under the tile
 *
 * x      [N, C, IN_T, IN_H, IN_W], strides X_N ... X_W. A strided convolution is one of stride 1 over SH SW times as many
 *        channels, its phases: channel (ph SW + pw) C + c of (h, w) is channel c of x at (h SH + ph, w SW + pw)
 * v      [tiles of this launch, IN_T + 2 PT, SIZE SIZE, CHANNELS]; the frames of temporal padding are written as zeros
 *
 * A work-item transforms one tile of one frame for VEC channels. What lies outside x is 0. A launch takes some of all tiles,
 * [N, TILES_H TILES_W], from its offset on, which counts from 1: PoCL would build the kernel twice if some offsets were 0.
 *
 *   semantic   N, C, IN_T, IN_H, IN_W, X_N, X_C, X_T, X_H, X_W
 *              SH, SW              strides of the convolution: how many phases
 *              PT, PH, PW          padding; PH and PW in (h, w) of the phases
 *              TILES_H, TILES_W, STEP     tiles and the distance of two: F(STEP x STEP, .)
 *              SIZE                window's side
 *              IN_0 ... IN_7       rows of B^T as sums over d[0] ... d[SIZE - 1], each multiplied by S
 *   tuning     VEC                 channels at a time
 */
#if !defined N || !defined C || !defined IN_T || !defined IN_H || !defined IN_W
#error "N, C, IN_T, IN_H and IN_W describe x"
#endif
#if !defined X_N || !defined X_C || !defined X_T || !defined X_H || !defined X_W
#error "X_N, X_C, X_T, X_H and X_W are the strides of x"
#endif
#if !defined SH || !defined SW || !defined PT || !defined PH || !defined PW
#error "SH, SW, PT, PH and PW describe the convolution"
#endif
#if !defined TILES_H || !defined TILES_W || !defined STEP || !defined SIZE || !defined IN_0
#error "TILES_H, TILES_W, STEP, SIZE and IN_0 ... describe the tiles"
#endif
#ifndef VEC
#define VEC 1
#endif
#define CHANNELS (C * SH * SW)

#include "common.clh"

#if X_W == 1 && CHANNELS <= VEC && SIZE * SW <= 16
/* Planes of few channels, such as a clip's, are first copied, row by row: which element a lane takes is then known to the
 * compiler. */
#define WINDOWED
#define WINDOW_H (SIZE * SH)
#define WINDOW_W (SIZE * SW)

static void load_window(float window[C][WINDOW_H][WINDOW_W], __global const float *restrict x, int top, int left) {
    const bool inside = left >= 0 && left + WINDOW_W <= IN_W;
    for (int c = 0; c < C; c++) {
        for (int h = 0; h < WINDOW_H; h++) {
            const int row = top + h;
            __global const float *from = x + (long)c * X_C + (long)row * X_H + left;
            if (row < 0 || row >= IN_H) {
                for (int w = 0; w < WINDOW_W; w++) window[c][h][w] = 0.0f;
            } else if (inside) {
                for (int w = 0; w < WINDOW_W; w++) window[c][h][w] = from[w];
            } else {
                for (int w = 0; w < WINDOW_W; w++) window[c][h][w] = left + w >= 0 && left + w < IN_W ? from[w] : 0.0f;
            }
        }
    }
}

static floatV take_window(float window[C][WINDOW_H][WINDOW_W], int h, int w) {
    float lanes[VEC];
#pragma unroll
    for (int i = 0; i < VEC; i++) {
        const int phase = i / C;
        lanes[i] = i < CHANNELS ? window[i % C][h * SH + phase / SW][w * SW + phase % SW] : 0.0f;
    }
    return load_v(lanes);
}
#else
/* VEC channels from `channel` on at (h, w) of the phases; rows and columns outside x, and channels that there are none of, are 0.
 */
static floatV load_x(__global const float *restrict x, int channel, int h, int w) {
#if SH * SW == 1 && X_C == 1 && CHANNELS % VEC == 0
    if (h < 0 || h >= IN_H || w < 0 || w >= IN_W) return (floatV)(0.0f);
    return load_v(x + (long)h * X_H + (long)w * X_W + channel);
#else
    float lanes[VEC];
#pragma unroll
    for (int i = 0; i < VEC; i++) {
        const int phase = (channel + i) / C, c = (channel + i) % C;
        const int row = h * SH + phase / SW, column = w * SW + phase % SW;
        const bool inside = channel + i < CHANNELS && row >= 0 && row < IN_H && column >= 0 && column < IN_W;
        lanes[i] = inside ? x[(long)c * X_C + (long)row * X_H + (long)column * X_W] : 0.0f;
    }
    return load_v(lanes);
#endif
}
#endif

/* The channels that there are. */
static void store_channels(floatV value, int channel, __global float *v) {
#if CHANNELS % VEC == 0
    store_v(value, v);
#else
    float lanes[VEC];
    store_v(value, lanes);
#pragma unroll
    for (int i = 0; i < VEC; i++)
        if (channel + i < CHANNELS) v[i] = lanes[i];
#endif
}

/* One line of the window through B^T. */
#define TRANSFORM(out)                                                                                                         \
    out(0, IN_0) out(1, IN_1) out(2, IN_2) LINE_3(out) LINE_4(out) LINE_5(out) LINE_6(out) LINE_7(out)
#if SIZE > 3
#define LINE_3(out) out(3, IN_3)
#else
#define LINE_3(out)
#endif
#if SIZE > 4
#define LINE_4(out) out(4, IN_4)
#else
#define LINE_4(out)
#endif
#if SIZE > 5
#define LINE_5(out) out(5, IN_5)
#else
#define LINE_5(out)
#endif
#if SIZE > 6
#define LINE_6(out) out(6, IN_6)
#else
#define LINE_6(out)
#endif
#if SIZE > 7
#define LINE_7(out) out(7, IN_7)
#else
#define LINE_7(out)
#endif

__kernel void winograd_input(__global const float *restrict x, __global float *restrict v) {
    /* With one block of channels, which channel a lane holds is known to the compiler. */
    const int channel = CHANNELS <= VEC ? 0 : (int)get_global_id(0) * VEC, t = (int)get_global_id(2);
    const int item = (int)get_global_id(1) - 1, tile = item % (TILES_H * TILES_W), n = item / (TILES_H * TILES_W);
    v += ((get_global_id(1) - get_global_offset(1)) * (IN_T + 2 * PT) + t) * SIZE * SIZE * CHANNELS + channel;

    if (t < PT || t >= IN_T + PT) {
        for (int p = 0; p < SIZE * SIZE; p++) store_channels((floatV)(0.0f), channel, v + p * CHANNELS);
        return;
    }
    x += (long)n * X_N + (long)(t - PT) * X_T;
    const int top = tile / TILES_W * STEP - PH, left = tile % TILES_W * STEP - PW;

#ifdef WINDOWED
    float window[C][WINDOW_H][WINDOW_W];
    load_window(window, x, top * SH, left * SW);
#define TAKE(a, b) take_window(window, a, b)
#else
#define TAKE(a, b) load_x(x, channel, top + a, left + b)
#endif
    floatV half_done[SIZE][SIZE]; /* columns transformed: B^T d */
#pragma unroll 1 /* compilers take seconds for all of them at once */
    for (int b = 0; b < SIZE; b++) {
        floatV d[SIZE];
#pragma unroll
        for (int a = 0; a < SIZE; a++) d[a] = TAKE(a, b);
#define KEEP(i, sum) half_done[i][b] = sum;
        TRANSFORM(KEEP)
    }
#pragma unroll 1
    for (int a = 0; a < SIZE; a++) {
        floatV d[SIZE];
#pragma unroll
        for (int b = 0; b < SIZE; b++) d[b] = half_done[a][b];
#define STORE(j, sum) store_channels(sum, channel, v + (a * SIZE + j) * CHANNELS);
        TRANSFORM(STORE)
    }
}
