/* CTC decoding: checked against all alignments of short clips, and against texts worked out by hand. */
#include "text_support.h"

TestSuite(ctc, .init = make_context, .fini = destroy_context);

/* ---- every labelling of a short clip, by walking through every alignment ---- */

enum { SHORT = 6, SHORT_CLASSES = 4, ALIGNMENTS = 4096 }; /* 4 classes ^ 6 frames */

/* found[n]: the labelling whose classes are the digits of n to the base SHORT_CLASSES; chars is "" where there is none. */
struct labelling {
    char chars[SHORT + 1];
    double probability;
};

static double class_probability(struct lipcl_tensor *logits, size_t t, size_t c) {
    double sum = 0;
    for (size_t k = 0; k < LIPCL_CLASS_COUNT; k++) sum += exp((double)*logit(logits, t, k));
    return exp((double)*logit(logits, t, c)) / sum;
}

static void enumerate(struct labelling *found, struct lipcl_tensor *logits) {
    double probability[SHORT][SHORT_CLASSES];
    memset(found, 0, ALIGNMENTS * sizeof *found);
    for (size_t t = 0; t < SHORT; t++)
        for (size_t c = 0; c < SHORT_CLASSES; c++) probability[t][c] = class_probability(logits, t, c);
    for (size_t alignment = 0; alignment < ALIGNMENTS; alignment++) {
        struct labelling made = {"", 1};
        size_t length = 0, number = 0, previous = LIPCL_CLASS_BLANK, rest = alignment;
        for (size_t t = 0; t < SHORT; t++, rest /= SHORT_CLASSES) {
            size_t c = rest % SHORT_CLASSES;
            made.probability *= probability[t][c];
            if (c != LIPCL_CLASS_BLANK && c != previous) {
                made.chars[length++] = lipcl_alphabet_char(c);
                number = number * SHORT_CLASSES + c;
            }
            previous = c;
        }
        made.probability += found[number].probability;
        found[number] = made;
    }
}

static void squeeze(char *out, const char *text) {
    size_t length = 0;
    for (; *text; text++)
        if (*text != ' ' || (length && out[length - 1] != ' ')) out[length++] = *text;
    if (length && out[length - 1] == ' ') length--;
    out[length] = '\0';
}

Test(ctc, agrees_with_all_alignments) {
    uint64_t seed = 1;
    static struct labelling found[ALIGNMENTS];
    size_t not_greedy = 0;
    for (size_t round = 0; round < 12; round++) {
        struct lipcl_tensor *logits = random_logits(SHORT, SHORT_CLASSES, 4, &seed);
        size_t best = 0;
        enumerate(found, logits);
        double total = 0;
        for (size_t i = 0; i < ALIGNMENTS; i++) {
            double score = 0;
            if (found[i].probability == 0) continue;
            cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, found[i].chars), LIPCL_OK);
            cr_assert_float_eq(score, log(found[i].probability), 1e-9, "round %zu \"%s\": %.12g, wanted %.12g", round,
                               found[i].chars, score, log(found[i].probability));
            if (found[i].probability > found[best].probability) best = i;
            total += found[i].probability;
        }
        cr_assert_float_eq(total, 1, 1e-12, "the enumeration itself is incomplete: %g", total);

        struct lipcl_text *beam = NULL, *greedy = NULL;
        char wanted[SHORT + 1];
        squeeze(wanted, found[best].chars);
        struct lipcl_ctc_beam_params wide = {.width = 1100};
        cr_assert_eq(lipcl_ctc_beam(ctx, &beam, logits, &wide), LIPCL_OK);
        cr_assert_eq(lipcl_ctc_greedy(ctx, &greedy, logits), LIPCL_OK);
        cr_assert_str_eq(beam->chars, wanted, "round %zu", round);
        cr_assert_float_eq(beam->score, log(found[best].probability), 1e-9);
        cr_assert_leq(greedy->score, beam->score + 1e-12, "greedy cannot beat the best labelling");
        not_greedy += strcmp(greedy->chars, beam->chars) != 0;
        lipcl_text_destroy(&beam);
        lipcl_text_destroy(&greedy);
        lipcl_tensor_destroy(&logits);
    }
    cr_assert_gt(not_greedy, 2, "the rounds are too easy to tell a beam from best path: %zu", not_greedy);
}

