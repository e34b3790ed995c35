/* peak_fma16: peak_fma in half precision, for devices that have it.
 *
 * Every work-item runs CHAINS independent chains of LOOPS fused multiply-adds on vectors of VEC halfs, all in registers. Work:
 * work-items x LOOPS x CHAINS x VEC multiply-adds.
 *
 * seed [2], out [VEC work-items], of floats.
 *
 *   tuning   VEC      8      halfs in a vector: 2, 4, 8 or 16
 *            CHAINS   12     enough to cover the latency of an addition, few enough for the registers
 *            LOOPS    4096
 */
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
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
#if VEC < 2
#error "VEC: 2, 4, 8 or 16"
#endif

#include "common.clh"

#define halfV JOIN(half, VEC)

__kernel void peak_fma16(__global const float *restrict seed, __global float *restrict out) {
    halfV chain[CHAINS];
    const halfV factor = (halfV)((half)seed[0]), addend = (halfV)((half)seed[1]);
#pragma unroll
    for (int c = 0; c < CHAINS; c++) chain[c] = addend + (halfV)((half)c);
    for (int i = 0; i < LOOPS; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) chain[c] = fma(chain[c], factor, addend);
    }
    halfV sum = chain[0];
#pragma unroll
    for (int c = 1; c < CHAINS; c++) sum += chain[c];
    store_v(JOIN(convert_float, VEC)(sum), out + get_global_id(0) * VEC);
}
