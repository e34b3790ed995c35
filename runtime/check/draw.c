/* draw.c: one function an operator, drawing from the output's side so that every size of output is met. */
#include "check/draw.h"

#include <stdio.h>

#include "base/memory.h"
#include "tensor/shape.h"

enum { SMALL_DIM = 5 };

/* Sizes at which kernels break: 1, primes, and the neighbours of their tiles. */
static size_t draw_dim(struct draw *draw, size_t limit) {
    static const size_t sizes[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 37};
    size_t size = sizes[draw_word(draw) % (sizeof sizes / sizeof *sizes)];
    return size_min(size, draw->small ? size_min(limit, SMALL_DIM) : limit);
}

/* Every eighth case is so wide that a GPU's work-groups need company along the first dimension. */
static bool is_wide(const struct draw *draw) {
    return draw->index % 8 == 7 && !draw->small;
}

/* Sums of one product: there the bound is next to the rounding itself and shows what longer sums hide. */
static bool is_short(const struct draw *draw) {
    return draw->index % 16 == 9;
}

/* Whether this case is one of LipNet's own, of which the operator has `count`. */
static bool is_lipnet(struct draw *draw, size_t count) {
    return draw->lipnet = draw->index < count && !draw->small;
}

static struct lipcl_permute_params draw_order(struct draw *draw, size_t rank) {
    struct lipcl_permute_params p = {{0}};
    for (size_t i = 0; i < rank; i++) { /* Fisher and Yates, from the inside out */
        size_t j = draw_size(draw, 0, i);
        p.order[i] = p.order[j];
        p.order[j] = i;
    }
    return p;
}

/* An input of `shape` whose elements often lie in another order than row-major, as a layer before it may have left them: a
 * graph input of that order under a permute, which is a view. Half of those have the first dimension first and the second last,
 * as the convolutions have channels; so have LipNet's own inputs, but its frames. */
static lipcl_value draw_input(struct draw *draw, struct lipcl_graph *graph, const struct lipcl_shape *shape) {
    struct lipcl_shape stored = *shape;
    size_t rank = shape->rank;
    if (rank < 2 || (draw->lipnet ? rank < 5 || shape->dims[1] == 3 : draw_chance(draw, 2)))
        return lipcl_graph_input(graph, "x", shape);
    struct lipcl_permute_params p = draw_order(draw, rank); /* logical dimension i is the input's dimension order[i] */
    bool channels_last = draw->lipnet || (rank > 3 && draw_chance(draw, 2));
    for (size_t i = 0; channels_last && i < rank; i++) p.order[i] = i == 0 ? 0 : i == 1 ? rank - 1 : i - 1;
    int used = snprintf(draw->note, sizeof draw->note, " stored as");
    for (size_t i = 0; i < rank; i++) {
        stored.dims[p.order[i]] = shape->dims[i];
        used += snprintf(draw->note + used, sizeof draw->note - (size_t)used, " %zu", p.order[i]);
    }
    return lipcl_permute(graph, "order", lipcl_graph_input(graph, "x", &stored), &p);
}

/* Rows of features, [..., k], for a matrix product: like draw_input(), but now and then the features are themselves two
 * dimensions in any order, as behind the flatten of an image; the first GRU's always are. */
static lipcl_value draw_rows(struct draw *draw, struct lipcl_graph *graph, const struct lipcl_shape *shape) {
    size_t last = shape->rank - 1, k = shape->dims[last], inner = 2;
    bool flatten = draw_chance(draw, 3);
    if (draw->lipnet && k == 3072) { /* [1,C,T,H,W] -> [T,1,C,H,W] -> [T,1,C H W] */
        struct lipcl_permute_params p = {{2, 0, 1, 3, 4}};
        lipcl_value x = draw_input(draw, graph, &SHAPE(1, 96, shape->dims[0], 4, 8));
        return lipcl_reshape(graph, "flatten", lipcl_permute(graph, "permute", x, &p), &(struct lipcl_reshape_params){*shape});
    }
    while (inner < k && k % inner) inner++;
    if (draw->lipnet || !flatten || inner >= k) return draw_input(draw, graph, shape);
    struct lipcl_shape split = *shape;
    split.dims[last] = k / inner;
    split.dims[split.rank++] = inner;
    return lipcl_reshape(graph, "flatten", draw_input(draw, graph, &split), &(struct lipcl_reshape_params){*shape});
}

