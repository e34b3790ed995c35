#include "profile_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

/* A number a run; NAN where a run has none. */
static double *make_samples(size_t runs, double fill) {
    double *samples = allocate(runs, sizeof *samples);
    for (size_t i = 0; i < runs; i++) samples[i] = fill;
    return samples;
}

static double duration(uint64_t from, uint64_t to) {
    return (double)to - (double)from;
}

/* The times of one kernel or transfer over the runs. */
struct command_samples {
    double *queued, *submitted, *running;
};

static struct command_samples command_samples_make(size_t runs) {
    return (struct command_samples){make_samples(runs, NAN), make_samples(runs, NAN), make_samples(runs, NAN)};
}

static void command_samples_finish(struct command_samples *samples) {
    free(samples->queued);
    free(samples->submitted);
    free(samples->running);
}

/* `again`: the launch was repeated, and its time is that of all of them. How long it waited is how long the first one did. */
static void command_sample(struct command_samples *samples, const struct lipcl_profile_event *event, bool again) {
    double running = event->problem ? NAN : duration(event->started_ns, event->ended_ns);
    samples->running[event->run] = again ? samples->running[event->run] + running : running;
    if (again || event->problem) return;
    samples->queued[event->run] = duration(event->queued_ns, event->submitted_ns);
    samples->submitted[event->run] = duration(event->submitted_ns, event->started_ns);
}

/* All that is collected before it is summed up. Commands come in the same order in every run. */
struct collection {
    const struct profile_log *log;
    size_t runs;
    struct command_samples *kernels, *transfers;
    double **stages;
    double **references; /* by layer; NULL: it runs on the device */
    double *run;
    double **parts; /* 0 where a run has none */
};

static size_t count_kind(const struct profile_log *log, enum lipcl_profile_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < log->event_count && log->events[i].run == log->events[0].run; i++)
        count += log->events[i].kind == kind;
    return count;
}

/* The kernel that the event is a launch of, the next free one where there is none yet: launches that are repeated within a run,
 * for parts of a layer or step by step, are one kernel. */
static size_t find_kernel(struct profile_summary *summary, const struct lipcl_profile_event *event) {
    for (size_t i = 0; i < summary->kernel_count; i++)
        if (summary->kernels[i].event.layer == event->layer && summary->kernels[i].event.launch == event->launch) return i;
    return summary->kernel_count++;
}

static void collect_kernel(struct profile_summary *summary, struct collection *c, const struct lipcl_profile_event *event) {
    size_t i = find_kernel(summary, event);
    struct kernel_summary *to = &summary->kernels[i];
    bool again = to->calls > 0 && to->last_run == event->run;
    if (!to->calls++) {
        to->event = *event;
    } else if (again && event->run == to->event.run) { /* what one run computes and moves */
        to->event.flops += event->flops;
        to->event.bytes += event->bytes;
    }
    to->last_run = event->run;
    if (event->problem && !to->invalid++) to->problem = event->problem;
    command_sample(&c->kernels[i], event, again);
}

static void collect_commands(struct profile_summary *summary, struct collection *c) {
    size_t transfer = 0, stage = 0;
    for (size_t i = 0; i < c->log->event_count; i++) {
        const struct lipcl_profile_event *event = &c->log->events[i];
        if (i && event->run != event[-1].run) transfer = stage = 0;
        summary->events++;
        summary->invalid += event->problem != NULL;
        if ((double)event->clock_error_ns > summary->clock_error_ns) summary->clock_error_ns = (double)event->clock_error_ns;
        if (event->allocated_bytes > summary->allocated_bytes) summary->allocated_bytes = event->allocated_bytes;
        if (event->live_bytes > summary->peak_live_bytes) summary->peak_live_bytes = event->live_bytes;
        switch (event->kind) {
        case LIPCL_PROFILE_KERNEL: collect_kernel(summary, c, event); break;
        case LIPCL_PROFILE_WRITE:
        case LIPCL_PROFILE_READ: {
            struct transfer_summary *to = &summary->transfers[transfer];
            if (!to->calls++) to->event = *event;
            if (event->problem && !to->invalid++) to->problem = event->problem;
            command_sample(&c->transfers[transfer], event, false);
            transfer++;
            break;
        }
        case LIPCL_PROFILE_REFERENCE:
            if (!c->references[event->layer]) c->references[event->layer] = make_samples(c->runs, NAN);
            c->references[event->layer][event->run] = duration(event->started_ns, event->ended_ns);
            break;
        case LIPCL_PROFILE_STAGE:
            summary->stages[stage].name = event->name;
            c->stages[stage++][event->run] = duration(event->started_ns, event->ended_ns);
            break;
        case LIPCL_PROFILE_RUN: c->run[event->run] = duration(event->started_ns, event->ended_ns); break;
        }
        if (event->layer >= 0) summary->layers[event->layer].live_bytes = (double)event->live_bytes;
    }
}

/* -- where the time of a run went -------------------------------------------------------------------------------------------
 */

