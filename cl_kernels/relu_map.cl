/* relu_map: y = max(x, 0), where NaN stays NaN.
 *
 * x, y [COUNT]: buffers in the same dense layout, whatever it is.
 * A work-item takes every SPREAD-th element, SPREAD being the number of work-items, so that neighbours read neighbours.
 *
 *   semantic   COUNT    elements
 */
#ifndef COUNT
#error "COUNT: elements"
#endif

__kernel void relu_map(__global const float *restrict x, __global float *restrict y) {
    for (size_t i = get_global_id(0); i < COUNT; i += get_global_size(0)) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}
