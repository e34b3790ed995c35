/* draw.h: random cases of every operator. */
#ifndef LIPCL_CHECK_DRAW_H
#define LIPCL_CHECK_DRAW_H

#include <lipcl/check.h>
#include <lipcl/graph.h>

#include "base/philox.h"

struct draw {
    uint64_t seed, next; /* a stream of random words */
    uint64_t index;      /* the first cases of an operator are LipNet's own */
    bool small;          /* see check.h */
    bool lipnet;         /* comes back: this is one of them */
    size_t frames;       /* how long LipNet's own are */
    char note[128];      /* comes back: the input's order in memory, in words, "" for row-major */
};

static inline uint32_t draw_word(struct draw *draw) {
    return philox_word(draw->seed, draw->next++);
}

/* Uniform in [low, high]. */
static inline size_t draw_size(struct draw *draw, size_t low, size_t high) {
    return low + draw_word(draw) % (high - low + 1);
}

static inline bool draw_chance(struct draw *draw, unsigned one_in) {
    return draw_word(draw) % one_in == 0;
}

static inline float draw_unit(struct draw *draw) {
    return philox_uniform(draw_word(draw)) * 2 - 1;
}

/* Describes one case into `graph`, inputs to outputs, and puts it in words. */
typedef void (*draw_fn)(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes);

#define OP(name) void draw_##name(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes);
#include "ops/ops.def"
#undef OP

/* fill.c: numbers for an input or a weight. `terms` is the length of the longest sum of products that they enter; `finite`
 * keeps NaN and infinities out. */
void draw_fill(struct draw *draw, struct lipcl_tensor *tensor, enum lipcl_fill fill, size_t terms, float scale, bool finite);

#endif
