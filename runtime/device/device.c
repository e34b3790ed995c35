#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/backend.h"

enum lipcl_status lipcl_device_list_create(struct lipcl_context *ctx, struct lipcl_device_list **list) {
    *list = calloc(1, sizeof **list);
    if (!*list) return fail_memory(ctx, sizeof **list);
    enum lipcl_status status =
        cl_list_devices(ctx, &(*list)->devices, &(*list)->count, (*list)->problem, sizeof(*list)->problem);
    if (status != LIPCL_OK) lipcl_device_list_destroy(list);
    return status;
}

void lipcl_device_list_destroy(struct lipcl_device_list **list) {
    if (!list || !*list) return;
    free((*list)->devices);
    free(*list);
    *list = NULL;
}

static bool contains(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
        if (i == length) return true;
    }
    return false;
}

/* How well a device fits a selector; 0: not at all. Larger is better, the first of equals wins. */
static int fit(const struct lipcl_device_info *info, const char *selector) {
    size_t platform, device;
    int end = 0;
    if (strcmp(selector, "auto") == 0) {
        static const int preference[] = {
            [LIPCL_DEVICE_HOST] = 0, [LIPCL_DEVICE_CPU] = 1, [LIPCL_DEVICE_GPU] = 3, [LIPCL_DEVICE_ACCELERATOR] = 2};
        return preference[info->type];
    }
    if (strcmp(selector, "gpu") == 0) return info->type == LIPCL_DEVICE_GPU;
    if (strcmp(selector, "cpu") == 0) return info->type == LIPCL_DEVICE_CPU;
    if (sscanf(selector, "%zu:%zu%n", &platform, &device, &end) == 2 && selector[end] == '\0')
        return info->platform_index == platform && info->device_index == device;
    return contains(info->name, selector) || contains(info->platform, selector);
}

static enum lipcl_status fail_not_found(struct lipcl_context *ctx, const char *selector, const struct lipcl_device_list *list,
                                        const struct lipcl_device_info *unusable) {
    if (unusable)
        return fail(ctx, LIPCL_ERROR_NOT_FOUND, "device \"%s\": %s is not usable: %s", selector, unusable->name,
                    unusable->problem);
    if (list->count == 0)
        return fail(ctx, LIPCL_ERROR_NOT_FOUND, "device \"%s\": %s; \"host\" always works", selector, list->problem);
    char names[1024] = "";
    for (size_t i = 0, used = 0; i < list->count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%zu:%zu %s", i ? ", " : "",
                                 list->devices[i].platform_index, list->devices[i].device_index, list->devices[i].name);
    return fail(ctx, LIPCL_ERROR_NOT_FOUND, "device \"%s\": no such device; there are host, %s", selector, names);
}

/* Opens the best fitting usable device; a device that lists well but fails to open makes way for the next one. */
static enum lipcl_status open_best(struct lipcl_context *ctx, struct lipcl_device *device, const char *selector,
                                   struct lipcl_device_list *list) {
    const struct lipcl_device_info *unusable = NULL;
    enum lipcl_status status = LIPCL_ERROR_NOT_FOUND;
    for (;;) {
        struct lipcl_device_info *best = NULL;
        for (size_t i = 0; i < list->count; i++) {
            struct lipcl_device_info *info = &list->devices[i];
            if (!info->usable && fit(info, selector) && !unusable) unusable = info;
            if (info->usable && fit(info, selector) > (best ? fit(best, selector) : 0)) best = info;
        }
        if (!best) break;
        status = cl_device_init(ctx, device, best);
        if (status == LIPCL_OK) return LIPCL_OK;
        log_message(ctx, LIPCL_LOG_WARN, "device %s: does not open (%s); trying the next one", best->name,
                    lipcl_context_error(ctx));
        best->usable = false;
        snprintf(best->problem, sizeof best->problem, "%s", lipcl_context_error(ctx));
    }
    if (strcmp(selector, "auto") != 0) return fail_not_found(ctx, selector, list, unusable);
    log_message(ctx, LIPCL_LOG_WARN, "no usable OpenCL device (%s): going on with host, the plain-C reference",
                unusable      ? unusable->problem
                : list->count ? "none is a CPU, GPU or accelerator"
                              : list->problem);
    host_device_init(device);
    return LIPCL_OK;
}

