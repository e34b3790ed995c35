/* verification.h: what one device computes, against the references: layer by layer, and as a whole. */
#ifndef LIPCL_TOOLS_VERIFICATION_H
#define LIPCL_TOOLS_VERIFICATION_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <lipcl/verify.h>

#include "reading.h"

/* How far a device's logits may be from those of `host`: what LipNet's accuracy is specified as. */
#define LOGIT_BOUND 1e-4

enum verification_mode {
    MODE_ISOLATED = 1,   /* each layer alone, fed what the reference has there */
    MODE_CUMULATIVE = 2, /* the run as it was: drift, logits, text */
    MODE_BOTH = MODE_ISOLATED | MODE_CUMULATIVE,
};

struct verified_layer {
    char *name, *operators, *lowering;
    struct lipcl_shape shape;
    bool tuned;                     /* by a record of `lipcl tune` */
    bool on_host;                   /* it ran as its reference: nothing is proven of the device */
    struct lipcl_layer_check check; /* with MODE_ISOLATED */
    struct lipcl_layer_drift drift; /* with MODE_CUMULATIVE */
};

enum verdict {
    VERDICT_OK = 0,
    VERDICT_UNPROVEN, /* a layer's reference is the same number everywhere, which anything could have written */
    VERDICT_FAILED,   /* the device could not do it; `error` says why */
    VERDICT_MISMATCH,
};

/* What the device's logits say against those of the run on `host`. */
struct logit_comparison {
    double max_error;
    size_t frames;
    size_t ambiguous; /* frames whose best class is so close to the second that errors within the bound can swap them */
    size_t different; /* other frames whose best class is not the same: there must be none */
    bool texts_agree;
    bool texts_ok; /* they agree wherever no frame of the text is ambiguous */
};

struct verification {
    struct lipcl_device_info device;
    struct clip clip; /* the run on the device; `texts` is NULL where its logits could not be decoded */
    size_t layer_count;
    struct verified_layer *layers;
    size_t violations;  /* layers that break the release bound */
    size_t on_host;     /* layers that ran as their references */
    double worst_share; /* of the release bound, with its layer's name */
    const char *worst_layer;
    const char *first_mismatch; /* the first layer that computed something else than it should; NULL: none */
    struct logit_comparison logits;
    enum verdict verdict;
    char *error;
    bool saved; /* the failure is in the folder asked for */
};

/* What every device is held against. */
struct verification_base {
    struct reading *reading; /* its reader is opened anew for each device */
    struct reading *host;    /* has run; planned without fusion */
    const struct clip *clip; /* that run, decoded with MODE_CUMULATIVE */
    const char *clip_path;
    enum verification_mode mode;
    const char *prefix;      /* of the messages: "" or "0:1: " */
    const char *save_folder; /* NULL: failures are not saved */
};

/* Verifies the device that `selector` names, with an error message for each violation. To be finished in any case. */
void verification_run(struct verification *verification, const struct verification_base *base, const char *selector);
void verification_finish(struct verification *verification);

/* "ok", "mismatch", "unproven", "failed". */
const char *verdict_name(enum verdict verdict);

/* As an object of `lipcl verify --json`; README.md lists its keys. `host` is the run on host. */
json_t *verification_document(const struct verification *verification, const struct clip *host, enum verification_mode mode);

#endif
