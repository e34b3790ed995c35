/* op.h: what an operator is, and what a lowering makes of one.
 *
 * An operator is an op_def in its own file; the list of them is ops.def. A lowering turns one operator (with the epilogue
 * that the graph passes fused onto it) into launches for a device of given capabilities. It holds no OpenCL types and
 * allocates no device memory: it names kernels, options, sizes and arguments, and the plan does the rest.
 */
#ifndef LIPCL_OPS_OP_H
#define LIPCL_OPS_OP_H

#include <lipcl/operators.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/front.h"
#include "reference/reference.h"
#include "tensor/box.h"
#include "tensor/layout.h"
#include "tensor/shape.h"

enum { OP_MAX_ACTIVATIONS = 2, OP_MAX_OUTPUTS = 2 };

/* One of a node's parameters, as the operator wants it. */
struct op_parameter {
    char name[40]; /* the graph prefixes the layer's name: "conv1" + "." + "weight" */
    struct lipcl_shape shape;
    bool absent; /* keeps its place among the inputs, as NULL */
};

/* Useful arithmetic and the least memory traffic, from the definition, whatever the lowering does. */
struct op_cost {
    double flops; /* a multiply-add counts as two */
    double bytes; /* inputs, parameters and outputs once each */
};

/* Validates parameters against the activations' shapes and derives output shapes: with op_parameters_fn the only shape code
 * there is. `params` comes in as the caller wrote it and is normalised in place (no zero stands for a default any more).
 * `layer` names the node in messages. Optional activations that are absent are NULL. */
typedef enum lipcl_status (*op_infer_fn)(struct lipcl_context *ctx, const char *layer, void *params,
                                         const struct lipcl_shape *const *inputs, size_t input_count,
                                         struct lipcl_shape *outputs);
/* The node's parameters, which follow the activations among its inputs; returns how many. `out` may be NULL to count. */
typedef size_t (*op_parameters_fn)(const void *params, const struct lipcl_shape *const *inputs, struct op_parameter *out);
typedef struct op_cost (*op_cost_fn)(const void *params, const struct lipcl_shape *const *inputs, size_t input_count,
                                     const struct lipcl_shape *outputs);

/* What the reference takes to compute one block of output 0 only, with the very sums that it forms for the whole. */
enum crop_source { CROP_ABSENT, CROP_INPUT, CROP_OUTPUT };

struct crop_input {
    enum crop_source from; /* CROP_OUTPUT: of what was computed before (a recurrence's state), else of the node's inputs */
    size_t index;          /* which of them */
    struct box box;        /* of a parameter: all of it, or some of its first dimension */
};

enum { CROP_MAX_INPUTS = 8 };

struct op_crop {
    struct box output; /* comes as what is wanted, leaves as what is computed: at least that, but see gru.c */
    void *params;      /* comes as a copy of the node's, leaves as those for the block */
    size_t input_count;
    struct crop_input inputs[CROP_MAX_INPUTS]; /* what to hand to the reference; comes as CROP_ABSENT */
    float outside;                             /* the value of activations outside their tensor */
};

/* False: this operator cannot compute the block alone. `inputs`: shapes of the activations; outputs: of the node's. */
typedef bool (*op_crop_fn)(struct op_crop *crop, const struct lipcl_shape *const *inputs, const struct lipcl_shape *outputs);

struct lowering;

struct op_def {
    const char *name; /* == file stem == the name in logs, profiles and checks */
    size_t params_bytes;
    size_t output_count;
    op_infer_fn infer;
    op_parameters_fn parameters; /* NULL: none */
    op_ref_fn reference;
    op_crop_fn crop; /* NULL: the reference computes all or nothing */
    op_cost_fn cost;
    const struct lowering *const *lowerings; /* in order of preference, ends with NULL */
    /* The operator and those of its parameters that shapes do not tell, in words: what tells layers apart for the tuner. NULL:
     * the name says it all. */
    char *(*text)(struct arena *arena, const void *params);
    bool (*is_identity)(const void *params); /* NULL: never. True: output 0 is input 0 (dropout when evaluating) */
    /* Output 0 as another view of input 0's buffer (permute, reshape); NULL or false: it has to be computed. */
    bool (*view)(struct layout *out, const void *params, const struct layout *in, const struct lipcl_shape *in_shape);
};

