/* philox.h: Philox4x32-10, the counter-based generator behind dropout's masks.
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.3.
 */
#ifndef LIPCL_BASE_PHILOX_H
#define LIPCL_BASE_PHILOX_H

#include <stdint.h>

struct philox_block {
    uint32_t words[4];
};

/* Ten rounds over a counter of four words under a key of two: four random words. */
static inline struct philox_block philox4x32_10(struct philox_block counter, uint32_t key0, uint32_t key1) {
    uint32_t *w = counter.words;
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * w[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * w[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ w[1] ^ key0, (uint32_t)b, (uint32_t)(a >> 32) ^ w[3] ^ key1, (uint32_t)a};
        for (int i = 0; i < 4; i++) w[i] = next[i];
        key0 += 0x9E3779B9u; /* the golden ratio */
        key1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    return counter;
}

/* Block `index` of the sequence that `seed` names: key = seed and counter = index, both as 64 bits with the low word first (the
 * counter's upper two words are 0). */
static inline struct philox_block philox_block_at(uint64_t seed, uint64_t index) {
    struct philox_block counter = {{(uint32_t)index, (uint32_t)(index >> 32), 0, 0}};
    return philox4x32_10(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
}

/* Word `index` of the sequence: word index % 4 of block index / 4. */
static inline uint32_t philox_word(uint64_t seed, uint64_t index) {
    return philox_block_at(seed, index / 4).words[index % 4];
}

/* A word as a float in [0, 1), rounded down to 24 bits: exact on every device. */
static inline float philox_uniform(uint32_t word) {
    return (float)(word >> 8) * 0x1p-24f;
}

#endif
