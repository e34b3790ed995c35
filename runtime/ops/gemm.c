/* Lowers a matrix product to one launch of cl_kernels/gemm_packed.cl, or to CLBlast with C filled with the bias before. */
#include "ops/gemm.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/dtype.h"

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

enum { MAX_LANES = 16, TILE = 64 };

/* Rows n ... n + vec of the weight, from column k to k + count: a tile of each is read, then all of them are written, lane by
 * lane, so that both what is read and what is written stays in the first cache. */
static void pack_tile(float *block, const struct gemm *gemm, const size_t *places, size_t vec, size_t step, size_t n, size_t k,
                      size_t count) {
    float rows[MAX_LANES][TILE];
    for (size_t lane = 0; lane < vec; lane++) {
        const struct gemm_row *row = n + lane < gemm->n ? &gemm->weight[n + lane] : &(struct gemm_row){0};
        if (row->tensor)
            tensor_read_f32(rows[lane], row->tensor, row->index * gemm->k + k, count);
        else
            memset(rows[lane], 0, count * sizeof **rows);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t lane = 0; lane < vec; lane++) block[places[k + i] * step + lane] = rows[lane][i];
}

enum lipcl_status gemm_pack(struct lipcl_context *ctx, float *out, const struct gemm *gemm, size_t vec, size_t block_stride,
                            size_t step) {
    size_t k = gemm->k, *places = malloc(k * sizeof *places);
    if (!places) return fail_memory(ctx, k * sizeof *places);
    for (size_t i = 0; i < k; i++) places[i] = gemm->x ? layout_dim_offset(gemm->x, gemm->x_dim, i) : i;
#pragma omp parallel for
    for (size_t n = 0; n < gemm->n; n += vec)
        for (size_t i = 0; i < k; i += TILE)
            pack_tile(out + n / vec * block_stride, gemm, places, vec, step, n, i, size_min(TILE, k - i));
    free(places);
    return LIPCL_OK;
}

static enum lipcl_status append_clblast(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                                        const struct gemm *gemm) {
    enum lipcl_status status;
    struct arg weight, bias;
    struct launch *launch;
    float *data;
    TRY(lowered_constant(ctx, lowered, &weight, &data, gemm->n * gemm->k));
    TRY(gemm_pack(ctx, data, gemm, 1, gemm->k, 1));
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
    TRY(gemm_pack(ctx, data, gemm, vec, block_stride, step));
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
