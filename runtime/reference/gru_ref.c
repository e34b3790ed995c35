/* gru: for each layer, direction and sample, in the order of time (or against it, in reverse),
 *   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
 *   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
 *   n = tanh(W_in x + b_in + r (W_hn h + b_hn))
 *   h' = (1 - z) n + z h
 * A layer's output is [forward h' | reverse h'] of every step; it is the next layer's x. Everything between the inputs and
 * the stored outputs is kept in double.
 *
 * S. Let e_v be the error of a value v that was computed in single precision, in units of g u. The sums obey the rule of every
 * sum of products, S = sum |W| (|v| + e_v) + |b|. Behind them the errors are carried along to first order, with
 * |sigmoid'| <= 1/4 and |tanh'| <= 1:
 *   e_r = S_r / 4 + SIGMOID r                                                   S_r = S_ir + S_hr
 *   e_z = S_z / 4 + SIGMOID z                                                   S_z = S_iz + S_hz
 *   e_n = S_in + r S_hn + |a_hn| e_r + PREACTIVATION (|a_in| + r |a_hn|) + TANH |n|       a_in, a_hn: the two sums in n
 *   e_h'= (1 - z) e_n + |h - n| e_z + z e_h + BLEND (|n| + z |h|)
 * The constants are the roundings of one step in units of u, divided by the smallest g of the release bound, 9 sqrt(2):
 *   SIGMOID 12        1 / (1 + exp(-a)): exp 3 ulp = 6 u, the addition 1 u, the division 2.5 ulp = 5 u, all relative
 *   TANH 10           5 ulp
 *   PREACTIVATION 2   the product with r and the addition
 *   BLEND 3           (1 - z) n + z h: difference, product, sum; n + z (h - n) needs less
 * (the ulps are the limits of OpenCL's full profile). A step that starts from an observed state has e_h = 0.
 *
 * A free-running sequence carries e_h on. Each step may multiply it by as much as sum |W_h|, so that after a dozen steps of a
 * trained network the bound lies far above any error that occurs: for long sequences the step-locked comparison is the one
 * that tells. e_h stops growing where it says nothing any more: as h' is a mean of n and h, a state never leaves
 * [-m, m], m = max(1, |h0|), so that no two differ by more than 2 m, which is less than g u (m / u).
 */
#include <math.h>
#include <string.h>

#include <lipcl/operators.h>

#include "base/memory.h"
#include "reference/reference.h"

/* in units of g u; 12.727922 = 9 sqrt(2) */
static const double SIGMOID = 12 / 12.727922, TANH = 10 / 12.727922, PREACTIVATION = 2 / 12.727922, BLEND = 3 / 12.727922;

/* Values in double and their errors e in units of g u; error is NULL throughout when nobody asked for S. */
struct values {
    double *value, *error;
};

static struct values at(struct values v, size_t offset) {
    return (struct values){v.value + offset, v.error ? v.error + offset : NULL};
}

static bool allocate(struct arena *arena, struct values *v, size_t count, bool with_error) {
    v->value = arena_alloc(arena, count * sizeof(double));
    v->error = with_error ? arena_alloc(arena, count * sizeof(double)) : NULL;
    return v->value && (v->error || !with_error);
}

/* One layer in one direction. */
struct cell {
    size_t input, hidden;
    const float *weight_ih; /* [3 hidden,input], gates in the order r, z, n */
    const float *weight_hh; /* [3 hidden,hidden] */
    const float *bias_ih;   /* [3 hidden] or NULL */
    const float *bias_hh;   /* [3 hidden] or NULL */
    double largest_error;   /* m / u, see above */
};

/* a[j] = b[j] + sum over i of W[j,i] v[i],  S[j] = |b[j]| + sum over i of |W[j,i]| (|v[i]| + e[i]) */
static void affine(struct values a, size_t rows, size_t columns, const float *W, const float *b, struct values v) {
    for (size_t j = 0; j < rows; j++) {
        double sum = b ? (double)b[j] : 0.0;
        double S = fabs(sum);
        for (size_t i = 0; i < columns; i++) {
            double w = (double)W[j * columns + i];
            sum += w * v.value[i];
            if (a.error) S += fabs(w) * (fabs(v.value[i]) + v.error[i]);
        }
        a.value[j] = sum;
        if (a.error) a.error[j] = S;
    }
}

static double sigmoid(double a) {
    return 1 / (1 + exp(-a));
}

/* One sample's step from h [hidden] to next [hidden]; ih = W_i x + b_i and hh = W_h h + b_h, both [3 hidden]. */
static void step(const struct cell *cell, struct values next, struct values h, struct values ih, struct values hh) {
    size_t hidden = cell->hidden;
    for (size_t j = 0; j < hidden; j++) {
        size_t jr = j, jz = hidden + j, jn = 2 * hidden + j;
        double r = sigmoid(ih.value[jr] + hh.value[jr]);
        double z = sigmoid(ih.value[jz] + hh.value[jz]);
        double n = tanh(ih.value[jn] + r * hh.value[jn]);
        next.value[j] = (1 - z) * n + z * h.value[j];
        if (!next.error) continue;
        double a_in = fabs(ih.value[jn]), a_hn = fabs(hh.value[jn]);
        double e_r = (ih.error[jr] + hh.error[jr]) / 4 + SIGMOID * r;
        double e_z = (ih.error[jz] + hh.error[jz]) / 4 + SIGMOID * z;
        double e_n = ih.error[jn] + r * hh.error[jn] + a_hn * e_r + PREACTIVATION * (a_in + r * a_hn) + TANH * fabs(n);
        double e = (1 - z) * e_n + fabs(h.value[j] - n) * e_z + z * h.error[j] + BLEND * (fabs(n) + z * fabs(h.value[j]));
        next.error[j] = fmin(e, cell->largest_error);
    }
}

