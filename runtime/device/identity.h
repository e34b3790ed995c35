/* identity.h: what tells one device with one driver from another, as text: the part of a cache's keys that they share. */
#ifndef LIPCL_DEVICE_IDENTITY_H
#define LIPCL_DEVICE_IDENTITY_H

#include <lipcl/device.h>

struct device_identity {
    char text[1024]; /* "lipcl ...\ndevice ...\n...": lines, without other control characters */
};

struct device_identity device_identity(const struct lipcl_device_info *info);

#endif
