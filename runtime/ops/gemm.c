/* Lowers a matrix product to one launch of cl_kernels/gemm_packed.cl, or to CLBlast with C filled with the bias before. */
#include "ops/gemm.h"

#include <string.h>

bool gemm_wants_clblast(const struct lower_request *request) {
    /* On CPU devices CLBlast reaches a few percent of the peak and compiles for seconds. */
    bool wanted = request->gemm == LIPCL_GEMM_CLBLAST || (request->gemm == LIPCL_GEMM_AUTO && !request->caps->cpu);
    return wanted && request->caps->has_clblast && request->caps->has_clblast();
}

bool gemm_wants_packed(const struct lower_request *request) {
    return request->gemm != LIPCL_GEMM_CLBLAST;
}

bool gemm_rows(const struct layout *x, const struct lipcl_shape *shape, size_t *stride) {
    struct layout flat;
    size_t k = shape->dims[shape->rank - 1], rows = lipcl_shape_count(shape) / k;
    if (!layout_reshape(&flat, x, &SHAPE(rows, k)) || !layout_stride(&flat, 0, stride)) return false;
    return layout_dim_is_contiguous(&flat, 1);
}

void gemm_permute_columns(float *out, const float *weight, size_t rows, size_t k, const struct layout *x, size_t dim) {
    for (size_t column = 0; column < k; column++) {
        size_t at = layout_dim_offset(x, dim, column);
        for (size_t row = 0; row < rows; row++) out[row * k + at] = weight[row * k + column];
    }
}

static enum lipcl_status append_clblast(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                        const struct gemm *gemm) {
    enum lipcl_status status;
    struct arg weight, bias;
    struct launch *launch;
    float *data;
    TRY(lowered_constant(ctx, lowered, &weight, &data, gemm->n * gemm->k));
    memcpy(data, gemm->weight, gemm->n * gemm->k * sizeof *data);
    if (gemm->bias) {
        TRY(lowered_constant(ctx, lowered, &bias, &data, gemm->n));
        memcpy(data, gemm->bias, gemm->n * sizeof *data);
        TRY(lowered_launch(ctx, lowered, &launch, "bias_rows.cl", "bias_rows", "-DCOUNT=%zu -DN=%zu", gemm->m * gemm->n,
                           gemm->n));
        lowered_spread(launch, gemm->m * gemm->n, request->caps);
        launch->arg_count = 2;
        launch->args[0] = bias;
        launch->args[1] = gemm->c;
    }
    TRY(lowered_gemm(ctx, lowered,
                     &(struct device_gemm){.m = gemm->m,
                                           .n = gemm->n,
                                           .k = gemm->k,
                                           .a_ld = gemm->m > 1 ? gemm->a_stride : gemm->k,
                                           .b_ld = gemm->k,
                                           .c_ld = gemm->n,
                                           .b_transposed = true,
                                           .beta = gemm->bias ? 1 : 0},
                     gemm->a, weight, gemm->c));

fail:
    return status;
}

/* Rows a work-item: as many accumulators as registers hold, but the count that wastes least of the last block. */
static size_t choose_rows(size_t m, size_t most, size_t least) {
    size_t best = size_min(most, m);
    for (size_t rows = best; rows >= size_min(least, m); rows--)
        if (size_round_up(m, rows) < size_round_up(m, best)) best = rows;
    return best;
}

static enum lipcl_status append_packed(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                       const struct gemm *gemm) {
    enum lipcl_status status;
    bool cpu = request->caps->cpu;
    struct arg weight, bias = {0};
    struct launch *launch;
    float *data;
    size_t vec = gemm->vec ? gemm->vec : cpu ? 16 : 4;
    size_t rows = gemm->rows ? gemm->rows : cpu ? choose_rows(gemm->m, 6, 4) : choose_rows(gemm->m, 4, 2);
    size_t blocks = size_ceil_div(gemm->n, vec), padded = blocks * vec;
    /* CPU devices stream one block of columns at a time; on GPUs neighbouring work-items read neighbouring blocks. */
    size_t block_stride = cpu ? gemm->k * vec : vec, step = cpu ? vec : padded;
    TRY(lowered_constant(ctx, lowered, &weight, &data, padded * gemm->k));
    for (size_t n = 0; n < gemm->n; n++)
        for (size_t k = 0; k < gemm->k; k++) data[n / vec * block_stride + k * step + n % vec] = gemm->weight[n * gemm->k + k];
    TRY(lowered_constant(ctx, lowered, &bias, &data, padded));
    if (gemm->bias) memcpy(data, gemm->bias, gemm->n * sizeof *data);
    TRY(lowered_launch(ctx, lowered, &launch, "gemm_packed.cl", "gemm_packed",
                       "-cl-mad-enable -DM=%zu -DN=%zu -DK=%zu -DA_STRIDE=%zu -DW_BLOCK=%zu -DW_STEP=%zu -DVEC=%zu -DROWS=%zu "
                       "-DROW_ID=%d -DBLOCK_ID=%d",
                       gemm->m, gemm->n, gemm->k, gemm->a_stride, block_stride, step, vec, rows, cpu ? 0 : 1, cpu ? 1 : 0));
    size_t row_blocks = size_ceil_div(gemm->m, rows), local = 1;
    size_t limit = size_min(64, size_min(request->caps->max_work_group, request->caps->max_work_items[0]));
    while (!cpu && local < blocks && 2 * local <= limit) local *= 2;
    launch->global[0] = cpu ? row_blocks : size_round_up(blocks, local);
    launch->global[1] = cpu ? blocks : row_blocks;
    launch->local[0] = local;
    launch->flops = (double)(row_blocks * rows * padded) * (2.0 * (double)gemm->k + 1); /* one for the bias */
    launch->arg_count = 4;
    launch->args[0] = gemm->a;
    launch->args[1] = weight;
    launch->args[2] = bias;
    launch->args[3] = gemm->c;

fail:
    return status;
}

enum lipcl_status gemm_append(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                              const struct gemm *gemm, bool clblast) {
    return clblast ? append_clblast(ctx, request, lowered, gemm) : append_packed(ctx, request, lowered, gemm);
}
