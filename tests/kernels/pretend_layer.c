/* pretend_layer.c: an OpenCL layer (OPENCL_LAYERS) under which every device says that it is what PRETEND_DEVICE names: "gpu",
 * with the local memory and work-groups of a small one, or "cpu". Lowerings choose by a device's capabilities, so the variants
 * made for GPUs run, and can be checked, on a machine without one. PRETEND_SUB_GROUP=N: its compiler can be told to run N or 2
 * N work-items in lockstep. PRETEND_KERNEL_GROUP=N: it runs no kernel in work-groups of more than N, whatever its own limit. */
#include <CL/cl_layer.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { DEVICE_SUB_GROUP_SIZES_INTEL = 0x4108 };
enum { GPU_WORK_GROUP = 256, GPU_LOCAL_BYTES = 32768 };

static const cl_icd_dispatch *below;
static cl_icd_dispatch dispatch;

/* A query's answer, by the rules of clGetDeviceInfo. */
static cl_int answer(const void *source, size_t size, size_t bytes, void *value, size_t *bytes_ret) {
    if (value && bytes < size) return CL_INVALID_VALUE;
    if (value) memcpy(value, source, size);
    if (bytes_ret) *bytes_ret = size;
    return CL_SUCCESS;
}

static cl_int extensions(cl_device_id device, size_t bytes, void *value, size_t *bytes_ret) {
    static const char more[] = " cl_intel_required_subgroup_size";
    char text[8192];
    size_t used = 0;
    cl_int code = below->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, sizeof text - sizeof more, text, &used);
    if (code != CL_SUCCESS || used == 0) return code;
    memcpy(text + used - 1, more, sizeof more);
    return answer(text, used - 1 + sizeof more, bytes, value, bytes_ret);
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info what, size_t bytes, void *value, size_t *bytes_ret) {
    static const cl_device_type cpu = CL_DEVICE_TYPE_CPU, gpu = CL_DEVICE_TYPE_GPU;
    static const cl_ulong local_bytes = GPU_LOCAL_BYTES;
    static const size_t work_group = GPU_WORK_GROUP, work_items[3] = {GPU_WORK_GROUP, GPU_WORK_GROUP, 64};
    const char *pretend = getenv("PRETEND_DEVICE"), *sub_group = getenv("PRETEND_SUB_GROUP");
    const size_t lockstep = sub_group ? strtoul(sub_group, NULL, 10) : 0, sub_groups[2] = {lockstep, 2 * lockstep};
    const cl_bool as_gpu = pretend && strcmp(pretend, "gpu") == 0, as_cpu = pretend && strcmp(pretend, "cpu") == 0;
    if (as_cpu && what == CL_DEVICE_TYPE) return answer(&cpu, sizeof cpu, bytes, value, bytes_ret);
    if (as_gpu && what == CL_DEVICE_TYPE) return answer(&gpu, sizeof gpu, bytes, value, bytes_ret);
    if (as_gpu && what == CL_DEVICE_LOCAL_MEM_SIZE) return answer(&local_bytes, sizeof local_bytes, bytes, value, bytes_ret);
    if (as_gpu && what == CL_DEVICE_MAX_WORK_GROUP_SIZE) return answer(&work_group, sizeof work_group, bytes, value, bytes_ret);
    if (as_gpu && what == CL_DEVICE_MAX_WORK_ITEM_SIZES) return answer(work_items, sizeof work_items, bytes, value, bytes_ret);
    if (lockstep && what == CL_DEVICE_EXTENSIONS) return extensions(device, bytes, value, bytes_ret);
    if (lockstep && what == DEVICE_SUB_GROUP_SIZES_INTEL) return answer(sub_groups, sizeof sub_groups, bytes, value, bytes_ret);
    return below->clGetDeviceInfo(device, what, bytes, value, bytes_ret);
}

static cl_int CL_API_CALL kernel_group(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what, size_t bytes,
                                       void *value, size_t *bytes_ret) {
    const char *limit = getenv("PRETEND_KERNEL_GROUP");
    const size_t work_group = limit ? strtoul(limit, NULL, 10) : 0;
    if (work_group && what == CL_KERNEL_WORK_GROUP_SIZE) return answer(&work_group, sizeof work_group, bytes, value, bytes_ret);
    return below->clGetKernelWorkGroupInfo(kernel, device, what, bytes, value, bytes_ret);
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t bytes, void *value, size_t *bytes_ret) {
    static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    static const char name[] = "lipcl pretend layer";
    if (what == CL_LAYER_API_VERSION) return answer(&version, sizeof version, bytes, value, bytes_ret);
    if (what == CL_LAYER_NAME) return answer(name, sizeof name, bytes, value, bytes_ret);
    return CL_INVALID_VALUE;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target, cl_uint *count_ret,
                                                   const cl_icd_dispatch **layer) {
    if (count * sizeof(void *) <= offsetof(cl_icd_dispatch, clGetKernelWorkGroupInfo) || !count_ret || !layer)
        return CL_INVALID_VALUE;
    below = target;
    dispatch.clGetDeviceInfo = device_info;
    dispatch.clGetKernelWorkGroupInfo = kernel_group;
    *layer = &dispatch;
    *count_ret = sizeof dispatch / sizeof(void *);
    return CL_SUCCESS;
}
