/* host.c: the device without OpenCL. It has plain memory and runs no kernels: plans on it consist of references. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/backend.h"

static void host_destroy(struct lipcl_device *device) {
    (void)device;
}

static enum lipcl_status host_buffer_create(struct lipcl_device *device, struct device_buffer *buffer) {
    buffer->handle = calloc(1, buffer->bytes);
    return buffer->handle ? LIPCL_OK : fail_memory(device->ctx, buffer->bytes);
}

static void host_buffer_destroy(struct lipcl_device *device, struct device_buffer *buffer) {
    (void)device;
    free(buffer->handle);
}

static enum lipcl_status host_buffer_write(struct lipcl_device *device, struct device_buffer *buffer, const void *data,
                                           size_t bytes) {
    (void)device;
    memcpy(buffer->handle, data, bytes);
    return LIPCL_OK;
}

static enum lipcl_status host_buffer_read(struct lipcl_device *device, void *data, struct device_buffer *buffer,
                                          size_t offset_bytes, size_t bytes) {
    (void)device;
    memcpy(data, (const char *)buffer->handle + offset_bytes, bytes);
    return LIPCL_OK;
}

static enum lipcl_status host_kernel_create(struct lipcl_device *device, struct device_kernel *kernel, const char *file,
                                            const char *options) {
    (void)options;
    return fail(device->ctx, LIPCL_ERROR_UNSUPPORTED, "host runs no kernels (%s of %s)", kernel->name, file);
}

static enum lipcl_status host_finish(struct lipcl_device *device) {
    (void)device;
    return LIPCL_OK;
}

/* Kernels cannot be created, so what would take one is never reached. */
static const struct backend host_backend = {
    .destroy = host_destroy,
    .buffer_create = host_buffer_create,
    .buffer_destroy = host_buffer_destroy,
    .buffer_write = host_buffer_write,
    .buffer_read = host_buffer_read,
    .kernel_create = host_kernel_create,
    .finish = host_finish,
};

void host_device_init(struct lipcl_device *device) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    device->backend = &host_backend;
    device->caps = (struct device_caps){.host = true};
    device->info = (struct lipcl_device_info){
        .type = LIPCL_DEVICE_HOST,
        .name = "host",
        .platform = "plain C",
        .compute_units = processors > 0 ? (uint32_t)processors : 1,
        .fp64 = true,
        .denormals = true,
        .usable = true,
    };
    snprintf(device->info.driver, sizeof device->info.driver, "lipcl %s reference", LIPCL_VERSION);
}
