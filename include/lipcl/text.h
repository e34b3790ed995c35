/* text.h: from a network's logits to text, and how far that text is from what was said.
 *
 * The alphabet has 28 classes: 0 is CTC's blank, 1 the space, 2 to 27 are A to Z.
 *
 * Decoders take the logits of one clip, F32 [T,28] with T >= 1 (any additive constant a frame is fine: log-softmax is taken
 * inside). One clip of a batch [N,T,28] is lent without a copy:
 *     struct lipcl_tensor clip = {LIPCL_F32, {2, {T, 28}}, (float *)logits->data + n * T * 28};
 * A logit that is NaN or infinite is never read as a letter: the decoder fails and names frame and class.
 *
 * CTC: A. Graves et al., "Connectionist temporal classification", ICML 2006.
 */
#ifndef LIPCL_TEXT_H
#define LIPCL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/context.h>
#include <lipcl/status.h>
#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LIPCL_CLASS_BLANK = 0, LIPCL_CLASS_SPACE = 1, LIPCL_CLASS_A = 2, LIPCL_CLASS_COUNT = 28 };

/* The character of a class: ' ', 'A' .. 'Z'; '_' for the blank, '?' for a number that is no class. Thread-safe. */
LIPCL_API char lipcl_alphabet_char(size_t class_index);

/* The class of a character, lower case counting as upper; LIPCL_CLASS_BLANK when the alphabet lacks it. Thread-safe. */
LIPCL_API size_t lipcl_alphabet_class(char character);

/* A word of a decoded text and when it was said. Frames count from 0; both ends are part of the word. */
struct lipcl_word {
    size_t first_char, char_count;  /* where in `chars` */
    size_t first_frame, last_frame; /* from the first letter's first frame to the last letter's last */
};

/* What a decoder read. Leading, trailing and repeated spaces are gone. Nothing but blanks and spaces gives the text "". */
struct lipcl_text {
    char *chars; /* upper case, ends with NUL */
    struct lipcl_word *words;
    size_t word_count;
    size_t frame_count; /* T of the logits */
    double score;       /* natural logarithm of the probability, summed over all alignments, of what was decoded (with
                           its spaces as they were before the surplus ones were dropped); finite, <= 0 up to rounding */
};

/* Frees a text and sets *text to NULL. Does nothing when text or *text is NULL. */
LIPCL_API void lipcl_text_destroy(struct lipcl_text **text);

/* Best path: the most likely class of every frame (of equals the lowest), repeats collapsed, blanks dropped.
 * The caller destroys *text; on failure it is NULL.
 * LIPCL_ERROR_SHAPE: logits are not F32 [T,28]; LIPCL_ERROR_ARGUMENT: a logit is not finite; LIPCL_ERROR_MEMORY. */
LIPCL_API enum lipcl_status lipcl_ctc_greedy(struct lipcl_context *ctx, struct lipcl_text **text,
                                             const struct lipcl_tensor *logits);

/* A grammar: slots in a row, a sentence being one word of each with single spaces between. Immutable once made, so any
 * number of threads may decode with it, each through a context of its own. */
struct lipcl_grammar;

/* Loads a grammar file, or one that the library ships: "grid", the six slots of the GRID corpus (a file of that name is
 * "./grid"). A line is a slot: its words, A to Z in either case, separated by blanks; a first word with a colon at its end is
 * the slot's label and only a help to readers; '#' starts a comment; lines without words are skipped.
 * The caller destroys *grammar; on failure it is NULL.
 * LIPCL_ERROR_FORMAT names file, line and reason: another character, a word twice in a slot, a label without words, no slots,
 * more than 1 MiB. LIPCL_ERROR_NOT_FOUND, LIPCL_ERROR_IO, LIPCL_ERROR_ARGUMENT (not a regular file), LIPCL_ERROR_MEMORY. */
LIPCL_API enum lipcl_status lipcl_grammar_load(struct lipcl_context *ctx, struct lipcl_grammar **grammar, const char *name);

/* The same from memory; `name` stands for the file in messages and is copied. */
LIPCL_API enum lipcl_status lipcl_grammar_parse(struct lipcl_context *ctx, struct lipcl_grammar **grammar, const char *name,
                                                const char *source, size_t source_bytes);

/* Frees a grammar and sets *grammar to NULL. Does nothing when grammar or *grammar is NULL. */
LIPCL_API void lipcl_grammar_destroy(struct lipcl_grammar **grammar);

