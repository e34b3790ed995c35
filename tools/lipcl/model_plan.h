/* model_plan.h: what a plan takes, as `lipcl model info --plan` shows it. */
#ifndef LIPCL_TOOLS_MODEL_PLAN_H
#define LIPCL_TOOLS_MODEL_PLAN_H

#include <jansson.h>

#include <lipcl/plan.h>
#include <lipcl/tensor.h>

/* Plans LipNet for the device that `options` name and prints its buffers, or adds them to `document` where that is not NULL.
 * False after a message. */
bool model_plan_show(struct lipcl_context *ctx, const struct lipcl_tensor_set *weights, size_t batch, size_t frames,
                     json_t *document);

#endif
