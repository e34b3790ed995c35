/* What lipcl does when OpenCL fails, and that a run calls nothing but enqueues. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/faults.h"
#include "support/kept_messages.h"
#include "support/networks.h"

enum { FRAMES = 3 };

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;
static struct lipcl_tensor *frames;
static struct fault_state *fault;

/* The layer has to be named before the loader is first called, which is why every test is a process of its own. */
static void setup(void) {
    if (ctx) return;               /* Criterion sets a parameterized test up twice */
    setenv("LIPCL_CACHE", "0", 1); /* programs are compiled, every time */
    unsetenv("LIPCL_DEVICE");
    fault = fault_layer();
    cr_assert(lipcl_context_create(&ctx, &(struct lipcl_context_params){.log = keep_message}) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    frames = test_frames(ctx, 1, FRAMES);
}

static void teardown(void) {
    lipcl_tensor_destroy(&frames);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

TestSuite(faults, .init = setup, .fini = teardown, .timeout = 300);

static struct lipcl_tensor *run(struct lipcl_lipnet_reader *reader, enum lipcl_status *status) {
    struct lipcl_tensor *logits = NULL;
    *status = lipcl_lipnet_reader_run(ctx, reader, &logits, frames);
    return logits;
}

Test(faults, a_run_creates_and_builds_nothing) {
    struct lipcl_lipnet_reader *reader;
    enum lipcl_status status;
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, NULL) == LIPCL_OK, "%s", messages);
    struct lipcl_tensor *first = run(reader, &status);
    cr_assert(status == LIPCL_OK, "%s", messages);
    struct fault_state before = *fault;
    cr_assert(before.count[FAULT_CREATE_BUFFER] > 0 && before.count[FAULT_BUILD] > 0, "the layer is in place");
    for (int i = 0; i < 3; i++) {
        struct lipcl_tensor *again = run(reader, &status);
        cr_assert(status == LIPCL_OK, "%s", messages);
        cr_expect_eq(memcmp(first->data, again->data, lipcl_tensor_bytes(first)), 0, "the same bits in every run");
        lipcl_tensor_destroy(&again);
    }
    static const enum fault_call never[] = {FAULT_CREATE_CONTEXT, FAULT_CREATE_QUEUE, FAULT_CREATE_BUFFER, FAULT_FILL,
                                            FAULT_CREATE_PROGRAM, FAULT_BUILD,        FAULT_CREATE_KERNEL, FAULT_SET_ARG,
                                            FAULT_FINISH,         FAULT_RELEASE};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        cr_expect_eq(fault->count[never[i]], before.count[never[i]], "call %d was made during a run", (int)never[i]);
    cr_expect_eq(fault->count[FAULT_READ], before.count[FAULT_READ] + 3, "a run waits once, for its output");
    cr_expect_gt(fault->count[FAULT_LAUNCH], before.count[FAULT_LAUNCH]);
    cr_expect_eq(fault->borrowed, 0, "a device that is lost on the way must not read what its caller may have freed");
    lipcl_tensor_destroy(&first);
    lipcl_lipnet_reader_destroy(&reader);
}

struct fault_parameter {
    enum fault_call call;
    int at, code;
    bool dead; /* the context must not be called again */
};

/* Each call that can fail, early and late, with a code that kills the context and one that does not. */
static const struct fault_parameter cases[] = {
    {FAULT_CREATE_CONTEXT, 1, CL_OUT_OF_HOST_MEMORY, false},
    {FAULT_CREATE_QUEUE, 1, CL_OUT_OF_RESOURCES, true},
    {FAULT_CREATE_BUFFER, 1, CL_MEM_OBJECT_ALLOCATION_FAILURE, false},
    {FAULT_CREATE_BUFFER, 5, CL_OUT_OF_RESOURCES, false},
    {FAULT_CREATE_BUFFER, 9, CL_INVALID_BUFFER_SIZE, false},
    {FAULT_CREATE_PROGRAM, 1, CL_OUT_OF_HOST_MEMORY, false},
    {FAULT_CREATE_KERNEL, 1, CL_INVALID_KERNEL_NAME, false},
    {FAULT_CREATE_KERNEL, 4, CL_OUT_OF_RESOURCES, true},
    {FAULT_SET_ARG, 2, CL_INVALID_ARG_SIZE, false},
    {FAULT_WRITE, 1, CL_OUT_OF_RESOURCES, true},
    {FAULT_WRITE, 4, CL_OUT_OF_HOST_MEMORY, false},
    {FAULT_LAUNCH, 1, CL_INVALID_WORK_GROUP_SIZE, false},
    {FAULT_LAUNCH, 2, CL_OUT_OF_RESOURCES, true},
    {FAULT_READ, 1, CL_OUT_OF_RESOURCES, true},
    {FAULT_READ, 1, CL_DEVICE_NOT_AVAILABLE, true},
    {FAULT_FINISH, 1, CL_OUT_OF_HOST_MEMORY, false},
    {FAULT_FINISH, 2, CL_OUT_OF_RESOURCES, true},
};

