/* log_softmax_rows: y = (x - m) - log(sum exp(x - m)), m = max x, along each row: no exponential overflows.
 *
 * x, y [ROWS,COLUMNS], row-major. A work-item takes every n-th row, n being the number of work-items. A NaN in a row makes all
 * of it NaN, as the formula says.
 *
 *   semantic   ROWS, COLUMNS
 */
#if !defined ROWS || !defined COLUMNS
#error "ROWS and COLUMNS"
#endif

__kernel void log_softmax_rows(__global const float *restrict x, __global float *restrict y) {
    for (size_t row = get_global_id(0); row < ROWS; row += get_global_size(0)) {
        __global const float *in = x + row * COLUMNS;
        __global float *out = y + row * COLUMNS;
        float largest = in[0], sum = 0.0f;
        for (size_t i = 1; i < COLUMNS; i++) largest = in[i] > largest || in[i] != in[i] ? in[i] : largest;
        for (size_t i = 0; i < COLUMNS; i++) sum += exp(in[i] - largest);
        float offset = log(sum);
        for (size_t i = 0; i < COLUMNS; i++) out[i] = in[i] - largest - offset;
    }
}