enum lipcl_status lipcl_device_create(struct lipcl_context *ctx, struct lipcl_device **device, const char *selector) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_device_list *list = NULL;
    if (!selector) selector = getenv("LIPCL_DEVICE");
    if (!selector || !*selector) selector = "auto";
    *device = calloc(1, sizeof **device);
    if (!*device) TRY(fail_memory(ctx, sizeof **device));
    (*device)->ctx = ctx;
    if (strcmp(selector, "host") == 0) {
        host_device_init(*device);
        return LIPCL_OK;
    }
    TRY(lipcl_device_list_create(ctx, &list));
    TRY(open_best(ctx, *device, selector, list));
    lipcl_device_list_destroy(&list);
    log_message(ctx, LIPCL_LOG_INFO, "device: %s (%s)", (*device)->info.name, (*device)->info.driver);
    return LIPCL_OK;

fail:
    lipcl_device_list_destroy(&list);
    free(*device);
    *device = NULL;
    return status;
}

void lipcl_device_destroy(struct lipcl_device **device) {
    if (!device || !*device) return;
    if ((*device)->backend) (*device)->backend->destroy(*device);
    free(*device);
    *device = NULL;
}

const struct lipcl_device_info *lipcl_device_info(const struct lipcl_device *device) {
    return &device->info;
}

const struct device_caps *device_caps(const struct lipcl_device *device) {
    return &device->caps;
}

struct lipcl_context *device_context(const struct lipcl_device *device) {
    return device->ctx;
}

static enum lipcl_status check_alive(const struct lipcl_device *device) {
    if (!device->lost) return LIPCL_OK;
    return fail(device->ctx, LIPCL_ERROR_DEVICE_LOST, "device %s was lost: nothing runs on it any more", device->info.name);
}

enum lipcl_status device_buffer_reserve(struct lipcl_device *device, struct device_buffer **buffer, size_t bytes) {
    *buffer = calloc(1, sizeof **buffer);
    if (!*buffer) return fail_memory(device->ctx, sizeof **buffer);
    (*buffer)->bytes = size_max(bytes, 4);
    return LIPCL_OK;
}

static bool can_lend(const struct lipcl_device *device, size_t bytes) {
    return device->caps.cpu && device->backend->buffer_lend && bytes && bytes <= device->caps.max_alloc_bytes;
}

/* Memory of the host's, which is zero already: the driver's own would have to be filled, page by page. */
static enum lipcl_status allocate_lent(struct lipcl_device *device, struct device_buffer *buffer) {
    enum lipcl_status status =
        lipcl_tensor_create(device->ctx, &buffer->lent, LIPCL_U8, &(struct lipcl_shape){1, {buffer->bytes}});
    if (status != LIPCL_OK) return status;
    buffer->writable = true;
    status = device->backend->buffer_lend(device, buffer);
    if (status != LIPCL_OK) lipcl_tensor_destroy(&buffer->lent);
    return status;
}

enum lipcl_status device_buffer_allocate(struct lipcl_device *device, struct device_buffer *buffer) {
    enum lipcl_status status = check_alive(device);
    if (status != LIPCL_OK) return status;
    if (can_lend(device, buffer->bytes)) return allocate_lent(device, buffer);
    /* Some drivers accept more than they said they could and fail later. */
    if (device->caps.max_alloc_bytes && buffer->bytes > device->caps.max_alloc_bytes)
        return fail(device->ctx, LIPCL_ERROR_MEMORY,
                    "device %s: a buffer of %zu bytes is above the largest allocation, %zu bytes", device->info.name,
                    buffer->bytes, device->caps.max_alloc_bytes);
    return device->backend->buffer_create(device, buffer);
}

/* A driver whose context is dead may still be at work on these. They are never freed. */
struct abandoned {
    struct abandoned *next;
    struct lipcl_tensor *tensor;
};
static _Atomic(struct abandoned *) abandoned;

static void abandon(struct lipcl_tensor *tensor) {
    struct abandoned *entry = malloc(sizeof *entry);
    if (!entry) return; /* then nobody knows of it, that is all */
    entry->tensor = tensor;
    entry->next = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &entry->next, entry)) {
    }
}

/* What was enqueued before is still done, for which it needs the memory. */
static void take_back_lent(struct lipcl_device *device, struct device_buffer *buffer) {
    if (!buffer->lent) return;
    if (!device->lost && buffer->writable) device->backend->finish(device);
    if (device->lost)
        abandon(buffer->lent);
    else
        lipcl_tensor_destroy(&buffer->lent);
    buffer->lent = NULL;
}

void device_buffer_drop(struct lipcl_device *device, struct device_buffer *buffer) {
    if (buffer->handle && !buffer->shared) device->backend->buffer_destroy(device, buffer);
    take_back_lent(device, buffer);
    buffer->handle = NULL;
    buffer->shared = false;
}

