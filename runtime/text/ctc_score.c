#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/shape.h"
#include "text/ctc.h"

static enum lipcl_status check_logits(struct lipcl_context *ctx, const struct lipcl_tensor *logits) {
    const struct lipcl_shape *shape = &logits->shape;
    if (logits->dtype != LIPCL_F32)
        return fail(ctx, LIPCL_ERROR_SHAPE, "ctc: logits are %s, f32 is wanted", lipcl_dtype_name(logits->dtype));
    if (shape->rank != 2 || shape->dims[0] == 0 || shape->dims[1] != LIPCL_CLASS_COUNT)
        return fail(ctx, LIPCL_ERROR_SHAPE, "ctc: logits are %s, [T,%d] with T >= 1 is wanted", shape_text(shape).chars,
                    LIPCL_CLASS_COUNT);
    const float *values = logits->data;
    for (size_t i = 0; i < shape->dims[0] * LIPCL_CLASS_COUNT; i++)
        if (!isfinite(values[i]))
            return fail(ctx, LIPCL_ERROR_ARGUMENT, "ctc: frame %zu: the logit of class %zu ('%c') is %g, not a finite number",
                        i / LIPCL_CLASS_COUNT, i % LIPCL_CLASS_COUNT, lipcl_alphabet_char(i % LIPCL_CLASS_COUNT),
                        (double)values[i]);
    return LIPCL_OK;
}

enum lipcl_status ctc_frames_init(struct lipcl_context *ctx, struct ctc_frames *frames, const struct lipcl_tensor *logits) {
    enum lipcl_status status = LIPCL_OK;
    *frames = (struct ctc_frames){0};
    TRY(check_logits(ctx, logits));
    size_t count = logits->shape.dims[0];
    frames->log_probs = calloc(count, LIPCL_CLASS_COUNT * sizeof *frames->log_probs);
    if (!frames->log_probs) TRY(fail_memory(ctx, count * LIPCL_CLASS_COUNT * sizeof *frames->log_probs));
    frames->count = count;
    for (size_t t = 0; t < count; t++) {
        const float *x = (const float *)logits->data + t * LIPCL_CLASS_COUNT;
        double *y = frames->log_probs + t * LIPCL_CLASS_COUNT;
        double largest = x[0], sum = 0;
        for (size_t c = 1; c < LIPCL_CLASS_COUNT; c++) largest = fmax(largest, x[c]);
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++) sum += exp(x[c] - largest);
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++) y[c] = x[c] - largest - log(sum);
    }

fail:
    return status;
}

void ctc_frames_finish(struct ctc_frames *frames) {
    free(frames->log_probs);
    *frames = (struct ctc_frames){0};
}

/* An alignment walks through 2 count + 1 states: state 2i is the blank in front of label i (the last: behind all), 2i + 1 the
 * label itself. From a state it stays, goes on to the next, or jumps over a blank between two different labels. */
static size_t state_class(const ctc_label *labels, size_t s) {
    return s % 2 ? labels[s / 2] : LIPCL_CLASS_BLANK;
}
static bool may_skip_blank(const ctc_label *labels, size_t s) {
    return s % 2 && s >= 3 && labels[s / 2] != labels[s / 2 - 1];
}

double ctc_score(const struct ctc_frames *frames, const ctc_label *labels, size_t count, double *row) {
    size_t states = 2 * count + 1;
    for (size_t s = 0; s < states; s++) row[s] = -INFINITY;
    row[0] = 0; /* in front of the first frame */
    for (size_t t = 0; t < frames->count; t++) {
        const double *log_prob = ctc_frame(frames, t);
        for (size_t s = states; s-- > 0;) { /* downwards: row[s - 1] and row[s - 2] are still the previous frame's */
            double sum = row[s];
            if (s >= 1) sum = log_add(sum, row[s - 1]);
            if (may_skip_blank(labels, s)) sum = log_add(sum, row[s - 2]);
            row[s] = sum + log_prob[state_class(labels, s)];
        }
    }
    return count ? log_add(row[states - 1], row[states - 2]) : row[0];
}

enum lipcl_status ctc_align(struct lipcl_context *ctx, struct ctc_span *spans, const struct ctc_frames *frames,
                            const ctc_label *labels, size_t count) {
    enum lipcl_status status = LIPCL_OK;
    size_t states = 2 * count + 1, cells = 0;
    uint8_t *steps = NULL; /* [T,states]: by how many states the best way into this one moved */
    double *row = calloc(states, sizeof *row);
    if (!row) TRY(fail_memory(ctx, states * sizeof *row));
    if (size_multiply(&cells, frames->count, states)) steps = calloc(cells, 1);
    if (!steps) TRY(fail_memory(ctx, cells));
    for (size_t s = 1; s < states; s++) row[s] = -INFINITY;
    for (size_t t = 0; t < frames->count; t++) {
        const double *log_prob = ctc_frame(frames, t);
        for (size_t s = states; s-- > 0;) {
            uint8_t step = 0;
            if (s >= 1 && row[s - 1] > row[s]) step = 1;
            if (may_skip_blank(labels, s) && row[s - 2] > row[s - step]) step = 2;
            row[s] = row[s - step] + log_prob[state_class(labels, s)];
            steps[t * states + s] = step;
        }
    }
    size_t s = states - 1;
    if (count && row[s - 1] > row[s]) s--;
    for (size_t i = 0; i < count; i++) spans[i] = (struct ctc_span){SIZE_MAX, 0};
    for (size_t t = frames->count; t-- > 0;) {
        if (s % 2) {
            spans[s / 2].first = t;
            spans[s / 2].last = size_max(spans[s / 2].last, t);
        }
        s -= steps[t * states + s];
    }

fail:
    free(row);
    free(steps);
    return status;
}

enum lipcl_status lipcl_ctc_score(struct lipcl_context *ctx, double *score, const struct lipcl_tensor *logits,
                                  const char *text) {
    enum lipcl_status status = LIPCL_OK;
    struct ctc_frames frames = {0};
    size_t count = strlen(text);
    ctc_label *labels = calloc(count + 1, sizeof *labels);
    double *row = calloc(2 * count + 1, sizeof *row);
    if (!labels || !row) TRY(fail_memory(ctx, (2 * count + 1) * sizeof *row));
    for (size_t i = 0; i < count; i++) {
        labels[i] = (ctc_label)lipcl_alphabet_class(text[i]);
        if (labels[i] == LIPCL_CLASS_BLANK)
            TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "ctc: byte %zu of the text is 0x%02x, which the alphabet (A-Z and space) lacks",
                     i, (unsigned)(unsigned char)text[i]));
    }
    TRY(ctc_frames_init(ctx, &frames, logits));
    *score = ctc_score(&frames, labels, count, row);

fail:
    ctc_frames_finish(&frames);
    free(labels);
    free(row);
    return status;
}

enum lipcl_status lipcl_ctc_margins(struct lipcl_context *ctx, float *margins, const struct lipcl_tensor *logits) {
    enum lipcl_status status = check_logits(ctx, logits);
    if (status != LIPCL_OK) return status;
    for (size_t t = 0; t < logits->shape.dims[0]; t++) {
        const float *x = (const float *)logits->data + t * LIPCL_CLASS_COUNT;
        float first = -INFINITY, second = -INFINITY;
        for (size_t c = 0; c < LIPCL_CLASS_COUNT; c++) {
            second = fmaxf(second, fminf(first, x[c]));
            first = fmaxf(first, x[c]);
        }
        margins[t] = first - second;
    }
    return LIPCL_OK;
}
