/* The Trace Event Format ("Trace Event Format", Google, 2016), JSON, that Perfetto and chrome://tracing open: a process a
 * device; in it a track of what the queue ran, one of the host's stages and one of its calls; arrows from the call that
 * enqueued a command to where it ran; counters for memory. Times are microseconds of the host's clock since the first device
 * was opened. */
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "document.h"
#include "messages.h"
#include "profile_output.h"
#include "whole_file.h"

enum track { TRACK_QUEUE = 1, TRACK_STAGES, TRACK_CALLS };

struct trace {
    json_t *events;
    uint64_t zero_ns;
    size_t process, arrows;
};

static json_t *add(struct trace *trace, const char *phase, const char *name, enum track track) {
    json_t *object = document_object();
    document_set(object, "ph", document_text(phase));
    document_set(object, "name", document_text(name));
    document_set(object, "pid", document_count(trace->process));
    document_set(object, "tid", document_count(track));
    document_append(trace->events, object);
    return object;
}

static json_t *microseconds(const struct trace *trace, uint64_t ns) {
    return document_number(((double)ns - (double)trace->zero_ns) / 1e3);
}

/* "M": what a process or a track is called. */
static void add_name(struct trace *trace, const char *what, enum track track, const char *name) {
    json_t *args = document_object();
    document_set(args, "name", document_text(name));
    document_set(add(trace, "M", what, track), "args", args);
}

/* "X": something that lasts; returns its args to be filled in. */
static json_t *add_slice(struct trace *trace, const char *name, const char *category, enum track track, uint64_t start_ns,
                         uint64_t end_ns) {
    json_t *slice = add(trace, "X", name, track), *args = document_object();
    document_set(slice, "cat", document_text(category));
    document_set(slice, "ts", microseconds(trace, start_ns));
    document_set(slice, "dur", document_number((double)(end_ns - start_ns) / 1e3));
    document_set(slice, "args", args);
    return args;
}

static void add_arrow(struct trace *trace, const struct lipcl_profile_event *event) {
    json_t *from = add(trace, "s", "enqueue", TRACK_CALLS), *to = add(trace, "f", "enqueue", TRACK_QUEUE);
    size_t number = ++trace->arrows;
    document_set(from, "cat", document_text("enqueue"));
    document_set(from, "id", document_count(number));
    document_set(from, "ts", microseconds(trace, event->host_start_ns));
    document_set(to, "cat", document_text("enqueue"));
    document_set(to, "id", document_count(number));
    document_set(to, "bp", document_text("e"));
    document_set(to, "ts", microseconds(trace, event->started_ns));
}

static void add_memory(struct trace *trace, const struct lipcl_profile_event *event) {
    json_t *args = document_object(), *counter = add(trace, "C", "device memory", TRACK_QUEUE);
    document_set(counter, "ts", microseconds(trace, event->started_ns));
    document_set(args, "allocated", document_count(event->allocated_bytes));
    document_set(args, "live", document_count(event->live_bytes));
    document_set(counter, "args", args);
}

/* A kernel, a transfer or a reference. */
static void add_command(struct trace *trace, const struct lipcl_profile_event *event, bool on_host) {
    bool reference = event->kind == LIPCL_PROFILE_REFERENCE;
    bool transfer = event->kind == LIPCL_PROFILE_WRITE || event->kind == LIPCL_PROFILE_READ;
    const char *category = reference ? "reference" : transfer ? "transfer" : "kernel";
    char *name = transfer ? format_text("%s %s", event->kind == LIPCL_PROFILE_WRITE ? "upload" : "download", event->name)
                          : format_text("%s", event->name);
    if (!reference && !on_host) add_slice(trace, name, "call", TRACK_CALLS, event->host_start_ns, event->host_end_ns);
    if (!event->problem) {
        json_t *args = add_slice(trace, name, category, reference || on_host ? TRACK_STAGES : TRACK_QUEUE, event->started_ns,
                                 event->ended_ns);
        document_set(args, "run", document_count(event->run));
        document_set(args, "layer", document_text(event->layer_name));
        document_set(args, "lowering", document_text(event->lowering));
        document_set(args, "queued_us", document_number((double)(event->submitted_ns - event->queued_ns) / 1e3));
        document_set(args, "submitted_us", document_number((double)(event->started_ns - event->submitted_ns) / 1e3));
        document_set(args, "flops", document_number(event->flops));
        document_set(args, "bytes", document_number(event->bytes));
        if (!reference && !on_host) add_arrow(trace, event);
        if (!transfer) add_memory(trace, event);
    } else {
        /* No place on the device's track: an instant where it was enqueued. */
        json_t *mark = add(trace, "i", name, TRACK_CALLS), *args = document_object();
        document_set(mark, "s", document_text("t"));
        document_set(mark, "ts", microseconds(trace, event->host_start_ns));
        document_set(args, "problem", document_text(event->problem));
        document_set(mark, "args", args);
    }
    free(name);
}

static void add_device(struct trace *trace, const struct profile_log *log) {
    const struct lipcl_device_info *info = profile_log_device(log);
    if (!info) return;
    char *label = device_label(info), *process = format_text("%s (%s)", label, info->platform);
    bool on_host = info->type == LIPCL_DEVICE_HOST;
    trace->process++;
    add_name(trace, "process_name", 0, process);
    if (!on_host) add_name(trace, "thread_name", TRACK_QUEUE, "queue");
    add_name(trace, "thread_name", TRACK_STAGES, "host");
    if (!on_host) add_name(trace, "thread_name", TRACK_CALLS, "calls");
    for (size_t i = 0; i < log->phase_count; i++)
        add_slice(trace, log->phases[i].name, "phase", TRACK_STAGES, log->phases[i].start_ns, log->phases[i].end_ns);
    for (size_t i = 0; i < log->event_count; i++) {
        const struct lipcl_profile_event *event = &log->events[i];
        if (event->kind != LIPCL_PROFILE_STAGE && event->kind != LIPCL_PROFILE_RUN) {
            add_command(trace, event, on_host);
            continue;
        }
        const char *category = event->kind == LIPCL_PROFILE_STAGE ? "stage" : "run";
        char *name = event->kind == LIPCL_PROFILE_STAGE ? format_text("%s", event->name) : format_text("run %zu", event->run);
        document_set(add_slice(trace, name, category, TRACK_STAGES, event->started_ns, event->ended_ns), "run",
                     document_count(event->run));
        free(name);
    }
    free(process);
    free(label);
}

bool profile_write_trace(const char *path, const struct profile_log *logs, size_t count) {
    struct trace trace = {.events = document_array()};
    json_t *document = document_object();
    for (size_t i = count; i-- > 0;)
        if (logs[i].phase_count) trace.zero_ns = logs[i].phases[0].start_ns;
    for (size_t i = 0; i < count; i++) add_device(&trace, &logs[i]);
    document_set(document, "displayTimeUnit", document_text("ms"));
    document_set(document, "traceEvents", trace.events);
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (!text) die_of_memory();
    bool ok = whole_file_put("--trace", path, text);
    free(text);
    json_decref(document);
    return ok;
}
