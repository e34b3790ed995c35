/* Profiles under a driver that is watched, and that lies. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/faults.h"
#include "support/networks.h"

enum { FRAMES = 3, MAX_EVENTS = 256 };

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;
static struct lipcl_device *device;
static struct lipcl_graph *graph;
static struct lipcl_plan *plan;
static struct lipcl_tensor *x, *y;
static struct fault_state *fault;
static char messages[16384];

static struct lipcl_profile_event events[MAX_EVENTS];
static size_t event_count;

static void keep_message(void *user, enum lipcl_log_level level, const char *message) {
    (void)user;
    (void)level;
    size_t used = strlen(messages);
    snprintf(messages + used, sizeof messages - used, "%s\n", message);
}

static void keep_event(void *user, const struct lipcl_profile_event *event) {
    cr_assert_eq(user, &event_count, "the caller's own pointer");
    cr_assert_lt(event_count, MAX_EVENTS);
    events[event_count++] = *event;
}

static void make_plan(struct lipcl_plan **made) {
    const struct lipcl_plan_params params = {.precision = LIPCL_PRECISION_EXACT}; /* a convolution is one launch */
    cr_assert(lipcl_plan_create(ctx, made, graph, weights, device, &params) == LIPCL_OK, "%s", messages);
}

/* The layer has to be named before the loader is first called, which is why every test is a process of its own. */
static void setup(void) {
    if (ctx) return; /* Criterion sets a parameterized test up twice */
    unsetenv("LIPCL_DEVICE");
    fault = fault_layer();
    cr_assert(lipcl_context_create(&ctx, &(struct lipcl_context_params){.log = keep_message}) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    cr_assert(lipcl_lipnet_describe(graph, 1, FRAMES, NULL) == LIPCL_OK);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", messages);
    x = test_tensor(ctx, lipcl_graph_input_shape(graph, 0));
    cr_assert(lipcl_tensor_create(ctx, &y, LIPCL_F32, lipcl_graph_output_shape(graph, 0)) == LIPCL_OK);
    make_plan(&plan);
}

static void teardown(void) {
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
    lipcl_plan_destroy(&plan);
    lipcl_device_destroy(&device);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

TestSuite(profile_events, .init = setup, .fini = teardown, .timeout = 300);

static enum lipcl_status run_plan(struct lipcl_plan *which) {
    event_count = 0;
    return lipcl_plan_run(ctx, which, &y, (const struct lipcl_tensor *const *)&x);
}

static void switch_on(struct lipcl_plan *which) {
    cr_assert(lipcl_plan_set_profile(ctx, which, keep_event, &event_count) == LIPCL_OK, "%s", messages);
}

static size_t count_kind(enum lipcl_profile_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < event_count; i++) count += events[i].kind == kind;
    return count;
}

static bool is_command(const struct lipcl_profile_event *event) {
    return event->kind == LIPCL_PROFILE_KERNEL || event->kind == LIPCL_PROFILE_WRITE || event->kind == LIPCL_PROFILE_READ;
}

static void expect_no_trace(void) {
    struct fault_state before = *fault;
    for (int i = 0; i < 3; i++) cr_assert(run_plan(plan) == LIPCL_OK, "%s", messages);
    cr_assert_gt(fault->count[FAULT_LAUNCH], before.count[FAULT_LAUNCH], "the layer sees the run");
    cr_expect_eq(fault->events, before.events, "no command has an event");
    cr_expect_eq(fault->count[FAULT_PROFILING_INFO], before.count[FAULT_PROFILING_INFO], "nobody asks for times");
    cr_expect_eq(event_count, 0);
}

Test(profile_events, off_nothing_is_made_or_asked_for) {
    expect_no_trace();
    cr_expect_eq(fault->profiling_queues, 0, "the queue takes no times");
    switch_on(plan);
    cr_expect_eq(fault->profiling_queues, 1);
    cr_assert(run_plan(plan) == LIPCL_OK);
    cr_expect_gt(event_count, 0);
    int queues = fault->count[FAULT_CREATE_QUEUE];
    cr_assert(lipcl_plan_set_profile(ctx, plan, NULL, NULL) == LIPCL_OK);
    cr_expect_eq(fault->count[FAULT_CREATE_QUEUE], queues + 1);
    cr_expect_eq(fault->profiling_queues, 1, "the queue that takes times is gone");
    expect_no_trace();
}

Test(profile_events, on_a_run_waits_no_more_than_before) {
    switch_on(plan);
    cr_assert(run_plan(plan) == LIPCL_OK);
    struct fault_state before = *fault;
    cr_assert(run_plan(plan) == LIPCL_OK);
    cr_expect_eq(fault->count[FAULT_READ], before.count[FAULT_READ] + 1, "once, for the output");
    static const enum fault_call never[] = {FAULT_CREATE_QUEUE, FAULT_CREATE_BUFFER, FAULT_BUILD, FAULT_SET_ARG, FAULT_FINISH};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        cr_expect_eq(fault->count[never[i]], before.count[never[i]], "call %d was made during a run", (int)never[i]);
    cr_expect_eq(fault->events, before.events + (int)(count_kind(LIPCL_PROFILE_KERNEL) + 2));
    cr_expect_eq(fault->events_freed, fault->events, "every event is let go of");
}

Test(profile_events, every_launch_is_told_once_and_in_order) {
    switch_on(plan);
    for (size_t run = 0; run < 3; run++) {
        int launches = fault->count[FAULT_LAUNCH];
        cr_assert(run_plan(plan) == LIPCL_OK);
        size_t kernels = count_kind(LIPCL_PROFILE_KERNEL), seen = 0, layer = 0, launch = 0;
        cr_expect_eq((int)kernels, fault->count[FAULT_LAUNCH] - launches);
        const struct lipcl_profile_event *before = NULL;
        for (size_t i = 0; i < event_count; i++) {
            const struct lipcl_profile_event *event = &events[i];
            struct lipcl_layer_info info;
            cr_expect_eq(event->run, run);
            cr_expect_null(event->problem, "%s", event->problem);
            if (!is_command(event)) continue;
            cr_expect(event->queued_ns <= event->submitted_ns && event->submitted_ns <= event->started_ns &&
                      event->started_ns <= event->ended_ns);
            cr_expect(event->queued_ns + event->clock_error_ns + 1000000 > event->host_start_ns);
            cr_expect(event->queued_ns < event->host_end_ns + event->clock_error_ns + 1000000);
            if (before)
                cr_expect_geq(event->started_ns + 1000, before->ended_ns, "%s begins when %s ends", event->name, before->name);
            before = event;
            if (event->kind != LIPCL_PROFILE_KERNEL) continue;
            if ((int)layer != event->layer) launch = 0;
            layer = (size_t)event->layer;
            cr_assert(lipcl_plan_layer_info(ctx, plan, layer, &info) == LIPCL_OK);
            cr_expect_str_eq(event->layer_name, info.name);
            cr_expect_str_eq(event->lowering, info.lowering);
            cr_expect_float_eq(event->useful_flops, info.flops, 0);
            cr_expect_eq(event->launch, (int)launch++);
            cr_expect(launch <= info.launches);
            cr_expect(strstr(event->file, ".cl") && strstr(event->options, "-D") && event->global[0] >= event->local[0]);
            cr_expect_gt(event->bytes, 0);
            cr_expect_gt(event->work_group, 0);
            seen++;
        }
        cr_expect_eq(seen, kernels);
        cr_expect_eq((int)layer + 1, (int)lipcl_plan_layer_count(plan), "every layer has its turn");
    }
}

Test(profile_events, stages_cover_the_run) {
    static const char *const names[] = {"upload", "run", "wait", "download"};
    switch_on(plan);
    cr_assert(run_plan(plan) == LIPCL_OK);
    cr_assert_eq(count_kind(LIPCL_PROFILE_STAGE), 4);
    const struct lipcl_profile_event *run = &events[event_count - 1], *stages = run - 4;
    cr_assert_eq(run->kind, LIPCL_PROFILE_RUN);
    uint64_t now = run->started_ns;
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(stages[i].name, names[i]);
        cr_expect_eq(stages[i].started_ns, now);
        now = stages[i].ended_ns;
    }
    cr_expect_eq(now, run->ended_ns);
    uint64_t busy = 0;
    for (size_t i = 0; i < event_count; i++)
        if (is_command(&events[i])) busy += events[i].ended_ns - events[i].started_ns;
    cr_expect_leq(busy, run->ended_ns - run->started_ns, "a queue does one thing at a time");
    cr_expect_gt(busy, 0);
}

