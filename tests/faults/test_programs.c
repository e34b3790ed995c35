/* What a device keeps of the programs that it built: a process that plans for ever does not grow for ever. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include <lipcl/lipcl.h>

#include "support/faults.h"
#include "support/kept_messages.h"
#include "tensor/shape.h"

enum { SIZES = 70, MOST = 64 };

static struct lipcl_context *ctx;
static struct lipcl_device *device;
static struct fault_state *fault;

static void setup(void) {
    setenv("LIPCL_CACHE", "0", 1); /* programs are compiled, every time */
    fault = fault_layer();
    cr_assert(lipcl_context_create(&ctx, &(struct lipcl_context_params){.log = keep_message}) == LIPCL_OK);
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", messages);
}

static void teardown(void) {
    lipcl_device_destroy(&device);
    cr_expect_eq(fault->programs, 0, "%d programs are never released", fault->programs);
    lipcl_context_destroy(&ctx);
}

TestSuite(programs, .init = setup, .fini = teardown, .timeout = 120);

/* Plans a ReLU over so many numbers, which is a program of its own; returns what had to be compiled. */
static int plan_relu(size_t size, struct lipcl_plan **plan) {
    struct lipcl_graph *graph;
    int before = fault->count[FAULT_CREATE_PROGRAM];
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    lipcl_graph_output(graph, "y", lipcl_relu(graph, "relu", lipcl_graph_input(graph, "x", &SHAPE(size))));
    cr_assert(lipcl_plan_create(ctx, plan, graph, NULL, device, &(struct lipcl_plan_params){.no_self_test = true}) == LIPCL_OK,
              "%s", messages);
    lipcl_graph_destroy(&graph);
    return fault->count[FAULT_CREATE_PROGRAM] - before;
}

static int plan_and_forget(size_t size) {
    struct lipcl_plan *plan;
    int compiled = plan_relu(size, &plan);
    lipcl_plan_destroy(&plan);
    return compiled;
}

Test(programs, those_used_last_are_kept) {
    struct lipcl_plan *plan;
    struct lipcl_tensor *x, *y;
    plan_relu(1, &plan);
    for (size_t size = 2; size <= SIZES; size++) {
        cr_assert_eq(plan_and_forget(size), 1);
        cr_assert_eq(plan_and_forget(2), 0, "used all the time");
    }
    cr_expect_eq(fault->programs, MOST);
    cr_expect_eq(plan_and_forget(SIZES), 0, "the last");

    /* A plan runs by a program that the device keeps no more. */
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, &SHAPE(1)) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &y, LIPCL_F32, &SHAPE(1)) == LIPCL_OK);
    *(float *)x->data = 2.5f;
    cr_assert(lipcl_plan_run(ctx, plan, &y, (const struct lipcl_tensor *const[]){x}) == LIPCL_OK, "%s", messages);
    cr_expect_eq(*(float *)y->data, 2.5f);
    cr_expect_eq(plan_and_forget(1), 1, "not used for longest");
    cr_expect_eq(fault->programs, MOST);
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
    lipcl_plan_destroy(&plan);
}
