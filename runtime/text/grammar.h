/* grammar.h: a grammar compiled to an automaton over letters, which the beam search walks. */
#ifndef LIPCL_TEXT_GRAMMAR_H
#define LIPCL_TEXT_GRAMMAR_H

#include <stdint.h>

#include <lipcl/text.h>

/* Deterministic: the edges of a state lead to states of different labels. State 0 is the start; no edge leads to it. */
struct automaton {
    struct automaton_state {
        uint8_t label; /* the class read on the way into this state; the blank for the start */
        bool accepts;
        uint8_t edge_count; /* at most 27 */
        uint32_t first_edge;
    } * states;
    uint32_t *edges; /* target states */
    size_t state_count;
};

/* The automaton of every text there is: one state a class. */
enum lipcl_status automaton_init_free(struct lipcl_context *ctx, struct automaton *automaton);

/* A zeroed or finished one may be finished again. */
void automaton_finish(struct automaton *automaton);

struct lipcl_grammar {
    struct automaton automaton;
    char *name;
    size_t slot_count;
    size_t sentence_count; /* saturates */
    size_t min_frames;
};

#endif
