#include "devices.h"

#include <stdlib.h>
#include <string.h>

#include "messages.h"

char *device_selector(const struct lipcl_device_info *info) {
    if (info->type == LIPCL_DEVICE_HOST) return format_text("host");
    return format_text("%zu:%zu", info->platform_index, info->device_index);
}

const char *device_type_name(enum lipcl_device_type type) {
    switch (type) {
    case LIPCL_DEVICE_HOST: return "host";
    case LIPCL_DEVICE_CPU: return "cpu";
    case LIPCL_DEVICE_GPU: return "gpu";
    case LIPCL_DEVICE_ACCELERATOR: return "accelerator";
    }
    return "?";
}

char *device_label(const struct lipcl_device_info *info) {
    if (info->type == LIPCL_DEVICE_HOST) return format_text("host");
    return format_text("%zu:%zu %s", info->platform_index, info->device_index, info->name);
}

static void select_one(struct device_selection *selection, char *selector) {
    char **grown = realloc(selection->selectors, (selection->count + 1) * sizeof *grown);
    if (!grown) die_of_memory();
    selection->selectors = grown;
    grown[selection->count++] = selector;
}

/* Whether there are any. */
static bool select_all(struct device_selection *selection, struct lipcl_context *ctx) {
    struct lipcl_device_list *list = NULL;
    if (lipcl_device_list_create(ctx, &list) != LIPCL_OK) return false;
    for (size_t i = 0; i < list->count; i++)
        if (list->devices[i].usable)
            select_one(selection, device_selector(&list->devices[i]));
        else
            caution("%s is left out: %s", list->devices[i].name, list->devices[i].problem);
    bool any = false;
    for (size_t i = 0; i < list->count; i++) any = any || list->devices[i].usable;
    if (!any) complain("--device all: there is no usable OpenCL device%s%s", *list->problem ? ": " : "", list->problem);
    lipcl_device_list_destroy(&list);
    return any;
}

bool device_selection_init(struct device_selection *selection, struct lipcl_context *ctx, const char *text) {
    *selection = (struct device_selection){0};
    if (!text) {
        select_one(selection, NULL);
        return true;
    }
    for (const char *part = text;; part++) {
        size_t length = strcspn(part, ",");
        char *selector = format_text("%.*s", (int)length, part);
        part += length;
        if (strcmp(selector, "all") != 0) {
            select_one(selection, selector);
        } else {
            free(selector);
            if (!select_all(selection, ctx)) return false;
        }
        if (!*part) return true;
    }
}

void device_selection_finish(struct device_selection *selection) {
    for (size_t i = 0; i < selection->count; i++) free(selection->selectors[i]);
    free(selection->selectors);
    *selection = (struct device_selection){0};
}
