/* profile.c: what a run did, from the commands that the device recorded and the times at which the run passed its marks. */
#include "plan/profiling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Where a part of the run began: part i is step i, then come the outputs' copies and the download. */
struct mark {
    size_t first_record;
    uint64_t start_ns;
};

struct plan_profile {
    struct lipcl_context *ctx;
    lipcl_profile_fn fn;
    void *user;
    size_t run;
    struct arena arena; /* of what follows, as set_profile() makes it */
    size_t part_count;  /* steps and the two parts after them */
    struct mark *marks;
    struct lipcl_profile_event **launches; /* by part and launch: all that is known before a run */
    size_t *live_bytes;                    /* by part */
    size_t allocated_bytes;
    struct device_recorder recorder;
    uint64_t start_ns;
};

/* "VEC=16 ROWS=6": of a lowering's knobs, those that stand among the options. */
static const char *tuning_text(struct arena *arena, const struct lowering *lowering, const char *options) {
    const char *text = "";
    for (const struct tuning_knob *knob = lowering ? lowering->knobs : NULL; knob && knob->name; knob++) {
        char define[64];
        int length = snprintf(define, sizeof define, "-D%s=", knob->name);
        const char *at = length > 0 && (size_t)length < sizeof define ? strstr(options, define) : NULL;
        if (!at) continue;
        at += length;
        text = arena_printf(arena, "%s%s%s=%.*s", text, *text ? " " : "", knob->name, (int)strcspn(at, " "), at);
        if (!text) return NULL;
    }
    return text;
}

/* What every event says that belongs to no layer. */
static struct lipcl_profile_event event_outside(const struct lipcl_plan *plan, size_t live_bytes) {
    return (struct lipcl_profile_event){
        .layer = LIPCL_PROFILE_NO_LAYER,
        .run = plan->profile->run,
        .allocated_bytes = plan->profile->allocated_bytes,
        .live_bytes = live_bytes,
    };
}

/* What every event of a part says. */
static struct lipcl_profile_event event_of_part(const struct lipcl_plan *plan, size_t part) {
    struct lipcl_profile_event event = event_outside(plan, plan->profile->live_bytes[part]);
    if (part >= plan->step_count) return event;
    const struct step *step = &plan->steps[part];
    event.layer = (int)part;
    event.layer_name = plan->nodes[step->layer.nodes[0]].name;
    event.lowering = step->lowering ? step->lowering->name : "reference";
    event.useful_flops = step->cost.flops;
    return event;
}

static bool describe_launch(struct lipcl_plan *plan, size_t part, size_t k, struct plan_launch *launch, size_t count) {
    struct plan_profile *profile = plan->profile;
    struct lipcl_profile_event event = event_of_part(plan, part);
    event.kind = LIPCL_PROFILE_KERNEL;
    event.launch = (int)k;
    event.flops = launch->flops > 0 || count > 1 ? launch->flops : event.useful_flops;
    event.bytes = launch->bytes;
    event.name = launch->kernel ? launch->name : "clblast_gemm";
    if (launch->kernel) {
        struct device_kernel_memory memory = device_kernel_memory(plan->device, launch->kernel);
        event.work_group = memory.work_group;
        event.local_bytes = memory.local_bytes;
        event.private_bytes = memory.private_bytes;
        event.file = launch->file;
        event.options = launch->options;
        const struct lowering *lowering = part < plan->step_count ? plan->steps[part].lowering : NULL;
        if (!launch->tuning) launch->tuning = tuning_text(&plan->arena, lowering, launch->options);
        if (!launch->tuning) return false;
        event.tuning = launch->tuning;
        memcpy(event.global, launch->global, sizeof event.global);
        memcpy(event.local, launch->local, sizeof event.local);
    }
    profile->launches[part][k] = event;
    return true;
}

/* Stages are numbered from the upload on, parts from the first layer on: layers, copies of outputs, the download. */
static void find_live_bytes(struct lipcl_plan *plan) {
    struct plan_profile *profile = plan->profile;
    profile->allocated_bytes = plan->memory.device_bytes;
    for (size_t part = 0; part < profile->part_count; part++) {
        size_t stage = size_min(part, plan->step_count) + 1;
        profile->live_bytes[part] = 0;
        for (size_t i = 0; i < plan->buffer_count; i++) {
            const struct memory_use *use = &plan->buffers[i].use;
            if (use->first <= stage && stage <= use->last) profile->live_bytes[part] += use->bytes;
        }
    }
}

