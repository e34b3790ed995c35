/* sharing.h: which buffers can be the same memory. Pure arithmetic: it knows no plan and no device. */
#ifndef LIPCL_PLAN_SHARING_H
#define LIPCL_PLAN_SHARING_H

#include <stddef.h>

/* A buffer that is in use from stage `first` to stage `last`, both included. */
struct memory_use {
    size_t bytes, first, last;
    size_t slot; /* what memory_share() answers */
};

/* A piece of memory. */
struct memory_slot {
    size_t bytes;
    size_t busy; /* memory_share()'s own */
};

/* Gives every use a slot, so that no two that are in use at the same stage have the same, and returns how many slots there are;
 * `slots` has room for `count`. A slot is as large as its largest use.
 *
 * Greedy by size for shared objects: the largest first, each into the smallest slot that is free all that time, or each into the
 * largest one, whichever takes less.
 * Y. Pisarchyk, J. Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020 (arXiv:2001.03288), section 4.
 * Slots and not offsets into one buffer: a slot is an allocation like any other, so neither a device's largest allocation nor
 * its alignment of sub-buffers matters, and where a few large buffers rule, the total is close to memory_bound(). */
size_t memory_share(struct memory_use *uses, size_t count, struct memory_slot *slots);

/* The most bytes that are in use at one stage, which no sharing can go below; *stage (may be NULL): the first with so many. */
size_t memory_bound(const struct memory_use *uses, size_t count, size_t *stage);

#endif
