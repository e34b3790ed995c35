#include "profile_diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comparison.h"
#include "messages.h"
#include "timing.h"

/* A number, or NAN. */
static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* B's time over A's, each of which is somewhere in its band. */
static void judge(struct diff_row *row, const json_t *const times[SIDES], double fail_above) {
    double low[SIDES], high[SIDES];
    row->ratio = row->low = row->high = NAN;
    row->verdict = times[SIDE_A] ? times[SIDE_B] ? DIFF_UNKNOWN : DIFF_ONLY_A : DIFF_ONLY_B;
    for (size_t s = 0; s < SIDES; s++) {
        row->ms[s] = number(times[s], "median");
        low[s] = number(times[s], "low");
        high[s] = number(times[s], "high");
        row->counts = row->counts || row->share[s] >= LEAST_SHARE;
    }
    if (row->verdict != DIFF_UNKNOWN || !(row->ms[SIDE_A] > 0) || isnan(row->ms[SIDE_B])) return;
    row->ratio = row->ms[SIDE_B] / row->ms[SIDE_A];
    if (!(low[SIDE_A] > 0) || isnan(low[SIDE_B] + high[SIDE_A] + high[SIDE_B])) return;
    row->low = low[SIDE_B] / high[SIDE_A];
    row->high = high[SIDE_B] / low[SIDE_A];
    row->verdict = row->low > 1 ? DIFF_SLOWER : row->high < 1 ? DIFF_FASTER : DIFF_NOISE;
    row->fails = row->counts && row->verdict == DIFF_SLOWER && takes_longer(row->ms[SIDE_A], row->ms[SIDE_B], fail_above);
}

static struct diff_row *append(struct diff_rows *list) {
    list->rows = realloc(list->rows, (list->count + 1) * sizeof *list->rows);
    if (!list->rows) die_of_memory();
    list->rows[list->count] = (struct diff_row){
        .place = list->count,
        .share = {NAN, NAN},
        .limit_share = {NAN, NAN},
    };
    return &list->rows[list->count++];
}

/* -- layers ------------------------------------------------------------------------------------------------------------------
 */

/* The layer of that name that computes the same, or NULL: devices may fuse differently. */
static const json_t *find_layer(const struct diff_side *side, const json_t *wanted) {
    const json_t *layer;
    size_t i;
    json_array_foreach(json_object_get(side->device, "layers"), i, layer) {
        if (strcmp(text(layer, "layer"), text(wanted, "layer")) == 0 &&
            strcmp(text(layer, "operators"), text(wanted, "operators")) == 0)
            return layer;
    }
    return NULL;
}

static void add_layer(struct profile_diff *diff, const json_t *const layers[SIDES]) {
    const json_t *any = layers[SIDE_A] ? layers[SIDE_A] : layers[SIDE_B], *times[SIDES] = {NULL};
    struct diff_row *row = append(&diff->layers);
    row->layer = row->name = text(any, "layer");
    row->kind = text(any, "operators");
    for (size_t s = 0; s < SIDES; s++) {
        if (!layers[s]) continue;
        row->lowering[s] = text(layers[s], "lowering");
        row->share[s] = number(layers[s], "share");
        row->limit_share[s] = number(layers[s], "limit_share");
        times[s] = json_object_get(layers[s], "running_ms");
    }
    judge(row, times, diff->fail_above);
}

/* -- kernels -----------------------------------------------------------------------------------------------------------------
 */

/* A layer, or the copies of the outputs, and how many of its kernels are called `name` before its i-th. */
static size_t count_name(const json_t *kernels, const char *name, size_t before) {
    size_t count = 0;
    for (size_t i = 0; i < before; i++) count += strcmp(text(json_array_get(kernels, i), "kernel"), name) == 0;
    return count;
}

/* The kernel that is called the same and comes as the n-th of that name, as `kernels` has its i-th; NULL: there is none. */
static const json_t *find_kernel(const json_t *others, const json_t *kernels, size_t i) {
    const char *name = text(json_array_get(kernels, i), "kernel");
    size_t n = count_name(kernels, name, i), k;
    const json_t *other;
    json_array_foreach(others, k, other) {
        if (strcmp(text(other, "kernel"), name) == 0 && n-- == 0) return other;
    }
    return NULL;
}

static void add_kernel(struct profile_diff *diff, const json_t *const layers[SIDES], const json_t *const kernels[SIDES]) {
    const json_t *times[SIDES] = {NULL};
    struct diff_row *row = append(&diff->kernels);
    for (size_t s = 0; s < SIDES; s++) {
        if (!kernels[s]) continue;
        row->layer = text(layers[s], "layer");
        row->name = text(kernels[s], "kernel");
        row->lowering[s] = text(layers[s], "lowering");
        row->tuning[s] = text(kernels[s], "tuning");
        times[s] = json_object_get(kernels[s], "running_ms");
        row->share[s] = number(times[s], "mean") / number(json_object_get(diff->sides[s].device, "run_ms"), "mean");
        row->limit_share[s] = number(kernels[s], "limit_share");
    }
    judge(row, times, diff->fail_above);
}

