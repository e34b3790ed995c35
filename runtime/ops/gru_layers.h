/* gru_layers.h: what the GRU's lowerings have in common: for each layer a matrix product for the inputs of all time steps and
 * both directions at once, and behind it the recurrence, which is the lowering's own. */
#ifndef LIPCL_OPS_GRU_LAYERS_H
#define LIPCL_OPS_GRU_LAYERS_H

#include "ops/gemm.h"

/* The rows of x [T,N,features], and of the input product: t per_t + n per_n. */
struct gru_rows {
    size_t stride; /* elements from one row to the next */
    size_t per_t, per_n;
};

/* One layer of one GRU. */
struct gru_layer {
    size_t frames, batch, in, hidden, directions, layer;
    size_t units; /* hidden, rounded up as the recurrence wants it: those that are padded are 0 */
    const struct lipcl_tensor *const *parameters; /* of the layer: 4 a direction */
    struct gru_rows rows;
    struct arg gates; /* the input product [rows, directions, 3, units]: b_hr and b_hz are in it, b_hn is not */
    struct arg y;     /* [T,N,directions hidden] */
};

/* Appends the recurrence's launches. */
typedef enum lipcl_status (*gru_recurrence_fn)(struct lipcl_context *ctx, const struct lower_request *request,
                                               struct lowered *lowered, const struct gru_layer *layer);

struct gru_plan {
    size_t units;
    size_t gemm_vec, gemm_rows; /* of the packed product's block; 0: its own choice */
    bool clblast;
    gru_recurrence_fn recurrence;
};

enum lipcl_status gru_lower(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered,
                            const struct gru_plan *plan);
bool gru_accepts(const struct lower_request *request, size_t input, const struct layout *layout);

/* Packs W_hh for cl_kernels/gru_scan.cl and gru_step.cl: gate g, unit j, input k of a direction at (j / vec) block + k step + g
 * gate + j % vec, directions one behind the other; and b_hn [directions, units]. */
struct gru_strides {
    size_t vec, block, step, gate;
};

/* CPU devices stream W_hh block by block; on GPUs neighbouring work-items read neighbouring units. */
struct gru_strides gru_strides(const struct lower_request *request, const struct gru_layer *layer, size_t vec);
enum lipcl_status gru_pack(struct lipcl_context *ctx, struct lowered *lowered, struct arg *weight, struct arg *bias,
                           const struct gru_layer *layer, const struct gru_strides *strides);

#endif
