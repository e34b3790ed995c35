/* device.h: OpenCL devices, and `host`, the device that needs none.
 *
 * A device is chosen by a selector, the text that --device and LIPCL_DEVICE take:
 *   "auto"    the first usable GPU, else accelerator, else CPU device; `host` when there is none (said once in the log)
 *   "host"    the plain-C references, no OpenCL at all
 *   "gpu", "cpu"   the first usable device of that type
 *   "P:D"     platform P, device D, as `lipcl devices` numbers them
 *   other     part of a device's or its platform's name, upper and lower case alike
 */
#ifndef LIPCL_DEVICE_H
#define LIPCL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lipcl_device_type { LIPCL_DEVICE_HOST = 0, LIPCL_DEVICE_CPU, LIPCL_DEVICE_GPU, LIPCL_DEVICE_ACCELERATOR };

/* What is known of a device. Sizes in bytes; 0 where a driver did not say. */
struct lipcl_device_info {
    size_t platform_index, device_index;
    enum lipcl_device_type type;
    char platform[128];
    char platform_version[128]; /* CL_PLATFORM_VERSION */
    char name[128];
    char vendor[128];
    char version[128];  /* CL_DEVICE_VERSION */
    char c_version[64]; /* CL_DEVICE_OPENCL_C_VERSION */
    char driver[128];
    uint32_t compute_units;
    uint32_t clock_mhz;
    uint64_t global_bytes;
    uint64_t max_alloc_bytes;
    uint64_t local_bytes;
    bool local_is_dedicated; /* false: emulated in global memory, as on CPUs */
    size_t max_work_group;
    bool fp16;
    bool fp64;
    bool subgroups;
    bool denormals; /* single precision keeps them */
    bool usable;
    char problem[256]; /* why it is not usable */
};

struct lipcl_device_list {
    size_t count;
    struct lipcl_device_info *devices; /* `host` is not among them */
    char problem[256];                 /* why there are no platforms at all (no loader, no ICD, ...), else "" */
};

/* Lists every platform's devices, unusable ones included. Succeeds with count == 0 where there is no OpenCL. */
LIPCL_API enum lipcl_status lipcl_device_list_create(struct lipcl_context *ctx, struct lipcl_device_list **list);
LIPCL_API void lipcl_device_list_destroy(struct lipcl_device_list **list);

struct lipcl_device;

/* Opens the device that `selector` names; NULL means $LIPCL_DEVICE, else "auto". The caller destroys it, after the plans on it.
 * LIPCL_ERROR_NOT_FOUND names what there is instead. A device and its plans belong to one thread at a time. */
LIPCL_API enum lipcl_status lipcl_device_create(struct lipcl_context *ctx, struct lipcl_device **device, const char *selector);
LIPCL_API void lipcl_device_destroy(struct lipcl_device **device);

/* What a device reaches at best: the limits that kernels are held against. */
struct lipcl_device_peaks {
    double fma_gflops; /* single precision, a multiply-add counted as two, all in registers */
    double copy_gbps;  /* bytes read plus bytes written, in 10^9 a second */
};

/* Measures the peaks by two small kernels, best of several launches (about a second on a CPU device, less on a GPU), and takes
 * what lipcl_device_probe() has kept where that is better. LIPCL_ERROR_UNSUPPORTED on `host`. */
LIPCL_API enum lipcl_status lipcl_device_measure(struct lipcl_context *ctx, struct lipcl_device *device,
                                                 struct lipcl_device_peaks *peaks);

/* The same and more. 0 where the device does not have it. */
struct lipcl_device_probe {
    struct lipcl_device_peaks peaks;
    double fma16_gflops;               /* half precision */
    double local_gbps;                 /* reading local memory; where it is emulated, the nearest cache */
    double upload_gbps, download_gbps; /* blocking transfers of 32 MiB */
    double launch_us;                  /* a launch among many in a row */
    double round_trip_us;              /* a launch alone, until the host knows that it is over */
};

/* Measures all of it, in some seconds, and keeps the best of this and earlier probes of the same device, driver and version of
 * lipcl in $XDG_CACHE_HOME/lipcl (or ~/.cache/lipcl), which is what *probe gets. LIPCL_ERROR_UNSUPPORTED on `host`. */
LIPCL_API enum lipcl_status lipcl_device_probe(struct lipcl_context *ctx, struct lipcl_device *device,
                                               struct lipcl_device_probe *probe);

/* Owned by the device. */
LIPCL_API const struct lipcl_device_info *lipcl_device_info(const struct lipcl_device *device);

#ifdef __cplusplus
}
#endif
#endif
