/* cl_profile.c: when the device did what. Events exist only while something is recorded; OpenCL 1.2 is enough. */
#include "device/cl_api.h"

enum lipcl_status cl_profiling(struct lipcl_device *device, bool on) {
    enum lipcl_status status = LIPCL_OK;
    struct cl_state *state = cl_state(device);
    cl_int code;
    CL_TRY(device, state->cl->clFinish(state->queue));
    cl_command_queue_properties properties = on ? CL_QUEUE_PROFILING_ENABLE : 0;
    cl_command_queue queue = state->cl->clCreateCommandQueue(state->context, state->device, properties, &code);
    if (code == CL_INVALID_QUEUE_PROPERTIES)
        TRY(fail(device->ctx, LIPCL_ERROR_UNSUPPORTED, "device %s: the driver has no queue that takes times",
                 device->info.name));
    TRY(cl_check(device, code, "clCreateCommandQueue"));
    state->cl->clReleaseCommandQueue(state->queue);
    state->queue = queue;

fail:
    return status;
}

void cl_record_before(struct lipcl_device *device) {
    struct cl_state *state = cl_state(device);
    cl_event mark = NULL;
    if (!device->record) return;
    if (state->cl->clEnqueueMarkerWithWaitList(state->queue, 0, NULL, &mark) == CL_SUCCESS) device->record->before = mark;
}

static bool stamp(const struct cl_state *state, cl_event event, cl_profiling_info what, uint64_t *ns) {
    cl_ulong value = 0;
    if (state->cl->clGetEventProfilingInfo(event, what, sizeof value, &value, NULL) != CL_SUCCESS) return false;
    *ns = value;
    return true;
}

void cl_record_collect(struct lipcl_device *device, struct device_record *record, bool wanted) {
    const struct cl_state *state = cl_state(device);
    static const cl_profiling_info stamps[STAMPS] = {
        [STAMP_QUEUED] = CL_PROFILING_COMMAND_QUEUED,
        [STAMP_SUBMITTED] = CL_PROFILING_COMMAND_SUBMIT,
        [STAMP_STARTED] = CL_PROFILING_COMMAND_START,
        [STAMP_ENDED] = CL_PROFILING_COMMAND_END,
    };
    uint64_t begin;
    if (device->lost) return; /* its events are left alone, too */
    record->has_stamps = wanted && record->event;
    for (size_t i = 0; i < STAMPS && record->has_stamps; i++)
        record->has_stamps = stamp(state, record->event, stamps[i], &record->stamps[i]);
    /* What the last of several kernels says of its beginning says little of the whole. */
    if (record->has_stamps && record->before) {
        record->has_stamps = stamp(state, record->before, CL_PROFILING_COMMAND_QUEUED, &record->stamps[STAMP_QUEUED]) &&
                             stamp(state, record->before, CL_PROFILING_COMMAND_SUBMIT, &record->stamps[STAMP_SUBMITTED]) &&
                             stamp(state, record->before, CL_PROFILING_COMMAND_END, &begin);
        if (record->has_stamps) record->stamps[STAMP_STARTED] = begin;
        /* Intel's runtime does not say when a marker was queued. */
        if (record->stamps[STAMP_QUEUED] == 0) record->stamps[STAMP_QUEUED] = record->stamps[STAMP_SUBMITTED];
    }
    if (record->before) state->cl->clReleaseEvent(record->before);
    if (record->event) state->cl->clReleaseEvent(record->event);
    record->before = record->event = NULL;
}

void cl_kernel_memory(struct lipcl_device *device, const struct device_kernel *kernel, struct device_kernel_memory *memory) {
    const struct cl_state *state = cl_state(device);
    cl_ulong bytes;
    if (state->cl->clGetKernelWorkGroupInfo(kernel->handle, state->device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes, &bytes,
                                            NULL) == CL_SUCCESS)
        memory->local_bytes = bytes;
    if (state->cl->clGetKernelWorkGroupInfo(kernel->handle, state->device, CL_KERNEL_PRIVATE_MEM_SIZE, sizeof bytes, &bytes,
                                            NULL) == CL_SUCCESS)
        memory->private_bytes = bytes;
}
