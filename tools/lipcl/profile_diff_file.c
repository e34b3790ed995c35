#include <stdlib.h>
#include <string.h>

#include "comparison.h"
#include "messages.h"
#include "profile_diff.h"

/* The sentence ends with what to do. */
static bool refuse(const struct diff_side *side, const char *where, const char *what) {
    complain("%s: %s: %s; make it anew with `lipcl profile --json`", side->path, where, what);
    return false;
}

/* Whether it is *times* as README.md describes them, or null where null may be. */
static bool check_times(const struct diff_side *side, const char *where, const char *key, const json_t *times,
                        bool may_be_null) {
    static const char *const numbers[] = {"median", "mean", "count"}, *const ends[] = {"low", "high"};
    bool ok = true;
    char *place = format_text("%s.%s", where, key);
    if (json_is_null(times) && may_be_null) goto done;
    ok = json_is_object(times) || refuse(side, place, "there are no times");
    for (size_t i = 0; ok && i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *number = json_object_get(times, numbers[i]);
        if (json_is_number(number) && json_number_value(number) >= 0) continue;
        ok = refuse(side, place, number ? "a number in it is none, or below 0" : "median, mean or count is missing");
    }
    for (size_t i = 0; ok && i < sizeof ends / sizeof *ends; i++) {
        const json_t *end = json_object_get(times, ends[i]);
        if (!end)
            ok = refuse(side, place, "nothing tells its noise (`low`, `high`), as an older lipcl leaves it");
        else if (!json_is_null(end) && !(json_is_number(end) && json_number_value(end) >= 0))
            ok = refuse(side, place, "an end of its band is no number, or below 0");
    }

done:
    free(place);
    return ok;
}

static bool check_text(const struct diff_side *side, const char *where, const json_t *object, const char *key,
                       bool may_be_null) {
    const json_t *text = json_object_get(object, key);
    if (json_is_string(text) || (json_is_null(text) && may_be_null)) return true;
    char *what = format_text("its \"%s\" is no text", key);
    refuse(side, where, what);
    free(what);
    return false;
}

static bool check_kernels(const struct diff_side *side, const char *where, const json_t *kernels) {
    const json_t *kernel;
    size_t i;
    if (!json_is_array(kernels)) return refuse(side, where, "there is no list of kernels");
    bool ok = true;
    json_array_foreach(kernels, i, kernel) {
        char *place = format_text("%s.kernels[%zu]", where, i);
        ok = check_text(side, place, kernel, "kernel", false) && check_text(side, place, kernel, "tuning", true) &&
             check_times(side, place, "running_ms", json_object_get(kernel, "running_ms"), true);
        free(place);
        if (!ok) break;
    }
    return ok;
}

static bool check_layers(const struct diff_side *side, const char *where, const json_t *layers) {
    const json_t *layer;
    size_t i;
    if (!json_is_array(layers)) return refuse(side, where, "there is no list of layers");
    bool ok = true;
    json_array_foreach(layers, i, layer) {
        char *place = format_text("%s.layers[%zu]", where, i);
        ok = check_text(side, place, layer, "layer", false) && check_text(side, place, layer, "operators", false) &&
             check_text(side, place, layer, "lowering", false) &&
             check_times(side, place, "running_ms", json_object_get(layer, "running_ms"), true) &&
             check_kernels(side, place, json_object_get(layer, "kernels"));
        free(place);
        if (!ok) break;
    }
    return ok;
}

static bool check_parts(const struct diff_side *side, const char *where, const json_t *parts) {
    const json_t *part;
    size_t i;
    if (!json_is_array(parts)) return refuse(side, where, "there is no \"breakdown\"");
    bool ok = true;
    json_array_foreach(parts, i, part) {
        char *place = format_text("%s.breakdown[%zu]", where, i);
        ok = check_text(side, place, part, "part", false) && check_text(side, place, part, "kind", false) &&
             check_times(side, place, "ms", json_object_get(part, "ms"), true);
        free(place);
        if (!ok) break;
    }
    return ok;
}

static bool failed(const json_t *device) {
    return !json_is_null(json_object_get(device, "problem"));
}

