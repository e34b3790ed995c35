/* permute_copy: copies a tensor from any layout into row-major order.
 *
 *   y[i] = x[sum over digits d of (digit d of i) * STRIDES[d]]
 *
 * The index i, in row-major order of the logical tensor, is written as a mixed-radix number with the digits' EXTENTS, the most
 * significant first.
 * A work-item takes every n-th element, n being the number of work-items, so that neighbours write neighbours.
 *
 *   semantic   COUNT              elements
 *              DIGITS             how many digits
 *              EXTENTS, STRIDES   lists of so many numbers; strides in elements of x
 */
#if !defined COUNT || !defined DIGITS || !defined EXTENTS || !defined STRIDES
#error "COUNT, DIGITS, EXTENTS and STRIDES describe the layout"
#endif

__constant ulong extents[DIGITS] = {EXTENTS};
__constant ulong strides[DIGITS] = {STRIDES};

__kernel void permute_copy(__global const float *restrict x, __global float *restrict y) {
    for (ulong i = get_global_id(0); i < COUNT; i += get_global_size(0)) {
        ulong rest = i, from = 0;
#pragma unroll /* so that the divisions are by constants */
        for (int d = DIGITS - 1; d >= 0; d--) {
            from += rest % extents[d] * strides[d];
            rest /= extents[d];
        }
        y[i] = x[from];
    }
}
