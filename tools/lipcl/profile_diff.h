/* profile_diff.h: the parts of `lipcl profile diff`: two documents of `lipcl profile --json` beside each other. */
#ifndef LIPCL_TOOLS_PROFILE_DIFF_H
#define LIPCL_TOOLS_PROFILE_DIFF_H

#include <stdbool.h>

#include "document.h"

/* One device of one document. */
struct diff_side {
    const char *path;
    json_t *document;
    const json_t *device; /* in it */
};

enum { SIDE_A, SIDE_B, SIDES };

enum diff_verdict {
    DIFF_SLOWER,  /* B's time is longer, and the noise does not explain it */
    DIFF_NOISE,   /* the ratio might as well be 1 */
    DIFF_FASTER,  /* shorter, and the noise does not explain it */
    DIFF_UNKNOWN, /* too few runs to tell noise, or no times that can be true */
    DIFF_ONLY_A,
    DIFF_ONLY_B,
};

/* Something that is timed in A, in B, or in both. Texts are the documents'. */
struct diff_row {
    const char *layer; /* of the run and of what belongs to no layer: NULL */
    const char *name;  /* of the layer, the kernel, the part */
    const char *kind;  /* of a part of the run that is no layer: "copy", "transfer", "idle"; of a layer its operators */
    const char *lowering[SIDES], *tuning[SIDES];
    double ms[SIDES];          /* medians; NAN: there is none */
    double share[SIDES];       /* of the run; NAN: not known */
    double limit_share[SIDES]; /* of the roofline; NAN: not known */
    double ratio, low, high;   /* B's time over A's, and the band that it is in; NAN: not known */
    enum diff_verdict verdict;
    size_t place; /* in A, then in B */
    bool counts;  /* it is the run, or a twentieth of it */
    bool fails;   /* it counts, is slower, and by more than it may */
};

struct diff_rows {
    size_t count;
    struct diff_row *rows;
};

struct profile_diff {
    const struct diff_side *sides;
    double fail_above; /* percent; INFINITY: nothing fails */
    struct diff_row run;
    struct diff_rows layers, kernels, parts; /* slower ones first */
    size_t fails;                            /* rows that do */
};

/* profile_diff_file.c. Reads and checks a document; false after a message that says what is wrong with it and where. */
bool diff_side_load(struct diff_side *side, const char *path);
void diff_side_finish(struct diff_side *side);

/* Takes the device of that selector ("0:1", "host", "gpu", part of a name), or without one the first that could be profiled, if
 * possible the one that is called like `like`, which may be NULL. False after a message. */
bool diff_side_choose(struct diff_side *side, const char *selector, const struct diff_side *like);

/* False, after a message, unless both ran the same. */
bool diff_sides_fit(const struct diff_side *sides);

/* profile_diff.c */
void profile_diff_init(struct profile_diff *diff, const struct diff_side *sides, double fail_above);
void profile_diff_finish(struct profile_diff *diff);

/* profile_diff_output.c */
void profile_diff_print(const struct profile_diff *diff);
void profile_diff_fill(const struct profile_diff *diff, json_t *document);

#endif
