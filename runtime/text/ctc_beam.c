#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "text/ctc.h"
#include "text/grammar.h"

enum { DEFAULT_WIDTH = 64, MAX_WIDTH = 65536, LABEL_COUNT = LIPCL_CLASS_COUNT - 1 };

#define NONE UINT32_MAX

/* A prefix of a text, as a node of the tree of all prefixes that were ever in the beam: one node a prefix. */
struct prefix {
    uint32_t parent, first_child, next_sibling;
    uint32_t state; /* of the automaton */
    uint32_t rank;  /* in the beam, or NONE */
};

/* A prefix with the probability (a logarithm) of the frames so far being read as it, by how the reading ends. */
struct hypothesis {
    uint32_t prefix; /* NONE: a child that is new to the beam: that of `parent` in `state` */
    uint32_t parent, state;
    uint32_t order; /* breaks ties, so that results do not depend on the sort */
    double blank, label;
    double score; /* what ranks it */
};

struct beam {
    struct lipcl_context *ctx;
    const struct automaton *automaton;
    struct ctc_frames frames;
    size_t width;
    double *ahead; /* [T + 1,states,2], or NULL; see look_ahead() */
    struct prefix *prefixes;
    size_t prefix_count, prefix_capacity;
    struct hypothesis *kept, *candidates; /* [width], [width (1 + LABEL_COUNT)] */
    size_t kept_count, candidate_count;
};

static ctc_label label_of(const struct beam *beam, uint32_t state) {
    return beam->automaton->states[state].label;
}

/* ahead[t][q] = log-probability that frames t, t+1, ... complete some text of the automaton from state q, summed over all of
 * them: [0] when the frame before was a blank, [1] when it was q's label (which, repeated, then is the same letter still).
 * For the automaton of every text it is log 1 throughout, and is not computed. */
static enum lipcl_status look_ahead(struct beam *beam) {
    const struct automaton *automaton = beam->automaton;
    size_t states = automaton->state_count, cells;
    if (size_multiply(&cells, beam->frames.count + 1, 2 * states)) beam->ahead = calloc(cells, sizeof *beam->ahead);
    if (!beam->ahead) return fail_memory(beam->ctx, (beam->frames.count + 1) * states * 2 * sizeof *beam->ahead);
    double *next = beam->ahead + beam->frames.count * states * 2;
    for (size_t q = 0; q < states; q++) next[2 * q] = next[2 * q + 1] = automaton->states[q].accepts ? 0 : -INFINITY;
    for (size_t t = beam->frames.count; t-- > 0;) {
        const double *log_prob = ctc_frame(&beam->frames, t);
        double *now = next - states * 2;
        for (size_t q = 0; q < states; q++) {
            const struct automaton_state *state = &automaton->states[q];
            double after_blank = log_prob[LIPCL_CLASS_BLANK] + next[2 * q];
            double after_label = log_add(after_blank, log_prob[state->label] + next[2 * q + 1]);
            for (uint32_t e = state->first_edge; e < state->first_edge + state->edge_count; e++) {
                uint32_t target = automaton->edges[e];
                ctc_label label = automaton->states[target].label;
                double way = log_prob[label] + next[2 * target + 1];
                after_blank = log_add(after_blank, way);
                if (label != state->label) after_label = log_add(after_label, way);
            }
            now[2 * q] = after_blank;
            now[2 * q + 1] = after_label;
        }
        next = now;
    }
    return LIPCL_OK;
}

/* How good a hypothesis is after `t` frames. */
static double rank_score(const struct beam *beam, const struct hypothesis *hypothesis, size_t t) {
    if (!beam->ahead) return log_add(hypothesis->blank, hypothesis->label);
    const double *ahead = beam->ahead + (t * beam->automaton->state_count + hypothesis->state) * 2;
    return log_add(hypothesis->blank + ahead[0], hypothesis->label + ahead[1]);
}

