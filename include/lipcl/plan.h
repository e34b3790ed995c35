/* plan.h: a graph made ready for one device, and its runs.
 *
 * Planning does everything that can be done once: it chooses a lowering a layer, packs and uploads weights, compiles the
 * kernels for the graph's shapes or takes them from the cache, allocates every buffer and runs each new kernel once (some
 * drivers compile only then). A run allocates nothing, compiles nothing, and waits on the device only to read the outputs.
 */
#ifndef LIPCL_PLAN_H
#define LIPCL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/graph.h>
#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a layer may do for speed. */
enum lipcl_precision {
    /* Sums may be formed in another way than the definition does, within a bound that is checked all the same: convolutions by
     * Winograd's minimal filtering have errors some ten times as large as direct ones, still around 1e-6 of the largest
     * value, and an infinity or a NaN in the input spreads to its neighbours. */
    LIPCL_PRECISION_FAST,
    LIPCL_PRECISION_EXACT, /* every sum as the definition has it, in any order */
};

/* The zero value is the default. */
struct lipcl_plan_params {
    enum lipcl_gemm gemm;
    enum lipcl_precision precision;
    bool no_fusion; /* every operator its own layer: slower, but each can be looked at */
    /* Planning trusts every kernel as it is. By default each build of a kernel, on each device with each driver, first has to
     * give some blocks of numbers as the reference does; a lowering that fails is refused, with a warning, and the next one or
     * the reference takes over. What has passed is remembered in $XDG_CACHE_HOME/lipcl (or ~/.cache/lipcl).
     * LIPCL_SELF_TEST=0 in the environment does the same as this. */
    bool no_self_test;
    /* Planning chooses lowerings and their values by itself, whatever the tuner has measured on this device (tune.h).
     * LIPCL_TUNING=0 in the environment does the same as this. */
    bool no_tuning;
    /* Every layer's inputs and outputs stay readable after a run, which lipcl_plan_read_layer(), _check_layer(), _spot_check()
     * and verify.h need. By default values that are not needed at the same time are the same memory. */
    bool keep_values;
    /* What the plan may take on the device, in bytes; 0: no limit. Layers that like more scratch than there is room for are
     * planned with less, which is slower; LIPCL_ERROR_MEMORY, with the least that it could be, when that does not do. */
    size_t max_memory;
    /* Where to put what the plan takes, which comes even when it is above max_memory; that is then no error in the log, as the
     * caller is thought to try again with less. NULL: nowhere. */
    struct lipcl_plan_memory *memory;
};

struct lipcl_plan;

/* What a plan takes, known before its first run; a run takes nothing more. In bytes. */
struct lipcl_plan_memory {
    size_t device_bytes;   /* in all on the device, which are the two that follow */
    size_t constant_bytes; /* weights, as the kernels want them */
    size_t shared_bytes;   /* values between the layers, and scratch, as far as possible in the same memory */
    size_t unshared_bytes; /* what these would take if each had memory of its own */
    size_t least_bytes;    /* the most of them that is in use at one stage: no sharing takes less */
    size_t fullest_stage;  /* the first such stage: 0 is the upload, i + 1 layer i, the number of layers + 1 the download */
    size_t host_bytes;     /* of the plan's own on the host: parameters widened to F32, and staging */
    size_t buffer_count;
};

/* Plans `graph` on `device` with the values of its parameters from `weights` (floating dtypes widen to F32), all of which may
 * be destroyed afterwards but the device. The plan shares the tensors of `weights`, which are to stay as they are until both
 * are destroyed; without keep_values, and where every layer runs on the device, it lets go of them when it is made. A layer
 * that no lowering can do on the device runs as its reference, with a warning. LIPCL_ERROR_NOT_FOUND: a parameter is missing;
 * LIPCL_ERROR_SHAPE: it has another shape; LIPCL_ERROR_BUILD, _MEMORY, _DEVICE.
 */
LIPCL_API enum lipcl_status lipcl_plan_create(struct lipcl_context *ctx, struct lipcl_plan **plan,
                                              const struct lipcl_graph *graph, const struct lipcl_tensor_set *weights,
                                              struct lipcl_device *device, const struct lipcl_plan_params *params);
LIPCL_API void lipcl_plan_destroy(struct lipcl_plan **plan);

/* Runs the plan once. inputs and outputs are in the order of the graph's; F32, of its shapes; allocated by the caller. */
LIPCL_API enum lipcl_status lipcl_plan_run(struct lipcl_context *ctx, struct lipcl_plan *plan,
                                           struct lipcl_tensor *const *outputs, const struct lipcl_tensor *const *inputs);

LIPCL_API struct lipcl_plan_memory lipcl_plan_memory(const struct lipcl_plan *plan);

