/* gemm.h: the matrix product behind linear and the GRU's inputs, in its two flavours. */
#ifndef LIPCL_OPS_GEMM_H
#define LIPCL_OPS_GEMM_H

#include "ops/op.h"

/* A row of a matrix in any floating dtype; tensor == NULL: zeros. */
struct gemm_row {
    const struct lipcl_tensor *tensor;
    size_t index;
};

/* C [m,n] = A [m,k] W^T + bias. A's rows lie a_stride apart, each a contiguous block of k; C is dense. */
struct gemm {
    size_t m, n, k;
    struct arg a, c;
    size_t a_stride;
    /* Read during gemm_append() only: */
    const struct gemm_row *weight; /* n rows of W [n,k] */
    const struct layout *x;        /* A's features lie as dimension x_dim of x does; NULL: in order */
    size_t x_dim;
    const float *bias; /* [n] or NULL */
    size_t vec, rows;  /* of the packed kernel's block; 0: its own choice */
};

/* The values worth trying for them. */
#define GEMM_VEC_VALUES 1, 2, 4, 8, 16
#define GEMM_ROWS_VALUES 1, 2, 3, 4, 5, 6, 8, 16

/* Whether a request's device and options want CLBlast or the packed kernel. */
bool gemm_wants_clblast(const struct lower_request *request);
bool gemm_wants_packed(const struct lower_request *request);

/* Appends the product's launches. */
enum lipcl_status gemm_append(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                              const struct gemm *gemm, bool clblast);

/* How the rows of x [..., k] lie: true when they are one run of equal steps, in logical order, and every row is a contiguous
 * block (of features in whatever order). *stride is then the step. */
bool gemm_rows(const struct layout *x, const struct lipcl_shape *shape, size_t *stride);

/* Packs the weight: row n's feature i goes to out[n / vec * block_stride + place(i) * step + n % vec], where place(i) is where
 * it lies in a row of A. `out` has blocks of `vec` rows; what no row fills is zeros. */
enum lipcl_status gemm_pack(struct lipcl_context *ctx, float *out, const struct gemm *gemm, size_t vec, size_t block_stride,
                            size_t step);

#endif