static enum lipcl_status describe(struct lipcl_context *ctx, struct lipcl_plan *plan) {
    struct plan_profile *profile = plan->profile;
    struct arena *arena = &profile->arena;
    size_t parts = profile->part_count = plan->step_count + 2;
    profile->marks = arena_alloc(arena, parts * sizeof *profile->marks);
    profile->live_bytes = arena_alloc(arena, parts * sizeof *profile->live_bytes);
    profile->launches = arena_alloc(arena, parts * sizeof *profile->launches);
    if (!profile->marks || !profile->live_bytes || !profile->launches) return fail_memory(ctx, parts * sizeof *profile->marks);
    find_live_bytes(plan);
    for (size_t part = 0; part <= plan->step_count; part++) {
        bool outputs = part == plan->step_count;
        size_t count = outputs ? plan->output_launch_count : plan->steps[part].launch_count;
        struct plan_launch *launches = outputs ? plan->output_launches : plan->steps[part].launches;
        profile->launches[part] = arena_alloc(arena, (count + 1) * sizeof **profile->launches);
        if (!profile->launches[part]) return fail_memory(ctx, count * sizeof **profile->launches);
        for (size_t k = 0; k < count; k++)
            if (!describe_launch(plan, part, k, &launches[k], count)) return fail_memory(ctx, 64);
    }
    return LIPCL_OK;
}

enum lipcl_status lipcl_plan_set_profile(struct lipcl_context *ctx, struct lipcl_plan *plan, lipcl_profile_fn fn, void *user) {
    enum lipcl_status status = LIPCL_OK;
    profile_destroy(plan);
    if (!fn) return LIPCL_OK;
    struct plan_profile *profile = calloc(1, sizeof *profile);
    if (!profile) return fail_memory(ctx, sizeof *profile);
    *profile = (struct plan_profile){.ctx = ctx, .fn = fn, .user = user};
    TRY(device_profiling(plan->device, true));
    plan->profile = profile;
    TRY(describe(ctx, plan));
    return LIPCL_OK;

fail:
    if (plan->profile)
        profile_destroy(plan);
    else
        free(profile);
    return status;
}

void profile_destroy(struct lipcl_plan *plan) {
    struct plan_profile *profile = plan->profile;
    if (!profile) return;
    device_profiling(plan->device, false); /* a queue that stays as it is does no harm */
    device_recorder_finish(&profile->recorder);
    arena_finish(&profile->arena);
    free(profile);
    plan->profile = NULL;
}

void profile_start(struct lipcl_plan *plan) {
    struct plan_profile *profile = plan->profile;
    profile->recorder.count = 0;
    profile->recorder.is_full = false;
    device_record(plan->device, &profile->recorder);
    profile->start_ns = time_ns();
}

void profile_mark(struct lipcl_plan *plan, size_t step) {
    plan->profile->marks[step] = (struct mark){plan->profile->recorder.count, time_ns()};
}

/* The last run's commands with what is wrong with their stamps and how they fit the host's clock. */
struct commands {
    const struct device_record *records;
    const char **problems;
    struct clock_fit clock;
};

static void set_times(struct lipcl_profile_event *event, const struct commands *commands, size_t i) {
    const struct device_record *record = &commands->records[i];
    event->host_start_ns = record->host_start_ns;
    event->host_end_ns = record->host_end_ns;
    event->problem = commands->problems[i];
    if (event->problem) return;
    uint64_t offset = (uint64_t)commands->clock.offset_ns;
    event->clock_error_ns = commands->clock.error_ns;
    event->queued_ns = record->stamps[STAMP_QUEUED] + offset;
    event->submitted_ns = record->stamps[STAMP_SUBMITTED] + offset;
    event->started_ns = record->stamps[STAMP_STARTED] + offset;
    event->ended_ns = record->stamps[STAMP_ENDED] + offset;
}

static void set_host_times(struct lipcl_profile_event *event, uint64_t start_ns, uint64_t end_ns) {
    event->host_start_ns = event->queued_ns = event->submitted_ns = event->started_ns = start_ns;
    event->host_end_ns = event->ended_ns = end_ns;
}

static void tell_transfer(const struct lipcl_plan *plan, const struct commands *commands, size_t i,
                          struct lipcl_profile_event event, const char *name) {
    const struct device_record *record = &commands->records[i];
    event.kind = record->command == DEVICE_READ ? LIPCL_PROFILE_READ : LIPCL_PROFILE_WRITE;
    event.name = name;
    event.bytes = (double)record->bytes;
    event.useful_flops = 0;
    set_times(&event, commands, i);
    plan->profile->fn(plan->profile->user, &event);
}

