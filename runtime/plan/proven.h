/* proven.h: which builds of which kernels have passed their self-test, on one device with one driver; kept in the cache.
 *
 * The file is text: what it holds for (version, device, driver, platform), a line a build, and a digest of all that.
 */
#ifndef LIPCL_PLAN_PROVEN_H
#define LIPCL_PLAN_PROVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>

struct proven {
    char header[1100]; /* whom it is about */
    char name[64];     /* the file's */
    size_t count, capacity;
    struct proven_entry {
        uint64_t key;
        char lowering[40];
    } * entries;
    bool changed;
};

/* What is known of the device; nothing where there is no file, or none to be trusted. */
void proven_load(struct proven *proven, const struct lipcl_device_info *info);
bool proven_has(const struct proven *proven, uint64_t key);
void proven_add(struct proven *proven, uint64_t key, const char *lowering);
/* Writes what was added, beside what others have added since. */
void proven_save(struct proven *proven);
void proven_finish(struct proven *proven);

#endif