/* Those of A with those of B that are the same, then those that only B has. A layer is NULL where a side has none such. */
static void add_kernels(struct profile_diff *diff, const json_t *const layers[SIDES], const json_t *const lists[SIDES]) {
    const json_t *kernel;
    size_t i;
    json_array_foreach(lists[SIDE_A], i, kernel)
        add_kernel(diff, layers, (const json_t *[]){kernel, find_kernel(lists[SIDE_B], lists[SIDE_A], i)});
    json_array_foreach(lists[SIDE_B], i, kernel) if (!find_kernel(lists[SIDE_A], lists[SIDE_B], i))
        add_kernel(diff, layers, (const json_t *[]){NULL, kernel});
}

static void add_layer_and_kernels(struct profile_diff *diff, const json_t *a, const json_t *b) {
    const json_t *layers[SIDES] = {a, b}, *lists[SIDES] = {json_object_get(a, "kernels"), json_object_get(b, "kernels")};
    add_layer(diff, layers);
    add_kernels(diff, layers, lists);
}

/* -- what of a run is no layer ------------------------------------------------------------------------------------------------
 */

static const json_t *find_part(const struct diff_side *side, const json_t *wanted) {
    const json_t *part;
    size_t i;
    json_array_foreach(json_object_get(side->device, "breakdown"), i, part) {
        if (strcmp(text(part, "part"), text(wanted, "part")) == 0 && strcmp(text(part, "kind"), text(wanted, "kind")) == 0)
            return part;
    }
    return NULL;
}

static void add_part(struct profile_diff *diff, const json_t *a, const json_t *b) {
    const json_t *parts[SIDES] = {a, b}, *times[SIDES];
    if (strcmp(text(a ? a : b, "kind"), "layer") == 0) return;
    struct diff_row *row = append(&diff->parts);
    row->name = text(a ? a : b, "part");
    row->kind = text(a ? a : b, "kind");
    for (size_t s = 0; s < SIDES; s++) {
        row->share[s] = number(parts[s], "share");
        times[s] = json_object_get(parts[s], "ms");
    }
    judge(row, times, diff->fail_above);
}

/* -----------------------------------------------------------------------------------------------------------------------------
 */

/* What is certainly slower, what may be, and what is certainly faster, each by its ratio; then what cannot be compared. */
static int slower_first(const void *a, const void *b) {
    static const int order[] = {
        [DIFF_SLOWER] = 0, [DIFF_NOISE] = 1, [DIFF_FASTER] = 2, [DIFF_UNKNOWN] = 3, [DIFF_ONLY_A] = 4, [DIFF_ONLY_B] = 5};
    const struct diff_row *x = a, *y = b;
    if (order[x->verdict] != order[y->verdict]) return order[x->verdict] < order[y->verdict] ? -1 : 1;
    if (x->ratio != y->ratio && !isnan(x->ratio + y->ratio)) return x->ratio > y->ratio ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static void sort(struct profile_diff *diff, struct diff_rows *list) {
    if (list->count) qsort(list->rows, list->count, sizeof *list->rows, slower_first);
    for (size_t i = 0; i < list->count; i++) diff->fails += list->rows[i].fails;
}

void profile_diff_init(struct profile_diff *diff, const struct diff_side *sides, double fail_above) {
    const struct diff_side *a = &sides[SIDE_A], *b = &sides[SIDE_B];
    const json_t *entry, *none[SIDES] = {NULL}, *times[SIDES], *outputs[SIDES];
    size_t i;
    *diff = (struct profile_diff){.sides = sides, .fail_above = fail_above};
    json_array_foreach(json_object_get(a->device, "layers"), i, entry) add_layer_and_kernels(diff, entry, find_layer(b, entry));
    json_array_foreach(json_object_get(b->device, "layers"), i, entry) if (!find_layer(a, entry))
        add_layer_and_kernels(diff, NULL, entry);
    for (size_t s = 0; s < SIDES; s++) outputs[s] = json_object_get(sides[s].device, "output_kernels");
    add_kernels(diff, none, outputs);
    json_array_foreach(json_object_get(a->device, "breakdown"), i, entry) add_part(diff, entry, find_part(b, entry));
    json_array_foreach(json_object_get(b->device, "breakdown"), i, entry) if (!find_part(a, entry)) add_part(diff, NULL, entry);

    for (size_t s = 0; s < SIDES; s++) times[s] = json_object_get(sides[s].device, "run_ms");
    diff->run = (struct diff_row){.name = "a run", .share = {1, 1}, .limit_share = {NAN, NAN}};
    judge(&diff->run, times, fail_above);
    diff->fails = diff->run.fails;
    sort(diff, &diff->layers);
    sort(diff, &diff->kernels);
    sort(diff, &diff->parts);
}

void profile_diff_finish(struct profile_diff *diff) {
    free(diff->layers.rows);
    free(diff->kernels.rows);
    free(diff->parts.rows);
    *diff = (struct profile_diff){0};
}
