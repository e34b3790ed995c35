#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "messages.h"
#include "profile_output.h"

/* Text as RFC 4180 wants it. */
static void put_text(const char *text) {
    if (!text) text = "";
    if (!strpbrk(text, ",\"\r\n")) {
        print("%s,", text);
        return;
    }
    print("\"");
    for (; *text; text++) print(*text == '"' ? "\"\"" : "%c", *text);
    print("\",");
}

static void put_number(double number, bool is_known) {
    if (is_known)
        print("%.9g,", number);
    else
        print(",");
}

static void put_spread(const struct spread *spread) {
    put_number(spread->median, spread->count > 0);
    put_number(spread->p95, spread->count > 0);
}

static void put_sizes(const size_t sizes[3]) {
    if (sizes[0])
        print("%zux%zux%zu,", sizes[0], sizes[1], sizes[2]);
    else
        print(",");
}

/* All columns; zeros and NULLs are empty cells. */
struct csv_row {
    const char *row; /* "run", "stage", "layer", "kernel", "transfer", "idle" */
    const char *layer, *operators, *lowering, *name;
    size_t calls, invalid;
    const char *problem;
    struct spread queued, submitted, running, wall;
    double share, useful_flops, actual_flops, bytes, gflops, gbps, limit_share;
    const char *bound;
    const struct lipcl_profile_event *kernel; /* its sizes, memory and tuning values */
};

static const char titles[] =
    "row,select,device,driver,layer,operators,lowering,name,calls,invalid,problem,queued_ms,queued_p95_ms,submitted_ms,"
    "submitted_p95_ms,running_ms,running_p95_ms,wall_ms,wall_p95_ms,share,useful_flops,actual_flops,bytes,gflops,gbps,"
    "limit_share,bound,global,local,work_group,private_bytes,local_bytes,tuning\n";

static void put_device(const struct profile_log *log) {
    const struct lipcl_device_info *info = profile_log_device(log);
    char *selector = device_selector(info);
    put_text(selector);
    put_text(info->name);
    put_text(info->driver);
    free(selector);
}

static void put_kernel(const struct lipcl_profile_event *kernel) {
    put_sizes(kernel->global);
    put_sizes(kernel->local);
    print("%zu,%zu,%zu,", kernel->work_group, kernel->private_bytes, kernel->local_bytes);
}

static void put_row(const struct profile_summary *summary, const struct csv_row *row) {
    const double numbers[] = {row->share,  row->useful_flops, row->actual_flops, row->bytes,
                              row->gflops, row->gbps,         row->limit_share};
    put_text(row->row);
    put_device(summary->log);
    put_text(row->layer);
    put_text(row->operators);
    put_text(row->lowering);
    put_text(row->name);
    print("%zu,%zu,", row->calls, row->invalid);
    put_text(row->problem);
    put_spread(&row->queued);
    put_spread(&row->submitted);
    put_spread(&row->running);
    put_spread(&row->wall);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) put_number(numbers[i], numbers[i] > 0);
    put_text(row->bound);
    if (row->kernel)
        put_kernel(row->kernel);
    else
        print(",,,,,");
    /* The last one, behind which no comma stands, and a text without one. */
    print("%s\n", row->kernel && row->kernel->tuning ? row->kernel->tuning : "");
}

static void put_layer(const struct profile_summary *summary, const struct layer_summary *layer) {
    const struct csv_row row = {
        .row = "layer",
        .layer = layer->info->name,
        .operators = layer->info->op,
        .lowering = layer->info->lowering,
        .name = layer->info->name,
        .calls = summary->log->runs,
        .queued = layer->queued,
        .submitted = layer->submitted,
        .running = layer->running,
        .wall = layer->wall,
        .share = layer->share,
        .useful_flops = layer->rates.flops,
        .actual_flops = layer->flops,
        .bytes = layer->rates.bytes,
        .gflops = layer->rates.gflops,
        .gbps = layer->rates.gbps,
        .limit_share = layer->rates.limit_share,
        .bound = layer->rates.bound,
    };
    put_row(summary, &row);
}

static void put_launches(const struct profile_summary *summary, const struct kernel_summary *kernel) {
    const struct csv_row row = {
        .row = "kernel",
        .layer = kernel->event.layer_name,
        .lowering = kernel->event.lowering,
        .name = kernel->event.name,
        .calls = kernel->calls,
        .invalid = kernel->invalid,
        .problem = kernel->problem,
        .queued = kernel->queued,
        .submitted = kernel->submitted,
        .running = kernel->running,
        .share = summary->run.mean > 0 ? kernel->running.mean / summary->run.mean : 0,
        .actual_flops = kernel->rates.flops,
        .bytes = kernel->rates.bytes,
        .gflops = kernel->rates.gflops,
        .gbps = kernel->rates.gbps,
        .limit_share = kernel->rates.limit_share,
        .bound = kernel->rates.bound,
        .kernel = &kernel->event,
    };
    put_row(summary, &row);
}

static void put_transfer(const struct profile_summary *summary, const struct transfer_summary *transfer) {
    const char *format = transfer->event.kind == LIPCL_PROFILE_WRITE ? "upload of %s" : "download of %s";
    char *name = format_text(format, transfer->event.name);
    const struct csv_row row = {
        .row = "transfer",
        .layer = transfer->event.layer_name,
        .name = name,
        .calls = transfer->calls,
        .invalid = transfer->invalid,
        .problem = transfer->problem,
        .queued = transfer->queued,
        .submitted = transfer->submitted,
        .running = transfer->running,
        .share = summary->run.mean > 0 ? transfer->running.mean / summary->run.mean : 0,
        .bytes = transfer->event.bytes,
        .gbps = transfer->gbps,
    };
    put_row(summary, &row);
    free(name);
}

/* What is no command: the run, a stage of the host, a gap. */
static void put_span(const struct profile_summary *summary, const char *kind, const char *name, const struct spread *time) {
    const struct csv_row row = {
        .row = kind,
        .name = name,
        .calls = time->count,
        .running = *time,
        .share = summary->run.mean > 0 ? time->mean / summary->run.mean : 0,
    };
    put_row(summary, &row);
}

void profile_print_csv(const struct profile_summary *summaries, size_t count) {
    print("%s", titles);
    for (size_t d = 0; d < count; d++) {
        const struct profile_summary *summary = &summaries[d];
        if (!summary->log) continue;
        put_span(summary, "run", "run", &summary->run);
        for (size_t i = 0; i < summary->stage_count; i++)
            put_span(summary, "stage", summary->stages[i].name, &summary->stages[i].time);
        for (size_t i = 0; i < summary->layer_count; i++) put_layer(summary, &summary->layers[i]);
        for (size_t i = 0; i < summary->kernel_count; i++) put_launches(summary, &summary->kernels[i]);
        for (size_t i = 0; i < summary->transfer_count; i++) put_transfer(summary, &summary->transfers[i]);
        for (size_t i = 0; i < summary->part_count; i++)
            if (summary->parts[i].kind == PART_IDLE) put_span(summary, "idle", summary->parts[i].name, &summary->parts[i].time);
    }
}
