#include "text/grammar.h"

#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

enum { MAX_BYTES = 1 << 20 };

/* While parsing, a slot is a trie of its words. Index 0 is the first slot's root, so it also stands for "none". */
struct node {
    uint32_t first_child, next_sibling;
    uint8_t label;
    bool ends_word;
};

struct parser {
    struct lipcl_context *ctx;
    const char *name;
    size_t line;
    struct node *nodes;
    size_t node_count;
    uint32_t *roots; /* of the slots */
    size_t slot_count;
    size_t word_count, min_frames; /* of the slot being read: its words, and the frames of the shortest */
    struct lipcl_grammar *grammar;
};

struct token {
    const char *at;
    size_t length;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next token off [*at, end); false when there is none. */
static bool next_token(struct token *token, const char **at, const char *end) {
    while (*at < end && is_blank(**at)) ++*at;
    *token = (struct token){*at, 0};
    while (*at < end && !is_blank(**at)) ++*at;
    token->length = (size_t)(*at - token->at);
    return token->length != 0;
}

static bool is_label(struct token token) {
    if (token.length < 2 || token.at[token.length - 1] != ':') return false;
    for (size_t i = 0; i + 1 < token.length; i++)
        if (lipcl_alphabet_class(token.at[i]) == LIPCL_CLASS_BLANK && !memchr("0123456789_-", token.at[i], 12)) return false;
    return true;
}

static enum lipcl_status fail_character(struct parser *parser, char c) {
    unsigned byte = (unsigned char)c;
    if (byte > 0x20 && byte < 0x7f)
        return fail(parser->ctx, LIPCL_ERROR_FORMAT, "%s:%zu: '%c' in a word: only A to Z can be read from lips", parser->name,
                    parser->line, c);
    return fail(parser->ctx, LIPCL_ERROR_FORMAT, "%s:%zu: byte 0x%02x in a word: only A to Z can be read from lips",
                parser->name, parser->line, byte);
}

static uint32_t add_node(struct parser *parser, uint8_t label) {
    parser->nodes[parser->node_count] = (struct node){.label = label};
    return (uint32_t)parser->node_count++;
}

static uint32_t child_of(struct parser *parser, uint32_t parent, uint8_t label) {
    uint32_t *link = &parser->nodes[parent].first_child;
    while (*link && parser->nodes[*link].label != label) link = &parser->nodes[*link].next_sibling;
    if (!*link) *link = add_node(parser, label);
    return *link;
}

static enum lipcl_status add_word(struct parser *parser, struct token word) {
    uint32_t at = parser->roots[parser->slot_count - 1];
    size_t frames = word.length;
    for (size_t i = 0; i < word.length; i++) {
        size_t label = lipcl_alphabet_class(word.at[i]);
        if (label == LIPCL_CLASS_BLANK) return fail_character(parser, word.at[i]);
        if (i && label == parser->nodes[at].label) frames++; /* only a blank tells two equal letters from one */
        at = child_of(parser, at, (uint8_t)label);
    }
    if (parser->nodes[at].ends_word)
        return fail(parser->ctx, LIPCL_ERROR_FORMAT, "%s:%zu: the word \"%.*s\" is there twice: remove one", parser->name,
                    parser->line, (int)size_min(word.length, 64), word.at);
    parser->nodes[at].ends_word = true;
    parser->min_frames = parser->word_count ? size_min(parser->min_frames, frames) : frames;
    parser->word_count++;
    return LIPCL_OK;
}

static void begin_slot(struct parser *parser) {
    uint8_t label = parser->slot_count ? LIPCL_CLASS_SPACE : LIPCL_CLASS_BLANK; /* what is read in front of the slot */
    parser->roots[parser->slot_count++] = add_node(parser, label);
}

static void end_slot(struct parser *parser) {
    struct lipcl_grammar *grammar = parser->grammar;
    if (!size_multiply(&grammar->sentence_count, grammar->sentence_count, parser->word_count))
        grammar->sentence_count = SIZE_MAX;
    grammar->min_frames += parser->min_frames + (parser->slot_count > 1);
}

static enum lipcl_status parse_line(struct parser *parser, const char *at, const char *end) {
    enum lipcl_status status = LIPCL_OK;
    struct token token;
    const char *comment = memchr(at, '#', (size_t)(end - at));
    if (comment) end = comment;
    if (!next_token(&token, &at, end)) return LIPCL_OK;
    if (is_label(token) && !next_token(&token, &at, end))
        return fail(parser->ctx, LIPCL_ERROR_FORMAT, "%s:%zu: the slot has a label but no words", parser->name, parser->line);
    parser->word_count = 0;
    begin_slot(parser);
    do TRY(add_word(parser, token));
    while (next_token(&token, &at, end));
    end_slot(parser);

fail:
    return status;
}

static enum lipcl_status automaton_alloc(struct lipcl_context *ctx, struct automaton *automaton, size_t states, size_t edges) {
    *automaton = (struct automaton){calloc(states, sizeof *automaton->states), calloc(edges, sizeof *automaton->edges), states};
    if (automaton->states && automaton->edges) return LIPCL_OK;
    automaton_finish(automaton);
    return fail_memory(ctx, states * sizeof *automaton->states + edges * sizeof *automaton->edges);
}

/* Joins the tries: where a word ends, a space leads to the next slot's root. */
static enum lipcl_status compile(struct parser *parser) {
    struct automaton *automaton = &parser->grammar->automaton;
    enum lipcl_status status = automaton_alloc(parser->ctx, automaton, parser->node_count, 2 * parser->node_count);
    if (status != LIPCL_OK) return status;
    uint32_t edge = 0;
    size_t next_slot = 0;
    for (size_t i = 0; i < parser->node_count; i++) {
        const struct node *node = &parser->nodes[i];
        struct automaton_state *state = &automaton->states[i];
        bool last = next_slot == parser->slot_count;
        if (!last && i == parser->roots[next_slot]) last = ++next_slot == parser->slot_count;
        *state = (struct automaton_state){node->label, node->ends_word && last, 0, edge};
        for (uint32_t child = node->first_child; child; child = parser->nodes[child].next_sibling)
            automaton->edges[edge++] = child;
        if (node->ends_word && !last) automaton->edges[edge++] = parser->roots[next_slot];
        state->edge_count = (uint8_t)(edge - state->first_edge);
    }
    return LIPCL_OK;
}

enum lipcl_status lipcl_grammar_parse(struct lipcl_context *ctx, struct lipcl_grammar **grammar, const char *name,
                                      const char *source, size_t source_bytes) {
    enum lipcl_status status = LIPCL_OK;
    struct parser parser = {.ctx = ctx, .name = name};
    const char *end = source + source_bytes;
    size_t lines = 1;
    *grammar = NULL;
    if (source_bytes > MAX_BYTES)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: %zu bytes are more than the %d that a grammar may have", name, source_bytes,
                 MAX_BYTES));
    for (size_t i = 0; i < source_bytes; i++) lines += source[i] == '\n';
    parser.grammar = calloc(1, sizeof *parser.grammar);
    parser.nodes = calloc(source_bytes + 1, sizeof *parser.nodes); /* a node a letter, and one a line */
    parser.roots = calloc(lines, sizeof *parser.roots);
    if (!parser.grammar || !parser.nodes || !parser.roots) TRY(fail_memory(ctx, (source_bytes + 1) * sizeof *parser.nodes));
    parser.grammar->sentence_count = 1;
    parser.grammar->name = string_copy(name);
    if (!parser.grammar->name) TRY(fail_memory(ctx, strlen(name) + 1));
    for (const char *at = source; at < end; at++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) newline = end;
        parser.line++;
        TRY(parse_line(&parser, at, newline));
        at = newline;
    }
    if (parser.slot_count == 0)
        TRY(fail(ctx, LIPCL_ERROR_FORMAT, "%s: no slots: a line of words is wanted for every word of a sentence", name));
    parser.grammar->slot_count = parser.slot_count;
    TRY(compile(&parser));
    *grammar = parser.grammar;
    parser.grammar = NULL;