void device_buffer_share(struct device_buffer *buffer, const struct device_buffer *owner) {
    buffer->handle = owner->handle;
    buffer->shared = true;
}

bool device_buffer_has_memory(const struct device_buffer *buffer) {
    return buffer->handle != NULL;
}

enum lipcl_status device_buffer_create(struct lipcl_device *device, struct device_buffer **buffer, size_t bytes) {
    enum lipcl_status status = LIPCL_OK;
    TRY(device_buffer_reserve(device, buffer, bytes));
    TRY(device_buffer_allocate(device, *buffer));
    return LIPCL_OK;

fail:
    device_buffer_destroy(device, buffer);
    return status;
}

static enum lipcl_status lend(struct lipcl_device *device, struct device_buffer **buffer, struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    *buffer = calloc(1, sizeof **buffer);
    if (!*buffer) TRY(fail_memory(device->ctx, sizeof **buffer));
    (*buffer)->bytes = lipcl_tensor_bytes(*tensor);
    (*buffer)->lent = *tensor;
    TRY(device->backend->buffer_lend(device, *buffer));
    *tensor = NULL;
    return LIPCL_OK;

fail:
    free(*buffer);
    *buffer = NULL;
    return status;
}

enum lipcl_status device_buffer_create_of(struct lipcl_device *device, struct device_buffer **buffer,
                                          struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    size_t bytes = lipcl_tensor_bytes(*tensor);
    *buffer = NULL;
    TRY(check_alive(device));
    if (can_lend(device, bytes)) return lend(device, buffer, tensor);
    TRY(device_buffer_create(device, buffer, bytes));
    TRY(device_buffer_write(device, *buffer, (*tensor)->data, bytes));
    lipcl_tensor_destroy(tensor);
    return LIPCL_OK;

fail:
    device_buffer_destroy(device, buffer);
    return status;
}

void device_buffer_destroy(struct lipcl_device *device, struct device_buffer **buffer) {
    if (!*buffer) return;
    device_buffer_drop(device, *buffer);
    free(*buffer);
    *buffer = NULL;
}

size_t device_buffer_bytes(const struct device_buffer *buffer) {
    return buffer->bytes;
}

static enum lipcl_status check_range(const struct lipcl_device *device, const struct device_buffer *buffer, size_t offset_bytes,
                                     size_t bytes) {
    if (!buffer->handle)
        return fail(device->ctx, LIPCL_ERROR_ARGUMENT, "device %s: a buffer without memory", device->info.name);
    if (bytes <= buffer->bytes && offset_bytes <= buffer->bytes - bytes) return check_alive(device);
    return fail(device->ctx, LIPCL_ERROR_ARGUMENT,
                "device %s: a transfer of %zu bytes from %zu on does not fit a buffer of %zu", device->info.name, bytes,
                offset_bytes, buffer->bytes);
}

enum lipcl_status device_buffer_write(struct lipcl_device *device, struct device_buffer *buffer, const void *data,
                                      size_t bytes) {
    enum lipcl_status status = check_range(device, buffer, 0, bytes);
    if (status != LIPCL_OK || bytes == 0) return status;
    record_begin(device, DEVICE_WRITE, bytes);
    status = device->backend->buffer_write(device, buffer, data, bytes);
    record_end(device);
    return status;
}

enum lipcl_status device_buffer_read(struct lipcl_device *device, void *data, struct device_buffer *buffer, size_t bytes) {
    return device_buffer_read_part(device, data, buffer, 0, bytes);
}

enum lipcl_status device_buffer_read_part(struct lipcl_device *device, void *data, struct device_buffer *buffer,
                                          size_t offset_bytes, size_t bytes) {
    enum lipcl_status status = check_range(device, buffer, offset_bytes, bytes);
    if (status != LIPCL_OK || bytes == 0) return status;
    record_begin(device, DEVICE_READ, bytes);
    status = device->backend->buffer_read(device, data, buffer, offset_bytes, bytes);
    record_end(device);
    return status;
}

enum lipcl_status device_kernel_create(struct lipcl_device *device, struct device_kernel **kernel, const char *file,
                                       const char *name, const char *options) {
    enum lipcl_status status = LIPCL_OK;
    *kernel = NULL;
    TRY(check_alive(device));
    *kernel = calloc(1, sizeof **kernel);
    if (!*kernel) TRY(fail_memory(device->ctx, sizeof **kernel));
    snprintf((*kernel)->name, sizeof(*kernel)->name, "%s", name);
    TRY(device->backend->kernel_create(device, *kernel, file, options));
    return LIPCL_OK;

fail:
    free(*kernel);
    *kernel = NULL;
    return status;
}