Test(ctc, sums_over_alignments_where_best_path_is_wrong) {
    /* Graves' example: two frames of P(blank) = 0.6, P(A) = 0.4. Best path: blank blank, 0.36. But P("A") = 0.64. */
    struct lipcl_tensor *logits = random_logits(2, 0, 0, &(uint64_t){1});
    for (size_t t = 0; t < 2; t++) {
        *logit(logits, t, LIPCL_CLASS_BLANK) = logf(0.6f);
        *logit(logits, t, LIPCL_CLASS_A) = logf(0.4f);
    }
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
    cr_assert_str_eq(text->chars, "");
    cr_assert_float_eq(exp(text->score), 0.36, 1e-6);
    lipcl_text_destroy(&text);
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.width = 3}), LIPCL_OK);
    cr_assert_str_eq(text->chars, "A");
    cr_assert_float_eq(exp(text->score), 0.64, 1e-6);
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&logits);
}

/* ---- best path and its spans, by hand ---- */

struct reading {
    const char *path, *text;
    size_t words;
    size_t spans[3][2]; /* first and last frame of each word */
};

static const struct reading readings[] = {
    {"_", "", 0, {{0}}},
    {"A", "A", 1, {{0, 0}}},
    {" ", "", 0, {{0}}},
    {"AAA", "A", 1, {{0, 2}}},
    {"A_A", "AA", 1, {{0, 2}}},
    {"__AA_B__", "AB", 1, {{2, 5}}},
    {"BIN  BLUE", "BIN BLUE", 2, {{0, 2}, {5, 8}}},
    {"A _ _ B", "A B", 2, {{0, 0}, {6, 6}}},
    {" _ A_ ", "A", 1, {{3, 3}}},
    {"  A B C  ", "A B C", 3, {{2, 2}, {4, 4}, {6, 6}}},
    {"_SE_E__ _GR_REEN__", "SEE GRREN", 2, {{1, 4}, {9, 15}}},
    {"ZZ_ZZ", "ZZ", 1, {{0, 4}}},
};

static void check_reading(const struct reading *wanted, const struct lipcl_text *text, const char *decoder) {
    cr_expect_str_eq(text->chars, wanted->text, "%s \"%s\": \"%s\"", decoder, wanted->path, text->chars);
    cr_assert_eq(text->word_count, wanted->words, "%s \"%s\": %zu words", decoder, wanted->path, text->word_count);
    cr_expect_eq(text->frame_count, strlen(wanted->path));
    size_t at = 0;
    for (size_t i = 0; i < wanted->words; i++) {
        struct lipcl_word word = text->words[i];
        cr_expect_eq(word.first_frame, wanted->spans[i][0], "%s \"%s\" word %zu: %zu", decoder, wanted->path, i,
                     word.first_frame);
        cr_expect_eq(word.last_frame, wanted->spans[i][1], "%s \"%s\" word %zu: %zu", decoder, wanted->path, i,
                     word.last_frame);
        cr_expect_eq(word.first_char, at);
        cr_expect_eq(word.char_count, strcspn(wanted->text + at, " "));
        at += word.char_count + 1;
    }
}

Test(ctc, reads_paths_worked_out_by_hand) {
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        struct lipcl_tensor *logits = path_logits(readings[i].path, 20);
        struct lipcl_text *text = NULL;
        cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
        check_reading(&readings[i], text, "greedy");
        cr_expect(text->score < 0 && text->score > -1e-6, "%g", text->score);
        lipcl_text_destroy(&text);
        cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, NULL), LIPCL_OK);
        check_reading(&readings[i], text, "beam");
        lipcl_text_destroy(&text);
        lipcl_tensor_destroy(&logits);
    }
}

Test(ctc, greedy_and_beam_agree_on_peaked_logits) {
    uint64_t seed = 7;
    for (size_t round = 0; round < 20; round++) {
        struct lipcl_tensor *logits = random_logits(40, LIPCL_CLASS_COUNT, 2, &seed);
        for (size_t t = 0; t < 40; t++) {
            double draw = uniform(&seed);
            size_t peak = draw < 0.4 ? LIPCL_CLASS_BLANK : draw < 0.55 ? LIPCL_CLASS_SPACE : 2 + (size_t)(uniform(&seed) * 5);
            *logit(logits, t, peak) = 15;
        }
        struct lipcl_text *greedy = NULL, *beam = NULL;
        cr_assert_eq(lipcl_ctc_greedy(ctx, &greedy, logits), LIPCL_OK);
        cr_assert_eq(lipcl_ctc_beam(ctx, &beam, logits, NULL), LIPCL_OK);
        cr_assert_str_eq(greedy->chars, beam->chars);
        cr_assert_gt(greedy->word_count, 1);
        cr_assert_eq(greedy->score, beam->score);
        cr_assert_eq(memcmp(greedy->words, beam->words, greedy->word_count * sizeof *greedy->words), 0);
        lipcl_text_destroy(&greedy);
        lipcl_text_destroy(&beam);
        lipcl_tensor_destroy(&logits);
    }
}

