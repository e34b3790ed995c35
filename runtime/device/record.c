/* record.c: the front of profiling, which is a list of the commands that went through a device's queue. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "device/backend.h"

enum lipcl_status device_profiling(struct lipcl_device *device, bool wanted) {
    if (!wanted) device->profilers--;
    if (device->profilers == 0 && device->backend->profiling && !device->lost) {
        enum lipcl_status status = device->backend->profiling(device, wanted);
        if (status != LIPCL_OK) return status;
    }
    if (wanted) device->profilers++;
    return LIPCL_OK;
}

void device_record(struct lipcl_device *device, struct device_recorder *recorder) {
    device->recorder = recorder;
}

void record_begin(struct lipcl_device *device, enum device_command command, size_t bytes) {
    struct device_recorder *recorder = device->recorder;
    if (!recorder) return;
    if (recorder->count == recorder->capacity) {
        size_t capacity = size_max(64, 2 * recorder->capacity);
        struct device_record *grown = realloc(recorder->records, capacity * sizeof *grown);
        if (!grown) recorder->is_full = true;
        if (!grown) return;
        recorder->records = grown;
        recorder->capacity = capacity;
    }
    device->record = &recorder->records[recorder->count++];
    *device->record = (struct device_record){.command = command, .bytes = bytes, .host_start_ns = time_ns()};
}

void record_end(struct lipcl_device *device) {
    if (device->record) device->record->host_end_ns = time_ns();
    device->record = NULL;
}

void device_recorder_collect(struct lipcl_device *device, struct device_recorder *recorder, bool wanted) {
    for (size_t i = 0; i < recorder->count; i++) {
        struct device_record *record = &recorder->records[i];
        if (device->backend->record_collect) {
            device->backend->record_collect(device, record, wanted);
            continue;
        }
        record->has_stamps = true;
        for (size_t stamp = 0; stamp < STAMPS; stamp++)
            record->stamps[stamp] = stamp == STAMP_ENDED ? record->host_end_ns : record->host_start_ns;
    }
}

void device_recorder_finish(struct device_recorder *recorder) {
    free(recorder->records);
    *recorder = (struct device_recorder){0};
}

struct device_kernel_memory device_kernel_memory(struct lipcl_device *device, const struct device_kernel *kernel) {
    struct device_kernel_memory memory = {.work_group = kernel->work_group};
    if (device->backend->kernel_memory && !device->lost) device->backend->kernel_memory(device, kernel, &memory);
    return memory;
}
