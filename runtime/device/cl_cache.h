/* cl_cache.h: programs as the driver compiled them, kept in the user's cache for the processes to come.
 *
 * An entry belongs to everything that its binary depends on: lipcl's version, device, vendor, OpenCL, driver and platform with
 * their versions, kernel file, options, and the source with its includes. That text stands in the file, in front of the binary,
 * and all of it is compared; a digest of both says whether the file is whole. Whatever does not fit is a miss.
 */
#ifndef LIPCL_DEVICE_CL_CACHE_H
#define LIPCL_DEVICE_CL_CACHE_H

#include "device/cl_api.h"

struct cl_cache_key {
    char *text; /* what the entry belongs to */
    char name[48];
};

/* False: no memory. `options` are all there are. */
bool cl_cache_key_init(struct cl_cache_key *key, const struct lipcl_device_info *info, const char *file, const char *options,
                       const char *source);
void cl_cache_key_finish(struct cl_cache_key *key);

/* The program of that key, built and ready, and its binary's digest; NULL: it has to be compiled, or the device is lost. */
cl_program cl_cache_load(struct lipcl_device *device, const struct cl_cache_key *key, uint64_t *digest);

/* True when it is there now. */
bool cl_cache_save(struct lipcl_device *device, const struct cl_cache_key *key, cl_program program);

/* For an entry that has turned out bad. */
void cl_cache_remove(const struct cl_cache_key *key);

#endif
