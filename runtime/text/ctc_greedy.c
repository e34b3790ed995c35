#include <stdlib.h>

#include "base/log.h"
#include "text/ctc.h"

static size_t argmax(const float *logits) {
    size_t best = 0;
    for (size_t c = 1; c < LIPCL_CLASS_COUNT; c++)
        if (logits[c] > logits[best]) best = c;
    return best;
}

enum lipcl_status lipcl_ctc_greedy(struct lipcl_context *ctx, struct lipcl_text **text, const struct lipcl_tensor *logits) {
    enum lipcl_status status = LIPCL_OK;
    struct ctc_frames frames = {0};
    ctc_label *labels = NULL;
    struct ctc_span *spans = NULL;
    double *row = NULL;
    *text = NULL;
    TRY(ctc_frames_init(ctx, &frames, logits));
    labels = calloc(frames.count, sizeof *labels);
    spans = calloc(frames.count, sizeof *spans);
    row = calloc(2 * frames.count + 1, sizeof *row);
    if (!labels || !spans || !row) TRY(fail_memory(ctx, (2 * frames.count + 1) * sizeof *row));
    size_t count = 0, previous = LIPCL_CLASS_BLANK;
    for (size_t t = 0; t < frames.count; t++) {
        size_t best = argmax((const float *)logits->data + t * LIPCL_CLASS_COUNT);
        if (best != LIPCL_CLASS_BLANK && best != previous) {
            labels[count] = (ctc_label)best;
            spans[count++].first = t;
        }
        if (best != LIPCL_CLASS_BLANK) spans[count - 1].last = t;
        previous = best;
    }
    TRY(text_create(ctx, text, labels, spans, count));
    (*text)->frame_count = frames.count;
    (*text)->score = ctc_score(&frames, labels, count, row);

fail:
    ctc_frames_finish(&frames);
    free(labels);
    free(spans);
    free(row);
    return status;
}
