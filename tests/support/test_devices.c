#include "support/test_devices.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void print(void *user, enum lipcl_log_level level, const char *message) {
    (void)user;
    (void)level;
    fprintf(stderr, "lipcl: %s\n", message);
}

struct lipcl_context *test_context(void) {
    struct lipcl_context *ctx = NULL;
    if (lipcl_context_create(&ctx, &(struct lipcl_context_params){.log = print}) != LIPCL_OK) abort();
    return ctx;
}

struct criterion_test_params devices_as_parameters(bool with_host) {
    struct lipcl_context *ctx = test_context();
    struct lipcl_device_list *list = NULL;
    if (lipcl_device_list_create(ctx, &list) != LIPCL_OK) abort();
    struct device_parameter *found = cr_malloc((list->count + 1) * sizeof *found);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct lipcl_device_info *info = &list->devices[i];
        if (!info->usable) continue;
        snprintf(found[count].selector, sizeof found->selector, "%zu:%zu", info->platform_index, info->device_index);
        snprintf(found[count++].name, sizeof found->name, "%s", info->name);
    }
    if (count == 0) { /* a suite of kernels that ran on nothing has not passed */
        fprintf(stderr, "there is no usable OpenCL device (%s): these tests need one, such as pocl-opencl-icd\n",
                list->problem);
        abort();
    }
    if (with_host) found[count++] = (struct device_parameter){"host", "host"};
    lipcl_device_list_destroy(&list);
    lipcl_context_destroy(&ctx);
    return cr_make_param_array(struct device_parameter, found, count);
}
