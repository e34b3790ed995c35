/* cmd_model.c: making weights, and looking at them. */
#include <stdint.h>
#include <stdlib.h>

#include <lipcl/lipnet.h>
#include <lipcl/safetensors.h>

#include "command.h"
#include "datafile.h"
#include "document.h"
#include "messages.h"
#include "model_plan.h"
#include "options.h"
#include "table.h"

static char *seed_text;

static enum exit_code init_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    struct lipcl_context *ctx = invocation->ctx;
    const char *path = invocation->arguments[0];
    struct lipcl_tensor_set *set = NULL;
    unsigned long long seed;
    if (!seed_text) return usage_error(&command_model_init, "--seed S is missing");
    if (!parse_number(seed_text, &seed, UINT64_MAX))
        return usage_error(&command_model_init, "--seed %s: it is a whole number from 0 to %llu", seed_text,
                           (unsigned long long)UINT64_MAX);
    char *seed_decimal = format_text("%llu", seed);
    if (lipcl_lipnet_init(ctx, &set, seed) != LIPCL_OK) goto fail;
    if (lipcl_tensor_set_add_metadata(ctx, set, "model", "LipNet") != LIPCL_OK) goto fail;
    if (lipcl_tensor_set_add_metadata(ctx, set, "seed", seed_decimal) != LIPCL_OK) goto fail;
    if (lipcl_tensor_set_add_metadata(ctx, set, "lipcl", lipcl_version()) != LIPCL_OK) goto fail;
    if (lipcl_safetensors_save(ctx, path, set) != LIPCL_OK) goto fail;
    code = EXIT_DONE;

    size_t parameters = 0;
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) parameters += lipcl_tensor_count(lipcl_tensor_set_tensor(set, i));
    if (options.json) {
        document_set(invocation->document, "file", document_text(path));
        document_set(invocation->document, "seed", document_text(seed_decimal));
        document_set(invocation->document, "tensors", document_count(lipcl_tensor_set_count(set)));
        document_set(invocation->document, "parameters", document_count(parameters));
    } else {
        print("%s  LipNet, seed %s, %zu tensors, %zu parameters\n", path, seed_decimal, lipcl_tensor_set_count(set),
              parameters);
    }

fail:
    lipcl_tensor_set_destroy(&set);
    free(seed_decimal);
    return code;
}

static struct poptOption init_options[] = {{"seed", '\0', POPT_ARG_STRING, &seed_text, 0,
                                            "a whole number; the same one gives the same weights everywhere (needed)", "S"},
                                           POPT_TABLEEND};

const struct command command_model_init = {
    .name = "model init",
    .summary = "make LipNet's initial weights",
    .usage = "--seed S OUT.safetensors [OPTIONS]",
    .description = "Writes initial weights as the published model's: convolutions kaiming-normal, GRU\n"
                   "input weights uniform, recurrent weights orthogonal. The file appears complete or not\n"
                   "at all; one that exists is replaced. Its metadata hold model, seed and lipcl's\n"
                   "version.\n",
    .examples = "  lipcl model init --seed 1 fresh.safetensors\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = init_options,
    .run = init_run,
};

enum { INFO_FRAMES = 75 };

struct totals {
    size_t parameters;
    uint64_t bytes;
};

static struct totals list_tensors(const struct lipcl_tensor_set *set, json_t *document) {
    struct totals totals = {0};
    struct table table;
    json_t *array = document ? document_array() : NULL;
    table_init(&table, "llrrr");
    const char *const titles[] = {"TENSOR", "DTYPE", "SHAPE", "PARAMETERS", "SIZE"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, i);
        char *shape = format_shape(&tensor->shape), *size = format_bytes(lipcl_tensor_bytes(tensor));
        table_add(&table, COLOUR_NONE, "%s", lipcl_tensor_set_name(set, i));
        table_add(&table, COLOUR_NONE, "%s", lipcl_dtype_name(tensor->dtype));
        table_add(&table, COLOUR_NONE, "%s", shape);
        table_add(&table, COLOUR_NONE, "%zu", lipcl_tensor_count(tensor));
        table_add(&table, COLOUR_NONE, "%s", size);
        totals.parameters += lipcl_tensor_count(tensor);
        totals.bytes += lipcl_tensor_bytes(tensor);
        free(shape);
        free(size);
        if (!array) continue;
        json_t *object = document_object();
        document_set(object, "name", document_text(lipcl_tensor_set_name(set, i)));
        document_set(object, "dtype", document_text(lipcl_dtype_name(tensor->dtype)));
        document_set(object, "shape", document_shape(&tensor->shape));
        document_set(object, "parameters", document_count(lipcl_tensor_count(tensor)));
        document_set(object, "bytes", document_count(lipcl_tensor_bytes(tensor)));
        document_append(array, object);
    }
    if (document)
        document_set(document, "tensors", array);
    else
        table_print(&table);
    table_finish(&table);
    return totals;
}