/* A step, or the copies of the outputs. */
static void tell_part(const struct lipcl_plan *plan, const struct commands *commands, size_t part) {
    const struct plan_profile *profile = plan->profile;
    bool outputs = part == plan->step_count;
    const struct plan_launch *launches = outputs ? plan->output_launches : plan->steps[part].launches;
    size_t count = outputs ? plan->output_launch_count : plan->steps[part].launch_count;
    size_t first = profile->marks[part].first_record, end = profile->marks[part + 1].first_record;
    struct launch_turn turn = {0};
    if (part < plan->step_count && !plan->steps[part].lowering) {
        struct lipcl_profile_event event = event_of_part(plan, part);
        event.kind = LIPCL_PROFILE_REFERENCE;
        event.name = event.layer_name;
        event.flops = event.useful_flops;
        event.bytes = plan->steps[part].cost.bytes;
        set_host_times(&event, profile->marks[part].start_ns, profile->marks[part + 1].start_ns);
        profile->fn(profile->user, &event);
    }
    for (size_t i = first; i < end; i++) {
        enum device_command command = commands->records[i].command;
        if (command == DEVICE_WRITE || command == DEVICE_READ) {
            struct lipcl_profile_event event = event_of_part(plan, part);
            tell_transfer(plan, commands, i, event, event.layer_name);
            continue;
        }
        if (!plan_next_launch(&turn, launches, count)) return;
        struct lipcl_profile_event event = profile->launches[part][turn.launch];
        event.run = profile->run;
        set_times(&event, commands, i);
        profile->fn(profile->user, &event);
    }
}

static void tell_stage(const struct lipcl_plan *plan, const char *name, uint64_t start_ns, uint64_t end_ns) {
    struct lipcl_profile_event event = event_outside(plan, 0);
    event.kind = LIPCL_PROFILE_STAGE;
    event.name = name;
    set_host_times(&event, start_ns, end_ns);
    plan->profile->fn(plan->profile->user, &event);
}

static void tell_run(const struct lipcl_plan *plan, const struct commands *commands, uint64_t end_ns) {
    const struct plan_profile *profile = plan->profile;
    const struct mark *download = &profile->marks[plan->step_count + 1];
    for (size_t i = 0; i < profile->marks[0].first_record; i++)
        tell_transfer(plan, commands, i, event_outside(plan, profile->live_bytes[0]), plan->input_names[i]);
    for (size_t part = 0; part <= plan->step_count; part++) tell_part(plan, commands, part);
    size_t first = download->first_record;
    for (size_t i = first; i < profile->recorder.count; i++)
        tell_transfer(plan, commands, i, event_of_part(plan, plan->step_count + 1), plan->output_names[i - first]);

    /* A read waits for all before it; where the driver gave no times, nobody knows how long. */
    uint64_t ready_ns = end_ns;
    if (first < profile->recorder.count && !commands->problems[first])
        ready_ns = commands->records[first].stamps[STAMP_STARTED] + (uint64_t)commands->clock.offset_ns;
    if (ready_ns < download->start_ns) ready_ns = download->start_ns;
    if (ready_ns > end_ns) ready_ns = end_ns;
    tell_stage(plan, "upload", profile->start_ns, profile->marks[0].start_ns);
    tell_stage(plan, "run", profile->marks[0].start_ns, download->start_ns);
    tell_stage(plan, "wait", download->start_ns, ready_ns);
    tell_stage(plan, "download", ready_ns, end_ns);

    struct lipcl_profile_event event = event_outside(plan, 0);
    event.kind = LIPCL_PROFILE_RUN;
    event.name = "run";
    event.clock_error_ns = commands->clock.error_ns;
    for (size_t i = 0; i < plan->step_count; i++) event.useful_flops += plan->steps[i].cost.flops;
    set_host_times(&event, profile->start_ns, end_ns);
    profile->fn(profile->user, &event);
}

void profile_stop(struct lipcl_plan *plan, bool ok) {
    struct plan_profile *profile = plan->profile;
    uint64_t end_ns = time_ns();
    size_t count = profile->recorder.count;
    device_record(plan->device, NULL);
    device_recorder_collect(plan->device, &profile->recorder, ok);
    if (!ok) return;
    struct commands commands = {.records = profile->recorder.records, .problems = calloc(count + 1, sizeof(char *))};
    if (!commands.problems || profile->recorder.is_full) {
        log_message(profile->ctx, LIPCL_LOG_WARN, "profile: memory was out; the events of run %zu are lost", profile->run);
    } else {
        if (!device_caps(plan->device)->host)
            commands.clock = clock_fit(commands.records, count, end_ns - profile->start_ns, commands.problems);
        tell_run(plan, &commands, end_ns);
    }
    free(commands.problems);
    profile->run++;
}
