#include <stdlib.h>
#include <string.h>

#include <lipcl/text.h>

#include "base/log.h"
#include "base/memory.h"

/* A character or a word of a text: what an edit replaces. */
struct unit {
    const char *at;
    size_t bytes;
};

struct units {
    struct unit *items;
    size_t count;
};

/* Not isspace() and toupper(): those follow the program's locale. */
static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static int fold(char c) {
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static bool units_equal(struct unit a, struct unit b) {
    if (a.bytes != b.bytes) return false;
    for (size_t i = 0; i < a.bytes; i++)
        if (fold(a.at[i]) != fold(b.at[i])) return false;
    return true;
}

static enum lipcl_status split_words(struct lipcl_context *ctx, struct units *words, const char *text) {
    *words = (struct units){calloc(strlen(text) / 2 + 1, sizeof *words->items), 0};
    if (!words->items) return fail_memory(ctx, (strlen(text) / 2 + 1) * sizeof *words->items);
    while (*text) {
        size_t bytes = 0;
        while (text[bytes] && !is_blank(text[bytes])) bytes++;
        if (bytes) words->items[words->count++] = (struct unit){text, bytes};
        text += bytes ? bytes : 1;
    }
    return LIPCL_OK;
}

/* The characters of the words, and one space between them. A UTF-8 lead byte takes its continuation bytes along. */
static enum lipcl_status split_chars(struct lipcl_context *ctx, struct units *chars, const struct units *words) {
    size_t most = words->count;
    for (size_t i = 0; i < words->count; i++) most += words->items[i].bytes;
    *chars = (struct units){calloc(most + 1, sizeof *chars->items), 0};
    if (!chars->items) return fail_memory(ctx, (most + 1) * sizeof *chars->items);
    for (size_t i = 0; i < words->count; i++) {
        if (i) chars->items[chars->count++] = (struct unit){" ", 1};
        for (size_t j = 0; j < words->items[i].bytes; j++) {
            const char *at = words->items[i].at + j;
            if (j && ((unsigned char)*at & 0xc0) == 0x80)
                chars->items[chars->count - 1].bytes++;
            else
                chars->items[chars->count++] = (struct unit){at, 1};
        }
    }
    return LIPCL_OK;
}

/* Wagner & Fischer (1974), one row: row[j] = distance between the first i units of a and the first j of b. */
static enum lipcl_status edit_distance(struct lipcl_context *ctx, size_t *distance, const struct units *a,
                                       const struct units *b) {
    size_t *row = calloc(b->count + 1, sizeof *row);
    if (!row) return fail_memory(ctx, (b->count + 1) * sizeof *row);
    for (size_t j = 0; j <= b->count; j++) row[j] = j;
    for (size_t i = 0; i < a->count; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b->count; j++) {
            size_t substituted = diagonal + !units_equal(a->items[i], b->items[j]);
            diagonal = row[j + 1];
            row[j + 1] = size_min(substituted, size_min(row[j], row[j + 1]) + 1);
        }
    }
    *distance = row[b->count];
    free(row);
    return LIPCL_OK;
}

/* Edits and the reference's length, in words and in characters. */
struct comparison {
    size_t word_edits, word_count, char_edits, char_count;
};

static enum lipcl_status compare(struct lipcl_context *ctx, struct comparison *result, const char *reference,
                                 const char *hypothesis) {
    enum lipcl_status status = LIPCL_OK;
    struct units words[2] = {{0}}, chars[2] = {{0}};
    TRY(split_words(ctx, &words[0], reference));
    TRY(split_words(ctx, &words[1], hypothesis));
    TRY(split_chars(ctx, &chars[0], &words[0]));
    TRY(split_chars(ctx, &chars[1], &words[1]));
    *result = (struct comparison){.word_count = words[0].count, .char_count = chars[0].count};
    TRY(edit_distance(ctx, &result->word_edits, &words[0], &words[1]));
    TRY(edit_distance(ctx, &result->char_edits, &chars[0], &chars[1]));

fail:
    for (size_t i = 0; i < 2; i++) {
        free(words[i].items);
        free(chars[i].items);
    }
    return status;
}

enum lipcl_status lipcl_char_edits(struct lipcl_context *ctx, size_t *edits, const char *reference, const char *hypothesis) {
    struct comparison result;
    enum lipcl_status status = compare(ctx, &result, reference, hypothesis);
    if (status == LIPCL_OK) *edits = result.char_edits;
    return status;
}

enum lipcl_status lipcl_word_edits(struct lipcl_context *ctx, size_t *edits, const char *reference, const char *hypothesis) {
    struct comparison result;
    enum lipcl_status status = compare(ctx, &result, reference, hypothesis);
    if (status == LIPCL_OK) *edits = result.word_edits;
    return status;
}

static double rate(size_t edits, size_t count) {
    return (double)edits / (double)size_max(count, 1);
}

enum lipcl_status lipcl_error_rates_add(struct lipcl_context *ctx, struct lipcl_error_rates *rates, const char *reference,
                                        const char *hypothesis) {
    struct comparison result;
    enum lipcl_status status = compare(ctx, &result, reference, hypothesis);
    if (status != LIPCL_OK) return status;
    rates->sentences++;
    rates->correct += result.char_edits == 0;
    rates->char_edits += result.char_edits;
    rates->char_count += result.char_count;
    rates->word_edits += result.word_edits;
    rates->word_count += result.word_count;
    rates->char_rate_sum += rate(result.char_edits, result.char_count);
    rates->word_rate_sum += rate(result.word_edits, result.word_count);
    return LIPCL_OK;
}

double lipcl_error_rates_cer(const struct lipcl_error_rates *rates) {
    return rate(rates->char_edits, rates->char_count);
}

double lipcl_error_rates_wer(const struct lipcl_error_rates *rates) {
    return rate(rates->word_edits, rates->word_count);
}

double lipcl_error_rates_mean_cer(const struct lipcl_error_rates *rates) {
    return rates->char_rate_sum / (double)size_max(rates->sentences, 1);
}

double lipcl_error_rates_mean_wer(const struct lipcl_error_rates *rates) {
    return rates->word_rate_sum / (double)size_max(rates->sentences, 1);
}
