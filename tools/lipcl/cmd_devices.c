/* cmd_devices.c: what there is to compute on. */
#include <stdlib.h>
#include <string.h>

#include <lipcl/device.h>
#include <lipcl/tune.h>

#include "command.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "table.h"

static int probe;

/* What a device was found to reach; all 0 where it was not probed. */
struct probed {
    const struct lipcl_device_info *info;
    struct lipcl_device_probe probe;
    char *problem; /* NULL: it went well */
};

/* "OpenCL 3.0 PoCL HSTR: ..." -> "3.0"; what has no such form stays as it is. */
static char *short_version(const char *version) {
    const char *prefix = "OpenCL ";
    if (strncmp(version, prefix, strlen(prefix)) != 0) return format_text("%s", *version ? version : "-");
    version += strlen(prefix);
    return format_text("%.*s", (int)strcspn(version, " "), version);
}

/* How many layers `lipcl tune` has measured there. */
static size_t count_records(const struct lipcl_device_info *info) {
    struct lipcl_context *silent = NULL;
    struct lipcl_tuning_list *list = NULL;
    if (lipcl_context_create(&silent, NULL) != LIPCL_OK) die_of_memory();
    size_t count = 0, records = lipcl_tuning_list_create(silent, &list, info) == LIPCL_OK ? list->count : 0;
    for (size_t i = 0; i < records; i++) count += strcmp(list->records[i].lowering, "clblast") != 0; /* is no layer's */
    lipcl_tuning_list_destroy(&list);
    lipcl_context_destroy(&silent);
    return count;
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
    table_add(table, shade, host ? "-" : "%zu", count_records(info));
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
    static const char *const titles[] = {"",           "SELECT", "TYPE",    "OPENCL", "UNITS",
                                         "CLOCK",      "MEMORY", "LARGEST", "LOCAL",  "FP16",
                                         "SUB-GROUPS", "DRIVER", "TUNED",   "USABLE", "NAME (PLATFORM)"};
    struct table table;
    table_init(&table, "lllrrrrrllllrll");
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

/* Probes the usable ones of the list; false when one of them fails, after a message. */
static bool probe_all(struct lipcl_context *ctx, struct probed *probed, const struct lipcl_device_list *list) {
    bool ok = true;
    progress_begin(list->count);
    for (size_t i = 0; i < list->count; i++) {
        struct lipcl_device *device = NULL;
        probed[i].info = &list->devices[i];
        if (!list->devices[i].usable) continue;
        char *selector = device_selector(&list->devices[i]);
        progress_task(i, "probing %s", list->devices[i].name);
        if (lipcl_device_create(ctx, &device, selector) != LIPCL_OK ||
            lipcl_device_probe(ctx, device, &probed[i].probe) != LIPCL_OK) {
            probed[i].problem = format_text("%s", lipcl_context_error(ctx));
            ok = false;
        }
        lipcl_device_destroy(&device);
        free(selector);
    }
    progress_end();
    return ok;
}

static void add_reached(struct table *table, double number) {
    if (number > 0)
        table_add(table, COLOUR_NONE, number < 0.1 ? "%.3f" : "%.1f", number);
    else
        table_add(table, COLOUR_NONE, "-");
}

static void print_probes(const struct probed *probed, size_t count) {
    static const char *const titles[] = {"SELECT",      "GFLOP/s",       "FP16 GFLOP/s", "COPY GB/s",    "LOCAL GB/s",
                                         "UPLOAD GB/s", "DOWNLOAD GB/s", "LAUNCH us",    "ROUND TRIP us"};
    struct table table;
    table_init(&table, "lrrrrrrrr");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    for (size_t i = 0; i < count; i++) {
        const struct lipcl_device_probe *p = &probed[i].probe;
        if (!probed[i].info->usable || probed[i].problem) continue;
        char *selector = device_selector(probed[i].info);
        table_add(&table, COLOUR_NONE, "%s", selector);
        add_reached(&table, p->peaks.fma_gflops);
        add_reached(&table, p->fma16_gflops);
        add_reached(&table, p->peaks.copy_gbps);
        add_reached(&table, p->local_gbps);
        add_reached(&table, p->upload_gbps);
        add_reached(&table, p->download_gbps);
        add_reached(&table, p->launch_us);
        add_reached(&table, p->round_trip_us);
        free(selector);
    }
    print("\n");
    table_print(&table);
    table_finish(&table);
}

static json_t *reached(double number) {
    return number > 0 ? document_number(number) : json_null();
}

static json_t *document_probe(const struct probed *probed) {
    const struct lipcl_device_probe *p = &probed->probe;
    if (!probed->info->usable || probed->problem) return json_null();
    json_t *object = document_object();
    document_set(object, "fma_gflops", reached(p->peaks.fma_gflops));
    document_set(object, "fma16_gflops", reached(p->fma16_gflops));
    document_set(object, "copy_gbps", reached(p->peaks.copy_gbps));
    document_set(object, "local_gbps", reached(p->local_gbps));
    document_set(object, "upload_gbps", reached(p->upload_gbps));
    document_set(object, "download_gbps", reached(p->download_gbps));
    document_set(object, "launch_us", reached(p->launch_us));
    document_set(object, "round_trip_us", reached(p->round_trip_us));
    return object;
}

static void fill_document(json_t *document, const struct lipcl_device_list *list, const struct probed *probed,
                          const struct lipcl_device_info *host, const struct lipcl_device_info *chosen) {
    json_t *devices = document_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *object = document_device(&list->devices[i]);
        document_set(object, "tuned_layers", document_count(count_records(&list->devices[i])));
        if (probed) document_set(object, "probe", document_probe(&probed[i]));
        document_append(devices, object);
    }
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
    struct probed *probed = NULL;
    if (lipcl_device_list_create(invocation->ctx, &list) != LIPCL_OK) goto fail;
    if (lipcl_device_create(invocation->ctx, &host, "host") != LIPCL_OK) goto fail;
    if (lipcl_context_create(&silent, NULL) != LIPCL_OK) die_of_memory();
    if (lipcl_device_create(silent, &chosen, NULL) != LIPCL_OK)
        caution("the default device cannot be opened: %s", lipcl_context_error(silent));
    const struct lipcl_device_info *chosen_info = chosen ? lipcl_device_info(chosen) : NULL;
    if (!options.json) print_table(list, lipcl_device_info(host), chosen_info);
    if (probe) probed = allocate(list->count, sizeof *probed);
    code = !probe || probe_all(invocation->ctx, probed, list) ? EXIT_DONE : EXIT_FAILED;
    if (options.json)
        fill_document(invocation->document, list, probed, lipcl_device_info(host), chosen_info);
    else if (probe)
        print_probes(probed, list->count);

fail:
    for (size_t i = 0; probed && i < list->count; i++) free(probed[i].problem);
    free(probed);
    lipcl_device_destroy(&chosen);
    lipcl_device_destroy(&host);
    lipcl_context_destroy(&silent);
    lipcl_device_list_destroy(&list);
    return code;
}

