/* hash.h: FNV-1a, 64 bits: names for things and digests against accidents, not against enemies.
 * Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv/
 */
#ifndef LIPCL_BASE_HASH_H
#define LIPCL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* With its end, so that "ab", "c" is another sequence than "a", "bc". */
static inline uint64_t hash_text(uint64_t hash, const char *text) {
    return hash_bytes(hash, text, strlen(text) + 1);
}

/* The same step over words of eight bytes, for what is large. */
static inline uint64_t hash_words(uint64_t hash, const void *data, size_t bytes) {
    size_t words = bytes / sizeof(uint64_t) * sizeof(uint64_t);
    for (size_t i = 0; i < words; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const unsigned char *)data + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32; /* a product carries upwards only: without this a word's top bits would hardly count */
    }
    return hash_bytes(hash, (const unsigned char *)data + words, bytes - words);
}

#endif
