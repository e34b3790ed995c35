/* fill.c: the numbers that random cases compute with. */
#include <math.h>

#include "base/memory.h"
#include "check/draw.h"

/* Integers so small that a sum of `terms` products of two stays below 2^24. */
static float draw_integer(struct draw *draw, size_t terms) {
    size_t limit = (size_t)sqrt(16777215.0 / (double)(terms + 1));
    if (limit > 32) limit = 32;
    return (float)draw_size(draw, 0, 2 * limit) - (float)limit;
}

static float draw_strange(struct draw *draw, bool finite) {
    /* "Large" is large enough to drown everything else, yet no sum of products of two overflows. */
    static const float strange[] = {0.0f, -0.0f, 0x1p-130f, -0x1p-140f, 1e15f, -1e15f, NAN, INFINITY, -INFINITY};
    return strange[draw_word(draw) % (sizeof strange / sizeof *strange - (finite ? 3 : 0))];
}

void draw_fill(struct draw *draw, struct lipcl_tensor *tensor, enum lipcl_fill fill, size_t terms, float scale, bool finite) {
    float *data = tensor->data;
    size_t count = lipcl_tensor_count(tensor);
    /* Strange numbers: a few at least, but so rare that about half of all sums meet none; else all answers were NaN. */
    uint32_t one_in = (uint32_t)size_min(2 * terms + 14, size_max(count / 4, 16));
    for (size_t i = 0; i < count; i++) {
        if (fill == LIPCL_FILL_INT)
            data[i] = draw_integer(draw, terms);
        else
            data[i] = fill == LIPCL_FILL_EDGE && draw_chance(draw, one_in) ? draw_strange(draw, finite) : draw_unit(draw);
        if (fill != LIPCL_FILL_INT) data[i] *= scale;
    }
}
