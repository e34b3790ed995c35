/* lipnet_init.c: LipNet's initial weights, as the published model's `_init` draws them. */
#include <lipcl/lipnet.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"
#include "tensor/shape.h"

/* A stream of random words; every tensor has its own, so that none depends on the order of the others. */
struct stream {
    uint64_t seed, next; /* the next word's index; a multiple of 4 to begin with */
    struct philox_block block;
};

static uint64_t next_word(struct stream *stream) {
    if (stream->next % 4 == 0) stream->block = philox_block_at(stream->seed, stream->next / 4);
    return stream->block.words[stream->next++ % 4];
}

/* Uniform in (0, 1), with the 53 bits of two words. */
static double uniform(struct stream *stream) {
    uint64_t high = next_word(stream), low = next_word(stream);
    return ((double)(high << 21 | low >> 11) + 0.5) * 0x1p-53;
}

/* Normal with mean 0 and standard deviation 1 (Box & Muller, Ann. Math. Stat. 29(2), 1958). */
static double normal(struct stream *stream) {
    double radius = sqrt(-2 * log(uniform(stream))), angle = 6.283185307179586 * uniform(stream);
    return radius * cos(angle);
}

static void fill_normal(float *data, size_t count, double deviation, struct stream *stream) {
    for (size_t i = 0; i < count; i++) data[i] = (float)(deviation * normal(stream));
}

static void fill_uniform(float *data, size_t count, double bound, struct stream *stream) {
    for (size_t i = 0; i < count; i++) data[i] = (float)(bound * (2 * uniform(stream) - 1));
}

/* A random orthogonal n x n matrix: the Q of a matrix of normals, by Gram and Schmidt, each row twice for full accuracy. The
 * diagonal of R is positive, which makes Q uniformly distributed (F. Mezzadri, Notices of the AMS 54(5), 2007). */
static enum lipcl_status fill_orthogonal(struct lipcl_context *ctx, float *data, size_t n, struct stream *stream) {
    double *q = malloc(n * n * sizeof *q); /* rows */
    if (!q) return fail_memory(ctx, n * n * sizeof *q);
    for (size_t i = 0; i < n * n; i++) q[i] = normal(stream);
    for (size_t i = 0; i < n; i++) {
        double *row = q + i * n, norm = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                double dot = 0;
                for (size_t k = 0; k < n; k++) dot += row[k] * q[j * n + k];
                for (size_t k = 0; k < n; k++) row[k] -= dot * q[j * n + k];
            }
        for (size_t k = 0; k < n; k++) norm += row[k] * row[k];
        for (size_t k = 0; k < n; k++) row[k] /= sqrt(norm);
    }
    for (size_t i = 0; i < n * n; i++) data[i] = (float)q[i];
    free(q);
    return LIPCL_OK;
}

static bool has(const char *name, const char *part) {
    return strstr(name, part) != NULL;
}

static enum lipcl_status fill(struct lipcl_context *ctx, const char *name, struct lipcl_tensor *tensor, struct stream *stream) {
    float *data = tensor->data;
    size_t count = lipcl_tensor_count(tensor), rows = tensor->shape.dims[0], hidden = rows / 3;
    if (has(name, "weight_hh")) { /* each gate on its own */
        for (size_t gate = 0; gate < 3; gate++) {
            enum lipcl_status status = fill_orthogonal(ctx, data + gate * hidden * hidden, hidden, stream);
            if (status != LIPCL_OK) return status;
        }
        return LIPCL_OK;
    }
    if (has(name, "weight_ih"))
        fill_uniform(data, count, sqrt(3) * sqrt(2.0 / (96 * 3 * 6 + 256)), stream);
    else if (has(name, "bias_hh"))
        fill_uniform(data, count, 1 / sqrt((double)hidden), stream);
    else if (has(name, "FC.weight"))
        fill_normal(data, count, sqrt(1.0 / (double)(count / rows)), stream);
    else if (has(name, ".weight"))
        fill_normal(data, count, sqrt(2.0 / (double)(count / rows)), stream);
    /* bias_ih and the biases of convolutions and FC stay 0 */
    return LIPCL_OK;
}

enum lipcl_status lipcl_lipnet_init(struct lipcl_context *ctx, struct lipcl_tensor_set **set, uint64_t seed) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_graph *graph = NULL;
    struct lipcl_tensor *tensor = NULL;
    *set = NULL;
    TRY(lipcl_graph_create(ctx, &graph));
    TRY(lipcl_lipnet_describe(graph, 1, 1, NULL));
    TRY(lipcl_tensor_set_create(ctx, set));
    for (size_t i = 0; i < lipcl_graph_parameter_count(graph); i++) {
        const char *name = lipcl_graph_parameter_name(graph, i);
        struct stream stream = {.seed = seed, .next = (uint64_t)i << 40};
        TRY(lipcl_tensor_create(ctx, &tensor, LIPCL_F32, lipcl_graph_parameter_shape(graph, i)));
        TRY(fill(ctx, name, tensor, &stream));
        TRY(lipcl_tensor_set_add(ctx, *set, name, &tensor));
    }

fail:
    lipcl_tensor_destroy(&tensor);
    lipcl_graph_destroy(&graph);
    if (status != LIPCL_OK) lipcl_tensor_set_destroy(set);
    return status;
}
