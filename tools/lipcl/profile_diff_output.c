#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "profile_diff.h"
#include "table.h"

/* Parts of a run below a thousandth of both are in the JSON only. */
static const double least_told = 1e-3;

static const char *const side_names[SIDES] = {"A", "B"};

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "?";
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

/* A copy, null for NULL. */
static json_t *copy(const json_t *value) {
    json_t *copied = value ? json_deep_copy(value) : json_null();
    if (!copied) die_of_memory();
    return copied;
}

static json_t *copy_of(const json_t *object, const char *key) {
    return copy(json_object_get(object, key));
}

static void add_difference(json_t *differences, const char *key, const json_t *a, const json_t *b) {
    if (json_equal(a, b) || (!a && !b)) return;
    json_t *difference = document_object();
    document_set(difference, "a", copy(a));
    document_set(difference, "b", copy(b));
    document_set(differences, key, difference);
}

static const char *verdict_name(enum diff_verdict verdict) {
    static const char *const names[] = {[DIFF_SLOWER] = "slower",   [DIFF_NOISE] = "noise",   [DIFF_FASTER] = "faster",
                                        [DIFF_UNKNOWN] = "unknown", [DIFF_ONLY_A] = "only A", [DIFF_ONLY_B] = "only B"};
    return names[verdict];
}

/* -- for people ---------------------------------------------------------------------------------------------------------------
 */

static void print_side(const struct diff_side *side, size_t index) {
    const json_t *info = json_object_get(side->device, "device"), *peaks = json_object_get(side->device, "peaks");
    const json_t *environment = json_object_get(side->document, "environment");
    double gflops = number(peaks, "fma_gflops"), gbps = number(peaks, "copy_gbps");
    char *reached = gflops > 0 ? format_text("; FMA peak %.1f GFLOP/s, copy %.1f GB/s", gflops, gbps) : format_text("%s", "");
    char *line = make_printable(
        format_text("%s: %s %s (%s), driver %s; lipcl %s, %.0f runs, %s%s", side->path, text(info, "select"),
                    text(info, "name"), text(info, "platform"), text(info, "driver"), text(side->document, "lipcl"),
                    number(json_object_get(side->device, "run_ms"), "count"), text(environment, "date"), reached));
    print("%s%s%s  %s\n", colour(stdout, COLOUR_BOLD), side_names[index], colour(stdout, COLOUR_NONE), line);
    free(line);
    free(reached);
}

/* What was run differently: an object of {"a", "b"} a key. */
static json_t *find_differences(const struct diff_side *sides) {
    static const char *const keys[] = {"model", "clip", "fusion"};
    json_t *found = document_object(), *value;
    json_t *a = json_object_get(sides[SIDE_A].document, "options"), *b = json_object_get(sides[SIDE_B].document, "options");
    const char *key;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add_difference(found, keys[i], json_object_get(sides[SIDE_A].document, keys[i]),
                       json_object_get(sides[SIDE_B].document, keys[i]));
    json_object_foreach(a, key, value) add_difference(found, key, value, json_object_get(b, key));
    json_object_foreach(b, key, value) {
        if (!json_object_get(a, key)) add_difference(found, key, NULL, value);
    }
    return found;
}

static void print_differences(const struct diff_side *sides) {
    json_t *differences = find_differences(sides), *difference;
    const char *key;
    json_object_foreach(differences, key, difference) {
        char *a = json_dumps(json_object_get(difference, "a"), JSON_COMPACT | JSON_ENCODE_ANY);
        char *b = json_dumps(json_object_get(difference, "b"), JSON_COMPACT | JSON_ENCODE_ANY);
        if (!a || !b) die_of_memory();
        char *line = make_printable(format_text("%s: %s in A, %s in B", key, a, b));
        print("%s%s%s\n", colour(stdout, COLOUR_YELLOW), line, colour(stdout, COLOUR_NONE));
        free(line);
        free(a);
        free(b);
    }
    json_decref(differences);
}

/* "direct -> winograd", or what both have. */
static void add_change(struct table *table, const char *const texts[SIDES], bool always) {
    const char *a = texts[SIDE_A], *b = texts[SIDE_B];
    if (a && b && strcmp(a, b) != 0)
        table_add(table, COLOUR_YELLOW, "%s -> %s", a, b);
    else
        table_add(table, COLOUR_NONE, "%s", always && (a || b) ? a ? a : b : "");
}