fail:
    lipcl_grammar_destroy(&parser.grammar);
    free(parser.nodes);
    free(parser.roots);
    return status;
}

enum lipcl_status lipcl_grammar_load(struct lipcl_context *ctx, struct lipcl_grammar **grammar, const char *name) {
    enum lipcl_status status = LIPCL_OK;
    char *source = NULL;
    size_t source_bytes = 0;
    *grammar = NULL;
    for (const struct embedded_file *file = embedded_grammars; file->name; file++) {
        size_t stem = (size_t)(strrchr(file->name, '.') - file->name);
        if (strlen(name) == stem && memcmp(file->name, name, stem) == 0)
            return lipcl_grammar_parse(ctx, grammar, file->name, file->text, file->bytes);
    }
    TRY(file_read_all(ctx, &source, &source_bytes, name, MAX_BYTES));
    TRY(lipcl_grammar_parse(ctx, grammar, name, source, source_bytes));

fail:
    free(source);
    return status;
}

void lipcl_grammar_destroy(struct lipcl_grammar **grammar) {
    if (!grammar || !*grammar) return;
    automaton_finish(&(*grammar)->automaton);
    free((*grammar)->name);
    free(*grammar);
    *grammar = NULL;
}

size_t lipcl_grammar_slot_count(const struct lipcl_grammar *grammar) {
    return grammar->slot_count;
}

size_t lipcl_grammar_sentence_count(const struct lipcl_grammar *grammar) {
    return grammar->sentence_count;
}

size_t lipcl_grammar_min_frames(const struct lipcl_grammar *grammar) {
    return grammar->min_frames;
}

bool lipcl_grammar_accepts(const struct lipcl_grammar *grammar, const char *text) {
    const struct automaton *automaton = &grammar->automaton;
    const struct automaton_state *state = &automaton->states[0];
    for (; *text; text++) {
        const struct automaton_state *next = NULL;
        for (uint32_t e = state->first_edge; e < state->first_edge + state->edge_count; e++) {
            const struct automaton_state *target = &automaton->states[automaton->edges[e]];
            if (lipcl_alphabet_char(target->label) == *text) next = target;
        }
        if (!next) return false;
        state = next;
    }
    return state->accepts;
}

enum lipcl_status automaton_init_free(struct lipcl_context *ctx, struct automaton *automaton) {
    enum { LABELS = LIPCL_CLASS_COUNT - 1 };
    enum lipcl_status status = automaton_alloc(ctx, automaton, LIPCL_CLASS_COUNT, LABELS);
    if (status != LIPCL_OK) return status;
    for (uint8_t c = 0; c < LIPCL_CLASS_COUNT; c++) automaton->states[c] = (struct automaton_state){c, true, LABELS, 0};
    for (uint32_t e = 0; e < LABELS; e++) automaton->edges[e] = e + 1; /* the same from every state */
    return LIPCL_OK;
}

void automaton_finish(struct automaton *automaton) {
    free(automaton->states);
    free(automaton->edges);
    *automaton = (struct automaton){0};
}