/* Every operator, in the order of ops.def, ends with NULL. */
extern const struct op_def *const op_table[];
const struct op_def *op_find(const char *name); /* NULL when there is none of that name */

/* What the fusion pass hung onto an operator: y = pool(relu(op(x))), each part optional. */
struct epilogue {
    bool relu;
    const struct lipcl_maxpool3d_params *pool; /* NULL: none */
};

/* A number that a lowering chooses for itself, by shapes and capabilities, and that a tuner or the kernel checker may choose
 * instead: the name of a -D option, and the values worth trying. */
enum { TUNING_MAX_KNOBS = 8, TUNING_MAX_VALUES = 8 };
struct tuning_knob {
    const char *name;
    size_t values[TUNING_MAX_VALUES]; /* ends with 0, unless full */
};

/* A value a knob, in the order of the lowering's knobs; 0: the lowering's own choice. */
struct tuning {
    size_t values[TUNING_MAX_KNOBS];
};

struct lower_request {
    const char *layer; /* for messages */
    const void *params;
    size_t input_count;
    const struct lipcl_shape *const *input_shapes; /* NULL entries: optional inputs that are absent */
    const struct layout *input_layouts;            /* of activations; what `accepts` refused has become row-major */
    const struct lipcl_tensor *const
        *parameters; /* input i's data when it is a parameter (row-major; F32 unless reads_any_dtype), else NULL */
    const struct lipcl_shape *op_outputs; /* the operator's own outputs, before the epilogue */
    const struct lipcl_shape *outputs;    /* after it; the same where there is none */
    const bool *wanted;                   /* output i is used by something */
    struct epilogue epilogue;
    const struct device_caps *caps;
    enum lipcl_gemm gemm;
    size_t scratch_bytes; /* what its scratch should take at most, where the lowering can do with less; 0: it has the choice */
    bool exact;           /* only the definition's own sums: nothing that trades rounding errors or special values for speed */
    struct tuning tuning;
};

/* The value of a knob: what the request says, else the lowering's own choice. */
static inline size_t tuned(const struct lower_request *request, size_t knob, size_t own) {
    return request->tuning.values[knob] ? request->tuning.values[knob] : own;
}

enum arg_kind { ARG_INPUT, ARG_OUTPUT, ARG_CONSTANT, ARG_SCRATCH };

struct arg {
    enum arg_kind kind;
    size_t index;
};

enum { LAUNCH_MAX_ARGS = 8, LOWERED_MAX_LAUNCHES = 32, LOWERED_MAX_CONSTANTS = 64, LOWERED_MAX_SCRATCH = 16 };

/* One kernel launch, or one matrix product by the device's BLAS (file == NULL). */
struct launch {
    const char *file; /* in cl_kernels/ */
    const char *kernel;
    const char *options; /* -D..., in a fixed order */
    size_t global[3], local[3];
    size_t arg_count;
    struct arg args[LAUNCH_MAX_ARGS]; /* a BLAS product: A, B, C */
    struct device_gemm gemm;          /* its sizes; the plan fills in the buffers */
    size_t repeat; /* how many times in a row, without the host; 0: once. Where the range stays, the kernel has to count, in a
                      scratch buffer say. */
    /* Dimension 1 begins at first, first + advance, ... each time, but at `last` at most: parts of a whole. With in_turn this
     * launch and the next one, which repeats as often, take turns. */
    size_t first, advance, last;
    bool in_turn;
    /* What it really computes each time, padding included, a multiply-add counted as two; 0: nothing, or what the layer is by
     * its definition when it is the only launch. */
    double flops;
};

/* What a lowering produces. Constants are packed weights, owned by the lowered until the plan has uploaded them. */
struct lowered {
    struct arena *arena; /* for option strings and the like; lives as long as the plan */
    struct layout outputs[OP_MAX_OUTPUTS];
    size_t chain; /* l of the release bound: the longest serial chain of additions behind an output */
    size_t launch_count;
    struct launch launches[LOWERED_MAX_LAUNCHES];
    size_t constant_count;
    struct lipcl_tensor *constants[LOWERED_MAX_CONSTANTS];
    size_t scratch_count;
    size_t scratch_bytes[LOWERED_MAX_SCRATCH];
};

