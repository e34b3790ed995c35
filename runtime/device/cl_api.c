#include "device/cl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"

static struct cl_api api;
static char load_problem[256]; /* "" once the loader is there */
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
    static const char *const names[] = {"/System/Library/Frameworks/OpenCL.framework/OpenCL", NULL};
#else
    static const char *const names[] = {"libOpenCL.so.1", "libOpenCL.so", NULL};
#endif
    void *library = open_library(names);
    if (!library) {
        snprintf(load_problem, sizeof load_problem, "there is no OpenCL ICD loader (%s)", names[0]);
        return;
    }
    /* POSIX wants a data pointer turned into a function pointer by its bytes. */
#define F(name)                                                                                                                \
    void *symbol_##name = dlsym(library, #name);                                                                               \
    if (!symbol_##name) snprintf(load_problem, sizeof load_problem, "the OpenCL loader lacks " #name);                         \
    memcpy(&api.name, &symbol_##name, sizeof api.name);
    CL_FUNCTIONS(F)
#undef F
}

const struct cl_api *cl_api(const char **problem) {
    pthread_once(&load_once, load);
    if (problem) *problem = load_problem;
    return load_problem[0] ? NULL : &api;
}

const char *cl_error_name(cl_int code) {
#define NAME(error)                                                                                                            \
    case error: return #error;
    switch (code) {
        NAME(CL_SUCCESS)
        NAME(CL_DEVICE_NOT_FOUND)
        NAME(CL_DEVICE_NOT_AVAILABLE)
        NAME(CL_COMPILER_NOT_AVAILABLE)
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
        NAME(CL_OUT_OF_RESOURCES)
        NAME(CL_OUT_OF_HOST_MEMORY)
        NAME(CL_PROFILING_INFO_NOT_AVAILABLE)
        NAME(CL_BUILD_PROGRAM_FAILURE)
        NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        NAME(CL_INVALID_VALUE)
        NAME(CL_INVALID_DEVICE)
        NAME(CL_INVALID_CONTEXT)
        NAME(CL_INVALID_COMMAND_QUEUE)
        NAME(CL_INVALID_MEM_OBJECT)
        NAME(CL_INVALID_BUILD_OPTIONS)
        NAME(CL_INVALID_PROGRAM)
        NAME(CL_INVALID_PROGRAM_EXECUTABLE)
        NAME(CL_INVALID_KERNEL_NAME)
        NAME(CL_INVALID_KERNEL)
        NAME(CL_INVALID_ARG_INDEX)
        NAME(CL_INVALID_ARG_VALUE)
        NAME(CL_INVALID_ARG_SIZE)
        NAME(CL_INVALID_KERNEL_ARGS)
        NAME(CL_INVALID_WORK_DIMENSION)
        NAME(CL_INVALID_WORK_GROUP_SIZE)
        NAME(CL_INVALID_WORK_ITEM_SIZE)
        NAME(CL_INVALID_GLOBAL_OFFSET)
        NAME(CL_INVALID_EVENT)
        NAME(CL_INVALID_OPERATION)
        NAME(CL_INVALID_BUFFER_SIZE)
        NAME(CL_INVALID_GLOBAL_WORK_SIZE)
    case -1001: return "CL_PLATFORM_NOT_FOUND_KHR";
    default: return "an error without a name";
    }
#undef NAME
}

bool cl_kills_context(cl_int code) {
    return code == CL_OUT_OF_RESOURCES || code == CL_DEVICE_NOT_AVAILABLE || code == CL_INVALID_CONTEXT ||
           code == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST || code == CL_INVALID_COMMAND_QUEUE;
}

enum lipcl_status cl_check(struct lipcl_device *device, cl_int code, const char *call) {
    if (code == CL_SUCCESS) return LIPCL_OK;
    enum lipcl_status status = LIPCL_ERROR_DEVICE;
    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY) status = LIPCL_ERROR_MEMORY;
    if (cl_kills_context(code)) {
        status = LIPCL_ERROR_DEVICE_LOST;
        device->lost = true;
    }
    return fail(device->ctx, status, "device %s: %s (%d) from %s", device->info.name, cl_error_name(code), code, call);
}