Test(ctc, equals_are_decided_for_the_lowest_class) {
    struct lipcl_tensor *logits = make_logits(3); /* all zero */
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
    cr_assert_str_eq(text->chars, "");
    cr_assert_float_eq(text->score, -3 * log(28), 1e-12);
    lipcl_text_destroy(&text);
    for (size_t t = 0; t < 3; t++)
        *logit(logits, t, lipcl_alphabet_class('Q')) = *logit(logits, t, lipcl_alphabet_class('C')) = 9;
    cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
    cr_assert_str_eq(text->chars, "C");
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&logits);
}

Test(ctc, one_flat_frame_reads_nothing) {
    struct lipcl_tensor *logits = make_logits(1);
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, NULL), LIPCL_OK);
    cr_assert_str_eq(text->chars, ""); /* all 28 labellings are equally likely: the shortest is taken */
    cr_assert_float_eq(text->score, -log(28), 1e-12);
    lipcl_text_destroy(&text);
    lipcl_tensor_destroy(&logits);
}

Test(ctc, a_constant_a_frame_changes_nothing) {
    uint64_t seed = 3;
    struct lipcl_tensor *logits = random_logits(30, LIPCL_CLASS_COUNT, 8, &seed);
    struct lipcl_text *before = NULL, *after = NULL;
    cr_assert_eq(lipcl_ctc_beam(ctx, &before, logits, NULL), LIPCL_OK);
    for (size_t t = 0; t < 30; t++)
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++) *logit(logits, t, c) += (float)t * 100 - 1500;
    cr_assert_eq(lipcl_ctc_beam(ctx, &after, logits, NULL), LIPCL_OK);
    cr_assert_str_eq(before->chars, after->chars);
    cr_assert_float_eq(before->score, after->score, 1e-2); /* the logits were rounded to 2^-14 */
    lipcl_text_destroy(&before);
    lipcl_text_destroy(&after);
    lipcl_tensor_destroy(&logits);
}

Test(ctc, huge_logits_stay_finite) {
    struct lipcl_tensor *logits = make_logits(75);
    for (size_t i = 0; i < 75 * LIPCL_CLASS_COUNT; i++) ((float *)logits->data)[i] = i % 2 ? 3.4e38f : -3.4e38f;
    struct lipcl_text *text = NULL;
    cr_assert_eq(lipcl_ctc_greedy(ctx, &text, logits), LIPCL_OK);
    cr_expect(isfinite(text->score));
    lipcl_text_destroy(&text);
    struct lipcl_grammar *grammar = NULL;
    cr_assert_eq(lipcl_grammar_load(ctx, &grammar, "grid"), LIPCL_OK);
    cr_assert_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.grammar = grammar}), LIPCL_OK);
    cr_expect(isfinite(text->score) && lipcl_grammar_accepts(grammar, text->chars));
    lipcl_text_destroy(&text);
    lipcl_grammar_destroy(&grammar);
    lipcl_tensor_destroy(&logits);
}

Test(ctc, beam_is_no_worse_than_greedy_and_repeatable) {
    uint64_t seed = 11;
    for (size_t round = 0; round < 10; round++) {
        struct lipcl_tensor *logits = random_logits(50, LIPCL_CLASS_COUNT, 10, &seed);
        struct lipcl_text *greedy = NULL, *one = NULL, *two = NULL;
        cr_assert_eq(lipcl_ctc_greedy(ctx, &greedy, logits), LIPCL_OK);
        cr_assert_eq(lipcl_ctc_beam(ctx, &one, logits, NULL), LIPCL_OK);
        cr_assert_eq(lipcl_ctc_beam(ctx, &two, logits, NULL), LIPCL_OK);
        cr_assert_geq(one->score, greedy->score);
        cr_assert_str_eq(one->chars, two->chars);
        cr_assert_eq(one->score, two->score);
        lipcl_text_destroy(&greedy);
        lipcl_text_destroy(&one);
        lipcl_text_destroy(&two);
        lipcl_tensor_destroy(&logits);
    }
}

/* ---- what is refused ---- */

static void check_refused(struct lipcl_tensor *logits, enum lipcl_status wanted, const char *part) {
    struct lipcl_text *text = (struct lipcl_text *)&text;
    double score = 0;
    float margins[8];
    cr_expect_eq(lipcl_ctc_greedy(ctx, &text, logits), wanted);
    cr_expect_null(text);
    cr_expect(strstr(lipcl_context_error(ctx), part), "\"%s\" does not say \"%s\"", lipcl_context_error(ctx), part);
    text = (struct lipcl_text *)&text;
    cr_expect_eq(lipcl_ctc_beam(ctx, &text, logits, NULL), wanted);
    cr_expect_null(text);
    cr_expect(strstr(lipcl_context_error(ctx), part));
    cr_expect_eq(lipcl_ctc_score(ctx, &score, logits, "A"), wanted);
    cr_expect_eq(lipcl_ctc_margins(ctx, margins, logits), wanted);
}

