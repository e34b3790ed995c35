#include "plan/sharing.h"

#include <stdbool.h>
#include <stdint.h>

static bool overlap(const struct memory_use *a, const struct memory_use *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The largest use that has no slot yet, the first among equals; `count`: all have one. */
static size_t largest_waiting(const struct memory_use *uses, size_t count) {
    size_t largest = count;
    for (size_t i = 0; i < count; i++)
        if (uses[i].slot == SIZE_MAX && (largest == count || uses[i].bytes > uses[largest].bytes)) largest = i;
    return largest;
}

/* Into the smallest of the free slots, or into the largest: which of the two leaves the better ones free depends on what comes.
 */
static size_t place(struct memory_use *uses, size_t count, struct memory_slot *slots, bool largest, size_t *total) {
    size_t slot_count = 0;
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        uses[i].slot = SIZE_MAX;
        slots[i] = (struct memory_slot){0};
    }
    for (size_t round = 1; round <= count; round++) {
        struct memory_use *use = &uses[largest_waiting(uses, count)];
        for (size_t i = 0; i < count; i++)
            if (uses[i].slot != SIZE_MAX && overlap(&uses[i], use)) slots[uses[i].slot].busy = round;
        size_t best = slot_count;
        for (size_t i = 0; i < slot_count; i++) /* all are large enough: their first uses came before this one */
            if (slots[i].busy != round && (best == slot_count || (slots[i].bytes > slots[best].bytes) == largest)) best = i;
        if (best == slot_count) *total += slots[slot_count++].bytes = use->bytes;
        use->slot = best;
    }
    return slot_count;
}

size_t memory_share(struct memory_use *uses, size_t count, struct memory_slot *slots) {
    size_t small, large;
    place(uses, count, slots, true, &large);
    size_t slot_count = place(uses, count, slots, false, &small);
    return large < small ? place(uses, count, slots, true, &large) : slot_count;
}

size_t memory_bound(const struct memory_use *uses, size_t count, size_t *stage) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++) { /* the sum grows only where a use begins */
        size_t sum = 0;
        for (size_t k = 0; k < count; k++)
            if (uses[k].first <= uses[i].first && uses[i].first <= uses[k].last) sum += uses[k].bytes;
        bool first = stage && sum == most && uses[i].first < *stage;
        if (sum <= most && !first) continue;
        most = sum;
        if (stage) *stage = uses[i].first;
    }
    return most;
}