static void add_ms(struct table *table, double ms, const char *unknown, const char *format, const char *fine) {
    if (isnan(ms))
        table_add(table, COLOUR_NONE, "%s", unknown);
    else
        table_add(table, COLOUR_NONE, fabs(ms) < 0.1 ? fine : format, ms);
}

static void add_limits(struct table *table, const double shares[SIDES]) {
    if (shares[SIDE_A] > 0 && shares[SIDE_B] > 0)
        table_add(table, COLOUR_NONE, "%.0f -> %.0f %%", 100 * shares[SIDE_A], 100 * shares[SIDE_B]);
    else
        table_add(table, COLOUR_NONE, "-");
}

static void add_verdict(struct table *table, const struct diff_row *row) {
    const char *reason = verdict_name(row->verdict);
    enum colour shade = row->verdict == DIFF_FASTER ? COLOUR_GREEN : COLOUR_NONE;
    if (row->verdict == DIFF_SLOWER) shade = row->fails ? COLOUR_RED : COLOUR_YELLOW;
    if (row->verdict == DIFF_UNKNOWN) reason = isnan(row->ratio) ? "no time" : "too few runs";
    table_add(table, shade, "%s", row->fails ? "SLOWER" : reason);
}

static void add_row(struct table *table, const struct diff_row *row, const char *second, const char *const changes[SIDES]) {
    table_add(table, COLOUR_NONE, "%s", row->name);
    table_add(table, COLOUR_NONE, "%s", second ? second : "");
    add_change(table, changes, changes == row->lowering);
    add_ms(table, row->ms[SIDE_A], "-", "%.2f", "%.3f");
    add_ms(table, row->ms[SIDE_B], "-", "%.2f", "%.3f");
    add_ms(table, row->ms[SIDE_B] - row->ms[SIDE_A], "-", "%+.2f", "%+.3f");
    if (isnan(row->ratio))
        table_add(table, COLOUR_NONE, "-");
    else
        table_add(table, COLOUR_NONE, "%.3f", row->ratio);
    if (isnan(row->low))
        table_add(table, COLOUR_NONE, "-");
    else
        table_add(table, COLOUR_NONE, "%.3f to %.3f", row->low, row->high);
    add_limits(table, row->limit_share);
    add_verdict(table, row);
}

static void begin_table(struct table *table, const char *what, const char *second, const char *change) {
    const char *titles[] = {what, second, change, "A MS", "B MS", "B - A", "RATIO", "NOISE", "OF LIMIT", "VERDICT"};
    table_init(table, "lllrrrrrrl");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(table, COLOUR_BOLD, "%s", titles[i]);
}

static void end_table(struct table *table) {
    table_print(table);
    table_finish(table);
}

static bool is_small(const struct diff_row *row) {
    return !(row->share[SIDE_A] >= least_told) && !(row->share[SIDE_B] >= least_told);
}

static void print_run(const struct profile_diff *diff) {
    struct table table;
    begin_table(&table, "PART", "KIND", "LOWERING");
    add_row(&table, &diff->run, "", diff->run.lowering);
    for (size_t i = 0; i < diff->layers.count; i++)
        add_row(&table, &diff->layers.rows[i], "layer", diff->layers.rows[i].lowering);
    for (size_t i = 0; i < diff->parts.count; i++) {
        const struct diff_row *row = &diff->parts.rows[i];
        if (!is_small(row)) add_row(&table, row, row->kind, row->lowering);
    }
    end_table(&table);
}

static void print_kernels(const struct profile_diff *diff) {
    struct table table;
    if (diff->kernels.count == 0) return;
    print("\n");
    begin_table(&table, "KERNEL", "OF", "TUNING");
    for (size_t i = 0; i < diff->kernels.count; i++) {
        const struct diff_row *row = &diff->kernels.rows[i];
        add_row(&table, row, row->layer ? row->layer : "outputs", row->tuning);
    }
    end_table(&table);
}