Test(ctc, refuses_what_is_not_a_number) {
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        struct lipcl_tensor *logits = path_logits("AB_C", 5);
        *logit(logits, 2, 27) = bad[i];
        check_refused(logits, LIPCL_ERROR_ARGUMENT, "frame 2: the logit of class 27 ('Z')");
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++) *logit(logits, 0, c) = bad[i];
        check_refused(logits, LIPCL_ERROR_ARGUMENT, "frame 0: the logit of class 0 ('_')");
        lipcl_tensor_destroy(&logits);
    }
}

Test(ctc, refuses_other_shapes) {
    float values[4 * LIPCL_CLASS_COUNT] = {0};
    check_refused(&(struct lipcl_tensor){LIPCL_F32, {2, {0, 28}}, values}, LIPCL_ERROR_SHAPE, "[0,28]");
    check_refused(&(struct lipcl_tensor){LIPCL_F32, {2, {4, 27}}, values}, LIPCL_ERROR_SHAPE, "[4,27]");
    check_refused(&(struct lipcl_tensor){LIPCL_F32, {3, {1, 4, 28}}, values}, LIPCL_ERROR_SHAPE, "[1,4,28]");
    check_refused(&(struct lipcl_tensor){LIPCL_F64, {2, {2, 28}}, values}, LIPCL_ERROR_SHAPE, "f64");
}

Test(ctc, refuses_a_beam_out_of_range) {
    struct lipcl_tensor *logits = path_logits("A", 5);
    struct lipcl_text *text = NULL;
    cr_expect_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.width = 65537}), LIPCL_ERROR_ARGUMENT);
    cr_expect_eq(lipcl_ctc_beam(ctx, &text, logits, &(struct lipcl_ctc_beam_params){.width = SIZE_MAX}), LIPCL_ERROR_ARGUMENT);
    cr_expect_null(text);
    lipcl_tensor_destroy(&logits);
}

/* ---- scores, margins, alphabet ---- */

Test(ctc, scores_what_cannot_be_as_impossible) {
    struct lipcl_tensor *logits = make_logits(2);
    double score = 0;
    cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, "ABC"), LIPCL_OK);
    cr_expect_eq(score, -INFINITY);
    cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, "AA"), LIPCL_OK); /* a blank has to fit between */
    cr_expect_eq(score, -INFINITY);
    cr_assert_eq(lipcl_ctc_score(ctx, &score, logits, "ab"), LIPCL_OK);
    cr_expect_float_eq(score, -2 * log(28), 1e-12);
    cr_expect_eq(lipcl_ctc_score(ctx, &score, logits, "A_"), LIPCL_ERROR_ARGUMENT);
    cr_expect(strstr(lipcl_context_error(ctx), "byte 1"));
    lipcl_tensor_destroy(&logits);
}

Test(ctc, margins_are_between_the_two_largest) {
    struct lipcl_tensor *logits = path_logits("AB_", 5);
    *logit(logits, 1, 27) = 3;
    *logit(logits, 2, 27) = 5;
    float margins[3];
    cr_assert_eq(lipcl_ctc_margins(ctx, margins, logits), LIPCL_OK);
    cr_expect_eq(margins[0], 5);
    cr_expect_eq(margins[1], 2);
    cr_expect_eq(margins[2], 0);
    lipcl_tensor_destroy(&logits);
}

Test(ctc, alphabet_goes_both_ways) {
    for (size_t c = 1; c < LIPCL_CLASS_COUNT; c++) cr_expect_eq(lipcl_alphabet_class(lipcl_alphabet_char(c)), c);
    cr_expect_eq(lipcl_alphabet_char(LIPCL_CLASS_BLANK), '_');
    cr_expect_eq(lipcl_alphabet_char(LIPCL_CLASS_SPACE), ' ');
    cr_expect_eq(lipcl_alphabet_char(2), 'A');
    cr_expect_eq(lipcl_alphabet_char(27), 'Z');
    cr_expect_eq(lipcl_alphabet_char(28), '?');
    cr_expect_eq(lipcl_alphabet_class('z'), 27);
    for (int c = -128; c < 128; c++)
        if (!strchr(" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c) || c == 0)
            cr_expect_eq(lipcl_alphabet_class((char)c), LIPCL_CLASS_BLANK, "%d", c);
}
