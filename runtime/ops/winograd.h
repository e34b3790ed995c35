/* winograd.h: the transforms of Winograd's minimal filtering, y = A^T [(G g) o (B^T d)], by the Toom-Cook construction.
 *
 * F(m, r) computes m outputs of a correlation with r taps from m + r - 1 inputs with as many multiplications. It evaluates at
 * m + r - 2 rational points and at infinity; the points decide the rounding errors. For points a_j and
 * f_j = prod_{l != j} (a_j - a_l):
 *   A^T[i][j] = a_j^i                      infinity: 1 for i = m - 1
 *   G[j][k]   = a_j^k / f_j                infinity: 1 for k = r - 1
 *   B^T[j]    = coefficients of prod_{l != j} (x - a_l)     infinity: of prod_l (x - a_l)
 * (A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; B. Barabasz et al., "Error Analysis and
 * Improving the Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS 46(4), 2020.)
 */
#ifndef LIPCL_OPS_WINOGRAD_H
#define LIPCL_OPS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_MAX = 8 }; /* the largest m + r - 1 */

/* The matrices, rounded once from exact rationals. */
struct winograd {
    size_t m, r, n;                        /* outputs, taps, n = m + r - 1 */
    double at[WINOGRAD_MAX][WINOGRAD_MAX]; /* [m][n] */
    double g[WINOGRAD_MAX][WINOGRAD_MAX];  /* [n][r] */
    double bt[WINOGRAD_MAX][WINOGRAD_MAX]; /* [n][n] */
};

/* False for sizes that there are no points for: m + r - 1 from 3 to 8. */
bool winograd_init(struct winograd *winograd, size_t m, size_t r);

#endif
