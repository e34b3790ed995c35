/* memory.h: checked sizes, and an arena for what is built once and freed together. */
#ifndef LIPCL_BASE_MEMORY_H
#define LIPCL_BASE_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* *product = a * b; false when that overflows. */
bool size_multiply(size_t *product, size_t a, size_t b);
bool size_add(size_t *sum, size_t a, size_t b);

static inline size_t size_max(size_t a, size_t b) {
    return a > b ? a : b;
}
static inline size_t size_min(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline size_t size_ceil_div(size_t a, size_t b) {
    return (a + b - 1) / b;
}
static inline size_t size_round_up(size_t a, size_t b) {
    return size_ceil_div(a, b) * b;
}

/* A heap copy of `text`, or NULL; freed with free(). */
char *string_copy(const char *text);

/* Zeroed memory of `bytes`, aligned to 64, or NULL; *block is what to free() in the end. Large blocks cost nothing until they are
 * written to, and then little: fresh pages of the system's are zero already, and it is asked for huge ones, for each of which
 * one fault takes the place of hundreds. */
void *zeroed_alloc(size_t bytes, void **block);

/* An arena hands out zeroed memory that lives until the arena is finished. The zero value is an empty arena. */
struct arena {
    struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t bytes); /* NULL when memory is out; aligned to 64 */
char *arena_vprintf(struct arena *arena, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *arena_copy(struct arena *arena, const void *source, size_t bytes);
void arena_finish(struct arena *arena);

#endif
