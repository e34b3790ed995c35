/* tuner.h: the inside of a tuner: a layer's task, its candidates, a trial of one. */
#ifndef LIPCL_TUNE_TUNER_H
#define LIPCL_TUNE_TUNER_H

#include <lipcl/tune.h>

#include "plan/steps.h"
#include "plan/tuning.h"

/* A winner has to be that much faster than what there is without it: less is noise. */
static const double margin = 0.97;

/* A layer of the plan that is to be tuned. */
struct task {
    struct layer layer;
    const char *op_text;
    bool tunable; /* the device does it */
    struct layout inputs[OP_MAX_ACTIVATIONS], output;
    double weight; /* of its share in the time */
};

struct lipcl_tuner {
    struct lipcl_context *ctx;
    const struct lipcl_graph *graph;
    const struct lipcl_tensor_set *weights;
    struct lipcl_device *device;
    struct lipcl_tune_params params;
    struct arena arena;
    struct tuning_file records, imported;
    uint64_t end_ns;           /* of the budget */
    struct blast_choice blast; /* CLBlast's parameters in trials; zeros: as they are */
    size_t task_count;
    struct task *tasks;
};

/* A lowering and, for each of its knobs, 0 for its own choice or i for the i-th of the values, from 1. */
struct candidate {
    const struct lowering *lowering; /* NULL: whatever planning chooses */
    size_t choice[TUNING_MAX_KNOBS];
};

struct tuning candidate_tuning(const struct candidate *candidate);
bool candidate_equal(const struct candidate *a, const struct candidate *b);

/* trial.c: a plan of the layer alone, by one candidate, whose kernels have just given the reference's numbers. */
struct trial {
    struct candidate candidate;
    struct lipcl_plan *plan;
    uint64_t build;
};

/* LIPCL_ERROR_UNSUPPORTED too where the plan is no single step on the device. The logs stay silent but for -vv. */
enum lipcl_status trial_begin(struct lipcl_tuner *tuner, const struct task *task, const struct lipcl_graph *graph,
                              const struct candidate *candidate, struct trial *trial);
void trial_end(struct trial *trial);

/* The median of several runs; fewer where they take long, and two where both take twice `best_ns` (0: nothing to beat). */
enum lipcl_status trial_time(struct lipcl_tuner *tuner, struct trial *trial, uint64_t best_ns, uint64_t *ns);

/* Medians of `count` trials that run in turns, a few at least, until `end_ns`. */
enum lipcl_status trials_compare(struct lipcl_tuner *tuner, struct trial *trials, size_t count, uint64_t end_ns, uint64_t *ns);

/* Whether what the latest run made agrees with the reference in random blocks. */
enum lipcl_status trial_verify(struct lipcl_tuner *tuner, struct trial *trial, bool *ok);

/* The median of `count` times, which it sorts. */
uint64_t median(uint64_t *ns, size_t count);

/* tune_blast.c: takes over what the device's records say of CLBlast, so that layers are tuned as they are going to be run. */
enum lipcl_status tuner_load_blast(struct lipcl_tuner *tuner);

/* search.c: the candidates of one layer and what is known of them. */
struct search {
    struct lipcl_tuner *tuner;
    const struct task *task;
    const struct lipcl_graph *graph;
    struct trial *base;              /* the layer as planning has it */
    uint64_t end_ns, compare_end_ns; /* of the search, and of the comparison of the best */
    uint64_t draws;                  /* random numbers taken */
    size_t tried, refused;
    bool complete;
    size_t seen_count, seen_capacity;
    struct seen {
        struct candidate candidate;
        uint64_t build; /* 0: it was refused */
        uint64_t ns;
    } * seen;
};

enum lipcl_status search_run(struct search *search, const struct candidate *hints, size_t hint_count);
bool search_has_seen(const struct search *search, const struct candidate *candidate);
void search_finish(struct search *search);

bool tuner_is_stopped(const struct lipcl_tuner *tuner);

#endif
