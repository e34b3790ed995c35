/* Grammars: what is read from a file, what is refused and how, and decoding held to one. */
#include "text_support.h"

#include <stdio.h>
#include <unistd.h>

TestSuite(grammar, .init = make_context, .fini = destroy_context);

static struct lipcl_grammar *parse(const char *source) {
    struct lipcl_grammar *grammar = NULL;
    cr_assert_eq(lipcl_grammar_parse(ctx, &grammar, "test.grammar", source, strlen(source)), LIPCL_OK, "%s",
                 lipcl_context_error(ctx));
    return grammar;
}

/* ---- files ---- */

Test(grammar, ships_grid) {
    struct lipcl_grammar *grid = NULL;
    cr_assert_eq(lipcl_grammar_load(ctx, &grid, "grid"), LIPCL_OK);
    cr_expect_eq(lipcl_grammar_slot_count(grid), 6);
    cr_expect_eq(lipcl_grammar_sentence_count(grid), 4 * 4 * 4 * 25 * 10 * 4);
    cr_expect_eq(lipcl_grammar_min_frames(grid), strlen("BIN RED AT A ONE NOW"));
    const char *sentences[] = {"BIN BLUE AT F FIVE AGAIN", "LAY RED BY A ZERO NOW", "PLACE GREEN WITH Z NINE SOON",
                               "SET WHITE IN V THREE PLEASE", "BIN BLUE AT X SEVEN AGAIN"};
    for (size_t i = 0; i < 5; i++) cr_expect(lipcl_grammar_accepts(grid, sentences[i]), "%s", sentences[i]);
    const char *others[] = {"",
                            "BIN",
                            "BIN BLUE AT F FIVE",
                            "BIN BLUE AT W FIVE AGAIN",
                            "BIN BLUE AT F FIVE AGAIN ",
                            " BIN BLUE AT F FIVE AGAIN",
                            "BIN  BLUE AT F FIVE AGAIN",
                            "BLUE BIN AT F FIVE AGAIN",
                            "BIN BLUE AT F FIVE AGAI",
                            "BIN BLUE AT F FIVE AGAINN",
                            "BIN BLUE AT F FIVE AGAIN NOW",
                            "BINBLUE AT F FIVE AGAIN",
                            "bin blue at f five again"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_not(lipcl_grammar_accepts(grid, others[i]), "%s", others[i]);
    lipcl_grammar_destroy(&grid);
    cr_expect_null(grid);
    lipcl_grammar_destroy(&grid);
    lipcl_grammar_destroy(NULL);
}

Test(grammar, reads_labels_comments_blank_lines_and_either_case) {
    struct lipcl_grammar *grammar = parse("# a comment\r\n\r\n\t \n  verb-1:  Go\tSTOP  # two\r\nnow\n#end");
    cr_expect_eq(lipcl_grammar_slot_count(grammar), 2);
    cr_expect_eq(lipcl_grammar_sentence_count(grammar), 2);
    cr_expect(lipcl_grammar_accepts(grammar, "GO NOW"));
    cr_expect(lipcl_grammar_accepts(grammar, "STOP NOW"));
    cr_expect_not(lipcl_grammar_accepts(grammar, "VERB NOW"));
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, keeps_words_that_begin_alike_apart) {
    struct lipcl_grammar *grammar = parse("a ab abc\nb ba");
    const char *sentences[] = {"A B", "A BA", "AB B", "AB BA", "ABC B", "ABC BA"};
    for (size_t i = 0; i < 6; i++) cr_expect(lipcl_grammar_accepts(grammar, sentences[i]));
    cr_expect_not(lipcl_grammar_accepts(grammar, "A"));
    cr_expect_not(lipcl_grammar_accepts(grammar, "A AB"));
    cr_expect_not(lipcl_grammar_accepts(grammar, "ABCB"));
    cr_expect_eq(lipcl_grammar_min_frames(grammar), 3);
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, counts_the_blank_between_equal_letters) {
    struct lipcl_grammar *grammar = parse("see three\nall");
    cr_expect_eq(lipcl_grammar_min_frames(grammar), 4 + 1 + 4);
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, saturates_the_number_of_sentences) {
    char source[40 * 8 + 1] = "";
    for (size_t i = 0; i < 40; i++) strcat(source, "a b c d\n"); /* 4^40 = 2^80 */
    struct lipcl_grammar *grammar = parse(source);
    cr_expect_eq(lipcl_grammar_sentence_count(grammar), SIZE_MAX);
    lipcl_grammar_destroy(&grammar);
}

struct bad {
    const char *source;
    size_t bytes; /* 0: up to the NUL */
    const char *message;
};

static const struct bad bad_sources[] = {
    {"", 0, "g: no slots"},
    {" \n\t\r\n# only a comment", 0, "g: no slots"},
    {"a b\nc d b c\n", 0, "g:2: the word \"c\" is there twice"},
    {"a b\nlabel:\n", 0, "g:2: the slot has a label but no words"},
    {"label: # none\n", 0, "g:1: the slot has a label but no words"},
    {"bin\n\nbl4e", 0, "g:3: '4' in a word"},
    {"a:b", 0, "g:1: ':' in a word"},
    {": a", 0, "g:1: ':' in a word"},
    {"x: a y: b", 0, "g:1: ':' in a word"},
    {"caf\xc3\xa9", 0, "g:1: byte 0xc3 in a word"},
    {"\xef\xbb\xbfgo", 0, "g:1: byte 0xef in a word"},
    {"a\nb\0c\n", 6, "g:2: byte 0x00 in a word"},
    {"it's", 0, "g:1: ''' in a word"},
};

Test(grammar, refuses_malformed_sources) {
    for (size_t i = 0; i < sizeof bad_sources / sizeof *bad_sources; i++) {
        const struct bad *bad = &bad_sources[i];
        struct lipcl_grammar *grammar = (struct lipcl_grammar *)&grammar;
        size_t bytes = bad->bytes ? bad->bytes : strlen(bad->source);
        cr_expect_eq(lipcl_grammar_parse(ctx, &grammar, "g", bad->source, bytes), LIPCL_ERROR_FORMAT, "source %zu", i);
        cr_expect_null(grammar);
        cr_expect(strstr(lipcl_context_error(ctx), bad->message), "source %zu: \"%s\"", i, lipcl_context_error(ctx));
    }
}

Test(grammar, takes_a_mebibyte_and_not_a_byte_more) {
    size_t limit = 1 << 20;
    char *source = malloc(limit + 1);
    cr_assert(source);
    for (size_t i = 0; i < limit + 1; i++) source[i] = (char)('a' + i % 23);
    struct lipcl_grammar *grammar = NULL;
    cr_expect_eq(lipcl_grammar_parse(ctx, &grammar, "g", source, limit), LIPCL_OK);
    cr_expect_eq(lipcl_grammar_min_frames(grammar), limit);
    lipcl_grammar_destroy(&grammar);
    cr_expect_eq(lipcl_grammar_parse(ctx, &grammar, "g", source, limit + 1), LIPCL_ERROR_FORMAT);
    cr_expect(strstr(lipcl_context_error(ctx), "1048577 bytes"));
    free(source);
}

static enum lipcl_status load_bytes(struct lipcl_grammar **grammar, const char *bytes, size_t count) {
    char path[] = "/tmp/lipcl-grammar-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
    close(fd);
    enum lipcl_status status = lipcl_grammar_load(ctx, grammar, path);
    unlink(path);
    if (status != LIPCL_OK) cr_expect(strstr(lipcl_context_error(ctx), path), "%s", lipcl_context_error(ctx));
    return status;
}

Test(grammar, loads_files) {
    struct lipcl_grammar *grammar = NULL;
    cr_assert_eq(load_bytes(&grammar, "go stop", 7), LIPCL_OK); /* no newline at the end */
    cr_expect(lipcl_grammar_accepts(grammar, "STOP"));
    lipcl_grammar_destroy(&grammar);
    cr_expect_eq(load_bytes(&grammar, "go\n\0\n", 5), LIPCL_ERROR_FORMAT);
    cr_expect(strstr(lipcl_context_error(ctx), ":2: byte 0x00"));
    cr_expect_eq(load_bytes(&grammar, "", 0), LIPCL_ERROR_FORMAT);
    cr_expect_null(grammar);
    cr_expect_eq(lipcl_grammar_load(ctx, &grammar, "/nowhere/at.all"), LIPCL_ERROR_NOT_FOUND);
    cr_expect_eq(lipcl_grammar_load(ctx, &grammar, "/tmp"), LIPCL_ERROR_ARGUMENT);
    cr_expect_eq(lipcl_grammar_load(ctx, &grammar, "gri"), LIPCL_ERROR_NOT_FOUND);
    cr_expect_null(grammar);
}

/* ---- decoding ---- */

/* Words of a grammar by slot, to walk through all of its sentences. */
struct slots {
    const char *words[4][4];
    size_t word_counts[4], count;
};

static size_t sentence(char *text, const struct slots *slots, size_t number) {
    text[0] = '\0';
    for (size_t i = 0; i < slots->count; i++) {
        if (i) strcat(text, " ");
        strcat(text, slots->words[i][number % slots->word_counts[i]]);
        number /= slots->word_counts[i];
    }
    return number;
}

Test(grammar, finds_the_best_of_all_sentences) {
    static const struct slots slots = {{{"A", "AB", "ABA", "B"}, {"BB", "BA", "AAA"}, {"C", "CC", "B"}}, {4, 3, 3}, 3};
    struct lipcl_grammar *grammar = parse("a ab aba b\nbb ba aaa\nc cc b");
    cr_assert_eq(lipcl_grammar_sentence_count(grammar), 36);
    uint64_t seed = 5;
    char chosen[36] = {0};
    size_t distinct = 0;
    for (size_t round = 0; round < 60; round++) {
        size_t frames = 6 + round % 9; /* 6 is the least: A BA C and B BA B and such */
        struct lipcl_tensor *logits = random_logits(frames, 5, 1 + (double)(round % 6), &seed);
        double best_score = -INFINITY;
        size_t best = 0;
        char text[64];
        for (size_t i = 0; i < 36; i++) {
            double score = 0;
            cr_assert_eq(sentence(text, &slots, i), 0);
            cr_assert(lipcl_grammar_accepts(grammar, text), "%s", text);
            cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, text), LIPCL_OK);
            if (score > best_score) best = i, best_score = score;
        }
        sentence(text, &slots, best);
        struct lipcl_text *read = NULL;
        struct lipcl_ctc_beam_params params = {.width = 8, .grammar = grammar}; /* narrow: what it cut has to be made good */
        cr_assert_eq(lipcl_ctc_beam(ctx, &read, logits, &params), LIPCL_OK, "%s", lipcl_context_error(ctx));
        cr_assert_str_eq(read->chars, text, "round %zu: %s %g, wanted %s %g", round, read->chars, read->score, text,
                         best_score);
        cr_assert_eq(read->score, best_score);
        cr_assert_eq(read->word_count, 3);
        distinct += !chosen[best];
        chosen[best] = 1;
        lipcl_text_destroy(&read);
        lipcl_tensor_destroy(&logits);
    }
    cr_assert_gt(distinct, 8, "the rounds choose too few sentences: %zu", distinct);
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, finds_a_sentence_wherever_one_fits) {
    struct lipcl_grammar *grid = NULL;
    cr_assert_eq(lipcl_grammar_load(ctx, &grid, "grid"), LIPCL_OK);
    uint64_t seed = 9;
    for (size_t round = 0; round < 30; round++) {
        size_t frames = 20 + round * 2; /* from the least that any sentence takes */
        struct lipcl_tensor *logits = random_logits(frames, LIPCL_CLASS_COUNT, (double)round, &seed);
        for (size_t t = 0; t < frames && round % 3 == 0; t++) *logit(logits, t, LIPCL_CLASS_BLANK) = 40; /* wants silence */
        struct lipcl_text *text = NULL;
        struct lipcl_ctc_beam_params params = {.width = 1 + round % 4, .grammar = grid};
        cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &params), LIPCL_OK, "%s", lipcl_context_error(ctx));
        cr_assert(lipcl_grammar_accepts(grid, text->chars), "%zu frames: \"%s\"", frames, text->chars);
        cr_assert_eq(text->word_count, 6);
        double score = 0;
        cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, text->chars), LIPCL_OK);
        cr_assert_eq(text->score, score);
        size_t from = 0;
        for (size_t i = 0; i < 6; i++) { /* in order, apart, each at least a frame a letter */
            struct lipcl_word word = text->words[i];
            cr_assert_geq(word.first_frame, from);
            cr_assert_geq(word.last_frame + 1, word.first_frame + word.char_count);
            from = word.last_frame + 2;
        }
        cr_assert_leq(from, frames + 1);
        lipcl_text_destroy(&text);
        lipcl_tensor_destroy(&logits);
    }
    lipcl_grammar_destroy(&grid);
}

