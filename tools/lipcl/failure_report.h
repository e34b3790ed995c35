/* failure_report.h: a layer that is wrong, as files that can be sent with a bug report. */
#ifndef LIPCL_TOOLS_FAILURE_REPORT_H
#define LIPCL_TOOLS_FAILURE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/device.h>
#include <lipcl/verify.h>

struct failure {
    struct lipcl_context *ctx;
    struct lipcl_plan *plan; /* whose layer's tensors are those of the failure */
    size_t layer;
    const struct lipcl_layer_check *check;
    const struct lipcl_device_info *device;
    const char *mode, *model, *clip;
};

/* Whether the report could be put there: nothing is at `folder`, or an empty folder. False after a message. */
bool failure_folder_is_free(const char *folder);

/* Makes `folder`, with the layer's inputs, parameters and outputs, the device's and the reference's, as npy files, and with
 * report.json. All of it appears at once or not at all. False after a message. */
bool failure_report_save(const char *folder, const struct failure *failure);

#endif
