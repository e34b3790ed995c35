/* text_support.h: logits to decode, for the tests of runtime/text. */
#ifndef TEXT_SUPPORT_H
#define TEXT_SUPPORT_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <lipcl/text.h>

static struct lipcl_context *ctx;

static inline void make_context(void) {
    cr_assert_eq(lipcl_context_create(&ctx, NULL), LIPCL_OK);
}
static inline void destroy_context(void) {
    lipcl_context_destroy(&ctx);
}

/* Steele et al. (2014), SplitMix64; uniform in [0,1). */
static inline double uniform(uint64_t *seed) {
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static inline struct lipcl_tensor *make_logits(size_t frames) {
    struct lipcl_tensor *logits = NULL;
    struct lipcl_shape shape = {2, {frames, LIPCL_CLASS_COUNT}};
    cr_assert_eq(lipcl_tensor_create(ctx, &logits, LIPCL_F32, &shape), LIPCL_OK);
    return logits;
}

static inline float *logit(struct lipcl_tensor *logits, size_t frame, size_t class_index) {
    return (float *)logits->data + frame * LIPCL_CLASS_COUNT + class_index;
}

/* Uniform in +-spread/2 for the first `classes` classes; the others are as good as impossible. */
static inline struct lipcl_tensor *random_logits(size_t frames, size_t classes, double spread, uint64_t *seed) {
    struct lipcl_tensor *logits = make_logits(frames);
    for (size_t t = 0; t < frames; t++)
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++)
            *logit(logits, t, c) = c < classes ? (float)((uniform(seed) - 0.5) * spread) : -1000.0f;
    return logits;
}

/* One frame a character of `path` ('_' is the blank), which gets `height` where the others get 0. */
static inline struct lipcl_tensor *path_logits(const char *path, float height) {
    struct lipcl_tensor *logits = make_logits(strlen(path));
    for (size_t t = 0; path[t]; t++)
        *logit(logits, t, path[t] == '_' ? LIPCL_CLASS_BLANK : lipcl_alphabet_class(path[t])) = height;
    return logits;
}

static inline double log_sum(double a, double b) {
    double largest = fmax(a, b);
    return largest == -INFINITY ? largest : largest + log(exp(a - largest) + exp(b - largest));
}

#endif