/* Runs a cell over x [T,N,input] into column `column` of y [T,N,width]. h [N,hidden] holds the initial state and ends as
 * the final one. observed: [T,N,width] or NULL. */
static enum lipcl_status scan(struct lipcl_context *ctx, const struct cell *cell, size_t T, size_t N, bool reverse,
                              struct values x, struct values h, struct values y, size_t width, size_t column,
                              const float *observed) {
    enum lipcl_status status = LIPCL_OK;
    struct arena scratch = {0};
    size_t hidden = cell->hidden, gates = 3 * hidden;
    struct values ih, hh; /* [T,N,3 hidden], [3 hidden] */
    if (!allocate(&scratch, &ih, T * N * gates, y.error != NULL) || !allocate(&scratch, &hh, gates, y.error != NULL))
        TRY(fail_memory(ctx, 2 * T * N * gates * sizeof(double)));

#pragma omp parallel for
    for (size_t i = 0; i < T * N; i++)
        affine(at(ih, i * gates), gates, cell->input, cell->weight_ih, cell->bias_ih, at(x, i * cell->input));

    for (size_t s = 0; s < T; s++)
        for (size_t n = 0; n < N; n++) {
            size_t t = reverse ? T - 1 - s : s;
            struct values state = at(h, n * hidden), next = at(y, (t * N + n) * width + column);
            const float *seen = observed && s > 0 ? observed + ((reverse ? t + 1 : t - 1) * N + n) * width + column : NULL;
            for (size_t j = 0; seen && j < hidden; j++) state.value[j] = (double)seen[j];
            if (seen && state.error) memset(state.error, 0, hidden * sizeof(double));
            affine(hh, gates, hidden, cell->weight_hh, cell->bias_hh, state);
            step(cell, next, state, at(ih, (t * N + n) * gates), hh);
            memcpy(state.value, next.value, hidden * sizeof(double));
            if (state.error) memcpy(state.error, next.error, hidden * sizeof(double));
        }
fail:
    arena_finish(&scratch);
    return status;
}

static const float *data_or_null(const struct lipcl_tensor *tensor) {
    return tensor ? tensor->data : NULL;
}

enum lipcl_status gru_ref(struct lipcl_context *ctx, const struct ref_io *io) {
    const struct lipcl_gru_params *p = io->params;
    const size_t *xd = io->inputs[0]->shape.dims;                 /* T, N, input */
    const float *x_data = io->inputs[0]->data;                    /* [T,N,input] */
    const float *h0 = data_or_null(io->inputs[1]);                /* [layers D,N,hidden] or NULL: zeros */
    float *y_data = io->outputs[0] ? io->outputs[0]->data : NULL; /* [T,N,D hidden] */
    float *h_n = io->outputs[1] ? io->outputs[1]->data : NULL;    /* [layers D,N,hidden] */
    size_t T = xd[0], N = xd[1], input = xd[2], hidden = p->hidden;
    size_t D = p->bidirectional ? 2 : 1, width = D * hidden;
    bool with_error = io->magnitude != NULL;
    /* [T,N,D hidden] or NULL; the states of an inner layer cannot be observed. */
    const float *observed = p->layers == 1 ? data_or_null(io->observed) : NULL;

    enum lipcl_status status = LIPCL_OK;
    struct arena arena = {0};
    double m = 1;
    for (size_t i = 0; h0 && i < p->layers * D * N * hidden; i++) m = fmax(m, fabs((double)h0[i]));
    struct values x, y, h; /* this layer's [T,N,input], [T,N,width], and one direction's [N,hidden] */
    if (!allocate(&arena, &x, T * N * input, with_error)) TRY(fail_memory(ctx, T * N * input * sizeof(double)));
    for (size_t i = 0; i < T * N * input; i++) x.value[i] = (double)x_data[i];
    if (with_error && io->input_magnitude) memcpy(x.error, io->input_magnitude, T * N * input * sizeof(double));

    for (size_t layer = 0; layer < p->layers; layer++, x = y, input = width) {
        if (!allocate(&arena, &y, T * N * width, with_error)) TRY(fail_memory(ctx, T * N * width * sizeof(double)));
        for (size_t d = 0; d < D; d++) {
            size_t which = layer * D + d;
            const struct lipcl_tensor *const *weights = io->inputs + 2 + 4 * which;
            struct cell cell = {.input = input,
                                .hidden = hidden,
                                .weight_ih = weights[0]->data,
                                .weight_hh = weights[1]->data,
                                .bias_ih = data_or_null(weights[2]),
                                .bias_hh = data_or_null(weights[3]),
                                .largest_error = m * 0x1p24};
            if (!allocate(&arena, &h, N * hidden, with_error)) TRY(fail_memory(ctx, N * hidden * sizeof(double)));
            for (size_t i = 0; h0 && i < N * hidden; i++) h.value[i] = (double)h0[which * N * hidden + i];
            TRY(scan(ctx, &cell, T, N, d == 1, x, h, y, width, d * hidden, observed));
            for (size_t i = 0; h_n && i < N * hidden; i++) h_n[which * N * hidden + i] = (float)h.value[i];
            if (with_error && io->final_magnitude)
                memcpy(io->final_magnitude + which * N * hidden, h.error, N * hidden * sizeof(double));
        }
    }
    for (size_t i = 0; y_data && i < T * N * width; i++) y_data[i] = (float)x.value[i];
    if (with_error) memcpy(io->magnitude, x.error, T * N * width * sizeof(double));
fail:
    arena_finish(&arena);
    return status;
}
