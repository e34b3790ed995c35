/* verify.h: proving that a plan computes what the references compute, layer by layer.
 *
 * Two plans of one graph are run on the same inputs: the plan in question, and one on `host` with no_fusion, whose layers are
 * the references themselves and which so holds the right value everywhere. Then, layer by layer:
 *   isolated   the layer alone is fed what the reference has there, and its output is held to the release bound. A fault shows
 *              in the layer that has it and in no other.
 *   drift      what the layer computed in the run, from what the device had computed until there, against what the reference
 *              has: how errors add up through the network. No bound of a single layer covers it.
 */
#ifndef LIPCL_VERIFY_H
#define LIPCL_VERIFY_H

#include <stddef.h>

#include <lipcl/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lipcl_layer_drift {
    double max_error; /* max |y' - y|; infinity where one is a NaN or an infinity and the other is not the same */
    double rho;       /* max |y' - y| / (u S), S being that of the layer fed with the reference's input */
};

/* Verifies one layer of `plan`, which has run on the same inputs as `reference`; `check` (isolated) or `drift` may be NULL.
 * A check overwrites the layer's inputs on the device, so verify layers in ascending order and run the plan again before its
 * values are looked at as a run's.
 * LIPCL_ERROR_ARGUMENT: no such layer, a plan that has not run, or `reference` is of another graph or has fused layers. */
LIPCL_API enum lipcl_status lipcl_plan_verify_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                                    struct lipcl_plan *reference, struct lipcl_layer_check *check,
                                                    struct lipcl_layer_drift *drift);

/* Runs one layer alone on `inputs`, F32: its operator's activations in their order, entries of optional ones that the graph
 * leaves out are ignored. Afterwards lipcl_plan_read_layer(), lipcl_plan_check_layer() and lipcl_plan_layer_tensors() speak of
 * this run of the layer. LIPCL_ERROR_ARGUMENT, LIPCL_ERROR_SHAPE. */
LIPCL_API enum lipcl_status lipcl_plan_run_layer(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                                 const struct lipcl_tensor *const *inputs);

/* All that the layer took and gave in its latest run, F32, as a new set that the caller destroys: "input.0" ..., its parameters
 * under their own names, "output.0" ..., and beside each "reference.0" ..., which the reference computes from those inputs. */
LIPCL_API enum lipcl_status lipcl_plan_layer_tensors(struct lipcl_context *ctx, struct lipcl_plan *plan, size_t layer,
                                                     struct lipcl_tensor_set **set);

/* One kernel launch of a layer, or one matrix product of the device's BLAS. Strings are owned by the plan. */
struct lipcl_launch_info {
    const char *file;    /* in cl_kernels/; NULL for a matrix product */
    const char *kernel;  /* its name; NULL likewise */
    const char *options; /* what it was compiled with; NULL likewise */
    size_t global[3], local[3];
    size_t m, n, k; /* of a matrix product */
};

/* Launch number `launch` of as many as struct lipcl_layer_info tells. */
LIPCL_API enum lipcl_status lipcl_plan_launch_info(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer,
                                                   size_t launch, struct lipcl_launch_info *info);

#ifdef __cplusplus
}
#endif
#endif
