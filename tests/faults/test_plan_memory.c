/* What a plan says that it takes on a device, beside what it asks the device for. */
#include <criterion/criterion.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/faults.h"
#include "support/networks.h"

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;
static struct lipcl_device *device;
static struct fault_state *fault;

/* As in test_faults.c, the layer has to be named before the loader is first called. */
static void setup(void) {
    fault = fault_layer();
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", lipcl_context_error(ctx));
}

static void teardown(void) {
    lipcl_device_destroy(&device);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

TestSuite(plan_memory, .init = setup, .fini = teardown, .timeout = 300);

static struct lipcl_plan *plan_lipnet(size_t batch, size_t frames, const struct lipcl_plan_params *params) {
    struct lipcl_graph *graph = NULL;
    struct lipcl_plan *plan = NULL;
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    cr_assert(lipcl_lipnet_describe(graph, batch, frames, NULL) == LIPCL_OK);
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    lipcl_graph_destroy(&graph);
    return plan;
}

static struct lipcl_tensor *run(struct lipcl_plan *plan, size_t batch, size_t frames) {
    struct lipcl_tensor *x = test_frames(ctx, batch, frames), *logits;
    cr_assert(lipcl_tensor_create(ctx, &logits, LIPCL_F32, &(struct lipcl_shape){3, {batch, frames, 28}}) == LIPCL_OK);
    cr_assert(lipcl_plan_run(ctx, plan, &logits, (const struct lipcl_tensor *const *)&x) == LIPCL_OK);
    lipcl_tensor_destroy(&x);
    return logits;
}

static void expect_to_the_byte(size_t batch) {
    enum { FRAMES = 75 };
    size_t before = fault->bytes;
    fault->peak_bytes = before;
    struct lipcl_plan *plan = plan_lipnet(batch, FRAMES, NULL);
    struct lipcl_plan_memory memory = lipcl_plan_memory(plan);
    fprintf(stderr, "LipNet, %zu clips: %zu bytes, %zu of weights; unshared %zu, shared %zu, at least %zu\n", batch,
            memory.device_bytes, memory.constant_bytes, memory.unshared_bytes, memory.shared_bytes, memory.least_bytes);
    cr_expect_eq(fault->bytes - before, memory.device_bytes, "%zu are allocated", fault->bytes - before);
    cr_expect_eq(fault->peak_bytes - before, memory.device_bytes, "planning took %zu", fault->peak_bytes - before);
    struct lipcl_tensor *shared = run(plan, batch, FRAMES);
    cr_expect_eq(fault->peak_bytes - before, memory.device_bytes, "running took %zu", fault->peak_bytes - before);
    cr_expect(memory.least_bytes <= memory.shared_bytes && memory.shared_bytes < memory.unshared_bytes);
    /* No slots of whole buffers take less than 1.108 of the bound here: conv2's scratch does not fit what conv1's leaves. */
    cr_expect_lt(memory.shared_bytes, memory.least_bytes + memory.least_bytes / 9, "not far above the least there can be");
    lipcl_plan_destroy(&plan);
    cr_expect_eq(fault->bytes, before, "all is given back");

    plan = plan_lipnet(batch, FRAMES, &(struct lipcl_plan_params){.keep_values = true});
    cr_expect_eq(fault->bytes - before, lipcl_plan_memory(plan).device_bytes);
    struct lipcl_tensor *kept = run(plan, batch, FRAMES);
    cr_expect_eq(memcmp(shared->data, kept->data, lipcl_tensor_bytes(kept)), 0, "the same bits, shared or not");
    lipcl_tensor_destroy(&shared);
    lipcl_tensor_destroy(&kept);
    lipcl_plan_destroy(&plan);
}

/* Without Winograd's scratch the slots fit. */
Test(plan_memory, of_direct_convolutions_is_close_to_the_least) {
    struct lipcl_plan *plan = plan_lipnet(1, 75, &(struct lipcl_plan_params){.precision = LIPCL_PRECISION_EXACT});
    struct lipcl_plan_memory memory = lipcl_plan_memory(plan);
    cr_expect_lt(memory.shared_bytes, memory.least_bytes + memory.least_bytes / 20, "%zu, at least %zu", memory.shared_bytes,
                 memory.least_bytes);
    lipcl_plan_destroy(&plan);
}

Test(plan_memory, is_what_the_device_gives_for_a_clip) {
    expect_to_the_byte(1);
}

Test(plan_memory, is_what_the_device_gives_for_a_batch) {
    expect_to_the_byte(4);
}

Test(plan_memory, a_limit_is_kept_by_computing_a_batch_in_parts) {
    enum { BATCH = 5, FRAMES = 6 };
    struct lipcl_lipnet_reader *reader = NULL;
    struct lipcl_tensor *x = test_frames(ctx, BATCH, FRAMES), *whole = NULL, *parts = NULL;
    struct lipcl_plan *two = plan_lipnet(2, FRAMES, NULL);
    struct lipcl_lipnet_reader_params params = {.device = "cpu"};
    size_t limit = lipcl_plan_memory(two).device_bytes;
    lipcl_plan_destroy(&two);
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK);
    cr_assert(lipcl_lipnet_reader_run(ctx, reader, &whole, x) == LIPCL_OK);
    lipcl_lipnet_reader_destroy(&reader);

    params.plan.max_memory = limit;
    size_t before = fault->bytes;
    fault->peak_bytes = before;
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK);
    cr_assert(lipcl_lipnet_reader_run(ctx, reader, &parts, x) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_expect_leq(fault->peak_bytes - before, limit);
    cr_expect_eq(memcmp(whole->data, parts->data, lipcl_tensor_bytes(whole)), 0, "the same bits, in parts or not");
    lipcl_tensor_destroy(&parts);
    lipcl_lipnet_reader_destroy(&reader);

    params.plan.max_memory = limit / 4;
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK);
    cr_expect(lipcl_lipnet_reader_run(ctx, reader, &parts, x) == LIPCL_ERROR_MEMORY);
    cr_expect(strstr(lipcl_context_error(ctx), "above the limit of"), "%s", lipcl_context_error(ctx));
    lipcl_lipnet_reader_destroy(&reader);
    lipcl_tensor_destroy(&whole);
    lipcl_tensor_destroy(&x);
}

