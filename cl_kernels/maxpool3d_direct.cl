/* maxpool3d_direct.cl: 3-D max-pooling.
 *
 *   y[n,c,t,h,w] = max over a < KT, b < KH, d < KW of x[n, c, t ST - PT + a DT, h SH - PH + b DH, w SW - PW + d DW]
 *   where positions outside x do not count; the maximum of none is -infinity, and a NaN wins.
 *
 * Layouts: any strides X_* and Y_*, but with VEC > 1 channels lie side by side in both (X_C == Y_C == 1).
 * A work-item computes VEC channels of one position: dimension 0 counts vectors of channels (CHANNELS_FIRST) or positions along
 * W, dimension 1 the other one, dimension 2 n, t and h.
 *
 * Options (semantic ones have no default)
 *   N C                                            batch, channels
 *   KT KH KW  ST SH SW  PT PH PW  DT DH DW         kernel, stride, padding, dilation
 *   IN_T IN_H IN_W  X_N X_C X_T X_H X_W            sizes and strides of x
 *   OUT_T OUT_H OUT_W  Y_N Y_C Y_T Y_H Y_W         of y
 *   VEC                            1, 2, 4, 8 or 16 channels a work-item; divides C                      tuning, 1
 *   CHANNELS_FIRST                 1: neighbouring work-items are neighbouring channels                  tuning, 0
 */
#if !defined(N) || !defined(C)
#error "maxpool3d_direct: N C are needed"
#endif
#if !defined(KT) || !defined(KH) || !defined(KW) || !defined(ST) || !defined(SH) || !defined(SW)
#error "maxpool3d_direct: KT KH KW ST SH SW are needed"
#endif
#if !defined(PT) || !defined(PH) || !defined(PW) || !defined(DT) || !defined(DH) || !defined(DW)
#error "maxpool3d_direct: PT PH PW DT DH DW are needed"
#endif
#if !defined(IN_T) || !defined(IN_H) || !defined(IN_W) || !defined(OUT_T) || !defined(OUT_H) || !defined(OUT_W)
#error "maxpool3d_direct: IN_T IN_H IN_W OUT_T OUT_H OUT_W are needed"
#endif
#if !defined(X_N) || !defined(X_C) || !defined(X_T) || !defined(X_H) || !defined(X_W)
#error "maxpool3d_direct: X_N X_C X_T X_H X_W are needed"
#endif
#if !defined(Y_N) || !defined(Y_C) || !defined(Y_T) || !defined(Y_H) || !defined(Y_W)
#error "maxpool3d_direct: Y_N Y_C Y_T Y_H Y_W are needed"
#endif

#ifndef VEC
#define VEC 1
#endif
#ifndef CHANNELS_FIRST
#define CHANNELS_FIRST 0
#endif
#if C % VEC != 0 || (VEC > 1 && (X_C != 1 || Y_C != 1))
#error "maxpool3d_direct: VEC has to divide C, and above 1 wants X_C == Y_C == 1"
#endif

#include "common.clh"

__kernel void maxpool3d_direct(__global const float *x, __global float *y) {
    const int channel = get_global_id(CHANNELS_FIRST ? 0 : 1) * VEC, out_w = get_global_id(CHANNELS_FIRST ? 1 : 0);
    const int row = get_global_id(2);
    if (channel >= C || out_w >= OUT_W || row >= N * OUT_T * OUT_H) return;
    const int out_h = row % OUT_H, out_t = row / OUT_H % OUT_T, n = row / OUT_H / OUT_T;
    x += n * (long)X_N + channel * (long)X_C;

    floatV best = (floatV)(-INFINITY);
    for (int a = 0; a < KT; a++)
        for (int b = 0; b < KH; b++)
            for (int d = 0; d < KW; d++) {
                const int t = out_t * ST - PT + a * DT, h = out_h * SH - PH + b * DH, w = out_w * SW - PW + d * DW;
                if (t < 0 || t >= IN_T || h < 0 || h >= IN_H || w < 0 || w >= IN_W) continue;
                best = max_nan(best, load_v(x + t * (long)X_T + h * (long)X_H + w * (long)X_W));
            }
    store_v(best, y + n * (long)Y_N + channel * (long)Y_C + out_t * (long)Y_T + out_h * (long)Y_H + out_w * (long)Y_W);
}