static void triple_text(char *text, size_t bytes, const size_t v[3]) {
    snprintf(text, bytes, "(%zu,%zu,%zu)", v[0], v[1], v[2]);
}

/* A window along one dimension that gives `out` outputs: chooses kernel, stride, dilation and padding, returns the input. */
static size_t draw_window(struct draw *draw, size_t out, size_t *kernel, size_t *stride, size_t *padding, size_t *dilation,
                          bool pool) {
    *kernel = draw_size(draw, 1, 5);
    *stride = draw_size(draw, 1, 3);
    *dilation = *kernel > 1 && draw_chance(draw, 2) ? draw_size(draw, 2, 3) : 1;
    *padding = draw_chance(draw, 2) ? draw_size(draw, 0, pool ? *kernel / 2 : *kernel) : 0;
    size_t reach = (out - 1) * *stride + *dilation * (*kernel - 1) + 1 + draw_size(draw, 0, *stride - 1);
    while (*padding && reach <= 2 * *padding) --*padding;
    return reach - 2 * *padding;
}

/* LipNet's convolutions, each followed by ReLU and a max-pool over 1 x 2 x 2. */
static const struct {
    size_t in, out, height, width, kernel, stride; /* of x */
} lipnet_convs[] = {{3, 32, 64, 128, 5, 2}, {32, 64, 16, 32, 5, 1}, {64, 96, 8, 16, 3, 1}};
enum { LIPNET_CONVS = sizeof lipnet_convs / sizeof *lipnet_convs };

static void draw_lipnet_conv(const struct draw *draw, struct lipcl_conv3d_params *p, struct lipcl_shape *x) {
    size_t i = draw->index, k = lipnet_convs[i].kernel, s = lipnet_convs[i].stride;
    *p = (struct lipcl_conv3d_params){
        .out_channels = lipnet_convs[i].out, .kernel = {3, k, k}, .stride = {1, s, s}, .padding = {1, k / 2, k / 2}};
    *x = SHAPE(1, lipnet_convs[i].in, draw->frames, lipnet_convs[i].height, lipnet_convs[i].width);
}

/* What a convolution of LipNet's gives: y [1,C,T,H,W]. */
static struct lipcl_shape lipnet_conv_output(const struct draw *draw, size_t i) {
    size_t s = lipnet_convs[i].stride;
    return SHAPE(1, lipnet_convs[i].out, draw->frames, lipnet_convs[i].height / s, lipnet_convs[i].width / s);
}

/* A plane's window as image networks have it, 3 x 3 or 5 x 5 without dilation: some lowerings are for those alone. */
static void draw_plain_plane(struct draw *draw, struct lipcl_conv3d_params *p, struct lipcl_shape *x, const size_t out[2]) {
    size_t kernel = draw_chance(draw, 2) ? 3 : 5, stride = kernel == 5 && draw_chance(draw, 2) ? 2 : 1;
    for (size_t i = 1; i < 3; i++) {
        size_t reach = (out[i - 1] - 1) * stride + kernel + draw_size(draw, 0, stride - 1);
        size_t padding = stride * draw_size(draw, 0, kernel / 2 / stride);
        while (padding && reach <= 2 * padding) padding -= stride;
        p->kernel[i] = kernel;
        p->stride[i] = stride;
        p->dilation[i] = 1;
        p->padding[i] = padding;
        x->dims[2 + i] = reach - 2 * padding;
    }
}

