/* spot.c: checks of blocks so small that they can go along with production. */
#include <stdio.h>

#include "base/philox.h"
#include "plan/steps.h"

/* A block's extents by the output's rank: some hundred sums at most, of neighbours along the innermost dimensions and along the
 * channels of [N,C,T,H,W]; one step of one sample of a recurrence's [T,N,features]. */
static const size_t extents[LIPCL_MAX_RANK + 1][LIPCL_MAX_RANK] = {
    {0},
    {8},
    {2, 8},
    {1, 1, 8},
    {1, 1, 2, 8},
    {1, 4, 1, 2, 4},
    {1, 1, 1, 1, 2, 4},
    {1, 1, 1, 1, 1, 2, 4},
    {1, 1, 1, 1, 1, 1, 2, 4},
};

struct box step_block(const struct lipcl_plan *plan, const struct step *step, enum block_place place, uint64_t seed) {
    const struct lipcl_shape *shape = &plan->values[step_output(plan, step, 0)].shape;
    struct box block = {.shape = {.rank = shape->rank}};
    for (size_t dim = 0; dim < shape->rank; dim++) {
        size_t extent = size_min(extents[shape->rank][dim], shape->dims[dim]), places = shape->dims[dim] - extent + 1;
        uint32_t word = philox_word(seed, dim);
        /* Kernels break at the borders, so every other block touches each of them. */
        bool innermost = dim + 1 == shape->rank,
             at_begin = place == BLOCK_DRAWN ? word % 4 == 0 : (place == BLOCK_FIRST) != innermost;
        bool at_end = place == BLOCK_DRAWN ? word % 4 == 1 : !at_begin;
        size_t start = at_begin ? 0 : at_end ? places - 1 : (word >> 2) % places;
        block.start[dim] = (ptrdiff_t)start;
        block.shape.dims[dim] = extent;
    }
    return block;
}

enum lipcl_status lipcl_plan_spot_check(struct lipcl_context *ctx, struct lipcl_plan *plan, uint64_t seed,
                                        struct lipcl_spot_check *spot) {
    *spot = (struct lipcl_spot_check){.check = {.ok = true}};
    enum lipcl_status status = plan_check_has_run(ctx, plan);
    if (status != LIPCL_OK) return status;
    if (plan->step_count == 0) return LIPCL_OK; /* all views: nothing is computed */
    spot->layer = philox_word(seed, LIPCL_MAX_RANK) % plan->step_count;
    const struct step *step = &plan->steps[spot->layer];
    const struct lipcl_shape *shape = &plan->values[step_output(plan, step, 0)].shape;
    struct compare_result result;
    struct box block = step_block(plan, step, BLOCK_DRAWN, seed);
    status = step_check_block(plan, step, false, &block, &result);
    if (status != LIPCL_OK) return status;
    for (size_t dim = 0; dim < shape->rank; dim++) spot->start[dim] = (size_t)block.start[dim];
    spot->block = block.shape;
    /* So small a block may well be the same number everywhere, such as zeros behind a ReLU. */
    spot->check = (struct lipcl_layer_check){
        .ok = result.share <= 1,
        .max_error = result.max_error,
        .bound_share = result.share,
        .rho = result.rho,
        .worst = box_index(&block, shape, result.worst),
        .got = result.got,
        .wanted = result.wanted,
    };
    if (!spot->check.ok) snprintf(spot->check.reason, sizeof spot->check.reason, "%s", result.reason);
    return LIPCL_OK;
}