static void print_failures(const struct profile_diff *diff) {
    const struct diff_rows *const lists[] = {&diff->layers, &diff->kernels, &diff->parts};
    if (isinf(diff->fail_above)) return;
    if (diff->fails == 0) {
        print("\nnothing that is 5 %% of a run is slower by over %g %% and outside the noise\n", diff->fail_above);
        return;
    }
    print("\n%sslower by over %g %% and outside the noise:%s%s", colour(stdout, COLOUR_RED), diff->fail_above,
          colour(stdout, COLOUR_NONE), diff->run.fails ? " a run" : "");
    bool first = !diff->run.fails;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            const struct diff_row *row = &lists[k]->rows[i];
            if (!row->fails) continue;
            char *name = make_printable(row->layer && row->layer != row->name ? format_text("%s of %s", row->name, row->layer)
                                                                              : format_text("%s", row->name));
            print("%s %s", first ? "" : ",", name);
            free(name);
            first = false;
        }
    }
    print("\n");
}

void profile_diff_print(const struct profile_diff *diff) {
    for (size_t s = 0; s < SIDES; s++) print_side(&diff->sides[s], s);
    print_differences(diff->sides);
    print("\n");
    print_run(diff);
    print_kernels(diff);
    print_failures(diff);
}

/* -- for programs -------------------------------------------------------------------------------------------------------------
 */

static json_t *document_side(const struct diff_side *side) {
    json_t *object = document_object();
    document_set(object, "file", document_text(side->path));
    document_set(object, "lipcl", copy_of(side->document, "lipcl"));
    document_set(object, "environment", copy_of(side->document, "environment"));
    document_set(object, "device", copy_of(side->device, "device"));
    document_set(object, "peaks", copy_of(side->device, "peaks"));
    document_set(object, "runs", copy_of(json_object_get(side->device, "run_ms"), "count"));
    return object;
}

static json_t *document_row(const struct diff_row *row) {
    json_t *object = document_object();
    document_set(object, "a_ms", document_number(row->ms[SIDE_A]));
    document_set(object, "b_ms", document_number(row->ms[SIDE_B]));
    document_set(object, "ratio", document_number(row->ratio));
    document_set(object, "low", document_number(row->low));
    document_set(object, "high", document_number(row->high));
    document_set(object, "verdict", document_text(verdict_name(row->verdict)));
    document_set(object, "a_share", document_number(row->share[SIDE_A]));
    document_set(object, "b_share", document_number(row->share[SIDE_B]));
    document_set(object, "counts", json_boolean(row->counts));
    document_set(object, "fails", json_boolean(row->fails));
    return object;
}

static void set_pair(json_t *object, const char *a, const char *b, const char *const texts[SIDES]) {
    document_set(object, a, document_text(texts[SIDE_A]));
    document_set(object, b, document_text(texts[SIDE_B]));
}

static void set_limits(json_t *object, const struct diff_row *row) {
    document_set(object, "a_limit_share", document_number(row->limit_share[SIDE_A]));
    document_set(object, "b_limit_share", document_number(row->limit_share[SIDE_B]));
}

void profile_diff_fill(const struct profile_diff *diff, json_t *document) {
    json_t *layers = document_array(), *kernels = document_array(), *parts = document_array(), *object;
    for (size_t i = 0; i < diff->layers.count; i++) {
        const struct diff_row *row = &diff->layers.rows[i];
        document_append(layers, object = document_row(row));
        document_set(object, "layer", document_text(row->name));
        document_set(object, "operators", document_text(row->kind));
        set_pair(object, "a_lowering", "b_lowering", row->lowering);
        set_limits(object, row);
    }
    for (size_t i = 0; i < diff->kernels.count; i++) {
        const struct diff_row *row = &diff->kernels.rows[i];
        document_append(kernels, object = document_row(row));
        document_set(object, "kernel", document_text(row->name));
        document_set(object, "layer", document_text(row->layer));
        set_pair(object, "a_lowering", "b_lowering", row->lowering);
        set_pair(object, "a_tuning", "b_tuning", row->tuning);
        set_limits(object, row);
    }
    for (size_t i = 0; i < diff->parts.count; i++) {
        const struct diff_row *row = &diff->parts.rows[i];
        document_append(parts, object = document_row(row));
        document_set(object, "part", document_text(row->name));
        document_set(object, "kind", document_text(row->kind));
    }
    document_set(document, "a", document_side(&diff->sides[SIDE_A]));
    document_set(document, "b", document_side(&diff->sides[SIDE_B]));
    document_set(document, "differences", find_differences(diff->sides));
    document_set(document, "fail_above_percent", document_number(diff->fail_above));
    document_set(document, "fails", document_count(diff->fails));
    document_set(document, "run", document_row(&diff->run));
    document_set(document, "layers", layers);
    document_set(document, "kernels", kernels);
    document_set(document, "parts", parts);
}
