#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "document.h"
#include "messages.h"
#include "options.h"
#include "profile_output.h"

static json_t *document_ms(const struct spread *spread) {
    if (spread->count == 0) return json_null();
    json_t *object = document_object();
    document_set(object, "median", document_number(spread->median));
    document_set(object, "p95", document_number(spread->p95));
    document_set(object, "min", document_number(spread->min));
    document_set(object, "mean", document_number(spread->mean));
    document_set(object, "count", document_count(spread->count));
    document_set(object, "low", document_number(spread->low));
    document_set(object, "high", document_number(spread->high));
    return object;
}

/* 0 stands for unknown. */
static json_t *known(double number) {
    return number > 0 ? document_number(number) : json_null();
}

/* Far below both peaks, neither of them is what holds work up: it waits, for its own last results, for barriers, for launches,
 * or has too few work-items to fill the device. */
static const double LATENCY_BELOW = 0.25;

static const char *limited_by(const struct rates *rates) {
    return rates->bound && rates->limit_share < LATENCY_BELOW ? "latency" : rates->bound;
}

static void set_rates(json_t *object, const struct rates *rates) {
    document_set(object, "bytes", document_number(rates->bytes));
    document_set(object, "gflops", known(rates->gflops));
    document_set(object, "gbps", known(rates->gbps));
    document_set(object, "intensity", known(rates->intensity));
    document_set(object, "bound", document_text(rates->bound));
    document_set(object, "limit_share", known(rates->limit_share));
    document_set(object, "limited_by", document_text(limited_by(rates)));
}

static void set_calls(json_t *object, size_t calls, size_t invalid, const char *problem) {
    document_set(object, "calls", document_count(calls));
    document_set(object, "invalid", document_count(invalid));
    document_set(object, "problem", document_text(problem));
}

static json_t *document_sizes(const size_t sizes[3]) {
    json_t *array = document_array();
    for (size_t i = 0; i < 3 && sizes[0]; i++) document_append(array, document_count(sizes[i]));
    return array;
}

static json_t *document_kernel(const struct kernel_summary *kernel) {
    const struct lipcl_profile_event *event = &kernel->event;
    json_t *object = document_object();
    document_set(object, "kernel", document_text(event->name));
    document_set(object, "launch", document_count((size_t)event->launch));
    set_calls(object, kernel->calls, kernel->invalid, kernel->problem);
    document_set(object, "queued_ms", document_ms(&kernel->queued));
    document_set(object, "submitted_ms", document_ms(&kernel->submitted));
    document_set(object, "running_ms", document_ms(&kernel->running));
    document_set(object, "flops", known(kernel->rates.flops));
    set_rates(object, &kernel->rates);
    document_set(object, "file", document_text(event->file));
    document_set(object, "options", document_text(event->options));
    document_set(object, "tuning", document_text(event->tuning));
    document_set(object, "global", document_sizes(event->global));
    document_set(object, "local", document_sizes(event->local));
    document_set(object, "work_group", document_count(event->work_group));
    document_set(object, "local_bytes", document_count(event->local_bytes));
    document_set(object, "private_bytes", document_count(event->private_bytes));
    return object;
}

static json_t *document_kernels(const struct profile_summary *summary, size_t first, size_t count) {
    json_t *array = document_array();
    for (size_t i = first; i < first + count; i++) document_append(array, document_kernel(&summary->kernels[i]));
    return array;
}

/* Of the layer's kernels together: the time that their limits allow over the time they took. 0: not known. */
static double kernels_limit_share(const struct profile_summary *summary, const struct layer_summary *layer) {
    double allowed = 0, took = 0;
    for (size_t i = layer->first_kernel; i < layer->first_kernel + layer->kernel_count; i++) {
        const struct kernel_summary *kernel = &summary->kernels[i];
        if (kernel->rates.limit_share <= 0) return 0;
        allowed += kernel->rates.limit_share * kernel->running.median;
        took += kernel->running.median;
    }
    return took > 0 ? allowed / took : 0;
}