struct lie {
    enum fault_stamps stamps;
    char problem[64];
};

static const struct lie lies[] = {
    {STAMPS_MISSING, "the driver gave no times"},      {STAMPS_ZERO, "a time of zero"},
    {STAMPS_BACKWARDS, "times out of order"},          {STAMPS_EARLY, "times out of order"},
    {STAMPS_INSTANT, "no time between start and end"}, {STAMPS_ENDLESS, "longer than the run that it is part of"},
    {STAMPS_ELSEWHEN, "far from the host's clock"},
};

ParameterizedTestParameters(profile_events, times_that_cannot_be_true_are_marked_and_left_out) {
    return cr_make_param_array(const struct lie, (void *)lies, sizeof lies / sizeof *lies);
}

/* The third command with an event: the second layer's kernel. */
ParameterizedTest(const struct lie *lie, profile_events, times_that_cannot_be_true_are_marked_and_left_out, .init = setup,
                  .fini = teardown) {
    switch_on(plan);
    fault->stamps = lie->stamps;
    fault->stamps_at = fault->events + 3;
    cr_assert(run_plan(plan) == LIPCL_OK);
    size_t marked = 0;
    const struct lipcl_profile_event *run = &events[event_count - 1];
    for (size_t i = 0; i < event_count; i++) {
        const struct lipcl_profile_event *event = &events[i];
        if (event->problem) {
            marked++;
            cr_expect_str_eq(event->problem, lie->problem);
            cr_expect_str_eq(event->layer_name, "conv2");
            cr_expect(event->queued_ns == 0 && event->submitted_ns == 0 && event->started_ns == 0 && event->ended_ns == 0);
            cr_expect_gt(event->host_end_ns, event->host_start_ns, "what the host saw is still true");
        } else {
            cr_expect(event->started_ns + event->clock_error_ns >= run->started_ns &&
                          event->ended_ns <= run->ended_ns + event->clock_error_ns,
                      "%s is where it belongs", event->name);
        }
    }
    cr_expect_eq(marked, 1, "%zu are marked", marked);
}