static uint32_t find_child(const struct beam *beam, uint32_t parent, uint32_t state) {
    uint32_t child = beam->prefixes[parent].first_child;
    while (child != NONE && beam->prefixes[child].state != state) child = beam->prefixes[child].next_sibling;
    return child;
}

static enum lipcl_status add_prefix(struct beam *beam, uint32_t *index, uint32_t parent, uint32_t state) {
    if (beam->prefix_count == beam->prefix_capacity) {
        size_t capacity = beam->prefix_capacity ? 2 * beam->prefix_capacity : 1024;
        struct prefix *grown = capacity < NONE ? realloc(beam->prefixes, capacity * sizeof *grown) : NULL;
        if (!grown) return fail_memory(beam->ctx, capacity * sizeof *grown);
        beam->prefixes = grown;
        beam->prefix_capacity = capacity;
    }
    *index = (uint32_t)beam->prefix_count++;
    struct prefix *made = &beam->prefixes[*index];
    *made = (struct prefix){parent, NONE, NONE, state, NONE};
    if (parent == NONE) return LIPCL_OK;
    made->next_sibling = beam->prefixes[parent].first_child;
    beam->prefixes[parent].first_child = *index;
    return LIPCL_OK;
}

/* The kept prefixes as they are after one more frame, and their children: beam->candidates. */
static void extend(struct beam *beam, size_t t) {
    const double *log_prob = ctc_frame(&beam->frames, t);
    for (size_t i = 0; i < beam->kept_count; i++) {
        const struct hypothesis *from = &beam->kept[i];
        beam->candidates[i] = *from;
        beam->candidates[i].blank = log_add(from->blank, from->label) + log_prob[LIPCL_CLASS_BLANK];
        beam->candidates[i].label = from->label + log_prob[label_of(beam, from->state)];
    }
    beam->candidate_count = beam->kept_count;
    for (size_t i = 0; i < beam->kept_count; i++) {
        const struct hypothesis *from = &beam->kept[i];
        const struct automaton_state *state = &beam->automaton->states[from->state];
        for (uint32_t e = state->first_edge; e < state->first_edge + state->edge_count; e++) {
            uint32_t target = beam->automaton->edges[e];
            ctc_label label = label_of(beam, target);
            double before = label == state->label ? from->blank : log_add(from->blank, from->label);
            double reached = before + log_prob[label];
            uint32_t child = find_child(beam, from->prefix, target);
            if (child != NONE && beam->prefixes[child].rank != NONE) {
                double *sum = &beam->candidates[beam->prefixes[child].rank].label;
                *sum = log_add(*sum, reached);
            } else {
                beam->candidates[beam->candidate_count++] = (struct hypothesis){
                    .prefix = child, .parent = from->prefix, .state = target, .blank = -INFINITY, .label = reached};
            }
        }
    }
}

