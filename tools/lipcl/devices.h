/* devices.h: how devices are called. */
#ifndef LIPCL_TOOLS_DEVICES_H
#define LIPCL_TOOLS_DEVICES_H

#include <lipcl/device.h>

/* What --device takes for exactly this one: "0:1" or "host". The caller frees it. */
char *device_selector(const struct lipcl_device_info *info);

/* "host", "cpu", "gpu", "accelerator". */
const char *device_type_name(enum lipcl_device_type type);

/* "0:1 NVIDIA H100" or "host". The caller frees it. */
char *device_label(const struct lipcl_device_info *info);

#endif
