#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "profile_output.h"
#include "table.h"

static void add_titles(struct table *table, const char *const *titles, size_t count) {
    for (size_t i = 0; i < count; i++) table_add(table, COLOUR_NONE, "%s", titles[i]);
}

/* "-" for what is not known. */
static void add_number(struct table *table, const char *format, double number) {
    if (number > 0)
        table_add(table, COLOUR_NONE, format, number);
    else
        table_add(table, COLOUR_NONE, "-");
}

static void add_time(struct table *table, const struct spread *spread, double ms) {
    table_add(table, COLOUR_NONE, spread->count ? ms < 0.1 ? "%.3f" : "%.2f" : "-", ms);
}

static void add_share(struct table *table, double share) {
    add_number(table, share < 0.001 ? "%.2f %%" : "%.1f %%", 100 * share);
}

/* Thousands of thousands, as operations and bytes come. */
static void add_millions(struct table *table, double number) {
    add_number(table, number < 1e5 ? "%.3f" : number < 1e8 ? "%.1f" : "%.0f", number / 1e6);
}

static void add_layer(struct table *table, const struct layer_summary *layer) {
    table_add(table, COLOUR_NONE, "%s", layer->info->name);
    table_add(table, COLOUR_NONE, "%s", layer->info->lowering);
    add_time(table, &layer->running, layer->running.median);
    add_time(table, &layer->running, layer->running.p95);
    add_time(table, &layer->queued, layer->queued.median);
    add_time(table, &layer->submitted, layer->submitted.median);
    add_time(table, &layer->wall, layer->wall.median);
    add_time(table, &layer->wall, layer->wall.p95);
    add_share(table, layer->share);
    add_millions(table, layer->rates.flops);
    add_millions(table, layer->flops);
    add_millions(table, layer->rates.bytes);
    add_number(table, "%.1f", layer->rates.gflops);
    add_number(table, "%.1f", layer->rates.gbps);
    add_share(table, layer->rates.limit_share);
    table_add(table, COLOUR_NONE, "%s", layer->rates.bound ? layer->rates.bound : "-");
}

static void add_kernel(struct table *table, const struct kernel_summary *kernel, double run_ms) {
    table_add(table, COLOUR_NONE, "  %s", kernel->event.name);
    table_add(table, kernel->invalid ? COLOUR_YELLOW : COLOUR_NONE, "%s", kernel->invalid ? kernel->problem : "");
    add_time(table, &kernel->running, kernel->running.median);
    add_time(table, &kernel->running, kernel->running.p95);
    add_time(table, &kernel->queued, kernel->queued.median);
    add_time(table, &kernel->submitted, kernel->submitted.median);
    table_add(table, COLOUR_NONE, "%s", "");
    table_add(table, COLOUR_NONE, "%s", "");
    add_share(table, kernel->running.count && run_ms > 0 ? kernel->running.mean / run_ms : 0);
    table_add(table, COLOUR_NONE, "%s", "");
    add_millions(table, kernel->rates.flops);
    add_millions(table, kernel->rates.bytes);
    add_number(table, "%.1f", kernel->rates.gflops);
    add_number(table, "%.1f", kernel->rates.gbps);
    add_share(table, kernel->rates.limit_share);
    table_add(table, COLOUR_NONE, "%s", kernel->rates.bound ? kernel->rates.bound : "-");
}

static void print_layers(const struct profile_summary *summary) {
    static const char *const titles[] = {"LAYER", "LOWERING", "RUNNING", "P95", "QUEUED",  "SUBMITTED", "WALL",     "P95",
                                         "SHARE", "MFLOP",    "ACTUAL",  "MB",  "GFLOP/s", "GB/s",      "OF LIMIT", "BOUND"};
    struct table table;
    table_init(&table, "llrrrrrrrrrrrrrl");
    add_titles(&table, titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; i < summary->layer_count; i++) {
        const struct layer_summary *layer = &summary->layers[i];
        add_layer(&table, layer);
        const struct kernel_summary *kernels = &summary->kernels[layer->first_kernel];
        for (size_t k = 0; k < layer->kernel_count; k++)
            if (layer->kernel_count > 1 || kernels[k].invalid) add_kernel(&table, &kernels[k], summary->run.mean);
    }
    table_print(&table);
    table_finish(&table);
}

static void add_sizes(struct table *table, const size_t sizes[3]) {
    if (sizes[0])
        table_add(table, COLOUR_NONE, "%zu x %zu x %zu", sizes[0], sizes[1], sizes[2]);
    else
        table_add(table, COLOUR_NONE, "-");
}

static void print_kernels(const struct profile_summary *summary) {
    static const char *const titles[] = {"KERNEL", "OF", "CALLS", "GLOBAL", "LOCAL", "PRIVATE", "LOCAL MEMORY", "TUNING"};
    struct table table;
    if (summary->kernel_count == 0) return;
    table_init(&table, "llrllrrl");
    add_titles(&table, titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; i < summary->kernel_count; i++) {
        const struct kernel_summary *kernel = &summary->kernels[i];
        const struct lipcl_profile_event *event = &kernel->event;
        char *private = format_bytes(event->private_bytes), *local = format_bytes(event->local_bytes);
        table_add(&table, COLOUR_NONE, "%s", event->name);
        table_add(&table, COLOUR_NONE, "%s", event->layer_name ? event->layer_name : "outputs");
        table_add(&table, COLOUR_NONE, "%zu", kernel->calls);
        add_sizes(&table, event->global);
        add_sizes(&table, event->local);
        table_add(&table, COLOUR_NONE, "%s", private);
        table_add(&table, COLOUR_NONE, "%s", local);
        table_add(&table, COLOUR_NONE, "%s", event->tuning && *event->tuning ? event->tuning : "-");
        free(private);
        free(local);
    }
    table_print(&table);
    table_finish(&table);
    print("\n");
}