struct lowering {
    const char *name;
    bool clblast;         /* its products are CLBlast's */
    bool reads_any_dtype; /* of parameters, which come as they are stored: large ones are not widened only to be packed */
    /* Its tuning space: at most TUNING_MAX_KNOBS, ends with one without a name; NULL: nothing to choose. Not every
     * combination suits every layer: `supports` has the last word. */
    const struct tuning_knob *knobs;
    /* Whether it can do this at all, epilogue and tuning included. */
    bool (*supports)(const struct lower_request *request);
    /* Whether it is likely to be the fastest way for a layer that it supports; NULL: always. Asked for by name it need not be.
     */
    bool (*pays)(const struct lower_request *request);
    /* Whether activation `input` may come in this layout; otherwise the plan copies it to row-major first. */
    bool (*accepts)(const struct lower_request *request, size_t input, const struct layout *layout);
    /* Fills `lowered`, which comes zeroed but for the arena. On failure the caller still frees its constants. */
    enum lipcl_status (*lower)(struct lipcl_context *ctx, const struct lower_request *request, struct lowered *lowered);
    /* NULL: its sums are the definition's. Otherwise it adds more than that, and this fills in io->magnitude with what takes
     * the place of S in the release bound (COMPARE_UNBOUNDED where an intermediate may overflow); the rest of `io` is as the
     * reference had it. For blocks of output 0 it holds when they begin and end on multiples of `grain`, or where the output
     * does. */
    op_ref_fn magnitude;
    size_t grain[LIPCL_MAX_RANK];
};

/* For `accepts`: one digit a dimension, which any kernel with strides can read. */
bool accepts_strided(const struct lower_request *request, size_t input, const struct layout *layout);
bool accepts_row_major(const struct lower_request *request, size_t input, const struct layout *layout);

/* Helpers of crops: input `i` is the node's own, of that box; a parameter whole, or `count` of its first dimension from `first`
 * on. */
void crop_activation(struct op_crop *crop, size_t i, const struct box *box);
void crop_parameter(struct op_crop *crop, size_t i, const struct lipcl_shape *shape);
void crop_parameter_rows(struct op_crop *crop, size_t i, const struct lipcl_shape *shape, size_t first, size_t count);

/* Helpers of lowerings. Each returns a status; the argument to use comes back through *arg. */
enum lipcl_status lowered_constant(struct lipcl_context *ctx, struct lowered *lowered, struct arg *arg, float **data,
                                   size_t count);
enum lipcl_status lowered_scratch(struct lipcl_context *ctx, struct lowered *lowered, struct arg *arg, size_t bytes);
/* Appends a launch with its options formatted; *launch is then completed with sizes and arguments. */
enum lipcl_status lowered_launch(struct lipcl_context *ctx, struct lowered *lowered, struct launch **launch, const char *file,
                                 const char *kernel, const char *options, ...) LIKE_PRINTF(6, 7);

/* Sizes a launch whose work-items share `count` elements among them, each taking every n-th. */
void lowered_spread(struct launch *launch, size_t count, const struct device_caps *caps);
/* Appends a matrix product by the device's BLAS; the buffers in `gemm` are ignored. */
enum lipcl_status lowered_gemm(struct lipcl_context *ctx, struct lowered *lowered, const struct device_gemm *gemm, struct arg a,
                               struct arg b, struct arg c);

/* Appends a launch that copies a tensor of `shape` from `source`, where it lies in layout `from`, to row-major order in
 * `destination` (permute_copy.c; the plan uses it too). */
enum lipcl_status lower_copy(struct lipcl_context *ctx, struct lowered *lowered, const struct lipcl_shape *shape,
                             const struct layout *from, struct arg source, struct arg destination,
                             const struct device_caps *caps);

static inline struct arg arg_input(size_t index) {
    return (struct arg){ARG_INPUT, index};
}
static inline struct arg arg_output(size_t index) {
    return (struct arg){ARG_OUTPUT, index};
}

#endif