static void draw_random_conv(struct draw *draw, struct lipcl_conv3d_params *p, struct lipcl_shape *x) {
    bool plain = draw_chance(draw, 3) && !is_short(draw);
    size_t groups = !plain && !is_short(draw) && draw_chance(draw, 4) ? draw_size(draw, 2, 4) : 1;
    size_t in = groups * draw_dim(draw, groups > 1 ? 9 : 33), out = groups * draw_dim(draw, groups > 1 ? 17 : 37);
    if (is_wide(draw)) out += 128 * groups;
    *p = (struct lipcl_conv3d_params){.out_channels = out, .groups = groups, .no_bias = draw_chance(draw, 4)};
    *x = SHAPE(draw_size(draw, 1, 2), in, 1, 1, 1);
    static const size_t limits[3] = {7, 13, 37};
    size_t extent[3];
    for (size_t i = 0; i < 3; i++) {
        extent[i] = draw_dim(draw, limits[i]);
        x->dims[2 + i] = draw_window(draw, extent[i], &p->kernel[i], &p->stride[i], &p->padding[i], &p->dilation[i], false);
    }
    for (size_t i = 0; i < 3 && is_short(draw); i++) {
        x->dims[1] = p->kernel[i] = p->dilation[i] = 1;
        p->padding[i] = 0;
        x->dims[2 + i] = (extent[i] - 1) * p->stride[i] + 1;
    }
    if (!plain) return;
    p->stride[0] = p->dilation[0] = 1;
    draw_plain_plane(draw, p, x, extent + 1);
}

/* A max-pool that takes `out` [3] positions: half over disjoint windows, which lowerings may fuse, half over others, which they
 * must leave alone: overlapping, padded, dilated, or hanging over the edge. */
static void draw_pool(struct draw *draw, struct lipcl_maxpool3d_params *pool, const size_t out[3], const char **kind) {
    static const char *const kinds[] = {"", "", "", "", " strided", " padded", " dilated", " ceil"};
    enum { STRIDED = 4, PADDED, DILATED, CEIL };
    size_t choice = draw_size(draw, 0, 7);
    *kind = kinds[choice];
    *pool = (struct lipcl_maxpool3d_params){.ceil_mode = choice == CEIL};
    for (size_t i = 0; i < 3; i++) {
        size_t reach = choice == DILATED ? 2 : 1;
        pool->kernel[i] = size_min(draw_size(draw, 1, 3), (out[i] - 1) / reach + 1);
        pool->dilation[i] = reach;
        pool->stride[i] = choice == STRIDED ? draw_size(draw, 1, 3) : pool->kernel[i];
        pool->padding[i] = choice == PADDED ? pool->kernel[i] / 2 : 0;
    }
}

void draw_conv3d(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_conv3d_params p;
    struct lipcl_shape x;
    struct lipcl_maxpool3d_params window = {.kernel = {1, 2, 2}};
    const char *kind = "";
    if (is_lipnet(draw, LIPNET_CONVS))
        draw_lipnet_conv(draw, &p, &x);
    else
        draw_random_conv(draw, &p, &x);
    bool relu = draw->lipnet || draw_chance(draw, 2), pool = draw->lipnet || draw_chance(draw, 2);
    if (pool && !draw->lipnet) {
        size_t out[3];
        for (size_t i = 0; i < 3; i++)
            out[i] = (x.dims[2 + i] + 2 * p.padding[i] - p.dilation[i] * (p.kernel[i] - 1) - 1) / p.stride[i] + 1;
        draw_pool(draw, &window, out, &kind);
    }
    lipcl_value y = draw_input(draw, graph, &x);
    y = lipcl_conv3d(graph, "conv3d", y, &p);
    if (relu) y = lipcl_relu(graph, "relu", y);
    if (pool) y = lipcl_maxpool3d(graph, "maxpool3d", y, &window);
    lipcl_graph_output(graph, "y", y);
    char k[80], s[80], d[80], pad[80], w[80];
    triple_text(k, sizeof k, p.kernel);
    triple_text(s, sizeof s, p.stride);
    triple_text(d, sizeof d, p.dilation);
    triple_text(pad, sizeof pad, p.padding);
    triple_text(w, sizeof w, window.kernel);
    snprintf(text, bytes, "conv3d x %s out %zu kernel %s stride %s padding %s dilation %s groups %zu%s%s%s%s%s",
             shape_text(&x).chars, p.out_channels, k, s, pad, d, size_max(p.groups, 1), p.no_bias ? " no bias" : "",
             relu ? " relu" : "", kind, pool ? " pool " : "", pool ? w : "");
}

