/* fault_layer.c: an OpenCL layer (OPENCL_LAYERS) that counts calls and lets chosen ones fail, under any implementation. */
#include <CL/cl_layer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fault_layer.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT struct fault_state fault_state;

static const cl_icd_dispatch *below;
static cl_icd_dispatch dispatch;

/* Counts a call; the code that it must fail with, or CL_SUCCESS. */
static cl_int pass(enum fault_call call) {
    struct fault_state *s = &fault_state;
    int number = ++s->count[call];
    if (s->after_failure > 0 || (s->at && s->count[s->call] > s->at)) s->after_failure++;
    if (!s->at || call != s->call || number < s->at || (s->times && number >= s->at + s->times)) return CL_SUCCESS;
    if (s->after_failure == 0) s->after_failure = 1;
    return s->code;
}

/* For calls that return an object and give their code through a pointer. */
#define CREATE(call, code_ret, real)                                                                                           \
    cl_int code = pass(call);                                                                                                  \
    if (code == CL_SUCCESS) return real;                                                                                       \
    if (code_ret) *(code_ret) = code;                                                                                          \
    return NULL

#define RETURN(call, real)                                                                                                     \
    cl_int code = pass(call);                                                                                                  \
    return code == CL_SUCCESS ? real : code

static cl_context CL_API_CALL create_context(const cl_context_properties *p, cl_uint n, const cl_device_id *d,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user,
                                             cl_int *ret) {
    CREATE(FAULT_CREATE_CONTEXT, ret, below->clCreateContext(p, n, d, notify, user, ret));
}
static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *ret) {
    if (p & CL_QUEUE_PROFILING_ENABLE) fault_state.profiling_queues++;
    CREATE(FAULT_CREATE_QUEUE, ret, below->clCreateCommandQueue(c, d, p, ret));
}
static cl_mem count_bytes(cl_mem memory, size_t bytes) {
    struct fault_state *s = &fault_state;
    if (memory) s->bytes += bytes;
    if (s->bytes > s->peak_bytes) s->peak_bytes = s->bytes;
    return memory;
}
static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags f, size_t bytes, void *host, cl_int *ret) {
    CREATE(FAULT_CREATE_BUFFER, ret, count_bytes(below->clCreateBuffer(c, f, bytes, host, ret), bytes));
}
static cl_program CL_API_CALL create_program(cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *ret) {
    fault_state.programs++;
    CREATE(FAULT_CREATE_PROGRAM, ret, below->clCreateProgramWithSource(c, n, s, l, ret));
}
static cl_program CL_API_CALL create_binary(cl_context c, cl_uint n, const cl_device_id *d, const size_t *l,
                                            const unsigned char **b, cl_int *codes, cl_int *ret) {
    fault_state.programs++;
    CREATE(FAULT_CREATE_BINARY, ret, below->clCreateProgramWithBinary(c, n, d, l, b, codes, ret));
}
static cl_kernel CL_API_CALL create_kernel(cl_program p, const char *name, cl_int *ret) {
    CREATE(FAULT_CREATE_KERNEL, ret, below->clCreateKernel(p, name, ret));
}
static cl_int CL_API_CALL build(cl_program p, cl_uint n, const cl_device_id *d, const char *o,
                                void(CL_CALLBACK *notify)(cl_program, void *), void *user) {
    RETURN(FAULT_BUILD, below->clBuildProgram(p, n, d, o, notify, user));
}
static cl_int CL_API_CALL set_arg(cl_kernel k, cl_uint i, size_t bytes, const void *v) {
    RETURN(FAULT_SET_ARG, below->clSetKernelArg(k, i, bytes, v));
}
static cl_int CL_API_CALL fill(cl_command_queue q, cl_mem m, const void *p, size_t pb, size_t o, size_t b, cl_uint n,
                               const cl_event *w, cl_event *e) {
    RETURN(FAULT_FILL, below->clEnqueueFillBuffer(q, m, p, pb, o, b, n, w, e));
}
/* The event whose stamps are false. */
static cl_event false_event;

/* Passes a command's code through and takes note of its event, if it has one. */
static cl_int noted(cl_int code, cl_event *event) {
    if (event && code == CL_SUCCESS && ++fault_state.events == fault_state.stamps_at) false_event = *event;
    return code;
}

static cl_int CL_API_CALL write(cl_command_queue q, cl_mem m, cl_bool wait, size_t o, size_t b, const void *d, cl_uint n,
                                const cl_event *w, cl_event *e) {
    fault_state.borrowed += !wait;
    RETURN(FAULT_WRITE, noted(below->clEnqueueWriteBuffer(q, m, wait, o, b, d, n, w, e), e));
}
static cl_int CL_API_CALL read(cl_command_queue q, cl_mem m, cl_bool wait, size_t o, size_t b, void *d, cl_uint n,
                               const cl_event *w, cl_event *e) {
    fault_state.borrowed += !wait;
    RETURN(FAULT_READ, noted(below->clEnqueueReadBuffer(q, m, wait, o, b, d, n, w, e), e));
}
static cl_int CL_API_CALL launch(cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g, const size_t *l,
                                 cl_uint n, const cl_event *w, cl_event *e) {
    RETURN(FAULT_LAUNCH, noted(below->clEnqueueNDRangeKernel(q, k, d, o, g, l, n, w, e), e));
}
static cl_int CL_API_CALL finish(cl_command_queue q) {
    RETURN(FAULT_FINISH, below->clFinish(q));
}
static cl_int CL_API_CALL release_context(cl_context c) {
    RETURN(FAULT_RELEASE, below->clReleaseContext(c));
}
static cl_int CL_API_CALL release_queue(cl_command_queue q) {
    RETURN(FAULT_RELEASE, below->clReleaseCommandQueue(q));
}
static cl_int CL_API_CALL release_buffer(cl_mem m) {
    size_t bytes = 0;
    if (below->clGetMemObjectInfo(m, CL_MEM_SIZE, sizeof bytes, &bytes, NULL) == CL_SUCCESS) fault_state.bytes -= bytes;
    RETURN(FAULT_RELEASE, below->clReleaseMemObject(m));
}
static cl_int CL_API_CALL release_program(cl_program p) {
    fault_state.programs--;
    RETURN(FAULT_RELEASE, below->clReleaseProgram(p));
}
static cl_int CL_API_CALL release_kernel(cl_kernel k) {
    RETURN(FAULT_RELEASE, below->clReleaseKernel(k));
}