Test(profile_events, a_driver_without_times_leaves_what_the_host_saw) {
    switch_on(plan);
    fault->stamps = STAMPS_MISSING;
    cr_assert(run_plan(plan) == LIPCL_OK);
    for (size_t i = 0; i < event_count; i++) cr_expect_eq(events[i].problem != NULL, is_command(&events[i]));
    cr_expect_eq(events[event_count - 1].kind, LIPCL_PROFILE_RUN);
    cr_expect_eq(fault->events_freed, fault->events);
}

Test(profile_events, a_driver_without_such_queues_is_refused_and_goes_on) {
    *fault = (struct fault_state){.call = FAULT_CREATE_QUEUE, .at = 1, .times = 1, .code = CL_INVALID_QUEUE_PROPERTIES};
    cr_expect(lipcl_plan_set_profile(ctx, plan, keep_event, &event_count) == LIPCL_ERROR_UNSUPPORTED);
    cr_expect(strstr(messages, "no queue that takes times"), "%s", messages);
    fault->at = 0;
    expect_no_trace();
}

Test(profile_events, two_plans_of_a_device_may_differ) {
    struct lipcl_plan *other;
    make_plan(&other);
    switch_on(plan);
    cr_assert(run_plan(other) == LIPCL_OK);
    cr_expect_eq(event_count, 0, "nobody listens");
    cr_expect_eq(fault->events, 0);
    switch_on(other);
    cr_expect_eq(fault->profiling_queues, 1, "one queue serves both");
    cr_assert(run_plan(other) == LIPCL_OK);
    cr_expect_gt(event_count, 0);
    lipcl_plan_destroy(&other);
    cr_assert(run_plan(plan) == LIPCL_OK);
    cr_expect_gt(event_count, 0, "the first one's queue is still there");
    cr_expect_null(events[0].problem, "and takes times: %s", events[0].problem);
}

