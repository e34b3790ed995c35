/* Any bytes as a grammar file, and its sentences read from any logits.
 *
 * What stands behind a line "==" is not part of the file: a byte for the beam's width, then logits, a byte each. */
#include <lipcl/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_FRAMES = 48, MAX_WIDTH = 16 };

/* 28 bytes a frame, repeated if there are too few for `frames`; every 251st logit or so is huge. */
static struct lipcl_tensor *make_logits(struct lipcl_context *ctx, const uint8_t *data, size_t size, size_t frames) {
    struct lipcl_tensor *logits = NULL;
    require(lipcl_tensor_create(ctx, &logits, LIPCL_F32, &(struct lipcl_shape){2, {frames, LIPCL_CLASS_COUNT}}) == LIPCL_OK,
            "no logits");
    for (size_t i = 0; size && i < frames * LIPCL_CLASS_COUNT; i++) {
        float value = ((float)data[i % size] - 128) / 8;
        ((float *)logits->data)[i] = data[i % size] >= 251 ? value * 2e37f : value;
    }
    return logits;
}

static void check_text(struct lipcl_context *ctx, const struct lipcl_text *text, const struct lipcl_tensor *logits,
                       bool exact) {
    double score = 0;
    require(lipcl_ctc_score(ctx, &score, logits, text->chars) == LIPCL_OK, "no score: %s", lipcl_context_error(ctx));
    require(isfinite(text->score), "a score of %g", text->score);
    require(!exact || text->score == score, "a score of %g for \"%s\" of %g", text->score, text->chars, score);
    require(text->frame_count == logits->shape.dims[0], "another number of frames");
    for (size_t i = 0, frame = 0, at = 0; i < text->word_count; i++) {
        const struct lipcl_word *word = &text->words[i];
        require(word->first_char == at && word->char_count > 0, "word %zu is elsewhere", i);
        require(word->first_frame >= frame && word->last_frame >= word->first_frame && word->last_frame < text->frame_count,
                "word %zu is at another time", i);
        at += word->char_count + 1;
        frame = word->last_frame + 1;
        require(i + 1 < text->word_count || text->chars[at - 1] == '\0', "there is more than words in \"%s\"", text->chars);
    }
}

static void decode(struct lipcl_context *ctx, const struct lipcl_grammar *grammar, size_t width,
                   const struct lipcl_tensor *logits) {
    struct lipcl_text *text = (struct lipcl_text *)&text;
    const struct lipcl_ctc_beam_params params = {.width = width, .grammar = grammar};
    enum lipcl_status status = lipcl_ctc_beam(ctx, &text, logits, &params);
    bool fits = !grammar || lipcl_grammar_min_frames(grammar) <= logits->shape.dims[0];
    require(status == (fits ? LIPCL_OK : LIPCL_ERROR_SHAPE), "status %s: %s", lipcl_status_name(status),
            lipcl_context_error(ctx));
    require((text != NULL) == fits, "a text without a status, or the other way round");
    if (!text) return;
    require(!grammar || lipcl_grammar_accepts(grammar, text->chars), "\"%s\" is no sentence of the grammar", text->chars);
    check_text(ctx, text, logits, grammar != NULL);
    lipcl_text_destroy(&text);
}

static void check_good(struct lipcl_context *ctx, const struct lipcl_grammar *grammar, const uint8_t *data, size_t size) {
    size_t frames = size > 1 ? (size - 1) / LIPCL_CLASS_COUNT + 1 : lipcl_grammar_min_frames(grammar);
    size_t width = size ? 1 + data[0] % MAX_WIDTH : 4;
    require(lipcl_grammar_slot_count(grammar) > 0 && lipcl_grammar_sentence_count(grammar) > 0 &&
                lipcl_grammar_min_frames(grammar) >= 2 * lipcl_grammar_slot_count(grammar) - 1,
            "an empty grammar");
    require(!lipcl_grammar_accepts(grammar, ""), "a grammar that takes silence");
    if (frames > MAX_FRAMES) frames = MAX_FRAMES;
    struct lipcl_tensor *logits = make_logits(ctx, size ? data + 1 : NULL, size ? size - 1 : 0, frames);
    decode(ctx, grammar, width, logits);
    decode(ctx, NULL, width, logits);
    lipcl_tensor_destroy(&logits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *mark = memmem(data, size, "\n==\n", 4);
    size_t file_bytes = mark ? (size_t)(mark - data) : size;
    const char *path = fuzz_file(data, file_bytes);
    struct lipcl_context *ctx = fuzz_context(true);
    struct lipcl_grammar *grammar = (struct lipcl_grammar *)&grammar;
    fuzz_watch_memory();
    enum lipcl_status status = lipcl_grammar_load(ctx, &grammar, path);
    fuzz_check_memory(grammar ? 20 * file_bytes : file_bytes); /* a state of the automaton takes more than its letter */
    fuzz_check_status(ctx, status, grammar != NULL, path);
    if (grammar) check_good(ctx, grammar, mark ? mark + 4 : NULL, mark ? size - file_bytes - 4 : 0);
    lipcl_grammar_destroy(&grammar);
    lipcl_context_destroy(&ctx);
    return 0;
}