enum lipcl_buffer_role {
    LIPCL_BUFFER_CONSTANT, /* packed weights */
    LIPCL_BUFFER_VALUE,    /* an input, an output, or what is between two layers */
    LIPCL_BUFFER_SCRATCH,  /* what one layer needs for itself, such as its input in another order */
};

#define LIPCL_BUFFER_ALONE ((size_t)-1)

/* One buffer on the device. Stages are counted as in struct lipcl_plan_memory. */
struct lipcl_buffer_info {
    const char *name; /* of the value, as in the graph, or of the layer; owned by the plan */
    enum lipcl_buffer_role role;
    size_t bytes;
    size_t first_stage, last_stage; /* when it is in use */
    size_t allocation;              /* buffers of the same number are the same memory; LIPCL_BUFFER_ALONE: a constant's own */
};

/* `buffer` < lipcl_plan_memory().buffer_count, in the order in which the plan met them. */
LIPCL_API enum lipcl_status lipcl_plan_buffer_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t buffer,
                                                   struct lipcl_buffer_info *info);

/* A layer is one step of the plan: an operator with what was fused onto it. Strings are owned by the plan. */
struct lipcl_layer_info {
    const char *name;         /* as in the graph, such as "conv1" */
    const char *op;           /* "conv3d+relu+maxpool3d" */
    const char *lowering;     /* "conv3d_direct"; "reference" where the layer runs on the host */
    struct lipcl_shape shape; /* of its output */
    double flops;             /* useful ones, by the definition */
    double bytes;             /* inputs, parameters and outputs once each */
    size_t launches;
    const char *tuning;  /* what the tuner found for it, "VEC=16 TILE_W=6", "" for the lowering as it is; NULL: not tuned */
    double actual_flops; /* what its launches really compute, padding included; `flops` where that is not known */
};

LIPCL_API size_t lipcl_plan_layer_count(const struct lipcl_plan *plan);
LIPCL_API enum lipcl_status lipcl_plan_layer_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer,
                                                  struct lipcl_layer_info *info);

/* Runs one layer `runs` times on what its input buffers hold (without keep_values, whatever was there last), and gives each
 * run's wall time in nanoseconds, from the first enqueue to the end of the work. LIPCL_ERROR_UNSUPPORTED for a layer that runs
 * as its reference. */
LIPCL_API enum lipcl_status lipcl_plan_time_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer, size_t runs,
                                                  uint64_t *wall_ns);

/* A new F32 tensor with what the layer computed in the latest run; the caller destroys it. This and the checks below give
 * LIPCL_ERROR_ARGUMENT before the first run, and for a plan made without keep_values. */
LIPCL_API enum lipcl_status lipcl_plan_read_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                                  struct lipcl_tensor **tensor);

/* How a layer's output compares with the reference computed from the same input (numerics.md's rule). */
struct lipcl_layer_check {
    bool ok;
    double max_error;   /* max |y' - y| over the elements */
    double bound_share; /* max of |y' - y| / (g u S + u |y|): above 1 breaks the release bound; infinity for a NaN or Inf that
                           the reference lacks */
    double rho;         /* max |y' - y| / (u S): the error in units of one rounding of the magnitude sum */
    size_t worst;       /* row-major index of the element with the largest share */
    float got, wanted;  /* its values */
    double kappa;       /* 1, or for a lowering that adds more than the definition does (Winograd's): what takes the place of S
                           over S; the 99.9th percentile over the sums. 0 in spot checks */
    char reason[160];   /* "" when ok */
};

/* Checks what the layer computed in the latest run against the reference, fed with what the device itself fed the layer. */
LIPCL_API enum lipcl_status lipcl_plan_check_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                                   struct lipcl_layer_check *check);

/* A spot check: one small block of one layer's output. */
struct lipcl_spot_check {
    size_t layer;
    size_t start[LIPCL_MAX_RANK]; /* the block's first element in the layer's output ... */
    struct lipcl_shape block;     /* ... and its extents */
    struct lipcl_layer_check check;
};

/* Recomputes a block of a layer's output in the latest run, both drawn from `seed`, with the reference, fed with what the
 * device itself fed the layer. It reads and computes little more than the block, in a millisecond or so: for checking one run
 * in many, with another seed each time. Blocks of a layer's second output (a GRU's final state) are not drawn. *spot tells what
 * was found; the status only whether it could be looked for. */
LIPCL_API enum lipcl_status lipcl_plan_spot_check(struct lipcl_context *ctx, struct lipcl_plan *plan, uint64_t seed,
                                                  struct lipcl_spot_check *spot);

#ifdef __cplusplus
}
#endif
#endif