static json_t *document_layers(const struct profile_summary *summary) {
    json_t *array = document_array();
    for (size_t i = 0; i < summary->layer_count; i++) {
        const struct layer_summary *layer = &summary->layers[i];
        json_t *object = document_object();
        document_set(object, "layer", document_text(layer->info->name));
        document_set(object, "operators", document_text(layer->info->op));
        document_set(object, "lowering", document_text(layer->info->lowering));
        document_set(object, "shape", document_shape(&layer->info->shape));
        document_set(object, "queued_ms", document_ms(&layer->queued));
        document_set(object, "submitted_ms", document_ms(&layer->submitted));
        document_set(object, "running_ms", document_ms(&layer->running));
        document_set(object, "wall_ms", document_ms(&layer->wall));
        document_set(object, "share", known(layer->share));
        document_set(object, "useful_flops", document_number(layer->rates.flops));
        document_set(object, "actual_flops", known(layer->flops));
        set_rates(object, &layer->rates);
        document_set(object, "actual_limit_share", known(kernels_limit_share(summary, layer)));
        document_set(object, "live_bytes", document_number(layer->live_bytes));
        document_set(object, "kernels", document_kernels(summary, layer->first_kernel, layer->kernel_count));
        document_append(array, object);
    }
    return array;
}

static json_t *document_transfers(const struct profile_summary *summary) {
    json_t *array = document_array();
    for (size_t i = 0; i < summary->transfer_count; i++) {
        const struct transfer_summary *transfer = &summary->transfers[i];
        json_t *object = document_object();
        document_set(object, "name", document_text(transfer->event.name));
        document_set(object, "direction", document_text(transfer->event.kind == LIPCL_PROFILE_WRITE ? "upload" : "download"));
        document_set(object, "layer", document_text(transfer->event.layer_name));
        set_calls(object, transfer->calls, transfer->invalid, transfer->problem);
        document_set(object, "queued_ms", document_ms(&transfer->queued));
        document_set(object, "submitted_ms", document_ms(&transfer->submitted));
        document_set(object, "running_ms", document_ms(&transfer->running));
        document_set(object, "bytes", document_number(transfer->event.bytes));
        document_set(object, "gbps", known(transfer->gbps));
        document_append(array, object);
    }
    return array;
}

static json_t *document_parts(const struct profile_summary *summary) {
    json_t *array = document_array();
    for (size_t i = 0; i < summary->part_count; i++) {
        json_t *object = document_object();
        document_set(object, "part", document_text(summary->parts[i].name));
        document_set(object, "kind", document_text(part_kind_name(summary->parts[i].kind)));
        document_set(object, "ms", document_ms(&summary->parts[i].time));
        document_set(object, "share", document_number(summary->parts[i].share));
        document_append(array, object);
    }
    return array;
}

static json_t *document_stages(const struct profile_summary *summary) {
    json_t *array = document_array();
    for (size_t i = 0; i < summary->stage_count; i++) {
        json_t *object = document_object();
        document_set(object, "stage", document_text(summary->stages[i].name));
        document_set(object, "ms", document_ms(&summary->stages[i].time));
        document_append(array, object);
    }
    return array;
}

static json_t *document_phases(const struct profile_log *log) {
    json_t *array = document_array();
    for (size_t i = 0; i < log->phase_count; i++) {
        const struct profile_phase *phase = &log->phases[i];
        json_t *object = document_object();
        document_set(object, "phase", document_text(phase->name));
        document_set(object, "start_ms", document_number((double)(phase->start_ns - log->phases[0].start_ns) / 1e6));
        document_set(object, "ms", document_number((double)(phase->end_ns - phase->start_ns) / 1e6));
        document_set(object, "resident_bytes", known((double)phase->resident_bytes));
        document_append(array, object);
    }
    return array;
}

static const char *kind_name(enum lipcl_profile_kind kind) {
    static const char *const names[] = {
        [LIPCL_PROFILE_KERNEL] = "kernel",       [LIPCL_PROFILE_WRITE] = "upload", [LIPCL_PROFILE_READ] = "download",
        [LIPCL_PROFILE_REFERENCE] = "reference", [LIPCL_PROFILE_STAGE] = "stage",  [LIPCL_PROFILE_RUN] = "run",
    };
    return names[kind];
}

