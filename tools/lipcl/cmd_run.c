/* cmd_run.c: the network alone, from a file to a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lipcl/npy.h>

#include "command.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "reading.h"
#include "table.h"

static char *out_path, *layer_folder;

static bool make_folder(const char *path) {
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))) return true;
    complain("--dump-layers %s: the folder cannot be made: %s", path, strerror(errno == EEXIST ? ENOTDIR : errno));
    return false;
}

static bool dump_layers(struct reading *reading, json_t *document) {
    struct lipcl_plan *plan = lipcl_lipnet_reader_plan(reading->reader);
    json_t *layers = document ? document_array() : NULL;
    if (layers) document_set(document, "layers", layers);
    for (size_t i = 0; i < lipcl_plan_layer_count(plan); i++) {
        struct lipcl_layer_info info;
        struct lipcl_tensor *tensor = NULL;
        if (lipcl_plan_layer_info(reading->ctx, plan, i, &info) != LIPCL_OK) return false;
        if (lipcl_plan_read_layer(reading->ctx, plan, i, &tensor) != LIPCL_OK) return false;
        char *path = format_text("%s/%s.npy", layer_folder, info.name);
        enum lipcl_status status = lipcl_npy_save(reading->ctx, path, tensor);
        lipcl_tensor_destroy(&tensor);
        if (layers) {
            json_t *object = document_object();
            document_set(object, "layer", document_text(info.name));
            document_set(object, "operators", document_text(info.op));
            document_set(object, "lowering", document_text(info.lowering));
            document_set(object, "shape", document_shape(&info.shape));
            document_set(object, "file", document_text(path));
            document_append(layers, object);
        }
        free(path);
        if (status != LIPCL_OK) return false;
    }
    return true;
}

static enum exit_code run_run(struct invocation *invocation) {
    enum exit_code code = EXIT_FAILED;
    const char *model = invocation->arguments[0], *in = invocation->arguments[1];
    struct reading reading = {0};
    struct clip clip = {0};
    if (!out_path) return usage_error(&command_run, "-o OUT.npy is missing");
    options.keep_values = layer_folder != NULL;
    progress_begin(1);
    progress_task(0, "running %s", base_name(in));
    if (!reading_init(&reading, invocation->ctx, model)) goto fail;
    if (!clip_load(invocation->ctx, &clip, in)) goto fail;
    if (!clip_run(&reading, &clip)) goto fail;
    if (layer_folder && (!make_folder(layer_folder) || !dump_layers(&reading, invocation->document))) goto fail;
    if (lipcl_npy_save(invocation->ctx, out_path, clip.logits) != LIPCL_OK) goto fail;
    code = EXIT_DONE;

    const struct lipcl_device_info *device = lipcl_lipnet_reader_device(reading.reader);
    if (options.json) {
        document_set(invocation->document, "model", document_text(model));
        document_set(invocation->document, "clip", document_text(in));
        document_set(invocation->document, "logits", document_text(out_path));
        document_set(invocation->document, "shape", document_shape(&clip.logits->shape));
        document_set(invocation->document, "milliseconds", document_number(clip.milliseconds));
        document_set(invocation->document, "device", document_device(device));
    } else {
        char *label = device_label(device), *shape = format_shape(&clip.logits->shape);
        print("%s  f32 %s  %.1f ms  %s\n", out_path, shape, clip.milliseconds, label);
        free(label);
        free(shape);
    }

fail:
    progress_end();
    clip_finish(&clip);
    reading_finish(&reading);
    return code;
}

static struct poptOption run_options[] = {
    {"output", 'o', POPT_ARG_STRING, &out_path, 0, "where the logits go (needed)", "OUT.npy"},
    {"dump-layers", '\0', POPT_ARG_STRING, &layer_folder, 0,
     "also write each layer's output as DIR/LAYER.npy, in PyTorch's layout; DIR is made where there is none", "DIR"},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, memory_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_run = {
    .name = "run",
    .summary = "compute the raw logits of a clip, and each layer's output",
    .usage = "MODEL.safetensors IN -o OUT.npy [OPTIONS]",
    .description = "Runs LipNet once and writes its logits, f32 [N,T,28]: class 0 is CTC's blank, 1 the\n"
                   "space, 2 to 27 the letters. IN is an npy file (u8 [T,H,W,3] in BGR, or f32\n"
                   "[3,T,64,128] or [N,3,T,64,128], already divided by 255) or any clip that\n"
                   "`lipcl read` takes. Files appear complete or not at all. The time that is printed is\n"
                   "that of the run, without planning.\n",
    .examples = "  lipcl run lipnet.safetensors frames.npy -o logits.npy\n"
                "  lipcl run lipnet.safetensors frames.npy -o logits.npy --dump-layers layers --no-fusion\n",
    .min_arguments = 2,
    .max_arguments = 2,
    .options = run_options,
    .run = run_run,
};