void draw_maxpool3d(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_maxpool3d_params p = {.ceil_mode = draw_chance(draw, 2)};
    struct lipcl_shape x = SHAPE(draw_size(draw, 1, 2), draw_dim(draw, 37), 1, 1, 1);
    if (is_wide(draw)) x.dims[1] += 256;
    static const size_t limits[3] = {5, 13, 33};
    for (size_t i = 0; i < 3; i++)
        x.dims[2 + i] =
            draw_window(draw, draw_dim(draw, limits[i]), &p.kernel[i], &p.stride[i], &p.padding[i], &p.dilation[i], true);
    if (is_lipnet(draw, LIPNET_CONVS)) {
        p = (struct lipcl_maxpool3d_params){.kernel = {1, 2, 2}};
        x = lipnet_conv_output(draw, draw->index);
    }
    lipcl_graph_output(graph, "y", lipcl_maxpool3d(graph, "maxpool3d", draw_input(draw, graph, &x), &p));
    char k[80], s[80], d[80], pad[80];
    triple_text(k, sizeof k, p.kernel);
    triple_text(s, sizeof s, p.stride);
    triple_text(d, sizeof d, p.dilation);
    triple_text(pad, sizeof pad, p.padding);
    snprintf(text, bytes, "maxpool3d x %s kernel %s stride %s padding %s dilation %s%s", shape_text(&x).chars, k, s, pad, d,
             p.ceil_mode ? " ceil" : "");
}

void draw_gru(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_gru_params p = {
        .hidden = draw_dim(draw, 37), .layers = 1, .bidirectional = draw_chance(draw, 2), .no_bias = draw_chance(draw, 5)};
    if (draw_chance(draw, 3)) p.layers = draw_size(draw, 2, 3);
    /* Few steps often: one alone is special, and up to three are also compared running freely. */
    size_t input = draw_dim(draw, 37), frames = draw_size(draw, 1, draw_chance(draw, 2) ? 3 : 9), batch = draw_size(draw, 1, 6);
    bool initial = draw_chance(draw, 2), final = draw_chance(draw, 2);
    if (is_lipnet(draw, 2)) {
        p = (struct lipcl_gru_params){.hidden = 256, .layers = 1, .bidirectional = true};
        input = draw->index == 0 ? 3072 : 512;
        frames = draw->frames;
        batch = 1;
        initial = final = false;
    }
    size_t directions = p.bidirectional ? 2 : 1;
    lipcl_value h_n, h0 = 0, x = draw_rows(draw, graph, &SHAPE(frames, batch, input));
    if (initial) h0 = lipcl_graph_input(graph, "h0", &SHAPE(p.layers * directions, batch, p.hidden));
    lipcl_graph_output(graph, "y", lipcl_gru(graph, "gru", x, h0, &h_n, &p));
    if (final) lipcl_graph_output(graph, "h_n", h_n);
    snprintf(text, bytes, "gru T %zu N %zu input %zu hidden %zu layers %zu%s%s%s%s", frames, batch, input, p.hidden, p.layers,
             p.bidirectional ? " bidirectional" : "", p.no_bias ? " no bias" : "", initial ? " h0" : "", final ? " h_n" : "");
}

void draw_linear(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_linear_params p = {.out_features = draw_dim(draw, 37), .no_bias = draw_chance(draw, 4)};
    struct lipcl_shape x = SHAPE(draw_dim(draw, 37), draw_dim(draw, 9), draw_dim(draw, 37));
    if (draw_chance(draw, 4)) x = SHAPE(x.dims[0], x.dims[2]);
    if (is_wide(draw)) p.out_features += 260;
    if (is_lipnet(draw, 1)) {
        p = (struct lipcl_linear_params){.out_features = 28};
        x = SHAPE(draw->frames, 1, 512);
    }
    lipcl_graph_output(graph, "y", lipcl_linear(graph, "linear", draw_rows(draw, graph, &x), &p));
    snprintf(text, bytes, "linear x %s out %zu%s", shape_text(&x).chars, p.out_features, p.no_bias ? " no bias" : "");
}

static struct lipcl_shape draw_shape(struct draw *draw, size_t low, size_t high) {
    struct lipcl_shape shape = {.rank = draw_size(draw, low, high)};
    for (size_t i = 0; i < shape.rank; i++) shape.dims[i] = draw_dim(draw, shape.rank > 3 ? 9 : 37);
    return shape;
}