/* A clip alone has no parts, but its layers can make less of their scratch at a time, and less again, down to what the message
 * names. */
Test(plan_memory, a_limit_is_kept_by_making_less_at_a_time) {
    enum { FRAMES = 75 };
    struct lipcl_plan *plan = plan_lipnet(1, FRAMES, NULL);
    size_t own = lipcl_plan_memory(plan).device_bytes, before, least;
    struct lipcl_tensor *wanted = run(plan, 1, FRAMES), *got;
    struct lipcl_graph *graph = NULL;
    double megabytes = 0;
    lipcl_plan_destroy(&plan);

    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK && lipcl_lipnet_describe(graph, 1, FRAMES, NULL) == LIPCL_OK);
    cr_expect(lipcl_plan_create(ctx, &plan, graph, weights, device, &(struct lipcl_plan_params){.max_memory = 1}) ==
              LIPCL_ERROR_MEMORY);
    const char *error = strstr(lipcl_context_error(ctx), "it takes at least ");
    cr_assert(error && sscanf(error, "it takes at least %lf MB", &megabytes) == 1, "%s", lipcl_context_error(ctx));
    lipcl_graph_destroy(&graph);
    least = (size_t)((megabytes + 0.1) * 1e6);
    cr_assert_lt(least, own);

    const size_t limits[] = {own - 1, (own + least) / 2, least};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        before = fault->bytes;
        fault->peak_bytes = before;
        plan = plan_lipnet(1, FRAMES, &(struct lipcl_plan_params){.max_memory = limits[i]});
        got = run(plan, 1, FRAMES);
        cr_expect_leq(fault->peak_bytes - before, limits[i]);
        cr_expect_eq(memcmp(wanted->data, got->data, lipcl_tensor_bytes(wanted)), 0, "the same bits under %zu bytes",
                     limits[i]);
        lipcl_tensor_destroy(&got);
        lipcl_plan_destroy(&plan);
    }
    lipcl_tensor_destroy(&wanted);
}

static size_t host_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Bytes of the host's that come free when the last owner but a plan lets go of the weights. */
static size_t bytes_let_go(const struct lipcl_plan_params *params) {
    struct lipcl_plan *plan = plan_lipnet(1, 3, params);
    size_t before = host_bytes();
    lipcl_tensor_set_destroy(&weights);
    size_t after = host_bytes();
    struct lipcl_tensor *logits = run(plan, 1, 3);
    lipcl_tensor_destroy(&logits);
    lipcl_plan_destroy(&plan);
    return before - after;
}

Test(plan_memory, leaves_no_weights_on_the_host) {
    enum { PARAMETERS = 6638844 };
    if (host_bytes() == 0) return; /* sanitizers have an allocator of their own, which tells nothing */
    cr_expect_geq(bytes_let_go(NULL), PARAMETERS * sizeof(float));
}

Test(plan_memory, keeps_weights_that_checks_need) {
    if (host_bytes() == 0) return;
    cr_expect_lt(bytes_let_go(&(struct lipcl_plan_params){.keep_values = true}), (size_t)1 << 20);
}

Test(plan_memory, a_reader_finds_its_weights_in_a_file) {
    struct lipcl_lipnet_reader *reader = NULL;
    struct lipcl_tensor_set *set = NULL;
    struct lipcl_tensor *x, *wanted = NULL, *got = NULL;
    struct lipcl_lipnet_reader_params params = {.device = "cpu"};
    cr_expect(lipcl_lipnet_reader_create(ctx, &reader, NULL, &params) == LIPCL_ERROR_ARGUMENT && !reader);
    params.model = MODEL_PATH ".missing";
    cr_expect(lipcl_lipnet_reader_create(ctx, &reader, NULL, &params) == LIPCL_ERROR_NOT_FOUND && !reader);
    cr_assert(lipcl_lipnet_load(ctx, &set, MODEL_PATH) == LIPCL_OK);
    for (size_t frames = 3; frames <= 4; frames++) { /* two plans of one reader */
        params.model = MODEL_PATH;
        x = test_frames(ctx, 1, frames);
        if (!reader) cr_assert(lipcl_lipnet_reader_create(ctx, &reader, NULL, &params) == LIPCL_OK);
        cr_assert(lipcl_lipnet_reader_run(ctx, reader, &got, x) == LIPCL_OK);
        struct lipcl_lipnet_reader *other = NULL;
        params.model = NULL;
        cr_assert(lipcl_lipnet_reader_create(ctx, &other, set, &params) == LIPCL_OK);
        cr_assert(lipcl_lipnet_reader_run(ctx, other, &wanted, x) == LIPCL_OK);
        cr_expect_eq(memcmp(wanted->data, got->data, lipcl_tensor_bytes(wanted)), 0);
        lipcl_lipnet_reader_destroy(&other);
        lipcl_tensor_destroy(&wanted);
        lipcl_tensor_destroy(&got);
        lipcl_tensor_destroy(&x);
    }
    lipcl_lipnet_reader_destroy(&reader);
    lipcl_tensor_set_destroy(&set);
}