/* The typical run, event by event, in nanoseconds since its start. */
static json_t *document_timeline(const struct profile_summary *summary) {
    const struct profile_log *log = summary->log;
    json_t *array = document_array();
    uint64_t start = 0;
    for (size_t i = 0; i < log->event_count; i++)
        if (log->events[i].run == summary->typical_run && log->events[i].kind == LIPCL_PROFILE_RUN)
            start = log->events[i].host_start_ns;
    for (size_t i = 0; i < log->event_count; i++) {
        const struct lipcl_profile_event *event = &log->events[i];
        if (event->run != summary->typical_run) continue;
        const struct {
            const char *key;
            uint64_t ns;
            bool known;
        } times[] = {
            {"host_start_ns", event->host_start_ns, true},      {"host_end_ns", event->host_end_ns, true},
            {"queued_ns", event->queued_ns, !event->problem},   {"submitted_ns", event->submitted_ns, !event->problem},
            {"started_ns", event->started_ns, !event->problem}, {"ended_ns", event->ended_ns, !event->problem},
        };
        json_t *object = document_object();
        document_set(object, "kind", document_text(kind_name(event->kind)));
        document_set(object, "name", document_text(event->name));
        document_set(object, "layer", document_text(event->layer_name));
        document_set(object, "launch",
                     event->kind == LIPCL_PROFILE_KERNEL ? document_count((size_t)event->launch) : json_null());
        for (size_t k = 0; k < sizeof times / sizeof *times; k++)
            document_set(object, times[k].key,
                         times[k].known ? document_number((double)times[k].ns - (double)start) : json_null());
        document_set(object, "problem", document_text(event->problem));
        document_set(object, "live_bytes", known((double)event->live_bytes));
        document_append(array, object);
    }
    return array;
}

json_t *profile_document_options(void) {
    json_t *object = document_object(), *crop = document_array();
    static const char *const gemms[] = {[LIPCL_GEMM_AUTO] = "auto", [LIPCL_GEMM_CLBLAST] = "clblast", [LIPCL_GEMM_OWN] = "own"};
    for (size_t i = 0; i < 4 && options.has_crop; i++) document_append(crop, document_count(options.crop[i]));
    document_set(object, "gemm", document_text(gemms[options.gemm]));
    document_set(object, "precision", document_text(options.precision == LIPCL_PRECISION_EXACT ? "exact" : "fast"));
    document_set(object, "crop", crop);
    return object;
}

json_t *profile_document(const struct profile_log *log, const struct profile_summary *summary) {
    json_t *object = document_object(), *peaks = document_object(), *memory = document_object(), *clock = document_object();
    const struct lipcl_device_info *info = profile_log_device(log);
    document_set(object, "device", info ? document_device(info) : json_null());
    document_set(object, "select", document_text(log->selector));
    document_set(object, "problem", document_text(log->problem));
    document_set(object, "runs", document_count(log->runs));
    document_set(object, "phases", document_phases(log));
    document_set(peaks, "fma_gflops", known(log->peaks.fma_gflops));
    document_set(peaks, "copy_gbps", known(log->peaks.copy_gbps));
    document_set(object, "peaks", peaks);
    document_set(object, "memory", memory);
    document_set(object, "clock", clock);
    if (!summary) return object;
    document_set(memory, "allocated_bytes", document_count(summary->allocated_bytes));
    document_set(memory, "peak_live_bytes", document_count(summary->peak_live_bytes));
    document_set(clock, "error_ns", document_number(summary->clock_error_ns));
    document_set(clock, "events", document_count(summary->events));
    document_set(clock, "invalid", document_count(summary->invalid));
    document_set(object, "run_ms", document_ms(&summary->run));
    document_set(object, "stages", document_stages(summary));
    document_set(object, "breakdown", document_parts(summary));
    document_set(object, "layers", document_layers(summary));
    size_t of_layers = 0;
    for (size_t i = 0; i < summary->layer_count; i++) of_layers += summary->layers[i].kernel_count;
    document_set(object, "output_kernels", document_kernels(summary, of_layers, summary->kernel_count - of_layers));
    document_set(object, "transfers", document_transfers(summary));
    document_set(object, "typical_run", document_count(summary->typical_run));
    document_set(object, "timeline", document_timeline(summary));
    return object;
}

/* The processor's name as Linux tells it; NULL elsewhere. */
static char *processor_name(void) {
    char line[512];
    char *name = NULL;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !name && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        colon += 1 + strspn(colon + 1, " ");
        name = format_text("%.*s", (int)strcspn(colon, "\n"), colon);
    }
    if (file) fclose(file);
    return name;
}

json_t *profile_environment(void) {
    json_t *object = document_object();
    struct utsname system;
    struct tm utc;
    char *processor = processor_name(), date[32] = "";
    time_t now = time(NULL);
    double load[1] = {0};
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    document_set(object, "date", document_text(date));
    document_set(object, "processor", document_text(processor));
    document_set(object, "processors", document_count((size_t)sysconf(_SC_NPROCESSORS_ONLN)));
    document_set(object, "memory_bytes", document_count((size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE)));
    char *name = uname(&system) == 0 ? format_text("%s %s %s", system.sysname, system.release, system.machine) : NULL;
    document_set(object, "system", document_text(name));
    document_set(object, "load", getloadavg(load, 1) == 1 ? document_number(load[0]) : json_null());
    free(name);
    free(processor);
    return object;
}
