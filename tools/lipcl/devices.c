#include "devices.h"

#include <stdlib.h>

#include "messages.h"

char *device_selector(const struct lipcl_device_info *info) {
    if (info->type == LIPCL_DEVICE_HOST) return format_text("host");
    return format_text("%zu:%zu", info->platform_index, info->device_index);
}

const char *device_type_name(enum lipcl_device_type type) {
    switch (type) {
    case LIPCL_DEVICE_HOST: return "host";
    case LIPCL_DEVICE_CPU: return "cpu";
    case LIPCL_DEVICE_GPU: return "gpu";
    case LIPCL_DEVICE_ACCELERATOR: return "accelerator";
    }
    return "?";
}

char *device_label(const struct lipcl_device_info *info) {
    if (info->type == LIPCL_DEVICE_HOST) return format_text("host");
    return format_text("%zu:%zu %s", info->platform_index, info->device_index, info->name);
}
