/* bias_rows: c[m][n] = bias[n], which a BLAS product then adds to.
 *
 * c [COUNT / N, N], row-major. A work-item takes every n-th element, n being the number of work-items.
 *
 *   semantic   COUNT, N    elements in all; columns
 */
#if !defined COUNT || !defined N
#error "COUNT and N"
#endif

__kernel void bias_rows(__global const float *restrict bias, __global float *restrict c) {
    for (size_t i = get_global_id(0); i < COUNT; i += get_global_size(0)) c[i] = bias[i % N];
}