size_t device_kernel_max_work_group(const struct device_kernel *kernel) {
    return kernel->work_group;
}

void device_kernel_destroy(struct lipcl_device *device, struct device_kernel **kernel) {
    if (!*kernel) return;
    device->backend->kernel_destroy(device, *kernel);
    free(*kernel);
    *kernel = NULL;
}

enum lipcl_status device_kernel_argument(struct lipcl_device *device, struct device_kernel *kernel, size_t index,
                                         struct device_buffer *buffer) {
    enum lipcl_status status = check_alive(device);
    if (status != LIPCL_OK) return status;
    return device->backend->kernel_argument(device, kernel, index, buffer);
}

uint64_t device_kernel_binary(const struct device_kernel *kernel) {
    return kernel->binary;
}

bool device_kernel_distrust(struct lipcl_device *device, struct device_kernel *kernel) {
    return kernel->binary && !device->lost && device->backend->kernel_distrust(device, kernel);
}

bool device_programs_keep(struct lipcl_device *device) {
    return device->backend->programs_keep && !device->lost && device->backend->programs_keep(device);
}

enum lipcl_status device_launch(struct lipcl_device *device, struct device_kernel *kernel, const size_t offset[3],
                                const size_t global[3], const size_t local[3]) {
    size_t group = local[0] * local[1] * local[2];
    if (group == 0 || group > kernel->work_group)
        return fail(device->ctx, LIPCL_ERROR_DEVICE, "kernel %s: a work-group of %zu is above the %zu that %s can run it with",
                    kernel->name, group, kernel->work_group, device->info.name);
    for (size_t i = 0; i < 3; i++)
        if (global[i] == 0 || global[i] % local[i] || local[i] > device->caps.max_work_items[i])
            return fail(device->ctx, LIPCL_ERROR_ARGUMENT, "kernel %s: global size %zu and local size %zu in dimension %zu",
                        kernel->name, global[i], local[i], i);
    enum lipcl_status status = check_alive(device);
    if (status != LIPCL_OK) return status;
    record_begin(device, DEVICE_LAUNCH, 0);
    status = device->backend->launch(device, kernel, offset, global, local);
    record_end(device);
    return status;
}

static enum lipcl_status check_gemm(struct lipcl_device *device) {
    if (device->caps.has_clblast && device->caps.has_clblast()) return check_alive(device);
    return fail(device->ctx, LIPCL_ERROR_UNSUPPORTED, "device %s: CLBlast is not available", device->info.name);
}

enum lipcl_status device_gemm_temporary_bytes(struct lipcl_device *device, size_t *bytes, const struct device_gemm *gemm) {
    enum lipcl_status status = check_gemm(device);
    if (status != LIPCL_OK) return status;
    return device->backend->gemm_temporary_bytes(device, bytes, gemm);
}

/* The elements of a row-major matrix with its offset, or more than any buffer holds when the sizes overflow. */
static bool matrix_fits(const struct device_buffer *buffer, size_t offset, size_t rows, size_t columns, size_t ld) {
    size_t elements, bytes;
    return rows && columns && ld >= columns && size_multiply(&elements, rows - 1, ld) &&
           size_add(&elements, elements, columns) && size_add(&elements, elements, offset) &&
           size_multiply(&bytes, elements, sizeof(float)) && bytes <= buffer->bytes;
}

enum lipcl_status device_gemm(struct lipcl_device *device, const struct device_gemm *gemm) {
    enum lipcl_status status = check_gemm(device);
    if (status != LIPCL_OK) return status;
    if (!matrix_fits(gemm->a, gemm->a_offset, gemm->m, gemm->k, gemm->a_ld) ||
        !matrix_fits(gemm->b, gemm->b_offset, gemm->b_transposed ? gemm->n : gemm->k, gemm->b_transposed ? gemm->k : gemm->n,
                     gemm->b_ld) ||
        !matrix_fits(gemm->c, gemm->c_offset, gemm->m, gemm->n, gemm->c_ld))
        return fail(device->ctx, LIPCL_ERROR_ARGUMENT, "gemm %zu x %zu x %zu: a matrix reaches beyond its buffer", gemm->m,
                    gemm->n, gemm->k);
    record_begin(device, DEVICE_GEMM, 0);
    status = device->backend->gemm(device, gemm);
    record_end(device);
    return status;
}

enum lipcl_status device_finish(struct lipcl_device *device) {
    enum lipcl_status status = check_alive(device);
    if (status != LIPCL_OK) return status;
    return device->backend->finish(device);
}