LIPCL_API size_t lipcl_grammar_slot_count(const struct lipcl_grammar *grammar);
LIPCL_API size_t lipcl_grammar_sentence_count(const struct lipcl_grammar *grammar); /* SIZE_MAX: that many or more */

/* The least frames that any sentence fits in: a frame a character, and one for the blank between equal letters. */
LIPCL_API size_t lipcl_grammar_min_frames(const struct lipcl_grammar *grammar);

/* True when `text` (upper case, single spaces) is a sentence of the grammar. */
LIPCL_API bool lipcl_grammar_accepts(const struct lipcl_grammar *grammar, const char *text);

/* The zero value is the default. */
struct lipcl_ctc_beam_params {
    size_t width;                        /* prefixes kept after each frame; 0 means 64; at most 65536 */
    const struct lipcl_grammar *grammar; /* NULL: any text */
};

/* Prefix beam search without a language model (A. Hannun et al., arXiv:1408.2873, algorithm 1), in log space. The prefixes
 * left at the end are scored exactly and the best is returned.
 *
 * Held to a grammar, only sentences of it are returned. Prefixes are then ranked by their probability times that of all the
 * ways in which the grammar can complete them in the frames left, so a prefix that can no longer become a sentence is never
 * kept, and wherever a sentence fits, one is found. Takes 16 T bytes a letter of the grammar.
 * `params` may be NULL. The caller destroys *text; on failure it is NULL.
 * Errors as lipcl_ctc_greedy; LIPCL_ERROR_SHAPE also when T is too short for every sentence of the grammar;
 * LIPCL_ERROR_ARGUMENT also when width is out of range. */
LIPCL_API enum lipcl_status lipcl_ctc_beam(struct lipcl_context *ctx, struct lipcl_text **text,
                                           const struct lipcl_tensor *logits, const struct lipcl_ctc_beam_params *params);

/* *score = natural logarithm of the probability, summed over all alignments, that the logits say exactly `text` (letters in
 * either case and single spaces); -INFINITY when it does not fit in T frames.
 * Errors as lipcl_ctc_greedy; LIPCL_ERROR_ARGUMENT also for a character outside the alphabet. */
LIPCL_API enum lipcl_status lipcl_ctc_score(struct lipcl_context *ctx, double *score, const struct lipcl_tensor *logits,
                                            const char *text);

/* margins[t] = the largest logit of frame t minus the second largest, T floats that the caller owns: two computations of the
 * logits that differ by less than half of it everywhere in a frame read the same class there.
 * Errors as lipcl_ctc_greedy. */
LIPCL_API enum lipcl_status lipcl_ctc_margins(struct lipcl_context *ctx, float *margins, const struct lipcl_tensor *logits);

/* Levenshtein distances: the fewest substitutions, insertions and deletions that turn one text into the other, counted in
 * characters (UTF-8 code points) or words. Blanks at the ends, the number of blanks in a row and the case of A-Z do not count.
 * LIPCL_ERROR_MEMORY. */
LIPCL_API enum lipcl_status lipcl_char_edits(struct lipcl_context *ctx, size_t *edits, const char *reference,
                                             const char *hypothesis);
LIPCL_API enum lipcl_status lipcl_word_edits(struct lipcl_context *ctx, size_t *edits, const char *reference,
                                             const char *hypothesis);

/* Sums over sentences. Plain data; the zero value has seen none. */
struct lipcl_error_rates {
    size_t sentences;
    size_t correct; /* sentences without any edit */
    size_t char_edits, char_count, word_edits, word_count;
    double char_rate_sum, word_rate_sum; /* of each sentence's edits / max(1, length of its reference) */
};

/* Counts one more sentence. On failure (LIPCL_ERROR_MEMORY) the sums are as before. */
LIPCL_API enum lipcl_status lipcl_error_rates_add(struct lipcl_context *ctx, struct lipcl_error_rates *rates,
                                                  const char *reference, const char *hypothesis);

/* Over the corpus: all edits / max(1, all reference characters or words). The mean: of the sentences' own rates; 0 when there
 * are none. An empty reference has length 1 in both divisors that would be 0: nothing read where nothing was said is
 * rate 0, every character or word read there is an error. Rates can exceed 1. */
LIPCL_API double lipcl_error_rates_cer(const struct lipcl_error_rates *rates);
LIPCL_API double lipcl_error_rates_wer(const struct lipcl_error_rates *rates);
LIPCL_API double lipcl_error_rates_mean_cer(const struct lipcl_error_rates *rates);
LIPCL_API double lipcl_error_rates_mean_wer(const struct lipcl_error_rates *rates);

#ifdef __cplusplus
}
#endif
#endif
