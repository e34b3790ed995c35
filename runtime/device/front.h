/* front.h: the checked front over what a device can do. Backends (host.c, cl_device.c) fill in a table and hold no
 * validation. Nothing outside cl_*.c sees an OpenCL type. */
#ifndef LIPCL_DEVICE_FRONT_H
#define LIPCL_DEVICE_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/tensor.h>

#include "base/log.h"

/* What lowerings choose by. Everything here was queried; zeros on `host`. */
struct device_caps {
    bool host; /* runs references only: no buffers, no kernels */
    bool cpu;  /* an OpenCL CPU device: wide vectors, a work-item a work-group */
    /* device_gemm() works: asked when it matters, because looking loads CLBlast; NULL: it does not. */
    bool (*has_clblast)(void);
    const char *(*clblast_name)(void); /* "libclblast.so.1.5.3": which one that is; where has_clblast() */
    bool flushes_denormals;
    size_t compute_units;
    size_t max_work_group; /* of the device; a kernel's own limit may be lower */
    size_t max_work_items[3];
    size_t sub_group; /* the fewest work-items that its compiler can be told to run in lockstep: these get the most registers
                         each. 0: it cannot be told */
    size_t local_bytes;
    size_t max_alloc_bytes;
    size_t global_bytes;
};

struct device_buffer;
struct device_kernel;

/* Parameters of CLBlast's kernels: rows (from 1) of the tables of blast.h, and from which third root of m n k on a product is
 * done by Xgemm instead of XgemmDirect. */
struct blast_choice {
    size_t xgemm, direct, min_indirect;
};

/* C [m,n] = A [m,k] B [k,n] + beta C, row-major, leading dimensions and offsets in elements. */
struct device_gemm {
    size_t m, n, k;
    struct device_buffer *a, *b, *c;
    size_t a_offset, a_ld;
    size_t b_offset, b_ld;
    size_t c_offset, c_ld;
    bool b_transposed; /* B is stored as [n,k] */
    float beta;
    struct device_buffer *temporary; /* device_gemm_temporary_bytes() bytes; NULL when that is 0 */
    /* NULL: as CLBlast likes, or as another product of this process on this device has had it. */
    const struct blast_choice *blast;
};

const struct device_caps *device_caps(const struct lipcl_device *device);
struct lipcl_context *device_context(const struct lipcl_device *device);

/* A buffer filled with zeros. LIPCL_ERROR_MEMORY beyond the device's largest allocation or when the driver refuses. */
enum lipcl_status device_buffer_create(struct lipcl_device *device, struct device_buffer **buffer, size_t bytes);
/* A buffer that holds a tensor's elements and is only read from then on. On success the device owns *tensor, which becomes
 * NULL: a CPU device uses its memory as it is. */
enum lipcl_status device_buffer_create_of(struct lipcl_device *device, struct device_buffer **buffer,
                                          struct lipcl_tensor **tensor);
void device_buffer_destroy(struct lipcl_device *device, struct device_buffer **buffer);

/* The same in parts. A reserved buffer has no memory; it is given some of its own (zeros), or that of another buffer, which is
 * at least as large and lives longer. What was enqueued before its memory is dropped is still done. */
enum lipcl_status device_buffer_reserve(struct lipcl_device *device, struct device_buffer **buffer, size_t bytes);
enum lipcl_status device_buffer_allocate(struct lipcl_device *device, struct device_buffer *buffer);
void device_buffer_share(struct device_buffer *buffer, const struct device_buffer *owner);
void device_buffer_drop(struct lipcl_device *device, struct device_buffer *buffer);
bool device_buffer_has_memory(const struct device_buffer *buffer);
size_t device_buffer_bytes(const struct device_buffer *buffer);

/* Copies into the buffer before it returns: whatever happens to the device afterwards, `data` is the caller's again. */
enum lipcl_status device_buffer_write(struct lipcl_device *device, struct device_buffer *buffer, const void *data,
                                      size_t bytes);

