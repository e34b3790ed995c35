#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { ALIGNMENT = 64, BLOCK_BYTES = 16384, PAGE_BYTES = 4096, HUGE_PAGE_BYTES = 2 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t used, capacity;
};

bool size_multiply(size_t *product, size_t a, size_t b) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

bool size_add(size_t *sum, size_t a, size_t b) {
    if (a > SIZE_MAX - b) return false;
    *sum = a + b;
    return true;
}

char *string_copy(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

/* Advice only: where there are no huge pages, nothing happens. */
static void want_huge_pages(void *data, size_t bytes) {
#if defined __linux__ && defined MADV_HUGEPAGE
    uintptr_t begin = (uintptr_t)data / PAGE_BYTES * PAGE_BYTES, end = ((uintptr_t)data + bytes) / PAGE_BYTES * PAGE_BYTES;
    if (bytes >= HUGE_PAGE_BYTES) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)data;
    (void)bytes;
#endif
}

void *zeroed_alloc(size_t bytes, void **block) {
    size_t total;
    *block = size_add(&total, bytes, ALIGNMENT) ? calloc(1, total) : NULL; /* which knows what is zero already */
    if (!*block) return NULL;
    void *data = (unsigned char *)*block + (ALIGNMENT - (uintptr_t)*block % ALIGNMENT) % ALIGNMENT;
    want_huge_pages(data, bytes);
    return data;
}

static unsigned char *block_data(struct arena_block *block) {
    return (unsigned char *)block + ALIGNMENT;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = size_round_up(size_max(bytes, 1), ALIGNMENT);
    struct arena_block *block = arena->blocks;
    if (!block || block->capacity - block->used < bytes) {
        size_t capacity = size_max(bytes, BLOCK_BYTES);
        block = aligned_alloc(ALIGNMENT, ALIGNMENT + capacity);
        if (!block) return NULL;
        *block = (struct arena_block){.next = arena->blocks, .capacity = capacity};
        arena->blocks = block;
    }
    unsigned char *data = block_data(block) + block->used;
    block->used += bytes;
    memset(data, 0, bytes);
    return data;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void *arena_copy(struct arena *arena, const void *source, size_t bytes) {
    void *copy = arena_alloc(arena, bytes);
    if (copy && bytes) memcpy(copy, source, bytes);
    return copy;
}

void arena_finish(struct arena *arena) {
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
