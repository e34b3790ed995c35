/* LipNet of any batch and any number of frames, training and evaluating: every device agrees with `host`. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <string.h>

#include <lipcl/lipcl.h>

#include "support/test_devices.h"

static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;

/* Frames of one clip are the same whatever the batch around it. */
static struct lipcl_tensor *make_frames(size_t batch, size_t frames) {
    struct lipcl_tensor *x = NULL;
    struct lipcl_shape shape = {5, {batch, 3, frames, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH}};
    cr_assert(lipcl_tensor_create(ctx, &x, LIPCL_F32, &shape) == LIPCL_OK);
    size_t clip = lipcl_tensor_count(x) / batch;
    for (size_t n = 0; n < batch; n++)
        for (size_t i = 0; i < clip; i++)
            ((float *)x->data)[n * clip + i] = (float)((i * 2654435761u + n * 40503u) >> 7 & 255) / 255;
    return x;
}

static struct lipcl_tensor *run(const char *selector, size_t batch, size_t frames, const struct lipcl_lipnet_params *params,
                                enum lipcl_gemm gemm) {
    struct lipcl_graph *graph = NULL;
    struct lipcl_device *device = NULL;
    struct lipcl_plan *plan = NULL;
    struct lipcl_tensor *x = make_frames(batch, frames), *logits = NULL;
    struct lipcl_plan_params plan_params = {.gemm = gemm};
    cr_assert(lipcl_device_create(ctx, &device, selector) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_graph_create(ctx, &graph) == LIPCL_OK);
    cr_assert(lipcl_lipnet_describe(graph, batch, frames, params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_plan_create(ctx, &plan, graph, weights, device, &plan_params) == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_assert(lipcl_tensor_create(ctx, &logits, LIPCL_F32, lipcl_graph_output_shape(graph, 0)) == LIPCL_OK);
    cr_assert(lipcl_plan_run(ctx, plan, &logits, (const struct lipcl_tensor *const *)&x) == LIPCL_OK, "%s",
              lipcl_context_error(ctx));
    lipcl_plan_destroy(&plan);
    lipcl_graph_destroy(&graph);
    lipcl_device_destroy(&device);
    lipcl_tensor_destroy(&x);
    return logits;
}

static void expect_same(const float *a, const float *b, size_t count, double limit, const char *what) {
    double worst = 0;
    for (size_t i = 0; i < count; i++) worst = fmax(worst, isfinite(a[i]) ? fabs((double)a[i] - (double)b[i]) : INFINITY);
    cr_expect(worst <= limit, "%s: max |d| %g", what, worst);
}

ParameterizedTestParameters(lipnet_shapes, batches_and_lengths) {
    return devices_as_parameters(false);
}

ParameterizedTest(struct device_parameter *device, lipnet_shapes, batches_and_lengths) {
    static const size_t shapes[][2] = {{1, 1}, {3, 1}, {5, 3}}; /* each is another set of kernels */
    ctx = test_context();
    cr_assert(lipcl_lipnet_init(ctx, &weights, 11) == LIPCL_OK);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct lipcl_tensor *got = run(device->selector, shapes[i][0], shapes[i][1], NULL, LIPCL_GEMM_AUTO);
        struct lipcl_tensor *wanted = run("host", shapes[i][0], shapes[i][1], NULL, LIPCL_GEMM_AUTO);
        cr_expect(got->shape.dims[0] == shapes[i][0] && got->shape.dims[1] == shapes[i][1] && got->shape.dims[2] == 28);
        expect_same(got->data, wanted->data, lipcl_tensor_count(wanted), 1e-4, "against host");
        /* A clip reads the same alone. */
        struct lipcl_tensor *alone = run(device->selector, 1, shapes[i][1], NULL, LIPCL_GEMM_AUTO);
        expect_same(got->data, alone->data, lipcl_tensor_count(alone), 1e-4, "against the first clip alone");
        lipcl_tensor_destroy(&got);
        lipcl_tensor_destroy(&wanted);
        lipcl_tensor_destroy(&alone);
    }
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

ParameterizedTestParameters(lipnet_shapes, training_drops_the_same_everywhere) {
    return devices_as_parameters(false);
}

ParameterizedTest(struct device_parameter *device, lipnet_shapes, training_drops_the_same_everywhere) {
    const struct lipcl_lipnet_params training = {.training = true, .seed = 5}, other = {.training = true, .seed = 6};
    ctx = test_context();
    cr_assert(lipcl_lipnet_init(ctx, &weights, 11) == LIPCL_OK);
    struct lipcl_tensor *got = run(device->selector, 2, 3, &training, LIPCL_GEMM_AUTO);
    struct lipcl_tensor *wanted = run("host", 2, 3, &training, LIPCL_GEMM_AUTO);
    struct lipcl_tensor *different = run("host", 2, 3, &other, LIPCL_GEMM_AUTO);
    struct lipcl_tensor *evaluating = run("host", 2, 3, NULL, LIPCL_GEMM_AUTO);
    expect_same(got->data, wanted->data, lipcl_tensor_count(wanted), 1e-4, "against host");
    cr_expect_neq(memcmp(wanted->data, different->data, lipcl_tensor_bytes(wanted)), 0, "another seed, another mask");
    cr_expect_neq(memcmp(wanted->data, evaluating->data, lipcl_tensor_bytes(wanted)), 0);
    lipcl_tensor_destroy(&got);
    lipcl_tensor_destroy(&wanted);
    lipcl_tensor_destroy(&different);
    lipcl_tensor_destroy(&evaluating);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}

ParameterizedTestParameters(lipnet_shapes, both_matrix_products) {
    return devices_as_parameters(false);
}

ParameterizedTest(struct device_parameter *device, lipnet_shapes, both_matrix_products) {
    ctx = test_context();
    cr_assert(lipcl_lipnet_init(ctx, &weights, 11) == LIPCL_OK);
    struct lipcl_tensor *own = run(device->selector, 1, 3, NULL, LIPCL_GEMM_OWN);
    struct lipcl_tensor *clblast = run(device->selector, 1, 3, NULL, LIPCL_GEMM_CLBLAST);
    expect_same(own->data, clblast->data, lipcl_tensor_count(own), 1e-4, "own against CLBlast");
    lipcl_tensor_destroy(&own);
    lipcl_tensor_destroy(&clblast);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
}