/* Waits for everything enqueued before, then copies out. */
enum lipcl_status device_buffer_read(struct lipcl_device *device, void *data, struct device_buffer *buffer, size_t bytes);
/* The same for a part of the buffer. */
enum lipcl_status device_buffer_read_part(struct lipcl_device *device, void *data, struct device_buffer *buffer,
                                          size_t offset_bytes, size_t bytes);

/* Builds cl_kernels/`file` with `options` (once for equal pairs in the life of the device) and takes one kernel of it.
 * A kernel object belongs to one plan: it keeps its arguments. LIPCL_ERROR_BUILD when the compiler refuses it. */
enum lipcl_status device_kernel_create(struct lipcl_device *device, struct device_kernel **kernel, const char *file,
                                       const char *name, const char *options);
/* The largest work-group that the device can run this kernel with: at most its own limit. */
size_t device_kernel_max_work_group(const struct device_kernel *kernel);
void device_kernel_destroy(struct lipcl_device *device, struct device_kernel **kernel);
enum lipcl_status device_kernel_argument(struct lipcl_device *device, struct device_kernel *kernel, size_t index,
                                         struct device_buffer *buffer);

/* Where the kernel's program comes from: 0, compiled here and now; else the digest of a binary that an earlier process
 * compiled, taken from the cache. */
uint64_t device_kernel_binary(const struct device_kernel *kernel);
/* The kernel computes nonsense: if its program came from the cache, true, and from now on it is compiled from source. */
bool device_kernel_distrust(struct lipcl_device *device, struct device_kernel *kernel);
/* Puts the programs that were compiled into the cache, for the processes to come; true when any were. From then on this process
 * takes them from there, too. To be called when their kernels have run: some drivers compile only then. Nothing that goes wrong
 * here is an error. */
bool device_programs_keep(struct lipcl_device *device);

/* Enqueues; returns at once. global is a multiple of local in each of the three dimensions, which begin at `offset` (NULL: at
 * 0). */
enum lipcl_status device_launch(struct lipcl_device *device, struct device_kernel *kernel, const size_t offset[3],
                                const size_t global[3], const size_t local[3]);

enum lipcl_status device_gemm_temporary_bytes(struct lipcl_device *device, size_t *bytes, const struct device_gemm *gemm);
enum lipcl_status device_gemm(struct lipcl_device *device, const struct device_gemm *gemm);

enum lipcl_status device_finish(struct lipcl_device *device);

/* record.c: what went through the queue, for profiles. A device records while it has a recorder. */
enum device_command { DEVICE_LAUNCH, DEVICE_GEMM, DEVICE_WRITE, DEVICE_READ };
enum device_stamp { STAMP_QUEUED, STAMP_SUBMITTED, STAMP_STARTED, STAMP_ENDED, STAMPS };

struct device_record {
    enum device_command command;
    size_t bytes;                        /* of a transfer */
    uint64_t host_start_ns, host_end_ns; /* of the call that enqueued it */
    void *event, *before;                /* the backend's own; `before` ends when the command can begin */
    bool has_stamps;
    uint64_t stamps[STAMPS]; /* as the driver gives them, on its own clock */
};

struct device_recorder {
    size_t count, capacity;
    struct device_record *records;
    bool is_full; /* memory was out: records are missing */
};

/* Asks for a queue that takes times, or says that it is not needed any more; calls are counted. Waits for what is enqueued. */
enum lipcl_status device_profiling(struct lipcl_device *device, bool wanted);
/* Appends every later command to `recorder`; NULL ends it. */
void device_record(struct lipcl_device *device, struct device_recorder *recorder);
/* When the commands are complete: fetches their stamps, if `wanted`, and lets go of the backend's events. */
void device_recorder_collect(struct lipcl_device *device, struct device_recorder *recorder, bool wanted);
void device_recorder_finish(struct device_recorder *recorder);

struct device_kernel_memory {
    size_t work_group, local_bytes, private_bytes;
};
/* As the driver reports it; zeros where it does not. */
struct device_kernel_memory device_kernel_memory(struct lipcl_device *device, const struct device_kernel *kernel);

#endif
