/* Which convolutions a plan may take: `exact` keeps to the definition's own sums. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/test_devices.h"

static struct lipcl_context *ctx;
static struct lipcl_graph *graph;
static struct lipcl_tensor_set *weights;
static struct lipcl_device *device;
static struct lipcl_plan *plan;
static struct lipcl_tensor *x, *y;

static void plan_with(enum lipcl_precision precision) {
    ctx = test_context();
    cr_assert(lipcl_device_create(ctx, &device, "cpu") == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    const struct lipcl_shape shape = {5, {1, 16, 2, 8, 12}};
    lipcl_value value = lipcl_graph_input(graph, "x", &shape);
    value = lipcl_conv3d(graph, "conv", value,
                         &(struct lipcl_conv3d_params){.out_channels = 16, .kernel = {3, 3, 3}, .padding = {1, 1, 1}});
    lipcl_graph_output(graph, "y", value);
    cr_assert(lipcl_tensor_set_create(ctx, &weights) == LIPCL_OK);
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        struct lipcl_tensor *tensor;
        cr_assert(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, lipcl_graph_parameter_shape(graph, i)) == LIPCL_OK);
        for (size_t k = 0; k < lipcl_tensor_count(tensor); k++) ((float *)tensor->data)[k] = (float)(k % 7) - 3;
        cr_assert(lipcl_tensor_set_add(ctx, weights, lipcl_graph_parameter_name(graph, i), &tensor) == LIPCL_OK);
    }
    struct lipcl_plan_params params = {.precision = precision, .keep_values = true};
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, &params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, &shape) == LIPCL_OK);
    cr_assert(lipcl_tensor_create(ctx, &y, LIPCL_F32, &shape) == LIPCL_OK); /* as many channels, as large */
    for (size_t k = 0; k < lipcl_tensor_count(x); k++) ((float *)x->data)[k] = (float)(k % 5);
    ((float *)x->data)[0] = INFINITY;
    cr_assert(lipcl_plan_run(ctx, plan, &y, (const struct lipcl_tensor *const[]){x}) == LIPCL_OK);
}

static const char *lowering(void) {
    static struct lipcl_layer_info info;
    cr_assert(lipcl_plan_layer_info(ctx, plan, 0, &info) == LIPCL_OK);
    return info.lowering;
}

static void finish(void) {
    lipcl_tensor_destroy(&x);
    lipcl_tensor_destroy(&y);
    lipcl_plan_destroy(&plan);
    lipcl_graph_destroy(&graph);
    lipcl_tensor_set_destroy(&weights);
    lipcl_device_destroy(&device);
    lipcl_context_destroy(&ctx);
}

Test(precision, exact_is_direct_and_integers_and_infinities_come_through) {
    plan_with(LIPCL_PRECISION_EXACT);
    cr_expect_str_eq(lowering(), "conv3d_direct");
    struct lipcl_layer_check check;
    cr_assert(lipcl_plan_check_layer(ctx, plan, 0, &check) == LIPCL_OK);
    cr_expect(check.ok && check.max_error == 0 && check.kappa == 1, "%s, max error %g", check.reason, check.max_error);
    cr_expect(isinf(((float *)y->data)[0]) && isfinite(((float *)y->data)[2]));
    finish();
}

Test(precision, fast_takes_winograd_on_a_cpu_and_stays_in_its_bound) {
    plan_with(LIPCL_PRECISION_FAST);
    cr_expect_str_eq(lowering(), "conv3d_winograd");
    struct lipcl_layer_check check;
    cr_assert(lipcl_plan_check_layer(ctx, plan, 0, &check) == LIPCL_OK);
    cr_expect(check.ok && check.kappa > 10, "%s, kappa %g", check.reason, check.kappa);
    cr_expect_not(isfinite(((float *)y->data)[2]), "the infinity's neighbours in its tile share its fate");
    cr_expect(isfinite(((float *)y->data)[8]), "other tiles do not");
    finish();
}
