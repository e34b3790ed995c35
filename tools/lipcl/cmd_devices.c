/* cmd_devices.c: what there is to compute on. */
#include <stdlib.h>
#include <string.h>

#include <lipcl/device.h>

#include "command.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "table.h"

/* "OpenCL 3.0 PoCL HSTR: ..." -> "3.0"; what has no such form stays as it is. */
static char *short_version(const char *version) {
    const char *prefix = "OpenCL ";
    if (strncmp(version, prefix, strlen(prefix)) != 0) return format_text("%s", *version ? version : "-");
    version += strlen(prefix);
    return format_text("%.*s", (int)strcspn(version, " "), version);
}

static void add_device(struct table *table, const struct lipcl_device_info *info, bool is_default) {
    bool host = info->type == LIPCL_DEVICE_HOST;
    char *selector = device_selector(info), *version = short_version(info->version);
    char *memory = format_bytes(info->global_bytes), *largest = format_bytes(info->max_alloc_bytes);
    char *local = format_bytes(info->local_bytes);
    enum colour shade = info->usable ? COLOUR_NONE : COLOUR_YELLOW;
    table_add(table, COLOUR_GREEN, "%s", is_default ? "*" : "");
    table_add(table, shade, "%s", selector);
    table_add(table, shade, "%s", device_type_name(info->type));
    table_add(table, shade, "%s", host ? "-" : version);
    table_add(table, shade, info->compute_units ? "%u" : "-", info->compute_units);
    table_add(table, shade, info->clock_mhz ? "%u MHz" : "-", info->clock_mhz);
    table_add(table, shade, "%s", memory);
    table_add(table, shade, "%s", largest);
    table_add(table, shade, "%s%s", local, host || !info->local_bytes ? "" : info->local_is_dedicated ? "" : " emulated");
    table_add(table, shade, "%s", host ? "-" : info->fp16 ? "yes" : "no");
    table_add(table, shade, "%s", host ? "-" : info->subgroups ? "yes" : "no");
    table_add(table, shade, "%s", host || !*info->driver ? "-" : info->driver);
    table_add(table, shade, "%s", info->usable ? "yes" : "no");
    table_add(table, shade, host ? "%s" : "%s (%s)", host ? "the plain-C references, no OpenCL" : info->name, info->platform);
    free(selector);
    free(version);
    free(memory);
    free(largest);
    free(local);
}

static void print_table(const struct lipcl_device_list *list, const struct lipcl_device_info *host,
                        const struct lipcl_device_info *chosen) {
    static const char *const titles[] = {"",        "SELECT", "TYPE", "OPENCL",     "UNITS",  "CLOCK",  "MEMORY",
                                         "LARGEST", "LOCAL",  "FP16", "SUB-GROUPS", "DRIVER", "USABLE", "NAME (PLATFORM)"};
    struct table table;
    table_init(&table, "lllrrrrrllllll");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    for (size_t i = 0; i < list->count; i++) {
        const struct lipcl_device_info *info = &list->devices[i];
        bool is_default = chosen && chosen->type != LIPCL_DEVICE_HOST && chosen->platform_index == info->platform_index &&
                          chosen->device_index == info->device_index;
        add_device(&table, info, is_default);
    }
    add_device(&table, host, chosen && chosen->type == LIPCL_DEVICE_HOST);
    table_print(&table);
    table_finish(&table);
    for (size_t i = 0; i < list->count; i++)
        if (!list->devices[i].usable)
            print("%zu:%zu is not usable: %s\n", list->devices[i].platform_index, list->devices[i].device_index,
                  list->devices[i].problem);
    if (list->count == 0) print("no OpenCL device: %s\n", list->problem);
}

static void fill_document(json_t *document, const struct lipcl_device_list *list, const struct lipcl_device_info *host,
                          const struct lipcl_device_info *chosen) {
    json_t *devices = document_array();
    for (size_t i = 0; i < list->count; i++) document_append(devices, document_device(&list->devices[i]));
    document_append(devices, document_device(host));
    document_set(document, "devices", devices);
    char *selector = chosen ? device_selector(chosen) : NULL;
    document_set(document, "default", document_text(selector));
    free(selector);
    document_set(document, "problem", list->count == 0 ? document_text(list->problem) : json_null());
}

static enum exit_code devices_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    struct lipcl_context *silent = NULL; /* the listing itself shows what opening the default would log */
    struct lipcl_device_list *list = NULL;
    struct lipcl_device *host = NULL, *chosen = NULL;
    if (lipcl_device_list_create(invocation->ctx, &list) != LIPCL_OK) goto fail;
    if (lipcl_device_create(invocation->ctx, &host, "host") != LIPCL_OK) goto fail;
    if (lipcl_context_create(&silent, NULL) != LIPCL_OK) die_of_memory();
    if (lipcl_device_create(silent, &chosen, NULL) != LIPCL_OK)
        caution("the default device cannot be opened: %s", lipcl_context_error(silent));
    const struct lipcl_device_info *chosen_info = chosen ? lipcl_device_info(chosen) : NULL;
    if (options.json)
        fill_document(invocation->document, list, lipcl_device_info(host), chosen_info);
    else
        print_table(list, lipcl_device_info(host), chosen_info);
    code = EXIT_DONE;

fail:
    lipcl_device_destroy(&chosen);
    lipcl_device_destroy(&host);
    lipcl_context_destroy(&silent);
    lipcl_device_list_destroy(&list);
    return code;
}

const struct command command_devices = {
    .name = "devices",
    .summary = "list what there is to compute on",
    .usage = "[OPTIONS]",
    .description = "Lists every OpenCL platform's devices, and `host`, which needs no OpenCL. The column\n"
                   "SELECT is what --device of the other commands takes; the star marks the device that\n"
                   "they use without one. LARGEST is the largest single allocation; local memory is\n"
                   "called emulated where a device keeps it in ordinary memory, as CPUs do. Devices that\n"
                   "cannot be used are listed with the reason.\n",
    .examples = "  lipcl devices\n"
                "  lipcl devices --json\n"
                "  LIPCL_DEVICE=gpu lipcl devices      is there a GPU, and which one is taken?\n",
    .run = devices_run,
};
