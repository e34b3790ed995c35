#include "device/identity.h"

#include <ctype.h>
#include <stdio.h>

struct device_identity device_identity(const struct lipcl_device_info *info) {
    struct device_identity identity;
    snprintf(identity.text, sizeof identity.text,
             "lipcl %s\ndevice %s\nvendor %s\nopencl %s\ndriver %s\nplatform %s\nplatform version %s\n", LIPCL_VERSION,
             info->name, info->vendor, info->version, info->driver, info->platform, info->platform_version);
    for (char *c = identity.text; *c; c++)
        if (iscntrl((unsigned char)*c) && *c != '\n') *c = ' ';
    return identity;
}