static void add_part(struct profile_summary *summary, struct collection *c, enum part_kind kind, size_t run, double ns,
                     const char *format, const char *what) {
    char *name = format_text(format, what);
    size_t i = 0;
    while (i < summary->part_count && (summary->parts[i].kind != kind || strcmp(summary->parts[i].name, name) != 0)) i++;
    if (i == summary->part_count) {
        summary->parts = realloc(summary->parts, (i + 1) * sizeof *summary->parts);
        c->parts = realloc(c->parts, (i + 1) * sizeof *c->parts);
        if (!summary->parts || !c->parts) die_of_memory();
        summary->parts[i] = (struct part_summary){.kind = kind, .name = name};
        c->parts[i] = make_samples(c->runs, 0);
        summary->part_count++;
    } else {
        free(name);
    }
    c->parts[i][run] += ns;
}

static void name_part(const struct lipcl_profile_event *event, enum part_kind *kind, const char **format, const char **what) {
    bool transfer = event->kind == LIPCL_PROFILE_WRITE || event->kind == LIPCL_PROFILE_READ;
    *kind = transfer ? PART_TRANSFER : event->layer >= 0 ? PART_LAYER : PART_COPY;
    *what = event->layer >= 0 ? event->layer_name : event->name;
    *format = event->kind == LIPCL_PROFILE_WRITE  ? "upload of %s"
              : event->kind == LIPCL_PROFILE_READ ? "download of %s"
              : *kind == PART_COPY                ? "copying outputs (%s)"
                                                  : "%s";
}

/* Splits a run between what the device or the host did for a layer, and the time between. A gap is named by what ended it. */
static void split_run(struct profile_summary *summary, struct collection *c, size_t first) {
    const struct lipcl_profile_event *events = c->log->events;
    size_t run = events[first].run, end = first, untimed = 0;
    while (events[end].kind != LIPCL_PROFILE_RUN) end++;
    uint64_t now = events[end].started_ns;
    for (size_t i = first; i < end; i++) {
        const struct lipcl_profile_event *event = &events[i];
        bool in_reference =
            event->kind != LIPCL_PROFILE_REFERENCE && event->lowering && strcmp(event->lowering, "reference") == 0;
        if (event->kind == LIPCL_PROFILE_STAGE || in_reference) continue;
        if (event->problem) {
            untimed++;
            continue;
        }
        enum part_kind kind;
        const char *format, *what;
        name_part(event, &kind, &format, &what);
        if (event->started_ns > now) {
            char *name = format_text(format, what);
            add_part(summary, c, PART_IDLE, run, duration(now, event->started_ns),
                     untimed ? "untimed commands before %s" : "before %s", name);
            free(name);
            now = event->started_ns;
        }
        untimed = 0;
        if (event->ended_ns > now) add_part(summary, c, kind, run, duration(now, event->ended_ns), format, what);
        if (event->ended_ns > now) now = event->ended_ns;
    }
    if (events[end].ended_ns > now)
        add_part(summary, c, PART_IDLE, run, duration(now, events[end].ended_ns),
                 untimed ? "untimed commands at the end%s" : "after the last command%s", "");
}

static int longest_first(const void *a, const void *b) {
    const struct part_summary *x = a, *y = b;
    return x->time.mean < y->time.mean ? 1 : x->time.mean > y->time.mean ? -1 : strcmp(x->name, y->name);
}

static void summarise_parts(struct profile_summary *summary, struct collection *c) {
    for (size_t i = 0; i < c->log->event_count; i++)
        if (i == 0 || c->log->events[i].run != c->log->events[i - 1].run) split_run(summary, c, i);
    for (size_t i = 0; i < summary->part_count; i++) {
        summary->parts[i].time = spread_of(c->parts[i], c->runs);
        summary->parts[i].share = summary->parts[i].time.mean / summary->run.mean;
    }
    if (summary->part_count) qsort(summary->parts, summary->part_count, sizeof *summary->parts, longest_first);
}

/* -- layers and kernels -------------------------------------------------------------------------------------------------------
 */

static void summarise_layer(struct profile_summary *summary, struct collection *c, size_t i) {
    const struct profile_log *log = c->log;
    struct layer_summary *layer = &summary->layers[i];
    double *sum = make_samples(c->runs, 0); /* over its kernels; NAN as soon as one is */
    layer->info = &log->layers[i];
    for (size_t k = 0; k < summary->kernel_count; k++) {
        const struct lipcl_profile_event *event = &summary->kernels[k].event;
        if (event->layer != (int)i) continue;
        if (!layer->kernel_count++) layer->first_kernel = k;
        for (size_t run = 0; run < c->runs; run++) sum[run] += c->kernels[k].running[run];
        layer->flops += event->flops;
    }
    if (c->references[i]) layer->flops = layer->info->flops;
    if (layer->kernel_count) {
        layer->queued = summary->kernels[layer->first_kernel].queued;
        layer->submitted = summary->kernels[layer->first_kernel].submitted;
    }
    layer->running = spread_of(c->references[i] ? c->references[i] : sum, c->runs);
    if (c->references[i]) {
        layer->wall = layer->running;
    } else {
        for (size_t run = 0; run < c->runs; run++) sum[run] = (double)log->alone_ns[i * c->runs + run];
        layer->wall = spread_of(sum, c->runs);
    }
    layer->rates = rates_of(&log->peaks, layer->info->flops, layer->info->bytes, layer->running.median);
    layer->share = summary->run.mean > 0 ? layer->running.mean / summary->run.mean : 0;
    free(sum);
}