static int by_score(const void *left, const void *right) {
    const struct hypothesis *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* The best of beam->candidates become beam->kept. */
static enum lipcl_status prune(struct beam *beam, size_t t) {
    for (size_t i = 0; i < beam->candidate_count; i++) {
        beam->candidates[i].order = (uint32_t)i;
        beam->candidates[i].score = rank_score(beam, &beam->candidates[i], t + 1);
    }
    qsort(beam->candidates, beam->candidate_count, sizeof *beam->candidates, by_score);
    for (size_t i = 0; i < beam->kept_count; i++) beam->prefixes[beam->kept[i].prefix].rank = NONE;
    beam->kept_count = 0;
    for (size_t i = 0; i < beam->candidate_count && beam->kept_count < beam->width; i++) {
        struct hypothesis *chosen = &beam->candidates[i];
        if (chosen->score == -INFINITY) break; /* can no longer become a text of the automaton */
        if (chosen->prefix == NONE) {
            enum lipcl_status status = add_prefix(beam, &chosen->prefix, chosen->parent, chosen->state);
            if (status != LIPCL_OK) return status;
        }
        beam->prefixes[chosen->prefix].rank = (uint32_t)beam->kept_count;
        beam->kept[beam->kept_count++] = *chosen;
    }
    return LIPCL_OK;
}

static size_t spell(const struct beam *beam, ctc_label *labels, uint32_t prefix) {
    size_t count = 0;
    for (uint32_t p = prefix; beam->prefixes[p].parent != NONE; p = beam->prefixes[p].parent) count++;
    size_t at = count;
    for (uint32_t p = prefix; beam->prefixes[p].parent != NONE; p = beam->prefixes[p].parent)
        labels[--at] = label_of(beam, beam->prefixes[p].state);
    return count;
}

/* What pruning cut away is missing from the beam's own sums: the survivors are scored anew, over all alignments. */
static enum lipcl_status best_text(struct beam *beam, struct lipcl_text **text) {
    enum lipcl_status status = LIPCL_OK;
    size_t frames = beam->frames.count, best = 0;
    double best_score = -INFINITY;
    ctc_label *labels = calloc(frames + 1, sizeof *labels);
    double *row = calloc(2 * frames + 1, sizeof *row);
    struct ctc_span *spans = calloc(frames + 1, sizeof *spans);
    if (!labels || !row || !spans) TRY(fail_memory(beam->ctx, (2 * frames + 1) * sizeof *row));
    for (size_t i = 0; i < beam->kept_count; i++) {
        size_t count = spell(beam, labels, beam->kept[i].prefix);
        double score = ctc_score(&beam->frames, labels, count, row);
        if (score <= best_score) continue;
        best = i;
        best_score = score;
    }
    size_t count = spell(beam, labels, beam->kept[best].prefix);
    TRY(ctc_align(beam->ctx, spans, &beam->frames, labels, count));
    TRY(text_create(beam->ctx, text, labels, spans, count));
    (*text)->frame_count = frames;
    (*text)->score = best_score;

fail:
    free(labels);
    free(row);
    free(spans);
    return status;
}

enum lipcl_status lipcl_ctc_beam(struct lipcl_context *ctx, struct lipcl_text **text, const struct lipcl_tensor *logits,
                                 const struct lipcl_ctc_beam_params *params) {
    enum lipcl_status status = LIPCL_OK;
    const struct lipcl_grammar *grammar = params ? params->grammar : NULL;
    struct automaton any_text = {0};
    struct beam beam = {.ctx = ctx, .width = params && params->width ? params->width : DEFAULT_WIDTH};
    uint32_t root = 0;
    *text = NULL;
    if (beam.width > MAX_WIDTH)
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "ctc: a beam of width %zu is wider than %d", beam.width, MAX_WIDTH));
    TRY(ctc_frames_init(ctx, &beam.frames, logits));
    if (grammar && grammar->min_frames > beam.frames.count)
        TRY(fail(ctx, LIPCL_ERROR_SHAPE, "ctc: %zu frames are too few for any sentence of %s: the shortest takes %zu",
                 beam.frames.count, grammar->name, grammar->min_frames));
    if (!grammar) TRY(automaton_init_free(ctx, &any_text));
    beam.automaton = grammar ? &grammar->automaton : &any_text;
    if (grammar) TRY(look_ahead(&beam));
    beam.kept = calloc(beam.width, sizeof *beam.kept);
    beam.candidates = calloc(beam.width * (1 + LABEL_COUNT), sizeof *beam.candidates);
    if (!beam.kept || !beam.candidates) TRY(fail_memory(ctx, beam.width * (1 + LABEL_COUNT) * sizeof *beam.candidates));
    TRY(add_prefix(&beam, &root, NONE, 0));
    beam.prefixes[root].rank = 0;
    beam.kept[beam.kept_count++] = (struct hypothesis){.prefix = root, .blank = 0, .label = -INFINITY};
    for (size_t t = 0; t < beam.frames.count; t++) {
        extend(&beam, t);
        TRY(prune(&beam, t));
    }
    TRY(best_text(&beam, text));

fail:
    ctc_frames_finish(&beam.frames);
    automaton_finish(&any_text);
    free(beam.ahead);
    free(beam.prefixes);
    free(beam.kept);
    free(beam.candidates);
    return status;
}