Test(profile_events, a_run_that_fails_tells_nothing_and_keeps_no_event) {
    switch_on(plan);
    fault->call = FAULT_LAUNCH;
    fault->at = fault->count[FAULT_LAUNCH] + 4;
    fault->times = 1;
    fault->code = CL_INVALID_WORK_GROUP_SIZE;
    cr_expect(run_plan(plan) == LIPCL_ERROR_DEVICE);
    cr_expect_eq(event_count, 0);
    cr_expect_gt(fault->events, 0);
    cr_expect_eq(fault->events_freed, fault->events);
    fault->after_failure = 0;
    cr_assert(run_plan(plan) == LIPCL_OK, "%s", messages);
    cr_expect_gt(event_count, 0);
    cr_expect_eq(events[0].run, 0, "the one that failed does not count");
}

Test(profile_events, a_device_that_is_lost_is_left_alone) {
    switch_on(plan);
    fault->call = FAULT_LAUNCH;
    fault->at = fault->count[FAULT_LAUNCH] + 4;
    fault->code = CL_OUT_OF_RESOURCES;
    int freed = fault->events_freed;
    cr_expect(run_plan(plan) == LIPCL_ERROR_DEVICE_LOST);
    lipcl_plan_destroy(&plan);
    lipcl_device_destroy(&device);
    cr_expect_eq(fault->after_failure, 1, "%d calls on a dead context", fault->after_failure - 1);
    cr_expect_eq(fault->events_freed, freed, "its events included");
}

Test(profile_events, a_layer_on_the_host_is_told_with_its_transfers) {
    setenv("LIPCL_CACHE", "0", 1); /* programs are compiled, every time */
    lipcl_plan_destroy(&plan);
    lipcl_device_destroy(&device);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK);
    fault->call = FAULT_BUILD;
    fault->at = fault->count[FAULT_BUILD] + 1;
    fault->times = 1;
    fault->code = CL_BUILD_PROGRAM_FAILURE;
    struct lipcl_plan_params params = {.no_fusion = true, .no_self_test = true, .precision = LIPCL_PRECISION_EXACT};
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, &params) == LIPCL_OK);
    switch_on(plan);
    cr_assert(run_plan(plan) == LIPCL_OK, "%s", messages);
    cr_assert_eq(count_kind(LIPCL_PROFILE_REFERENCE), 1, "%s", messages);
    size_t i = 0;
    while (events[i].kind != LIPCL_PROFILE_REFERENCE) i++;
    const struct lipcl_profile_event *reference = &events[i], *read = &events[i + 1], *write = &events[i + 2];
    cr_expect_str_eq(reference->layer_name, "conv1");
    cr_expect_str_eq(reference->lowering, "reference");
    cr_expect_null(reference->problem);
    cr_expect(read->kind == LIPCL_PROFILE_READ && write->kind == LIPCL_PROFILE_WRITE);
    cr_expect_eq(read->layer, reference->layer);
    cr_expect_float_eq(read->bytes, (double)lipcl_tensor_bytes(x), 0);
    cr_expect(read->host_start_ns >= reference->started_ns && write->host_end_ns <= reference->ended_ns, "they are part of it");
}