static cl_int CL_API_CALL release_event(cl_event e) {
    fault_state.events_freed++;
    RETURN(FAULT_RELEASE, below->clReleaseEvent(e));
}
static cl_ulong stamp(cl_event e, cl_profiling_info what) {
    cl_ulong ns = 0;
    below->clGetEventProfilingInfo(e, what, sizeof ns, &ns, NULL);
    return ns;
}
static cl_int profiling_info(cl_event e, cl_profiling_info what, size_t bytes, void *value, size_t *bytes_ret) {
    cl_int code = below->clGetEventProfilingInfo(e, what, bytes, value, bytes_ret);
    bool start = what == CL_PROFILING_COMMAND_START, end = what == CL_PROFILING_COMMAND_END;
    const cl_ulong hour = 3600000000000;
    if (code != CL_SUCCESS || (fault_state.stamps_at && e != false_event)) return code;
    cl_ulong *ns = value;
    switch (fault_state.stamps) {
    case STAMPS_TRUE: break;
    case STAMPS_MISSING: return CL_PROFILING_INFO_NOT_AVAILABLE;
    case STAMPS_ZERO: *ns = start ? 0 : *ns; break;
    case STAMPS_BACKWARDS: *ns = end ? stamp(e, CL_PROFILING_COMMAND_START) - 1 : *ns; break;
    case STAMPS_EARLY: *ns = start || end ? stamp(e, CL_PROFILING_COMMAND_SUBMIT) - 1 : *ns; break;
    case STAMPS_INSTANT: *ns = end ? stamp(e, CL_PROFILING_COMMAND_START) : *ns; break;
    case STAMPS_ENDLESS: *ns += end ? hour : 0; break;
    case STAMPS_ELSEWHEN: *ns += hour; break;
    }
    return code;
}
static cl_int CL_API_CALL get_profiling_info(cl_event e, cl_profiling_info what, size_t bytes, void *value, size_t *bytes_ret) {
    RETURN(FAULT_PROFILING_INFO, profiling_info(e, what, bytes, value, bytes_ret));
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t bytes, void *value, size_t *bytes_ret) {
    static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    static const char name[] = "lipcl fault layer";
    const void *source = what == CL_LAYER_API_VERSION ? (const void *)&version : name;
    size_t size = what == CL_LAYER_API_VERSION ? sizeof version : sizeof name;
    if (what != CL_LAYER_API_VERSION && what != CL_LAYER_NAME) return CL_INVALID_VALUE;
    if (value && bytes < size) return CL_INVALID_VALUE;
    if (value) memcpy(value, source, size);
    if (bytes_ret) *bytes_ret = size;
    return CL_SUCCESS;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target, cl_uint *count_ret,
                                                   const cl_icd_dispatch **layer) {
    /* A loader older than these headers knows fewer entries; those used here are as old as OpenCL 1.2. */
    if (count * sizeof(void *) <= offsetof(cl_icd_dispatch, clEnqueueFillBuffer) || !count_ret || !layer)
        return CL_INVALID_VALUE;
    const char *stamps = getenv("FAULT_STAMPS"); /* for programs, whose variables no test reaches */
    if (stamps) fault_state.stamps = (enum fault_stamps)strtol(stamps, NULL, 10);
    below = target;
    dispatch.clCreateContext = create_context;
    dispatch.clCreateCommandQueue = create_queue;
    dispatch.clCreateBuffer = create_buffer;
    dispatch.clEnqueueFillBuffer = fill;
    dispatch.clCreateProgramWithSource = create_program;
    dispatch.clCreateProgramWithBinary = create_binary;
    dispatch.clBuildProgram = build;
    dispatch.clCreateKernel = create_kernel;
    dispatch.clSetKernelArg = set_arg;
    dispatch.clEnqueueWriteBuffer = write;
    dispatch.clEnqueueNDRangeKernel = launch;
    dispatch.clEnqueueReadBuffer = read;
    dispatch.clFinish = finish;
    dispatch.clReleaseContext = release_context;
    dispatch.clReleaseCommandQueue = release_queue;
    dispatch.clReleaseMemObject = release_buffer;
    dispatch.clReleaseProgram = release_program;
    dispatch.clReleaseKernel = release_kernel;
    dispatch.clReleaseEvent = release_event;
    dispatch.clGetEventProfilingInfo = get_profiling_info;
    *layer = &dispatch;
    *count_ret = sizeof dispatch / sizeof(void *);
    return CL_SUCCESS;
}