static void list_metadata(const struct lipcl_tensor_set *set, json_t *document) {
    json_t *object = document ? document_object() : NULL;
    if (!document && lipcl_tensor_set_metadata_count(set)) print("\n");
    for (size_t i = 0; i < lipcl_tensor_set_metadata_count(set); i++) {
        const char *key = lipcl_tensor_set_metadata_key(set, i), *value = lipcl_tensor_set_metadata(set, key);
        char *line = make_printable(format_text("%s: %s", key, value));
        if (object)
            document_set(object, key, document_text(value));
        else
            print("%s\n", line);
        free(line);
    }
    if (document) document_set(document, "metadata", object);
}

static void list_layer(struct table *table, json_t *array, const struct lipcl_layer_info *info) {
    char *shape = format_shape(&info->shape);
    table_add(table, COLOUR_NONE, "%s", info->name);
    table_add(table, COLOUR_NONE, "%s", info->op);
    table_add(table, COLOUR_NONE, "%s", shape);
    table_add(table, COLOUR_NONE, "%.2f M", info->flops * 1e-6);
    table_add(table, COLOUR_NONE, "%.2f MB", info->bytes * 1e-6);
    free(shape);
    if (!array) return;
    json_t *object = document_object();
    document_set(object, "layer", document_text(info->name));
    document_set(object, "operators", document_text(info->op));
    document_set(object, "shape", document_shape(&info->shape));
    document_set(object, "flops", document_number(info->flops));
    document_set(object, "bytes", document_number(info->bytes));
    document_append(array, object);
}

/* LipNet's layers with these weights, as a plan on `host` has them. */
static bool list_layers(struct lipcl_context *ctx, const struct lipcl_tensor_set *weights, json_t *document) {
    bool ok = false;
    double flops = 0;
    struct lipcl_lipnet_reader *reader = NULL;
    struct table table;
    json_t *array = document ? document_array() : NULL;
    if (document) document_set(document, "layers", array);
    table_init(&table, "llrrr");
    const char *const titles[] = {"LAYER", "OPERATORS", "OUTPUT", "FLOP", "TRAFFIC"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    if (lipcl_lipnet_reader_create(ctx, &reader, weights, &(struct lipcl_lipnet_reader_params){.device = "host"}) != LIPCL_OK)
        goto fail;
    if (lipcl_lipnet_reader_prepare(ctx, reader, 1, INFO_FRAMES) != LIPCL_OK) goto fail;
    const struct lipcl_plan *plan = lipcl_lipnet_reader_plan(reader);
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
        struct lipcl_layer_info info;
        if (lipcl_plan_layer_info(ctx, plan, i, &info) != LIPCL_OK) goto fail;
        list_layer(&table, array, &info);
        flops += info.flops;
    }
    if (document) {
        document_set(document, "frames", document_count(INFO_FRAMES));
        document_set(document, "flops", document_number(flops));
    } else {
        print("\nA clip of %d frames:\n", INFO_FRAMES);
        table_print(&table);
        print("%.2f GFLOP in total\n", flops * 1e-9);
    }
    ok = true;

fail:
    table_finish(&table);
    lipcl_lipnet_reader_destroy(&reader);
    return ok;
}

static int with_plan;
static char *batch_text, *frames_text;

