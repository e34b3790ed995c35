/* cl_queue.c: buffers and what goes through the command queue. */
#include "device/cl_api.h"

enum lipcl_status cl_buffer_create(struct lipcl_device *device, struct device_buffer *buffer) {
    enum lipcl_status status = LIPCL_OK;
    struct cl_state *state = cl_state(device);
    cl_int code;
    const cl_uchar zero = 0;
    cl_mem memory = state->cl->clCreateBuffer(state->context, CL_MEM_READ_WRITE, buffer->bytes, NULL, &code);
    /* No context is dead because one buffer was refused. */
    if (code == CL_OUT_OF_RESOURCES) code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    TRY(cl_check(device, code, "clCreateBuffer"));
    CL_TRY(device, state->cl->clEnqueueFillBuffer(state->queue, memory, &zero, 1, 0, buffer->bytes, 0, NULL, NULL));
    buffer->handle = memory;
    return LIPCL_OK;

fail:
    if (memory && !device->lost) state->cl->clReleaseMemObject(memory);
    return status;
}

enum lipcl_status cl_buffer_lend(struct lipcl_device *device, struct device_buffer *buffer) {
    struct cl_state *state = cl_state(device);
    cl_int code;
    cl_mem_flags access = buffer->writable ? CL_MEM_READ_WRITE : CL_MEM_READ_ONLY;
    buffer->handle =
        state->cl->clCreateBuffer(state->context, access | CL_MEM_USE_HOST_PTR, buffer->bytes, buffer->lent->data, &code);
    if (code == CL_OUT_OF_RESOURCES) code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return cl_check(device, code, "clCreateBuffer");
}

void cl_buffer_destroy(struct lipcl_device *device, struct device_buffer *buffer) {
    if (!device->lost) cl_state(device)->cl->clReleaseMemObject(buffer->handle);
}

enum lipcl_status cl_buffer_write(struct lipcl_device *device, struct device_buffer *buffer, const void *data, size_t bytes) {
    struct cl_state *state = cl_state(device);
    cl_event event = NULL;
    cl_int code = state->cl->clEnqueueWriteBuffer(state->queue, buffer->handle, CL_TRUE, 0, bytes, data, 0, NULL,
                                                  device->record ? &event : NULL);
    return cl_check(device, cl_recorded(device, code, event), "clEnqueueWriteBuffer");
}

enum lipcl_status cl_buffer_read(struct lipcl_device *device, void *data, struct device_buffer *buffer, size_t offset_bytes,
                                 size_t bytes) {
    struct cl_state *state = cl_state(device);
    cl_event event = NULL;
    cl_int code = state->cl->clEnqueueReadBuffer(state->queue, buffer->handle, CL_TRUE, offset_bytes, bytes, data, 0, NULL,
                                                 device->record ? &event : NULL);
    return cl_check(device, cl_recorded(device, code, event), "clEnqueueReadBuffer");
}

enum lipcl_status cl_launch(struct lipcl_device *device, struct device_kernel *kernel, const size_t offset[3],
                            const size_t global[3], const size_t local[3]) {
    struct cl_state *state = cl_state(device);
    cl_event event = NULL;
    cl_int code = state->cl->clEnqueueNDRangeKernel(state->queue, kernel->handle, 3, offset, global, local, 0, NULL,
                                                    device->record ? &event : NULL);
    return cl_check(device, cl_recorded(device, code, event), kernel->name);
}

enum lipcl_status cl_finish(struct lipcl_device *device) {
    struct cl_state *state = cl_state(device);
    return cl_check(device, state->cl->clFinish(state->queue), "clFinish");
}
