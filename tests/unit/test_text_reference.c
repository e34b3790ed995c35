/* The logits that PyTorch computed from a real clip ("BIN BLUE AT F FIVE AGAIN" was said). */
#include "text_support.h"

#include <stdio.h>

enum { FRAMES = 75 };

static struct lipcl_tensor *logits;

static void load(void) {
    make_context();
    logits = make_logits(FRAMES);
    FILE *file = fopen(TEST_DATA_DIR "/reference/logits.npy", "rb");
    cr_assert(file);
    char header[128];
    cr_assert_eq(fread(header, 1, sizeof header, file), sizeof header);
    cr_assert(memcmp(header, "\x93NUMPY\1\0\x76\0", 10) == 0 && strstr(header + 10, "'shape': (1, 75, 28)"));
    cr_assert_eq(fread(logits->data, 1, lipcl_tensor_bytes(logits), file), lipcl_tensor_bytes(logits));
    fclose(file);
}

static void unload(void) {
    lipcl_tensor_destroy(&logits);
    destroy_context();
}

TestSuite(reference, .init = load, .fini = unload);

static const char *word_at(const struct lipcl_text *text, size_t index) {
    static char chars[32];
    snprintf(chars, sizeof chars, "%.*s", (int)text->words[index].char_count, text->chars + text->words[index].first_char);
    return chars;
}

Test(reference, greedy_reads_what_pytorch_reads) {
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
    cr_expect_str_eq(text->chars, "BIN BLUE A FIVE AGAIN");
    const char *words[] = {"BIN", "BLUE", "A", "FIVE", "AGAIN"};
    cr_assert_eq(text->word_count, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_expect_str_eq(word_at(text, i), words[i]);
        cr_expect_leq(text->words[i].first_frame, text->words[i].last_frame);
        if (i) cr_expect_gt(text->words[i].first_frame, text->words[i - 1].last_frame);
    }
    cr_expect_lt(text->words[4].last_frame, FRAMES);
    lipcl_text_destroy(&text);
}

/* No sentence that differs in two words or less is likelier. */
Test(reference, grid_beam_reads_the_likeliest_sentence) {
    static const char *slots[6][26] = {
        {"BIN", "LAY", "PLACE", "SET"},
        {"BLUE", "GREEN", "RED", "WHITE"},
        {"AT", "BY", "IN", "WITH"},
        {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
         "N", "O", "P", "Q", "R", "S", "T", "U", "V", "X", "Y", "Z"},
        {"ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"},
        {"AGAIN", "NOW", "PLEASE", "SOON"},
    };
    struct lipcl_grammar *grid = NULL;
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_grammar_load(ctx, &grid, "grid"), LIPCL_OK);
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.grammar = grid}), LIPCL_OK);
    cr_expect_str_eq(text->chars, "BIN BLUE AT F FIVE AGAIN"); /* what was said */
    size_t tried = 0;
    for (size_t i = 0; i < 6; i++)
        for (size_t j = i + 1; j < 6; j++)
            for (size_t a = 0; slots[i][a]; a++)
                for (size_t b = 0; slots[j][b]; b++) {
                    char other[64] = "";
                    for (size_t k = 0; k < 6; k++) {
                        strcat(other, k ? " " : "");
                        strcat(other, k == i ? slots[i][a] : k == j ? slots[j][b] : word_at(text, k));
                    }
                    double score = 0;
                    cr_assert(lipcl_grammar_accepts(grid, other), "%s", other);
                    cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, other), LIPCL_OK);
                    cr_assert(score <= text->score, "%s: %g is above %s: %g", other, score, text->chars, text->score);
                    tried++;
                }
    cr_assert_gt(tried, 900);
    lipcl_text_destroy(&text);
    lipcl_grammar_destroy(&grid);
}
