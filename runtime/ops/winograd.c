#include "ops/winograd.h"

#include <stdint.h>

/* A rational in lowest terms. The points are small, so nothing here comes near 2^63. */
struct rational {
    int64_t up, down;
};

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static struct rational rational(int64_t up, int64_t down) {
    int64_t common = gcd(up, down);
    if (common == 0) common = 1;
    if (down < 0) common = -common;
    return (struct rational){up / common, down / common};
}

static struct rational times(struct rational a, struct rational b) {
    return rational(a.up * b.up, a.down * b.down);
}

static struct rational minus(struct rational a, struct rational b) {
    return rational(a.up * b.down - b.up * a.down, a.down * b.down);
}

static double value(struct rational a) {
    return (double)a.up / (double)a.down;
}

/* Small points first, each near the reciprocal of another: the choice with the least error for these sizes among those measured
 * in the second paper above. */
static const struct rational points[][WINOGRAD_MAX - 1] = {
    [2] = {{0, 1}, {1, 1}},
    [3] = {{0, 1}, {1, 1}, {-1, 1}},
    [4] = {{0, 1}, {1, 1}, {-1, 1}, {2, 1}},
    [5] = {{0, 1}, {1, 1}, {-1, 1}, {1, 2}, {-2, 1}},
    [6] = {{0, 1}, {1, 1}, {-1, 1}, {1, 2}, {-2, 1}, {-1, 2}},
    [7] = {{0, 1}, {1, 1}, {-1, 1}, {1, 2}, {-1, 2}, {2, 1}, {-2, 1}},
};

/* poly[0..degree] = prod over points l != skip of (x - a_l); returns the degree. */
static size_t product(struct rational *poly, const struct rational *a, size_t count, size_t skip) {
    size_t degree = 0;
    poly[0] = (struct rational){1, 1};
    for (size_t l = 0; l < count; l++) {
        if (l == skip) continue;
        poly[degree + 1] = poly[degree];
        for (size_t k = degree; k > 0; k--) poly[k] = minus(poly[k - 1], times(a[l], poly[k]));
        poly[0] = times(rational(-a[l].up, a[l].down), poly[0]);
        degree++;
    }
    return degree;
}

bool winograd_init(struct winograd *w, size_t m, size_t r) {
    *w = (struct winograd){.m = m, .r = r, .n = m + r - 1};
    if (m < 1 || r < 1 || w->n < 3 || w->n > WINOGRAD_MAX) return false;
    size_t finite = w->n - 1;
    const struct rational *a = points[finite];
    struct rational poly[WINOGRAD_MAX];
    for (size_t j = 0; j < finite; j++) {
        struct rational f = {1, 1}, power = {1, 1};
        for (size_t l = 0; l < finite; l++)
            if (l != j) f = times(f, minus(a[j], a[l]));
        struct rational inverse = rational(f.down, f.up);
        for (size_t k = 0; k < (m > r ? m : r); k++) {
            if (k < m) w->at[k][j] = value(power);
            if (k < r) w->g[j][k] = value(times(power, inverse));
            power = times(power, a[j]);
        }
        size_t degree = product(poly, a, finite, j);
        for (size_t k = 0; k <= degree; k++) w->bt[j][k] = value(poly[k]);
    }
    w->at[m - 1][finite] = 1;
    w->g[finite][r - 1] = 1;
    size_t degree = product(poly, a, finite, finite);
    for (size_t k = 0; k <= degree; k++) w->bt[finite][k] = value(poly[k]);
    return true;
}
