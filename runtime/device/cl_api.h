/* cl_api.h: OpenCL and CLBlast, opened when first needed, so that lipcl runs (as `host`) on machines that have neither, and
 * CLBlast's size is paid only by those who use it. */
#ifndef LIPCL_DEVICE_CL_API_H
#define LIPCL_DEVICE_CL_API_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include "device/backend.h"

#define CL_FUNCTIONS(F)                                                                                                        \
    F(clGetPlatformIDs)                                                                                                        \
    F(clGetPlatformInfo)                                                                                                       \
    F(clGetDeviceIDs)                                                                                                          \
    F(clGetDeviceInfo)                                                                                                         \
    F(clCreateContext)                                                                                                         \
    F(clReleaseContext)                                                                                                        \
    F(clCreateCommandQueue)                                                                                                    \
    F(clReleaseCommandQueue)                                                                                                   \
    F(clCreateBuffer)                                                                                                          \
    F(clReleaseMemObject)                                                                                                      \
    F(clCreateProgramWithSource)                                                                                               \
    F(clCreateProgramWithBinary)                                                                                               \
    F(clGetProgramInfo)                                                                                                        \
    F(clBuildProgram)                                                                                                          \
    F(clGetProgramBuildInfo)                                                                                                   \
    F(clReleaseProgram)                                                                                                        \
    F(clCreateKernel)                                                                                                          \
    F(clReleaseKernel)                                                                                                         \
    F(clSetKernelArg)                                                                                                          \
    F(clGetKernelWorkGroupInfo)                                                                                                \
    F(clEnqueueWriteBuffer)                                                                                                    \
    F(clEnqueueReadBuffer)                                                                                                     \
    F(clEnqueueFillBuffer)                                                                                                     \
    F(clEnqueueNDRangeKernel)                                                                                                  \
    F(clEnqueueMarkerWithWaitList)                                                                                             \
    F(clGetEventProfilingInfo)                                                                                                 \
    F(clReleaseEvent)                                                                                                          \
    F(clFlush)                                                                                                                 \
    F(clFinish)

struct cl_api {
#define F(name) __typeof__(&name) name;
    CL_FUNCTIONS(F)
#undef F
};

/* The loader's functions, or NULL when there is no loader; *problem then says what was tried. Thread-safe. */
const struct cl_api *cl_api(const char **problem);

/* "CL_OUT_OF_RESOURCES (-5)" and the like; static. */
const char *cl_error_name(cl_int code);

/* After such a code the context is dead: drivers crash or hang when it is used again. */
bool cl_kills_context(cl_int code);

/* The backend's state of an OpenCL device. */
struct cl_state {
    const struct cl_api *cl;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    bool uses_blast;                   /* cl_blast.c: has computed a product */
    struct cl_program_entry *programs; /* cl_program.c: what was built, by file and options */
};

static inline struct cl_state *cl_state(struct lipcl_device *device) {
    return device->state;
}

/* Turns an OpenCL code into a status; when it is an error, says which call failed on which device, and marks the device lost
 * when its context is dead. */
enum lipcl_status cl_check(struct lipcl_device *device, cl_int code, const char *call);

/* Evaluates an OpenCL call that returns a code; on failure keeps the status in `status` and jumps to `fail:`. */
#define CL_TRY(device, call) TRY(cl_check(device, call, #call))

/* cl_queue.c, cl_program.c, cl_blast.c: parts of the backend's table. */
enum lipcl_status cl_buffer_create(struct lipcl_device *device, struct device_buffer *buffer);
enum lipcl_status cl_buffer_lend(struct lipcl_device *device, struct device_buffer *buffer);
void cl_buffer_destroy(struct lipcl_device *device, struct device_buffer *buffer);
enum lipcl_status cl_buffer_write(struct lipcl_device *device, struct device_buffer *buffer, const void *data, size_t bytes);
enum lipcl_status cl_buffer_read(struct lipcl_device *device, void *data, struct device_buffer *buffer, size_t offset_bytes,
                                 size_t bytes);
enum lipcl_status cl_launch(struct lipcl_device *device, struct device_kernel *kernel, const size_t offset[3],
                            const size_t global[3], const size_t local[3]);
enum lipcl_status cl_finish(struct lipcl_device *device);

enum lipcl_status cl_kernel_create(struct lipcl_device *device, struct device_kernel *kernel, const char *file,
                                   const char *options);
void cl_kernel_destroy(struct lipcl_device *device, struct device_kernel *kernel);
enum lipcl_status cl_kernel_argument(struct lipcl_device *device, struct device_kernel *kernel, size_t index,
                                     struct device_buffer *buffer);
bool cl_kernel_distrust(struct lipcl_device *device, struct device_kernel *kernel);
bool cl_programs_keep(struct lipcl_device *device);
void cl_programs_destroy(struct lipcl_device *device);

/* cl_profile.c: the queue with times, and what a command's events tell. */
enum lipcl_status cl_profiling(struct lipcl_device *device, bool on);
void cl_record_collect(struct lipcl_device *device, struct device_record *record, bool wanted);
void cl_kernel_memory(struct lipcl_device *device, const struct device_kernel *kernel, struct device_kernel_memory *memory);
/* A mark in front of a command that may become several, whose last one gives the event. */
void cl_record_before(struct lipcl_device *device);
/* Passes a command's code through, and its event to the record, where one is being made. */
static inline cl_int cl_recorded(struct lipcl_device *device, cl_int code, cl_event event) {
    if (device->record && code == CL_SUCCESS) device->record->event = event;
    return code;
}

bool cl_blast_is_available(void);
const char *cl_blast_name(void); /* after cl_blast_is_available() */
enum lipcl_status cl_blast_temporary_bytes(struct lipcl_device *device, size_t *bytes, const struct device_gemm *gemm);
/* The device goes: CLBlast forgets what it keeps when no other uses it. */
void cl_blast_leave(struct lipcl_device *device);
enum lipcl_status cl_blast_gemm(struct lipcl_device *device, const struct device_gemm *gemm);

#endif