/* Parts below a thousandth of the run are told together. */
static void print_parts(const struct profile_summary *summary) {
    struct table table;
    double sums[PART_IDLE + 1] = {0}, small = 0;
    size_t small_count = 0;
    table_init(&table, "llrr");
    add_titles(&table, (const char *const[]){"PART OF A RUN", "KIND", "MEAN", "SHARE"}, 4);
    for (size_t i = 0; i < summary->part_count; i++) {
        const struct part_summary *part = &summary->parts[i];
        sums[part->kind] += part->share;
        if (part->share < 1e-3) {
            small += part->time.mean;
            small_count++;
            continue;
        }
        table_add(&table, COLOUR_NONE, "%s", part->name);
        table_add(&table, COLOUR_NONE, "%s", part_kind_name(part->kind));
        add_time(&table, &part->time, part->time.mean);
        add_share(&table, part->share);
    }
    if (small_count) {
        table_add(&table, COLOUR_NONE, "%zu others", small_count);
        table_add(&table, COLOUR_NONE, "%s", "");
        table_add(&table, COLOUR_NONE, "%.3f", small);
        add_share(&table, small / summary->run.mean);
    }
    table_print(&table);
    table_finish(&table);
    print("layers %.1f %%, copies %.1f %%, transfers %.1f %%, idle %.1f %% of the run\n", 100 * sums[PART_LAYER],
          100 * sums[PART_COPY], 100 * sums[PART_TRANSFER], 100 * sums[PART_IDLE]);
}

static void print_stages(const struct profile_summary *summary) {
    print("on the host:");
    for (size_t i = 0; i < summary->stage_count; i++)
        print("%s %s %.3f ms", i ? "," : "", summary->stages[i].name, summary->stages[i].time.mean);
    char *live = format_bytes(summary->peak_live_bytes), *allocated = format_bytes(summary->allocated_bytes);
    print("\nmemory on the device: %s in buffers, of which at most %s are needed at a time\n", allocated, live);
    free(live);
    free(allocated);
}

void profile_print(const struct profile_summary *summary) {
    const struct profile_log *log = summary->log;
    const struct lipcl_device_info *info = profile_log_device(log);
    char *label = device_label(info);
    print("%s%s%s  %s, %s\n", colour(stdout, COLOUR_BOLD), label, colour(stdout, COLOUR_NONE), info->platform, info->driver);
    if (log->peaks.fma_gflops > 0)
        print("FMA peak %.1f GFLOP/s, copy %.1f GB/s (measured just now)\n", log->peaks.fma_gflops, log->peaks.copy_gbps);
    print("a run: median %.2f ms, p95 %.2f ms, min %.2f ms of %zu; times are in milliseconds\n\n", summary->run.median,
          summary->run.p95, summary->run.min, summary->run.count);
    print_layers(summary);
    print("\n");
    print_kernels(summary);
    print_parts(summary);
    print_stages(summary);
    if (summary->invalid)
        print("%s%zu of %zu events have times that cannot be true; they are left out of every number above%s\n",
              colour(stdout, COLOUR_YELLOW), summary->invalid, summary->events, colour(stdout, COLOUR_NONE));
    free(label);
}

/* The layer of that name, or NULL: devices may fuse differently. */
static const struct layer_summary *find_layer(const struct profile_summary *summary, const char *name) {
    for (size_t i = 0; i < summary->layer_count; i++)
        if (strcmp(summary->layers[i].info->name, name) == 0) return &summary->layers[i];
    return NULL;
}

static void add_cell(struct table *table, const struct layer_summary *layer) {
    if (!layer || !layer->running.count)
        table_add(table, COLOUR_NONE, "-");
    else if (layer->rates.limit_share > 0)
        table_add(table, COLOUR_NONE, "%.2f (%.0f %%)", layer->running.median, 100 * layer->rates.limit_share);
    else
        table_add(table, COLOUR_NONE, "%.2f", layer->running.median);
}

void profile_print_matrix(const struct profile_log *logs, const struct profile_summary *summaries, size_t count) {
    const struct profile_summary *longest = NULL;
    char *alignment = allocate(count + 2, 1);
    struct table table;
    memset(alignment, 'r', count + 1);
    alignment[0] = 'l';
    for (size_t d = 0; d < count; d++)
        if (summaries[d].log && (!longest || summaries[d].layer_count > longest->layer_count)) longest = &summaries[d];
    if (!longest) {
        free(alignment);
        return;
    }
    table_init(&table, alignment);
    table_add(&table, COLOUR_NONE, "MEDIAN MS (OF LIMIT)");
    for (size_t d = 0; d < count; d++) {
        const struct lipcl_device_info *info = profile_log_device(&logs[d]);
        char *selector = info ? device_selector(info) : format_text("%s", logs[d].selector ? logs[d].selector : "?");
        table_add(&table, COLOUR_NONE, "%s", selector);
        free(selector);
    }
    for (size_t i = 0; i < longest->layer_count; i++) {
        table_add(&table, COLOUR_NONE, "%s", longest->layers[i].info->name);
        for (size_t d = 0; d < count; d++)
            add_cell(&table, summaries[d].log ? find_layer(&summaries[d], longest->layers[i].info->name) : NULL);
    }
    table_add(&table, COLOUR_BOLD, "a run");
    for (size_t d = 0; d < count; d++)
        if (summaries[d].log)
            table_add(&table, COLOUR_BOLD, "%.2f", summaries[d].run.median);
        else
            table_add(&table, COLOUR_RED, "failed");
    table_print(&table);
    table_finish(&table);
    free(alignment);
}