static void expect_host_takes_over(const struct fault_parameter *parameter) {
    struct lipcl_lipnet_reader *reader = NULL, *host = NULL;
    enum lipcl_status status;
    fault->call = parameter->call;
    fault->at = parameter->at;
    fault->code = parameter->code;
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, NULL) == LIPCL_OK, "%s", messages);
    struct lipcl_tensor *got = run(reader, &status);
    cr_assert(status == LIPCL_OK, "%s", messages);
    cr_expect(fault->after_failure > 0, "the call was reached and failed");
    if (parameter->dead) cr_expect_eq(fault->after_failure, 1, "%d calls on a dead context", fault->after_failure - 1);
    cr_expect(strstr(messages, "going on with host") != NULL || strstr(messages, "reference on the host") != NULL, "%s",
              messages);
    struct lipcl_lipnet_reader_params on_host = {.device = "host"};
    cr_assert(lipcl_lipnet_reader_create(ctx, &host, weights, &on_host) == LIPCL_OK);
    struct lipcl_tensor *wanted = run(host, &status);
    cr_assert(status == LIPCL_OK);
    for (size_t i = 0; i < lipcl_tensor_count(wanted); i++)
        cr_assert_float_eq(((float *)got->data)[i], ((float *)wanted->data)[i], 1e-4f, "logit %zu", i);
    lipcl_tensor_destroy(&got);
    lipcl_tensor_destroy(&wanted);
    lipcl_lipnet_reader_destroy(&reader);
    lipcl_lipnet_reader_destroy(&host);
}

ParameterizedTestParameters(faults, host_takes_over_with_the_same_answer) {
    return cr_make_param_array(const struct fault_parameter, (void *)cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const struct fault_parameter *parameter, faults, host_takes_over_with_the_same_answer, .init = setup,
                  .fini = teardown) {
    expect_host_takes_over(parameter);
}

/* CPU devices are lent memory that is zero already. */
Test(faults, other_devices_fail_while_their_memory_is_filled) {
    setenv("OPENCL_LAYERS", LAYER_DIR "/fault_layer.so:" LAYER_DIR "/pretend_layer.so", 1);
    setenv("PRETEND_DEVICE", "gpu", 1);
    expect_host_takes_over(&(struct fault_parameter){FAULT_FILL, 3, CL_OUT_OF_RESOURCES, true});
}

Test(faults, a_device_chosen_by_name_fails_with_a_typed_error) {
    struct lipcl_lipnet_reader *reader = NULL;
    enum lipcl_status status;
    struct lipcl_lipnet_reader_params params = {.device = "cpu"};
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &params) == LIPCL_OK, "%s", messages);
    *fault = (struct fault_state){.call = FAULT_READ, .at = 1, .code = CL_OUT_OF_RESOURCES};
    struct lipcl_tensor *logits = run(reader, &status);
    cr_expect(status == LIPCL_ERROR_DEVICE_LOST);
    cr_expect_null(logits);
    cr_expect(strstr(messages, "CL_OUT_OF_RESOURCES (-5)") && strstr(messages, "clEnqueueReadBuffer"), "%s", messages);
    lipcl_lipnet_reader_destroy(&reader);
    cr_expect_eq(fault->after_failure, 1, "not even a release on a dead context");
}

Test(faults, a_kernel_that_does_not_build_runs_as_its_reference) {
    struct lipcl_lipnet_reader *reader = NULL;
    enum lipcl_status status;
    struct lipcl_layer_info info;
    *fault = (struct fault_state){.call = FAULT_BUILD, .at = 1, .times = 1, .code = CL_BUILD_PROGRAM_FAILURE};
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, NULL) == LIPCL_OK, "%s", messages);
    struct lipcl_tensor *logits = run(reader, &status);
    cr_assert(status == LIPCL_OK, "%s", messages);
    cr_expect(strstr(messages, " building ") && strstr(messages, ".cl with options"), "%s", messages);
    cr_assert(lipcl_plan_layer_info(ctx, lipcl_lipnet_reader_plan(reader), 0, &info) == LIPCL_OK);
    cr_expect_str_neq(lipcl_lipnet_reader_device(reader)->name, "host", "one bad kernel does not cost the device");
    lipcl_tensor_destroy(&logits);
    lipcl_lipnet_reader_destroy(&reader);
}