/* A number of clips or frames; `otherwise` where nothing was said. */
static bool parse_extent(size_t *extent, const char *option, const char *text, size_t otherwise) {
    unsigned long long number = otherwise;
    if (text && (!with_plan || !parse_number(text, &number, 100000) || number == 0)) {
        usage_error(&command_model_info, with_plan ? "%s %s: it is a whole number above 0" : "%s %s: it goes with --plan",
                    option, text);
        return false;
    }
    *extent = (size_t)number;
    return true;
}

static enum exit_code info_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    size_t batch, frames;
    if (!parse_extent(&batch, "--batch", batch_text, 1) || !parse_extent(&frames, "--frames", frames_text, INFO_FRAMES))
        return EXIT_USAGE;
    struct lipcl_context *silent = NULL; /* that a file is no LipNet is a result here, no error */
    struct lipcl_tensor_set *set = NULL, *weights = NULL;
    json_t *document = options.json ? invocation->document : NULL;
    char *path = invocation->argument_count ? format_text("%s", invocation->arguments[0]) : datafile_model();
    if (!path || lipcl_safetensors_load(invocation->ctx, &set, path) != LIPCL_OK) goto fail;
    if (document)
        document_set(document, "file", document_text(path));
    else
        print("%s\n\n", path);
    struct totals totals = list_tensors(set, document);
    char *size = format_bytes(totals.bytes);
    if (document) {
        document_set(document, "parameters", document_count(totals.parameters));
        document_set(document, "bytes", document_count(totals.bytes));
    } else {
        print("%zu tensors, %zu parameters, %s\n", lipcl_tensor_set_count(set), totals.parameters, size);
    }
    free(size);
    list_metadata(set, document);
    lipcl_tensor_set_destroy(&set);

    if (lipcl_context_create(&silent, NULL) != LIPCL_OK) die_of_memory();
    bool is_lipnet = lipcl_lipnet_load(silent, &weights, path) == LIPCL_OK;
    if (document) {
        document_set(document, "lipnet", json_boolean(is_lipnet));
        if (!is_lipnet) document_set(document, "why_not_lipnet", document_text(lipcl_context_error(silent)));
    } else if (!is_lipnet) {
        char *reason = make_printable(format_text("%s", lipcl_context_error(silent)));
        print("\nnot a LipNet: %s\n", reason);
        free(reason);
    }
    if (is_lipnet && !list_layers(invocation->ctx, weights, document)) goto fail;
    if (is_lipnet && with_plan && !model_plan_show(invocation->ctx, weights, batch, frames, document)) goto fail;
    code = EXIT_DONE;

fail:
    lipcl_tensor_set_destroy(&weights);
    lipcl_tensor_set_destroy(&set);
    lipcl_context_destroy(&silent);
    free(path);
    return code;
}

static struct poptOption info_options[] = {
    {"plan", '\0', POPT_ARG_NONE, &with_plan, 0, "also the buffers of a plan: sizes, when each is in use, and all they take",
     NULL},
    {"batch", 'b', POPT_ARG_STRING, &batch_text, 0, "with --plan: of so many clips (default: 1)", "N"},
    {"frames", '\0', POPT_ARG_STRING, &frames_text, 0, "with --plan: of so many frames each (default: 75)", "T"},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, memory_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_model_info = {
    .name = "model info",
    .summary = "show what is in a file of weights",
    .usage = "[FILE.safetensors] [OPTIONS]",
    .description = "Lists the file's tensors, its metadata, and whether LipNet can take them; if so, also\n"
                   "the layers with the floating-point operations and the memory traffic (inputs,\n"
                   "weights and outputs once each) that a clip of 75 frames takes. Without FILE: the\n"
                   "weights that ship with lipcl.\n"
                   "\n"
                   "--plan makes the network ready for a device, as `lipcl read` does, and lists what it\n"
                   "takes there before anything is run: buffers of the same MEMORY share it, as they are\n"
                   "never in use (#) at the same stage.\n",
    .examples = "  lipcl model info\n"
                "  lipcl model info --plan --device gpu --batch 4\n"
                "  lipcl model info other.safetensors --json\n",
    .max_arguments = 1,
    .options = info_options,
    .run = info_run,
};
