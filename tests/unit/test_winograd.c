#include <criterion/criterion.h>

#include <math.h>

#include "ops/winograd.h"

/* y = A^T [(G g) o (B^T d)] must be the correlation y[i] = sum_k g[k] d[i + k], for every size there is. */
Test(winograd, is_a_correlation) {
    size_t sizes = 0;
    for (size_t m = 1; m <= 6; m++)
        for (size_t r = 2; r <= 7; r++) {
            struct winograd w;
            if (m + r - 1 < 3 || m + r - 1 > WINOGRAD_MAX) {
                cr_expect_not(winograd_init(&w, m, r));
                continue;
            }
            cr_assert(winograd_init(&w, m, r));
            sizes++;
            double d[WINOGRAD_MAX], g[WINOGRAD_MAX];
            for (size_t i = 0; i < w.n; i++) d[i] = (double)(i * 7 % 11) - 5;
            for (size_t i = 0; i < r; i++) g[i] = (double)(i * 5 % 7) - 3;
            for (size_t i = 0; i < m; i++) {
                double y = 0, wanted = 0;
                for (size_t j = 0; j < w.n; j++) {
                    double u = 0, v = 0;
                    for (size_t k = 0; k < r; k++) u += w.g[j][k] * g[k];
                    for (size_t k = 0; k < w.n; k++) v += w.bt[j][k] * d[k];
                    y += w.at[i][j] * u * v;
                }
                for (size_t k = 0; k < r; k++) wanted += g[k] * d[i + k];
                cr_expect(fabs(y - wanted) < 1e-10, "F(%zu,%zu) output %zu: %.17g, not %g", m, r, i, y, wanted);
            }
        }
    cr_expect_eq(sizes, 25);
}

/* The published matrices of F(2,3): Lavin & Gray, section 4.1 (rows of B^T and G may both change sign). */
Test(winograd, f_2_3_is_the_published_one) {
    struct winograd w;
    static const double at[2][4] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
    static const double g[4][3] = {{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    static const double bt[4][4] = {{-1, 0, 1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
    cr_assert(winograd_init(&w, 2, 3));
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
            if (i < 2) cr_expect_eq(w.at[i][j], at[i][j]);
            if (j < 3) cr_expect_eq(w.g[i][j], g[i][j]);
            cr_expect_eq(w.bt[i][j], bt[i][j]);
        }
}
