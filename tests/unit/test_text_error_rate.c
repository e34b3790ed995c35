/* Edit distances and error rates, against values worked out by hand. */
#include "text_support.h"

TestSuite(error_rate, .init = make_context, .fini = destroy_context);

struct pair {
    const char *reference, *hypothesis;
    size_t chars, words;
};

static const struct pair pairs[] = {
    {"", "", 0, 0},
    {"A", "", 1, 1},
    {"", "A B", 3, 2},
    {"kitten", "sitting", 3, 1},
    {"SATURDAY", "SUNDAY", 3, 1},
    {"ABC", "CBA", 2, 1},
    {"ABCD", "BCDA", 2, 1}, /* moved by one: two edits, not four */
    {"BIN BLUE AT F FIVE AGAIN", "BIN BLUE A FIVE AGAIN", 3, 2},
    {"LAY BLUE AT K ZERO NOW", "LAY BLUE IN ZERO NOW", 4, 2},
    {"PLACE BLUE AT C THREE AGAIN", "PLACE BLUE IT G THREE AGAIN", 2, 2},
    {"PLACE GREEN WITH Y EIGHT NOW", "PLACE GREEN WTH EIGHT NOW", 3, 2},
    {"A B C", "X A B C Y", 4, 2},
    {"bin  blue\t", " BIN BLUE", 0, 0}, /* case and blanks do not count */
    {"   ", "", 0, 0},
    {"caf\xc3\xa9", "cafe", 1, 1}, /* a code point is one character */
    {"\xe2\x82\xac", "", 1, 1},
    {"A\xa9", "A", 0 + 1, 1}, /* a stray continuation byte still is a difference */
};

Test(error_rate, edits_by_hand) {
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (int swapped = 0; swapped < 2; swapped++) { /* a distance is symmetric */
            const char *a = swapped ? pairs[i].hypothesis : pairs[i].reference;
            const char *b = swapped ? pairs[i].reference : pairs[i].hypothesis;
            size_t chars = 99, words = 99;
            cr_assert_eq(lipcl_char_edits(ctx, &chars, a, b), LIPCL_OK);
            cr_assert_eq(lipcl_word_edits(ctx, &words, a, b), LIPCL_OK);
            cr_expect_eq(chars, pairs[i].chars, "\"%s\" \"%s\": %zu characters", a, b, chars);
            cr_expect_eq(words, pairs[i].words, "\"%s\" \"%s\": %zu words", a, b, words);
        }
    }
}

/* The definition, by recursion. */
static size_t distance(const char *a, const char *b) {
    if (!*a) return strlen(b);
    if (!*b) return strlen(a);
    size_t substituted = distance(a + 1, b + 1) + (*a != *b);
    size_t deleted = distance(a + 1, b) + 1, inserted = distance(a, b + 1) + 1;
    size_t least = deleted < inserted ? deleted : inserted;
    return substituted < least ? substituted : least;
}

Test(error_rate, edits_by_definition) {
    uint64_t seed = 2;
    for (size_t round = 0; round < 300; round++) {
        char text[2][8] = {"", ""};
        for (size_t i = 0; i < 2; i++) {
            size_t length = (size_t)(uniform(&seed) * 7);
            for (size_t j = 0; j < length; j++) text[i][j] = (char)('A' + (int)(uniform(&seed) * 3));
        }
        size_t edits = 99;
        cr_assert_eq(lipcl_char_edits(ctx, &edits, text[0], text[1]), LIPCL_OK);
        cr_assert_eq(edits, distance(text[0], text[1]), "\"%s\" \"%s\": %zu", text[0], text[1], edits);
    }
}

Test(error_rate, corpus_and_mean_differ_as_they_should) {
    struct lipcl_error_rates rates = {0};
    cr_assert_eq(lipcl_error_rates_add(ctx, &rates, "A B C D E F G H I J", "A B C D E F G H I X"), LIPCL_OK); /* 1/19, 1/10 */
    cr_assert_eq(lipcl_error_rates_add(ctx, &rates, "NO", "GO"), LIPCL_OK);                                   /* 1/2, 1/1 */
    cr_assert_eq(lipcl_error_rates_add(ctx, &rates, "YES", "yes"), LIPCL_OK);                                 /* 0/3, 0/1 */
    cr_expect_eq(rates.sentences, 3);
    cr_expect_eq(rates.correct, 1);
    cr_expect_eq(rates.char_count, 19 + 2 + 3);
    cr_expect_eq(rates.word_count, 12);
    cr_expect_float_eq(lipcl_error_rates_cer(&rates), 2.0 / 24, 1e-15);
    cr_expect_float_eq(lipcl_error_rates_wer(&rates), 2.0 / 12, 1e-15);
    cr_expect_float_eq(lipcl_error_rates_mean_cer(&rates), (1.0 / 19 + 1.0 / 2) / 3, 1e-15);
    cr_expect_float_eq(lipcl_error_rates_mean_wer(&rates), (1.0 / 10 + 1.0) / 3, 1e-15);
}

Test(error_rate, empty_references_count_as_length_one) {
    struct lipcl_error_rates rates = {0};
    cr_expect_eq(lipcl_error_rates_cer(&rates), 0);
    cr_expect_eq(lipcl_error_rates_wer(&rates), 0);
    cr_expect_eq(lipcl_error_rates_mean_cer(&rates), 0);
    cr_expect_eq(lipcl_error_rates_mean_wer(&rates), 0);
    cr_assert_eq(lipcl_error_rates_add(ctx, &rates, " ", ""), LIPCL_OK);
    cr_expect_eq(rates.correct, 1);
    cr_expect_eq(lipcl_error_rates_mean_cer(&rates), 0);
    cr_assert_eq(lipcl_error_rates_add(ctx, &rates, "", "GO ON"), LIPCL_OK);
    cr_expect_eq(rates.correct, 1);
    cr_expect_eq(lipcl_error_rates_cer(&rates), 5);
    cr_expect_eq(lipcl_error_rates_wer(&rates), 2);
    cr_expect_eq(lipcl_error_rates_mean_cer(&rates), 2.5);
    cr_expect_eq(lipcl_error_rates_mean_wer(&rates), 1);
}