static void summarise(struct profile_summary *summary, struct collection *c) {
    summary->run = spread_of(c->run, c->runs);
    double nearest = INFINITY;
    for (size_t i = 0; i < c->runs; i++) {
        double distance = fabs(c->run[i] / 1e6 - summary->run.median);
        if (distance < nearest) summary->typical_run = i;
        if (distance < nearest) nearest = distance;
    }
    for (size_t i = 0; i < summary->kernel_count; i++) {
        struct kernel_summary *kernel = &summary->kernels[i];
        kernel->queued = spread_of(c->kernels[i].queued, c->runs);
        kernel->submitted = spread_of(c->kernels[i].submitted, c->runs);
        kernel->running = spread_of(c->kernels[i].running, c->runs);
        kernel->rates = rates_of(&c->log->peaks, kernel->event.flops, kernel->event.bytes, kernel->running.median);
    }
    for (size_t i = 0; i < summary->transfer_count; i++) {
        struct transfer_summary *transfer = &summary->transfers[i];
        transfer->queued = spread_of(c->transfers[i].queued, c->runs);
        transfer->submitted = spread_of(c->transfers[i].submitted, c->runs);
        transfer->running = spread_of(c->transfers[i].running, c->runs);
        if (transfer->running.median > 0) transfer->gbps = transfer->event.bytes / (transfer->running.median * 1e6);
    }
    for (size_t i = 0; i < summary->stage_count; i++) summary->stages[i].time = spread_of(c->stages[i], c->runs);
    for (size_t i = 0; i < summary->layer_count; i++) summarise_layer(summary, c, i);
    summarise_parts(summary, c);
}

void profile_summary_init(struct profile_summary *summary, const struct profile_log *log) {
    *summary = (struct profile_summary){
        .log = log,
        .layer_count = log->layer_count,
        .transfer_count = count_kind(log, LIPCL_PROFILE_WRITE) + count_kind(log, LIPCL_PROFILE_READ),
        .stage_count = count_kind(log, LIPCL_PROFILE_STAGE),
    };
    summary->layers = allocate(summary->layer_count, sizeof *summary->layers);
    size_t launches = count_kind(log, LIPCL_PROFILE_KERNEL); /* at least as many as there are kernels */
    summary->kernels = allocate(launches, sizeof *summary->kernels);
    summary->transfers = allocate(summary->transfer_count, sizeof *summary->transfers);
    summary->stages = allocate(summary->stage_count, sizeof *summary->stages);
    struct collection c = {
        .log = log,
        .runs = log->runs,
        .kernels = allocate(launches, sizeof *c.kernels),
        .transfers = allocate(summary->transfer_count, sizeof *c.transfers),
        .stages = allocate(summary->stage_count, sizeof *c.stages),
        .references = allocate(summary->layer_count, sizeof *c.references),
        .run = make_samples(log->runs, NAN),
    };
    for (size_t i = 0; i < launches; i++) c.kernels[i] = command_samples_make(c.runs);
    for (size_t i = 0; i < summary->transfer_count; i++) c.transfers[i] = command_samples_make(c.runs);
    for (size_t i = 0; i < summary->stage_count; i++) c.stages[i] = make_samples(c.runs, NAN);
    collect_commands(summary, &c);
    summarise(summary, &c);
    for (size_t i = 0; i < launches; i++) command_samples_finish(&c.kernels[i]);
    for (size_t i = 0; i < summary->transfer_count; i++) command_samples_finish(&c.transfers[i]);
    for (size_t i = 0; i < summary->stage_count; i++) free(c.stages[i]);
    for (size_t i = 0; i < summary->layer_count; i++) free(c.references[i]);
    for (size_t i = 0; i < summary->part_count; i++) free(c.parts[i]);
    free(c.kernels);
    free(c.transfers);
    free(c.stages);
    free(c.references);
    free(c.parts);
    free(c.run);
}

void profile_summary_finish(struct profile_summary *summary) {
    for (size_t i = 0; i < summary->part_count; i++) free(summary->parts[i].name);
    free(summary->parts);
    free(summary->layers);
    free(summary->kernels);
    free(summary->transfers);
    free(summary->stages);
    *summary = (struct profile_summary){0};
}

const char *part_kind_name(enum part_kind kind) {
    static const char *const names[] = {
        [PART_LAYER] = "layer", [PART_COPY] = "copy", [PART_TRANSFER] = "transfer", [PART_IDLE] = "idle"};
    return names[kind];
}