static struct poptOption devices_options[] = {
    {"probe", '\0', POPT_ARG_NONE, &probe, 0,
     "measure what each of them reaches (some seconds), and keep the best of all probes as what shares are taken of", NULL},
    POPT_TABLEEND};

const struct command command_devices = {
    .name = "devices",
    .summary = "list what there is to compute on",
    .usage = "[OPTIONS]",
    .description = "Lists every OpenCL platform's devices, and `host`, which needs no OpenCL. The column\n"
                   "SELECT is what --device of the other commands takes; the star marks the device that\n"
                   "they use without one. LARGEST is the largest single allocation; local memory is\n"
                   "called emulated where a device keeps it in ordinary memory, as CPUs do. TUNED counts the\n"
                   "layers that `lipcl tune` has measured there, with this driver. Devices that cannot be\n"
                   "used are listed with the reason.\n"
                   "\n"
                   "--probe measures multiply-adds in single and half precision, copying, reading local memory,\n"
                   "transfers of 32 MiB, a launch among many, and one alone until the host knows of its end.\n"
                   "What it finds is kept in $XDG_CACHE_HOME/lipcl; `bench` and `profile` take their shares of\n"
                   "that, or of what they measure themselves where it is more.\n",
    .examples = "  lipcl devices\n"
                "  lipcl devices --json\n"
                "  lipcl devices --probe               what do they reach?\n"
                "  LIPCL_DEVICE=gpu lipcl devices      is there a GPU, and which one is taken?\n",
    .options = devices_options,
    .run = devices_run,
};
