/* devices.h: how devices are called. */
#ifndef LIPCL_TOOLS_DEVICES_H
#define LIPCL_TOOLS_DEVICES_H

#include <stdbool.h>
#include <stddef.h>

#include <lipcl/device.h>

/* What --device takes for exactly this one: "0:1" or "host". The caller frees it. */
char *device_selector(const struct lipcl_device_info *info);

/* "host", "cpu", "gpu", "accelerator". */
const char *device_type_name(enum lipcl_device_type type);

/* "0:1 NVIDIA H100" or "host". The caller frees it. */
char *device_label(const struct lipcl_device_info *info);

/* Several devices, by selectors of one each. */
struct device_selection {
    size_t count;
    char **selectors; /* an entry may be NULL: $LIPCL_DEVICE, else auto */
};

/* Takes a comma list of selectors, in which "all" stands for every usable OpenCL device, or NULL. False after a message. */
bool device_selection_init(struct device_selection *selection, struct lipcl_context *ctx, const char *text);
void device_selection_finish(struct device_selection *selection);

#endif
