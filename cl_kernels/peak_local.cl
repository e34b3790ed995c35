/* peak_local: how fast a device reads its local memory.
 *
 * A work-group fills a tile of local memory, then each work-item sums LOOPS vectors of it, neighbours reading neighbours; the sum is
 * stored so that no compiler may drop it. Traffic: 4 x VEC x LOOPS bytes a work-item. Where local memory is emulated, this is how
 * fast the nearest cache is.
 *
 * seed [2], out [VEC work-items].
 *
 *   semantic   LOCAL     work-items a work-group
 *   tuning     VEC       4      floats in a vector
 *              TILE      512    vectors in the tile, a power of two
 *              LOOPS     4096   a multiple of 8
 */
#ifndef LOCAL
#error "LOCAL: work-items a work-group"
#endif
#ifndef VEC
#define VEC 4
#endif
#ifndef TILE
#define TILE 512
#endif
#ifndef LOOPS
#define LOOPS 4096
#endif
#if TILE < 1 || (TILE & (TILE - 1)) != 0
#error "TILE: a power of two"
#endif
#if LOOPS < 8 || LOOPS % 8 != 0
#error "LOOPS: a multiple of 8"
#endif

#include "common.clh"

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void peak_local(__global const float *restrict seed,
                                                                            __global float *restrict out) {
    __local float tile[TILE * VEC];
    const int item = get_local_id(0);
    for (int i = item; i < TILE * VEC; i += LOCAL) tile[i] = seed[i & 1];
    barrier(CLK_LOCAL_MEM_FENCE);
    floatV sum[8];
#pragma unroll
    for (int k = 0; k < 8; k++) sum[k] = (floatV)(0.0f);
    for (int i = 0; i < LOOPS; i += 8) {
#pragma unroll
        for (int k = 0; k < 8; k++) sum[k] += load_v(tile + ((item + (i + k) * LOCAL) & (TILE - 1)) * VEC);
    }
    store_v(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])), out + get_global_id(0) * VEC);
}
