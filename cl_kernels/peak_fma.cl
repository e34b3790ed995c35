/* peak_fma: how many multiply-adds a device does when nothing else stands in the way.
 *
 * Every work-item runs CHAINS independent chains of LOOPS fused multiply-adds on vectors of VEC floats, all in registers; the sum is
 * stored so that no compiler may drop it. Work: work-items x LOOPS x CHAINS x VEC multiply-adds.
 *
 *   tuning   VEC      8      floats in a vector
 *            CHAINS   12     enough to cover the latency of an addition, few enough for the registers
 *            LOOPS    4096
 */
#ifndef VEC
#define VEC 8
#endif
#ifndef CHAINS
#define CHAINS 12
#endif
#ifndef LOOPS
#define LOOPS 4096
#endif
#if CHAINS < 1 || LOOPS < 1
#error "CHAINS and LOOPS: at least 1"
#endif

#include "common.clh"

__kernel void peak_fma(__global const float *restrict seed, __global float *restrict out) {
    floatV chain[CHAINS];
    const floatV factor = (floatV)(seed[0]), addend = (floatV)(seed[1]);
#pragma unroll
    for (int c = 0; c < CHAINS; c++) chain[c] = addend + (floatV)((float)c);
    for (int i = 0; i < LOOPS; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) chain[c] = fma(chain[c], factor, addend);
    }
    floatV sum = chain[0];
#pragma unroll
    for (int c = 1; c < CHAINS; c++) sum += chain[c];
    store_v(sum, out + get_global_id(0) * VEC);
}
