/* backend.h: the table that a backend fills in. The front (device.c) has checked every argument before it calls. */
#ifndef LIPCL_DEVICE_BACKEND_H
#define LIPCL_DEVICE_BACKEND_H

#include "device/front.h"

struct backend {
    void (*destroy)(struct lipcl_device *device);
    enum lipcl_status (*buffer_create)(struct lipcl_device *device, struct device_buffer *buffer);
    /* Makes buffer->lent's memory the buffer's; NULL: there is no such way. */
    enum lipcl_status (*buffer_lend)(struct lipcl_device *device, struct device_buffer *buffer);
    void (*buffer_destroy)(struct lipcl_device *device, struct device_buffer *buffer);
    enum lipcl_status (*buffer_write)(struct lipcl_device *device, struct device_buffer *buffer, const void *data,
                                      size_t bytes);
    enum lipcl_status (*buffer_read)(struct lipcl_device *device, void *data, struct device_buffer *buffer, size_t offset_bytes,
                                     size_t bytes);
    enum lipcl_status (*kernel_create)(struct lipcl_device *device, struct device_kernel *kernel, const char *file,
                                       const char *options);
    void (*kernel_destroy)(struct lipcl_device *device, struct device_kernel *kernel);
    enum lipcl_status (*kernel_argument)(struct lipcl_device *device, struct device_kernel *kernel, size_t index,
                                         struct device_buffer *buffer);
    bool (*kernel_distrust)(struct lipcl_device *device, struct device_kernel *kernel);
    bool (*programs_keep)(struct lipcl_device *device);
    enum lipcl_status (*launch)(struct lipcl_device *device, struct device_kernel *kernel, const size_t offset[3],
                                const size_t global[3], const size_t local[3]);
    enum lipcl_status (*gemm_temporary_bytes)(struct lipcl_device *device, size_t *bytes, const struct device_gemm *gemm);
    enum lipcl_status (*gemm)(struct lipcl_device *device, const struct device_gemm *gemm);
    enum lipcl_status (*finish)(struct lipcl_device *device);
    /* NULL where commands are over when their call is: */
    enum lipcl_status (*profiling)(struct lipcl_device *device, bool on); /* another queue in the place of this one */
    void (*record_collect)(struct lipcl_device *device, struct device_record *record, bool wanted);
    void (*kernel_memory)(struct lipcl_device *device, const struct device_kernel *kernel, struct device_kernel_memory *memory);
};

struct lipcl_device {
    struct lipcl_context *ctx;
    struct lipcl_device_info info;
    struct device_caps caps;
    const struct backend *backend;
    void *state;                      /* the backend's own */
    bool lost;                        /* set by a backend; nothing is called on the device's context any more */
    size_t profilers;                 /* how many plans want times */
    struct device_recorder *recorder; /* NULL: nothing is recorded */
    struct device_record *record;     /* of the command being enqueued, or NULL; a backend leaves its events there */
};

struct device_buffer {
    size_t bytes;
    void *handle;              /* the backend's own: memory, or a cl_mem; NULL: there is no memory behind it */
    bool shared;               /* the handle is another buffer's */
    struct lipcl_tensor *lent; /* what the memory belongs to, or NULL */
    bool writable;             /* what is lent: kernels may write to it */
};

struct device_kernel {
    char name[64];
    size_t work_group; /* the largest work-group the device can run this kernel with */
    void *handle;      /* the backend's own: a cl_kernel */
    void *program;     /* the backend's own: what handle was made of */
    uint64_t binary;   /* see device_kernel_binary() */
};

/* record.c: around a backend's call that enqueues a command. */
void record_begin(struct lipcl_device *device, enum device_command command, size_t bytes);
void record_end(struct lipcl_device *device);

/* host.c */
void host_device_init(struct lipcl_device *device);

/* cl_device.c: every device of every platform; *problem (of `bytes` characters) says why there are no platforms. */
enum lipcl_status cl_list_devices(struct lipcl_context *ctx, struct lipcl_device_info **devices, size_t *count, char *problem,
                                  size_t bytes);
enum lipcl_status cl_device_init(struct lipcl_context *ctx, struct lipcl_device *device, const struct lipcl_device_info *info);

#endif
