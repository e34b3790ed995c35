/* Which buffers may be the same memory. */
#include <criterion/criterion.h>

#include "base/philox.h"
#include "plan/sharing.h"

enum { MOST = 60, CASES = 2000 };

static size_t total(const struct memory_slot *slots, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += slots[i].bytes;
    return bytes;
}

static size_t draw(size_t seed, size_t *next, size_t below) {
    return philox_word(seed, (*next)++) % below;
}

Test(sharing, no_two_that_live_at_once_share_and_every_slot_is_as_large_as_its_largest) {
    struct memory_use uses[MOST];
    struct memory_slot slots[MOST];
    size_t slack = 0;
    for (size_t seed = 0; seed < CASES; seed++) {
        size_t next = 0, count = draw(seed, &next, MOST + 1), stages = 1 + draw(seed, &next, 20), unshared = 0;
        for (size_t i = 0; i < count; i++) {
            size_t first = draw(seed, &next, stages), length = draw(seed, &next, 4);
            uses[i] = (struct memory_use){draw(seed, &next, 1000), first, first + length, 7};
            unshared += uses[i].bytes;
        }
        size_t slot_count = memory_share(uses, count, slots), stage, bound = memory_bound(uses, count, &stage);
        cr_assert_leq(slot_count, count);
        size_t largest[MOST] = {0}, at_stage = 0;
        for (size_t i = 0; i < count; i++) {
            cr_assert_lt(uses[i].slot, slot_count, "case %zu", seed);
            if (uses[i].bytes > largest[uses[i].slot]) largest[uses[i].slot] = uses[i].bytes;
            if (uses[i].first <= stage && stage <= uses[i].last) at_stage += uses[i].bytes;
            for (size_t k = 0; k < i; k++)
                cr_assert(uses[i].slot != uses[k].slot || uses[i].last < uses[k].first || uses[k].last < uses[i].first,
                          "case %zu: %zu and %zu", seed, i, k);
        }
        for (size_t i = 0; i < slot_count; i++) cr_assert_eq(slots[i].bytes, largest[i], "case %zu", seed);
        if (count) cr_assert_eq(at_stage, bound, "case %zu", seed);
        cr_assert_geq(total(slots, slot_count), bound, "case %zu", seed);
        cr_assert_leq(total(slots, slot_count), unshared, "case %zu", seed);
        slack += bound ? 1000 * (total(slots, slot_count) - bound) / bound : 0;
    }
    cr_expect_leq(slack / CASES, 100, "on average %zu thousandths above the least there can be", slack / CASES);
}

Test(sharing, a_chain_takes_its_two_largest_neighbours) {
    struct memory_use uses[] = {{70, 0, 1, 0}, {40, 1, 2, 0}, {20, 2, 3, 0}, {10, 3, 4, 0}};
    struct memory_slot slots[4];
    size_t stage;
    cr_assert_eq(memory_share(uses, 4, slots), 2);
    cr_expect_eq(total(slots, 2), 110);
    cr_expect_eq(memory_bound(uses, 4, &stage), 110);
    cr_expect_eq(stage, 1);
    cr_expect_eq(uses[2].slot, uses[0].slot);
    cr_expect_eq(uses[3].slot, uses[1].slot);
}

Test(sharing, the_smallest_slot_that_is_free_is_taken) {
    struct memory_use uses[] = {{100, 0, 0, 0}, {50, 0, 0, 0}, {40, 1, 1, 0}, {100, 2, 2, 0}};
    struct memory_slot slots[4];
    cr_assert_eq(memory_share(uses, 4, slots), 2);
    cr_expect_eq(uses[2].slot, uses[1].slot);
    cr_expect_eq(uses[3].slot, uses[0].slot);
}

Test(sharing, nothing_takes_nothing) {
    cr_expect_eq(memory_share(NULL, 0, NULL), 0);
    cr_expect_eq(memory_bound(NULL, 0, NULL), 0);
}
