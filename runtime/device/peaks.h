/* peaks.h: measuring, without the cache. Not for `host`. */
#ifndef LIPCL_DEVICE_PEAKS_H
#define LIPCL_DEVICE_PEAKS_H

#include "device/front.h"

enum lipcl_status peaks_measure(struct lipcl_device *device, struct lipcl_device_peaks *peaks);
enum lipcl_status probe_measure(struct lipcl_device *device, struct lipcl_device_probe *probe);

#endif