Test(grammar, says_when_no_sentence_fits) {
    struct lipcl_grammar *grammar = parse("see\nit");
    struct lipcl_ctc_beam_params params = {.grammar = grammar};
    for (size_t frames = 1; frames < 10; frames++) {
        struct lipcl_tensor *logits = make_logits(frames);
        struct lipcl_text *text = NULL;
        enum lipcl_status wanted = frames < 7 ? LIPCL_ERROR_SHAPE : LIPCL_OK;
        cr_expect_eq(lipcl_ctc_beam(ctx, &text, logits, &params), wanted, "%zu frames", frames);
        if (frames < 7)
            cr_expect(strstr(lipcl_context_error(ctx), "too few for any sentence of test.grammar: the shortest takes 7"), "%s",
                      lipcl_context_error(ctx));
        else
            cr_expect_str_eq(text->chars, "SEE IT");
        lipcl_text_destroy(&text);
        lipcl_tensor_destroy(&logits);
    }
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, a_beam_of_one_does_not_paint_itself_into_a_corner) {
    /* Seven frames leave one alignment, "A_A_A B"; each frame would rather repeat the letter before, or say nothing. */
    struct lipcl_grammar *grammar = parse("aaa\nb");
    for (size_t silent = 0; silent < 2; silent++) {
        struct lipcl_tensor *logits = path_logits(silent ? "_______" : "AAAAAAA", 30);
        struct lipcl_text *text = NULL;
        struct lipcl_ctc_beam_params params = {.width = 1, .grammar = grammar};
        cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &params), LIPCL_OK);
        cr_expect_str_eq(text->chars, "AAA B");
        lipcl_text_destroy(&text);
        lipcl_tensor_destroy(&logits);
    }
    lipcl_grammar_destroy(&grammar);
}

Test(grammar, corrects_what_any_text_would_misread) {
    struct lipcl_grammar *grid = NULL;
    cr_assert_eq(lipcl_grammar_load(ctx, &grid, "grid"), LIPCL_OK);
    struct lipcl_tensor *logits = path_logits("__PLLACE__ GGRREE__N__ W_TTHH_ _Y _EIG_T_ NOW__", 6);
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, NULL), LIPCL_OK);
    cr_expect_str_eq(text->chars, "PLACE GREN WTH Y EIGT NOW");
    lipcl_text_destroy(&text);
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.grammar = grid}), LIPCL_OK);
    cr_expect_str_eq(text->chars, "PLACE GREEN WITH Y EIGHT NOW");
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&logits);
    lipcl_grammar_destroy(&grid);
}
