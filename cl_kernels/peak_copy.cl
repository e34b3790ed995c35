/* peak_copy: y[i] = x[i], as fast as memory goes. Traffic: 2 x 4 x COUNT bytes.
 *
 * x, y [COUNT], COUNT a multiple of VEC. CPU devices (BLOCKED) give each work-item one run of memory; on GPUs neighbours copy
 * neighbours.
 *
 *   semantic   COUNT
 *   tuning     VEC       16
 *              BLOCKED   1
 */
#ifndef COUNT
#error "COUNT: floats to copy"
#endif
#ifndef VEC
#define VEC 16
#endif
#ifndef BLOCKED
#define BLOCKED 1
#endif
#if COUNT % VEC != 0
#error "COUNT: a multiple of VEC"
#endif

#include "common.clh"

__kernel void peak_copy(__global const float *restrict x, __global float *restrict y) {
    const size_t vectors = COUNT / VEC, item = get_global_id(0), items = get_global_size(0);
#if BLOCKED
    const size_t end = vectors * (item + 1) / items;
    for (size_t i = vectors * item / items; i < end; i++) store_v(load_v(x + i * VEC), y + i * VEC);
#else
    for (size_t i = item; i < vectors; i += items) store_v(load_v(x + i * VEC), y + i * VEC);
#endif
}
