/* cl_device.c: finding OpenCL devices and opening one. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/cl_api.h"

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

/* Copies a queried string: cut at the first NUL, outer blanks removed, control characters replaced. */
static void clean_text(char *out, size_t bytes, const char *text) {
    while (isspace((unsigned char)*text)) text++;
    snprintf(out, bytes, "%s", text);
    size_t length = strlen(out);
    while (length && isspace((unsigned char)out[length - 1])) out[--length] = '\0';
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out[i] < ' ') out[i] = '?';
}

static void platform_text(const struct cl_api *cl, cl_platform_id platform, cl_platform_info what, char *out, size_t bytes) {
    char text[1024] = "";
    if (cl->clGetPlatformInfo(platform, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = '\0';
    clean_text(out, bytes, text);
}

static void device_text(const struct cl_api *cl, cl_device_id device, cl_device_info what, char *out, size_t bytes) {
    char text[1024] = "";
    if (cl->clGetDeviceInfo(device, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = '\0';
    clean_text(out, bytes, text);
}

/* Queries one value; leaves it as it is, and returns false, when the driver does not know. */
static bool device_value(const struct cl_api *cl, cl_device_id device, cl_device_info what, void *out, size_t bytes) {
    return cl->clGetDeviceInfo(device, what, bytes, out, NULL) == CL_SUCCESS;
}

static bool has_extension(const struct cl_api *cl, cl_device_id device, const char *name) {
    size_t bytes = 0;
    if (cl->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0) return false;
    char *text = calloc(1, bytes + 1);
    bool found =
        text && cl->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, bytes, text, NULL) == CL_SUCCESS && strstr(text, name);
    free(text);
    return found;
}

static void judge(struct lipcl_device_info *info, bool available, bool compiler, bool little_endian) {
    unsigned major = 0, minor = 0;
    bool known = sscanf(info->version, "OpenCL %u.%u", &major, &minor) == 2;
    const char *problem = NULL;
    if (!available)
        problem = "the driver says that it is not available";
    else if (!compiler)
        problem = "it has no compiler for kernels";
    else if (!known)
        problem = "it does not tell its OpenCL version";
    else if (major < 1 || (major == 1 && minor < 2))
        problem = "OpenCL 1.2 is the least that lipcl needs";
    else if (!little_endian)
        problem = "it is big-endian";
    info->usable = problem == NULL;
    if (problem) snprintf(info->problem, sizeof info->problem, "%s", problem);
}

static void describe(const struct cl_api *cl, cl_device_id device, struct lipcl_device_info *info) {
    cl_device_type type = 0;
    cl_uint compute_units = 0, clock = 0;
    cl_ulong global = 0, alloc = 0, local = 0;
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_TRUE;
    cl_device_local_mem_type local_type = 0;
    cl_device_fp_config single = 0, half = 0, wide = 0;
    cl_uint sub_groups = 0;
    enum { DEVICE_MAX_NUM_SUB_GROUPS = 0x105C, DEVICE_HALF_FP_CONFIG = 0x1033 };

    device_text(cl, device, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(cl, device, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(cl, device, CL_DEVICE_VERSION, info->version, sizeof info->version);
    device_text(cl, device, CL_DEVICE_OPENCL_C_VERSION, info->c_version, sizeof info->c_version);
    device_text(cl, device, CL_DRIVER_VERSION, info->driver, sizeof info->driver);

    device_value(cl, device, CL_DEVICE_TYPE, &type, sizeof type);
    info->type = type & CL_DEVICE_TYPE_GPU   ? LIPCL_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_CPU ? LIPCL_DEVICE_CPU
                                             : LIPCL_DEVICE_ACCELERATOR;
    if (device_value(cl, device, CL_DEVICE_MAX_COMPUTE_UNITS, &compute_units, sizeof compute_units))
        info->compute_units = compute_units;
    if (device_value(cl, device, CL_DEVICE_MAX_CLOCK_FREQUENCY, &clock, sizeof clock)) info->clock_mhz = clock;
    if (device_value(cl, device, CL_DEVICE_GLOBAL_MEM_SIZE, &global, sizeof global)) info->global_bytes = global;
    if (device_value(cl, device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &alloc, sizeof alloc)) info->max_alloc_bytes = alloc;
    if (device_value(cl, device, CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof local)) info->local_bytes = local;
    if (device_value(cl, device, CL_DEVICE_LOCAL_MEM_TYPE, &local_type, sizeof local_type))
        info->local_is_dedicated = local_type == CL_LOCAL;
    info->max_work_group = 1;
    device_value(cl, device, CL_DEVICE_MAX_WORK_GROUP_SIZE, &info->max_work_group, sizeof info->max_work_group);
    if (device_value(cl, device, CL_DEVICE_SINGLE_FP_CONFIG, &single, sizeof single))
        info->denormals = (single & CL_FP_DENORM) != 0;
    info->fp16 = has_extension(cl, device, "cl_khr_fp16") &&
                 device_value(cl, device, DEVICE_HALF_FP_CONFIG, &half, sizeof half) && half != 0;
    info->fp64 = device_value(cl, device, CL_DEVICE_DOUBLE_FP_CONFIG, &wide, sizeof wide) && wide != 0;
    info->subgroups = has_extension(cl, device, "cl_khr_subgroups") ||
                      (device_value(cl, device, DEVICE_MAX_NUM_SUB_GROUPS, &sub_groups, sizeof sub_groups) && sub_groups > 0);
    device_value(cl, device, CL_DEVICE_AVAILABLE, &available, sizeof available);
    device_value(cl, device, CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler);
    device_value(cl, device, CL_DEVICE_ENDIAN_LITTLE, &little, sizeof little);
    judge(info, available == CL_TRUE, compiler == CL_TRUE, little == CL_TRUE);
}

/* The platforms, or a count of 0 and why. */
static cl_uint get_platforms(const struct cl_api *cl, cl_platform_id *platforms, char *problem, size_t bytes) {
    cl_uint count = 0;
    cl_int code = cl->clGetPlatformIDs(MAX_PLATFORMS, platforms, &count);
    if (code == CL_SUCCESS && count > 0) return count < MAX_PLATFORMS ? count : MAX_PLATFORMS;
    if (code == CL_SUCCESS || code == -1001)
        snprintf(problem, bytes, "the OpenCL loader finds no driver (ICD); install one such as pocl-opencl-icd");
    else
        snprintf(problem, bytes, "%s (%d) from clGetPlatformIDs", cl_error_name(code), code);
    return 0;
}

static cl_uint get_devices(const struct cl_api *cl, cl_platform_id platform, cl_device_id *devices, cl_int *code) {
    cl_uint count = 0;
    *code = cl->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, devices, &count);
    if (*code != CL_SUCCESS) return 0;
    return count < MAX_DEVICES ? count : MAX_DEVICES;
}

static enum lipcl_status append(struct lipcl_context *ctx, struct lipcl_device_info **devices, size_t *count,
                                const struct lipcl_device_info *info) {
    struct lipcl_device_info *grown = realloc(*devices, (*count + 1) * sizeof *grown);
    if (!grown) return fail_memory(ctx, (*count + 1) * sizeof *grown);
    *devices = grown;
    grown[(*count)++] = *info;
    return LIPCL_OK;
}

enum lipcl_status cl_list_devices(struct lipcl_context *ctx, struct lipcl_device_info **devices, size_t *count, char *problem,
                                  size_t bytes) {
    enum lipcl_status status = LIPCL_OK;
    const char *no_loader;
    const struct cl_api *cl = cl_api(&no_loader);
    if (!cl) {
        snprintf(problem, bytes, "%s", no_loader);
        return LIPCL_OK;
    }
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint platform_count = get_platforms(cl, platforms, problem, bytes);
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_int code;
        cl_uint device_count = get_devices(cl, platforms[p], ids, &code);
        struct lipcl_device_info info = {.platform_index = p};
        platform_text(cl, platforms[p], CL_PLATFORM_NAME, info.platform, sizeof info.platform);
        platform_text(cl, platforms[p], CL_PLATFORM_VERSION, info.platform_version, sizeof info.platform_version);
        if (device_count == 0) { /* listed all the same, so that a person sees why nothing of it can be chosen */
            snprintf(info.name, sizeof info.name, "(no device)");
            snprintf(info.problem, sizeof info.problem, "the platform has no device: %s (%d) from clGetDeviceIDs",
                     cl_error_name(code), code);
            TRY(append(ctx, devices, count, &info));
        }
        for (cl_uint d = 0; d < device_count; d++) {
            struct lipcl_device_info found = info;
            found.device_index = d;
            describe(cl, ids[d], &found);
            TRY(append(ctx, devices, count, &found));
        }
    }

fail:
    return status;
}

static void cl_destroy(struct lipcl_device *device) {
    struct cl_state *state = cl_state(device);
    cl_programs_destroy(device);
    cl_blast_leave(device);
    if (!device->lost) { /* a dead context is left alone: drivers crash when it is called */
        if (state->queue) state->cl->clReleaseCommandQueue(state->queue);
        if (state->context) state->cl->clReleaseContext(state->context);
    }
    free(state);
}

static const struct backend cl_backend = {
    .destroy = cl_destroy,
    .buffer_create = cl_buffer_create,
    .buffer_lend = cl_buffer_lend,
    .buffer_destroy = cl_buffer_destroy,
    .buffer_write = cl_buffer_write,
    .buffer_read = cl_buffer_read,
    .kernel_create = cl_kernel_create,
    .kernel_destroy = cl_kernel_destroy,
    .kernel_argument = cl_kernel_argument,
    .kernel_distrust = cl_kernel_distrust,
    .programs_keep = cl_programs_keep,
    .launch = cl_launch,
    .gemm_temporary_bytes = cl_blast_temporary_bytes,
    .gemm = cl_blast_gemm,
    .finish = cl_finish,
    .profiling = cl_profiling,
    .record_collect = cl_record_collect,
    .kernel_memory = cl_kernel_memory,
};

/* 0: the compiler cannot be told. */
static size_t smallest_sub_group(const struct cl_api *cl, cl_device_id device) {
    enum { DEVICE_SUB_GROUP_SIZES_INTEL = 0x4108, MAX_SIZES = 16 };
    size_t sizes[MAX_SIZES] = {0}, smallest = 0;
    if (!has_extension(cl, device, "cl_intel_required_subgroup_size") ||
        !device_value(cl, device, DEVICE_SUB_GROUP_SIZES_INTEL, sizes, sizeof sizes))
        return 0;
    for (size_t i = 0; i < MAX_SIZES; i++)
        if (sizes[i] && (smallest == 0 || sizes[i] < smallest)) smallest = sizes[i];
    return smallest;
}

static void fill_caps(struct lipcl_device *device, const struct cl_state *state) {
    const struct lipcl_device_info *info = &device->info;
    device->caps = (struct device_caps){
        .cpu = info->type == LIPCL_DEVICE_CPU,
        .has_clblast = cl_blast_is_available,
        .clblast_name = cl_blast_name,
        .flushes_denormals = !info->denormals,
        .compute_units = info->compute_units,
        .max_work_group = info->max_work_group,
        .max_work_items = {1, 1, 1},
        .sub_group = smallest_sub_group(state->cl, state->device),
        .local_bytes = info->local_bytes,
        .max_alloc_bytes = info->max_alloc_bytes,
        .global_bytes = info->global_bytes,
    };
    size_t sizes[16] = {1, 1, 1}; /* a device may have more than three dimensions; lipcl uses three */
    if (state->cl->clGetDeviceInfo(state->device, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL) == CL_SUCCESS)
        memcpy(device->caps.max_work_items, sizes, sizeof device->caps.max_work_items);
}

enum lipcl_status cl_device_init(struct lipcl_context *ctx, struct lipcl_device *device, const struct lipcl_device_info *info) {
    enum lipcl_status status = LIPCL_OK;
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id ids[MAX_DEVICES];
    const char *problem;
    char text[256] = "";
    cl_int code = CL_SUCCESS;
    *device = (struct lipcl_device){.ctx = ctx, .info = *info};
    struct cl_state *state = calloc(1, sizeof *state);
    if (!state) TRY(fail_memory(ctx, sizeof *state));
    device->state = state;
    state->cl = cl_api(&problem);
    if (!state->cl) TRY(fail(ctx, LIPCL_ERROR_NOT_FOUND, "%s", problem));
    cl_uint platform_count = get_platforms(state->cl, platforms, text, sizeof text);
    if (info->platform_index >= platform_count ||
        info->device_index >= get_devices(state->cl, platforms[info->platform_index], ids, &code))
        TRY(fail(ctx, LIPCL_ERROR_NOT_FOUND, "device %s: is not there any more", info->name));
    state->device = ids[info->device_index];
    state->context = state->cl->clCreateContext(NULL, 1, &state->device, NULL, NULL, &code);
    TRY(cl_check(device, code, "clCreateContext"));
    state->queue = state->cl->clCreateCommandQueue(state->context, state->device, 0, &code);
    TRY(cl_check(device, code, "clCreateCommandQueue"));
    device->backend = &cl_backend;
    fill_caps(device, state);
    return LIPCL_OK;

fail:
    if (state) cl_destroy(device);
    *device = (struct lipcl_device){.ctx = ctx};
    return status;
}
