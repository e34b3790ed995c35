/* ctc.h: what the CTC decoders share: checked log-probabilities, exact scores, alignments, and how a text is put together. */
#ifndef LIPCL_TEXT_CTC_H
#define LIPCL_TEXT_CTC_H

#include <math.h>
#include <stdint.h>

#include <lipcl/text.h>

/* A class index other than the blank, as part of a labelling. */
typedef uint8_t ctc_label;

/* Log-softmax of a clip's logits. */
struct ctc_frames {
    size_t count;
    double *log_probs; /* [count,28], all finite */
};

/* Checks dtype, shape and every value. The caller finishes it; a zeroed or finished one may be finished again. */
enum lipcl_status ctc_frames_init(struct lipcl_context *ctx, struct ctc_frames *frames, const struct lipcl_tensor *logits);
void ctc_frames_finish(struct ctc_frames *frames);

static inline const double *ctc_frame(const struct ctc_frames *frames, size_t t) {
    return frames->log_probs + t * LIPCL_CLASS_COUNT;
}

/* log(exp(a) + exp(b)); -INFINITY is the logarithm of 0. */
static inline double log_add(double a, double b) {
    if (a < b) return log_add(b, a);
    return b == -INFINITY ? a : a + log1p(exp(b - a));
}

/* log P(labels | frames), summed over all alignments; -INFINITY when they do not fit. `row`: 2 count + 1 doubles of scratch. */
double ctc_score(const struct ctc_frames *frames, const ctc_label *labels, size_t count, double *row);

/* The frames in which a label was emitted, both ends included. */
struct ctc_span {
    size_t first, last;
};

/* spans[count] = those of the likeliest single alignment. The labels must fit in the frames. */
enum lipcl_status ctc_align(struct lipcl_context *ctx, struct ctc_span *spans, const struct ctc_frames *frames,
                            const ctc_label *labels, size_t count);

/* A text of the labels' words with single spaces between. */
enum lipcl_status text_create(struct lipcl_context *ctx, struct lipcl_text **text, const ctc_label *labels,
                              const struct ctc_span *spans, size_t count);

#endif
