/* profile.h: what the runs of a plan do, event by event: every launch, every transfer, every stage on the host.
 *
 * Profiling is switched on and off between runs. Off, nothing is created or asked for: the queue has no profiling flag and
 * commands have no events. On, each command gets an event, which is read when the run is over and never waited for within it.
 *
 * All times are nanoseconds of one clock, the host's CLOCK_MONOTONIC. A driver's clock has an origin of its own (OpenCL 1.2
 * cannot relate them), so it is fitted in each run: a command is queued while the host is in the call that enqueues it,
 * and a blocking read has ended before it returns. lipcl_profile_event.clock_error_ns tells how far these leave it open.
 */
#ifndef LIPCL_PROFILE_H
#define LIPCL_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include <lipcl/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lipcl_profile_kind {
    LIPCL_PROFILE_KERNEL,    /* a launch, or a matrix product by CLBlast, which may be several */
    LIPCL_PROFILE_WRITE,     /* a transfer to the device */
    LIPCL_PROFILE_READ,      /* a transfer from the device */
    LIPCL_PROFILE_REFERENCE, /* a layer computed by its reference on the host, its transfers included */
    LIPCL_PROFILE_STAGE,     /* on the host: "upload" (inputs are copied), "run" (launches are enqueued, references computed),
                                "wait" (until the device has the first output) and "download"; they cover the run */
    LIPCL_PROFILE_RUN,       /* the whole run, its last event */
};

enum { LIPCL_PROFILE_NO_LAYER = -1 };

/* One event. Strings are owned by the plan, except that `problem` is static. Everything is 0 or NULL where it says nothing. */
struct lipcl_profile_event {
    enum lipcl_profile_kind kind;
    size_t run;       /* 0 is the first since profiling was switched on */
    const char *name; /* of the kernel ("clblast_gemm": CLBlast), the input or output, the layer, the stage */

    int layer;              /* as lipcl_plan_layer_info() counts them, or LIPCL_PROFILE_NO_LAYER */
    int launch;             /* of a kernel: which of its layer's launches */
    const char *layer_name; /* NULL for copies to row-major order in front of a download */
    const char *lowering;
    const char *file;    /* in cl_kernels/ */
    const char *options; /* -D options, all of them ... */
    const char *tuning;  /* ... and those that the lowering could have chosen otherwise: "VEC=16 ROWS=6" */
    size_t global[3], local[3];

    uint64_t host_start_ns, host_end_ns; /* the host: in the call that enqueued it, or at work on the stage */
    /* Of kernels and transfers as the driver told them; of what the host does, its own start and end. */
    uint64_t queued_ns, submitted_ns, started_ns, ended_ns;
    const char *problem;     /* NULL: these four are good; else why they are not to be used, and they are 0 */
    uint64_t clock_error_ns; /* how far the device's clock may be off the host's; differences between stamps do not have it */

    double flops;        /* arithmetic that the launch really does, a multiply-add counted as two; 0: not known */
    double useful_flops; /* of the whole layer by its definition, however many launches it takes */
    double bytes;        /* of a transfer; of a kernel, its arguments once each; of a reference, as its layer's */

    size_t work_group;    /* largest that the device can run this kernel with */
    size_t local_bytes;   /* local memory of a work-group ... */
    size_t private_bytes; /* ... and private memory of a work-item, as the driver reports them for the kernel */

    size_t allocated_bytes; /* the plan takes on the device: struct lipcl_plan_memory */
    size_t live_bytes;      /* of buffers that are in use by then, constants included */
};

/* Receives the events of a run before lipcl_plan_run() returns: kernels, transfers and references in the order in which they
 * were enqueued, then the stages, then the run. `event` is valid during the call only, which must not use the plan or its
 * device. A run that fails gives no events. */
typedef void (*lipcl_profile_fn)(void *user, const struct lipcl_profile_event *event);

/* Switches profiling on, with `fn` for the events of later runs, or off, with NULL. Plans of one device may differ; while
 * any is profiled, the device's queue has the profiling flag. Destroying the plan switches it off.
 * LIPCL_ERROR_MEMORY, _DEVICE; LIPCL_ERROR_UNSUPPORTED where the driver has no queue with profiling: nothing has changed then.
 */
LIPCL_API enum lipcl_status lipcl_plan_set_profile(struct lipcl_context *ctx, struct lipcl_plan *plan, lipcl_profile_fn fn,
                                                   void *user);

#ifdef __cplusplus
}
#endif
#endif