void draw_relu(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 1, 5);
    if (is_lipnet(draw, LIPNET_CONVS)) x = lipnet_conv_output(draw, draw->index);
    lipcl_graph_output(graph, "y", lipcl_relu(graph, "relu", draw_input(draw, graph, &x)));
    snprintf(text, bytes, "relu x %s", shape_text(&x).chars);
}

static struct lipcl_dropout_params draw_dropout_params(struct draw *draw) {
    return (struct lipcl_dropout_params){
        .p = (float)draw_size(draw, 1, 9) / 10, .training = true, .seed = (uint64_t)draw_word(draw) << 32 | draw_word(draw)};
}

void draw_dropout(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 1, 5);
    struct lipcl_dropout_params p = draw_dropout_params(draw);
    if (is_lipnet(draw, 1)) x = SHAPE(draw->frames, 1, 512);
    lipcl_graph_output(graph, "y", lipcl_dropout(graph, "dropout", draw_input(draw, graph, &x), &p));
    snprintf(text, bytes, "dropout x %s p %g seed %llu", shape_text(&x).chars, (double)p.p, (unsigned long long)p.seed);
}

void draw_dropout3d(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 5, 5);
    struct lipcl_dropout_params p = draw_dropout_params(draw);
    if (is_lipnet(draw, LIPNET_CONVS)) {
        x = lipnet_conv_output(draw, draw->index);
        for (size_t i = 3; i < 5; i++) x.dims[i] /= 2; /* it follows the pool */
    }
    lipcl_graph_output(graph, "y", lipcl_dropout3d(graph, "dropout3d", draw_input(draw, graph, &x), &p));
    snprintf(text, bytes, "dropout3d x %s p %g seed %llu", shape_text(&x).chars, (double)p.p, (unsigned long long)p.seed);
}

void draw_permute(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 2, 5);
    struct lipcl_permute_params p = draw_order(draw, x.rank);
    if (is_lipnet(draw, 1)) { /* the flatten in front of the first GRU: [1,C,T,H,W] -> [T,1,C,H,W] */
        x = SHAPE(1, 96, draw->frames, 4, 8);
        p = (struct lipcl_permute_params){{2, 0, 1, 3, 4}};
    }
    lipcl_graph_output(graph, "y", lipcl_permute(graph, "permute", lipcl_graph_input(graph, "x", &x), &p));
    int used = snprintf(text, bytes, "permute x %s order", shape_text(&x).chars);
    for (size_t i = 0; i < x.rank && used > 0 && (size_t)used < bytes; i++)
        used += snprintf(text + used, bytes - (size_t)used, " %zu", p.order[i]);
}

/* Permutes first, so that the reshape cannot be a mere view. */
void draw_reshape(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 2, 5);
    struct lipcl_permute_params p = draw_order(draw, x.rank);
    struct lipcl_reshape_params r = {SHAPE(1)};
    for (size_t i = 0; i < x.rank; i++) r.shape.dims[0] *= x.dims[i];
    if (is_lipnet(draw, 1)) {
        x = SHAPE(1, 96, draw->frames, 4, 8);
        p = (struct lipcl_permute_params){{2, 0, 1, 3, 4}};
        r.shape = SHAPE(96 * draw->frames * 4 * 8);
    }
    size_t part = x.dims[p.order[x.rank - 1]];
    if (draw_chance(draw, 2)) r.shape = SHAPE(r.shape.dims[0] / part, part);
    lipcl_value y = lipcl_permute(graph, "permute", lipcl_graph_input(graph, "x", &x), &p);
    lipcl_graph_output(graph, "y", lipcl_reshape(graph, "reshape", y, &r));
    snprintf(text, bytes, "reshape x %s permuted, to %s", shape_text(&x).chars, shape_text(&r.shape).chars);
}

void draw_log_softmax(struct draw *draw, struct lipcl_graph *graph, char *text, size_t bytes) {
    struct lipcl_shape x = draw_shape(draw, 1, 4);
    if (is_lipnet(draw, 1)) x = SHAPE(draw->frames, 1, 28);
    lipcl_graph_output(graph, "y", lipcl_log_softmax(graph, "log_softmax", draw_input(draw, graph, &x)));
    snprintf(text, bytes, "log_softmax x %s", shape_text(&x).chars);
}