static bool check_device(const struct diff_side *side, const json_t *device, size_t index) {
    char *where = format_text("devices[%zu]", index), *outputs = format_text("devices[%zu].output_kernels", index);
    bool ok = false;
    if (!json_is_object(device) || !json_object_get(device, "problem"))
        refuse(side, where, "it is no device that was profiled");
    else if (failed(device))
        ok = check_text(side, where, device, "problem", false);
    else
        ok = (json_is_object(json_object_get(device, "device")) || refuse(side, where, "nothing tells which device it is")) &&
             check_text(side, where, json_object_get(device, "device"), "name", false) &&
             check_text(side, where, json_object_get(device, "device"), "select", false) &&
             check_text(side, where, json_object_get(device, "device"), "type", false) &&
             check_times(side, where, "run_ms", json_object_get(device, "run_ms"), false) &&
             check_layers(side, where, json_object_get(device, "layers")) &&
             check_kernels(side, outputs, json_object_get(device, "output_kernels")) &&
             check_parts(side, where, json_object_get(device, "breakdown"));
    free(where);
    free(outputs);
    return ok;
}

static bool check_document(const struct diff_side *side) {
    const json_t *devices = json_object_get(side->document, "devices"), *device;
    const json_t *format = json_object_get(side->document, "format");
    const char *command = json_string_value(json_object_get(side->document, "command"));
    size_t i;
    if (!command || strcmp(command, "profile") != 0) {
        complain("%s: not what `lipcl profile --json` prints", side->path);
        return false;
    }
    if (!json_is_integer(format) || json_integer_value(format) != 1) {
        complain("%s: its \"format\" is not 1, the only one that this lipcl knows; compare with the lipcl that wrote it",
                 side->path);
        return false;
    }
    if (!json_is_array(json_object_get(side->document, "shape"))) return refuse(side, "shape", "it is no list");
    if (!json_is_array(devices) || json_array_size(devices) == 0) return refuse(side, "devices", "there are none");
    json_array_foreach(devices, i, device) if (!check_device(side, device, i)) return false;
    return true;
}

bool diff_side_load(struct diff_side *side, const char *path) {
    *side = (struct diff_side){.path = path, .document = comparison_load("", path)};
    if (!side->document) return false;
    return check_document(side);
}

void diff_side_finish(struct diff_side *side) {
    json_decref(side->document);
    *side = (struct diff_side){0};
}

static const char *told(const json_t *device, const char *key) {
    const char *text = json_string_value(json_object_get(json_object_get(device, "device"), key));
    return text ? text : "";
}

/* How well `device` is what is wanted: 0 not at all. An exact selector goes before a kind, and that before part of a name; of
 * those that are alike, what could be profiled goes first. */
static int matches(const json_t *device, const char *selector) {
    int good = failed(device) ? 0 : 1;
    if (strcmp(told(device, "select"), selector) == 0) return 5 + good;
    if (strcmp(told(device, "type"), selector) == 0) return 3 + good;
    bool named = strcasestr(told(device, "name"), selector) || strcasestr(told(device, "platform"), selector);
    return named && *selector ? 1 + good : 0;
}

static int resembles(const json_t *device, const json_t *like) {
    int likeness = failed(device) ? 0 : 1;
    if (!likeness || !like || strcmp(told(device, "name"), told(like, "name")) != 0) return likeness;
    return strcmp(told(device, "select"), told(like, "select")) == 0 ? 3 : 2;
}

bool diff_side_choose(struct diff_side *side, const char *selector, const struct diff_side *like) {
    const json_t *device;
    size_t i;
    int best = 0;
    json_array_foreach(json_object_get(side->document, "devices"), i, device) {
        int rank = selector ? matches(device, selector) : resembles(device, like ? like->device : NULL);
        if (rank > best) side->device = device;
        if (rank > best) best = rank;
    }
    if (!side->device && !selector) {
        device = json_array_get(json_object_get(side->document, "devices"), 0);
        complain("%s: no device of it could be profiled: %s", side->path,
                 json_string_value(json_object_get(device, "problem")));
        return false;
    }
    if (!side->device) {
        complain("%s: --device %s: it is of no such device; of these it is:", side->path, selector);
        json_array_foreach(json_object_get(side->document, "devices"), i, device)
            say("  %-6s %s", told(device, "select"), told(device, "name"));
        return false;
    }
    if (!failed(side->device)) return true;
    complain("%s: --device %s: it could not be profiled: %s", side->path, selector,
             json_string_value(json_object_get(side->device, "problem")));
    return false;
}

bool diff_sides_fit(const struct diff_side *sides) {
    const json_t *a = json_object_get(sides[SIDE_A].document, "shape"), *b = json_object_get(sides[SIDE_B].document, "shape");
    if (json_equal(a, b)) return true;
    char *shape_a = json_dumps(a, JSON_COMPACT), *shape_b = json_dumps(b, JSON_COMPACT);
    complain("%s is of a clip of shape %s, %s of %s: profile the same clip for both", sides[SIDE_B].path,
             shape_b ? shape_b : "?", sides[SIDE_A].path, shape_a ? shape_a : "?");
    free(shape_a);
    free(shape_b);
    return false;
}
