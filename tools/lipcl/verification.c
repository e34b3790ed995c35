#include "verification.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "document.h"
#include "failure_report.h"
#include "layer_checks.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

const char *verdict_name(enum verdict verdict) {
    switch (verdict) {
    case VERDICT_OK: return "ok";
    case VERDICT_UNPROVEN: return "unproven";
    case VERDICT_FAILED: return "failed";
    case VERDICT_MISMATCH: return "mismatch";
    }
    return "?";
}

static size_t best_class(const float *logits, size_t classes) {
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Frames of one clip of the batch, and its text. */
static bool compare_text(struct reading *reading, struct logit_comparison *c, const struct clip *device,
                         const struct clip *host, size_t n) {
    struct lipcl_tensor ours = clip_logits(device->logits, n), theirs = clip_logits(host->logits, n);
    size_t frames = ours.shape.dims[0], classes = ours.shape.dims[1], ambiguous = 0;
    float *margins = allocate(frames, sizeof *margins);
    bool ok = lipcl_ctc_margins(reading->ctx, margins, &theirs) == LIPCL_OK;
    for (size_t t = 0; ok && t < frames; t++) {
        const float *got = (const float *)ours.data + t * classes, *wanted = (const float *)theirs.data + t * classes;
        if ((double)margins[t] < 2 * LOGIT_BOUND)
            ambiguous++;
        else if (best_class(got, classes) != best_class(wanted, classes))
            c->different++;
    }
    c->frames += frames;
    c->ambiguous += ambiguous;
    bool agree = device->texts && strcmp(device->texts[n]->chars, host->texts[n]->chars) == 0;
    c->texts_agree = c->texts_agree && agree;
    c->texts_ok = c->texts_ok && (agree || ambiguous > 0);
    free(margins);
    return ok;
}

static bool compare_logits(struct reading *reading, struct logit_comparison *c, const struct clip *device,
                           const struct clip *host) {
    const float *got = device->logits->data, *wanted = host->logits->data;
    *c = (struct logit_comparison){.texts_agree = true, .texts_ok = true};
    for (size_t i = 0; i < lipcl_tensor_count(host->logits); i++) {
        double error = fabs((double)got[i] - (double)wanted[i]);
        if (!(error <= c->max_error)) c->max_error = isnan(error) ? INFINITY : error;
    }
    for (size_t n = 0; n < host->batch; n++)
        if (!compare_text(reading, c, device, host, n)) return false;
    return true;
}

static bool logits_ok(const struct logit_comparison *c) {
    return c->max_error <= LOGIT_BOUND && c->different == 0 && c->texts_ok;
}

/* Layer `index` computed something else than it should: the first such is saved while its tensors are still there. */
static bool note_mismatch(struct verification *v, const struct verification_base *base, size_t index, const char *mode,
                          const struct lipcl_layer_check *check) {
    const struct verified_layer *layer = &v->layers[index];
    complain("%slayer %s (%s): %s", base->prefix, layer->name, layer->lowering, check->reason);
    if (v->first_mismatch) return true;
    v->first_mismatch = layer->name;
    if (!base->save_folder) return true;
    v->saved = failure_report_save(base->save_folder, &(struct failure){
                                                          .ctx = base->reading->ctx,
                                                          .plan = lipcl_lipnet_reader_plan(base->reading->reader),
                                                          .layer = index,
                                                          .check = check,
                                                          .device = &v->device,
                                                          .mode = mode,
                                                          .model = base->reading->model,
                                                          .clip = base->clip_path,
                                                      });
    return v->saved;
}

static bool verify_layer(struct verification *v, const struct verification_base *base, struct lipcl_plan *plan, size_t index) {
    struct verified_layer *layer = &v->layers[index];
    struct lipcl_layer_info info;
    bool isolated = base->mode & MODE_ISOLATED, cumulative = base->mode & MODE_CUMULATIVE;
    if (lipcl_plan_layer_info(base->reading->ctx, plan, index, &info) != LIPCL_OK) return false;
    layer->name = format_text("%s", info.name);
    layer->operators = format_text("%s", info.op);
    layer->lowering = format_text("%s", info.lowering);
    layer->tuned = info.tuning != NULL;
    layer->shape = info.shape;
    layer->on_host = strcmp(info.lowering, "reference") == 0;
    v->on_host += layer->on_host;
    progress_step(NULL, index, v->layer_count, info.name);
    if (lipcl_plan_verify_layer(base->reading->ctx, plan, index, lipcl_lipnet_reader_plan(base->host->reader),
                                isolated ? &layer->check : NULL, cumulative ? &layer->drift : NULL) != LIPCL_OK)
        return false;
    if (!isolated) return true;
    if (!v->worst_layer || !(layer->check.bound_share <= v->worst_share)) {
        v->worst_share = layer->check.bound_share;
        v->worst_layer = layer->name;
    }
    if (layer->check.ok) return true;
    if (layer->check.bound_share <= 1) { /* right, as far as that says anything */
        complain("%slayer %s (%s): %s", base->prefix, layer->name, layer->lowering, layer->check.reason);
        v->verdict = VERDICT_UNPROVEN;
        return true;
    }
    v->violations++;
    return note_mismatch(v, base, index, "isolated", &layer->check);
}

/* The run is wrong and no layer is to blame on its own, or none was asked: finds the first that made something else of the
 * device's own input than it should have. */
static bool find_culprit(struct verification *v, const struct verification_base *base, struct lipcl_plan *plan) {
    struct lipcl_context *ctx = base->reading->ctx;
    struct lipcl_tensor *logits = NULL;
    /* The isolated layers have overwritten the run's values. */
    if (base->mode & MODE_ISOLATED) {
        enum lipcl_status status = lipcl_lipnet_reader_run(ctx, base->reading->reader, &logits, v->clip.frames);
        lipcl_tensor_destroy(&logits);
        if (status != LIPCL_OK) return false;
    }
    for (size_t i = 0; i < v->layer_count; i++) {
        struct lipcl_layer_check check;
        progress_step(NULL, i, v->layer_count, v->layers[i].name);
        if (lipcl_plan_check_layer(ctx, plan, i, &check) != LIPCL_OK) return false;
        if (check.bound_share <= 1) continue;
        return note_mismatch(v, base, i, "cumulative", &check);
    }
    complain("%severy layer is right about what it was given: the fault is between them, or errors add up", base->prefix);
    return true;
}

static bool judge_logits(struct verification *v, const struct verification_base *base, struct lipcl_plan *plan) {
    struct logit_comparison *c = &v->logits;
    clip_decode(base->reading, &v->clip); /* says why, where the logits are not finite */
    if (!compare_logits(base->reading, c, &v->clip, base->clip)) return false;
    if (logits_ok(c)) return true;
    v->verdict = VERDICT_MISMATCH;
    if (!(c->max_error <= LOGIT_BOUND))
        complain("%slogits: the device's differ from those of host by up to %.3g, above %.0e", base->prefix, c->max_error,
                 LOGIT_BOUND);
    if (c->different)
        complain("%slogits: %zu frames that are not ambiguous read another character", base->prefix, c->different);
    if (!c->texts_ok) complain("%stext: the device reads another one than host, and no frame is ambiguous", base->prefix);
    return v->first_mismatch || find_culprit(v, base, plan);
}

static bool run_device(struct verification *v, const struct verification_base *base, const char *selector) {
    struct reading *reading = base->reading;
    const struct lipcl_tensor *frames = base->clip->frames;
    /* Without the self-test, which would refuse the very kernels that are to be judged here. */
    struct lipcl_plan_params params = options_plan();
    params.no_self_test = true;
    params.keep_values = true;
    if (!reading_open(reading, selector, &params)) return false;
    v->device = *lipcl_lipnet_reader_device(reading->reader);
    v->clip.info = base->clip->info;
    if (lipcl_tensor_create(reading->ctx, &v->clip.frames, LIPCL_F32, &frames->shape) != LIPCL_OK) return false;
    memcpy(v->clip.frames->data, frames->data, lipcl_tensor_bytes(frames));
    if (!clip_run(reading, &v->clip)) return false;
    v->device = *lipcl_lipnet_reader_device(reading->reader); /* "auto" may have moved on */
    return true;
}

static bool verify(struct verification *v, const struct verification_base *base, const char *selector) {
    if (!run_device(v, base, selector)) return false;
    struct lipcl_plan *plan = lipcl_lipnet_reader_plan(base->reading->reader);
    size_t count = lipcl_plan_layer_count(plan);
    v->layers = allocate(count, sizeof *v->layers);
    for (v->layer_count = count; count > 0; count--)
        if (!verify_layer(v, base, plan, v->layer_count - count)) return false;
    progress_step(NULL, v->layer_count, v->layer_count, "");
    if ((base->mode & MODE_CUMULATIVE) && !judge_logits(v, base, plan)) return false;
    return true;
}

void verification_run(struct verification *v, const struct verification_base *base, const char *selector) {
    *v = (struct verification){0};
    bool done = verify(v, base, selector);
    if (!done) v->error = format_text("%s", latest_error());
    if (v->violations || v->first_mismatch) v->verdict = VERDICT_MISMATCH;
    if (!done && v->verdict != VERDICT_MISMATCH) v->verdict = VERDICT_FAILED;
}

void verification_finish(struct verification *v) {
    for (size_t i = 0; i < v->layer_count; i++) {
        free(v->layers[i].name);
        free(v->layers[i].operators);
        free(v->layers[i].lowering);
    }
    free(v->layers);
    free(v->error);
    clip_finish(&v->clip);
    *v = (struct verification){0};
}

static json_t *layer_object(const struct verified_layer *layer, enum verification_mode mode) {
    json_t *object = document_object();
    document_set(object, "layer", document_text(layer->name));
    document_set(object, "operators", document_text(layer->operators));
    document_set(object, "lowering", document_text(layer->lowering));
    document_set(object, "tuned", json_boolean(layer->tuned));
    document_set(object, "shape", document_shape(&layer->shape));
    if (mode & MODE_ISOLATED) layer_check_fill(object, &layer->check);
    if (mode & MODE_CUMULATIVE) {
        document_set(object, "drift_max_error", document_number(layer->drift.max_error));
        document_set(object, "drift_rho", document_number(layer->drift.rho));
    }
    return object;
}

static void fill_logits(json_t *object, const struct verification *v, const struct clip *host) {
    json_t *texts = document_array();
    for (size_t n = 0; n < host->batch; n++) {
        json_t *text = document_object();
        document_set(text, "device", document_text(v->clip.texts ? v->clip.texts[n]->chars : NULL));
        document_set(text, "host", document_text(host->texts[n]->chars));
        document_append(texts, text);
    }
    document_set(object, "logits_max_error", document_number(v->logits.max_error));
    document_set(object, "logits_bound", document_number(LOGIT_BOUND));
    document_set(object, "frames", document_count(v->logits.frames));
    document_set(object, "ambiguous_frames", document_count(v->logits.ambiguous));
    document_set(object, "different_frames", document_count(v->logits.different));
    document_set(object, "texts", texts);
    document_set(object, "texts_agree", json_boolean(v->logits.texts_agree));
}

json_t *verification_document(const struct verification *v, const struct clip *host, enum verification_mode mode) {
    json_t *object = document_object(), *layers = document_array();
    document_set(object, "device", *v->device.name ? document_device(&v->device) : json_null());
    document_set(object, "milliseconds", v->clip.logits ? document_number(v->clip.milliseconds) : json_null());
    for (size_t i = 0; i < v->layer_count; i++)
        if (v->layers[i].name) document_append(layers, layer_object(&v->layers[i], mode));
    document_set(object, "layers", layers);
    document_set(object, "layers_on_host", document_count(v->on_host));
    document_set(object, "trivial", json_boolean(v->layer_count && v->on_host == v->layer_count));
    if (mode & MODE_ISOLATED) {
        document_set(object, "layer_violations", document_count(v->violations));
        document_set(object, "worst_bound_share", document_number(v->worst_share));
    }
    document_set(object, "first_mismatch", document_text(v->first_mismatch));
    if (v->logits.frames) fill_logits(object, v, host);
    document_set(object, "verdict", document_text(verdict_name(v->verdict)));
    document_set(object, "ok", json_boolean(v->verdict == VERDICT_OK));
    if (v->error) document_set(object, "error", document_text(v->error));
    return object;
}
