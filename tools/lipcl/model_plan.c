#include "model_plan.h"

#include <stdlib.h>

#include <lipcl/lipnet.h>

#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "table.h"

static const char *const roles[] = {
    [LIPCL_BUFFER_CONSTANT] = "weights", [LIPCL_BUFFER_VALUE] = "value", [LIPCL_BUFFER_SCRATCH] = "scratch"};

/* "..##.." with a mark a stage. The caller frees it. */
static char *chart(const struct lipcl_buffer_info *buffer, size_t stages) {
    char *text = allocate(stages + 1, 1);
    for (size_t i = 0; i < stages; i++) text[i] = buffer->first_stage <= i && i <= buffer->last_stage ? '#' : '.';
    return text;
}

static void print_buffer(struct table *table, const struct lipcl_buffer_info *buffer, size_t stages) {
    char *size = format_bytes(buffer->bytes), *marks = chart(buffer, stages);
    table_add(table, COLOUR_NONE, "%s", buffer->name);
    table_add(table, COLOUR_NONE, "%s", roles[buffer->role]);
    table_add(table, COLOUR_NONE, "%s", size);
    table_add(table, COLOUR_NONE, "%zu", buffer->allocation);
    table_add(table, COLOUR_NONE, "%s", marks);
    free(size);
    free(marks);
}

static void print_line(const char *what, size_t bytes, const char *remark) {
    char *size = format_bytes(bytes);
    print("%-9s  %10s  %s\n", what, size, remark);
    free(size);
}

static void print_totals(const struct lipcl_plan_memory *memory) {
    char *unshared = format_bytes(memory->unshared_bytes), *least = format_bytes(memory->least_bytes);
    char *remark = format_text("values and scratch; apart they would take %s, and never less than %s", unshared, least);
    print_line("weights", memory->constant_bytes, "as the kernels want them, uploaded once");
    print_line("buffers", memory->shared_bytes, remark);
    print_line("device", memory->device_bytes, "in all");
    print_line("host", memory->host_bytes, "beside the weights, the clips and the logits");
    free(unshared);
    free(least);
    free(remark);
}

static json_t *buffer_object(const struct lipcl_buffer_info *buffer) {
    json_t *object = document_object();
    document_set(object, "name", document_text(buffer->name));
    document_set(object, "role", document_text(roles[buffer->role]));
    document_set(object, "bytes", document_count(buffer->bytes));
    document_set(object, "first_stage", document_count(buffer->first_stage));
    document_set(object, "last_stage", document_count(buffer->last_stage));
    document_set(object, "allocation",
                 buffer->allocation == LIPCL_BUFFER_ALONE ? json_null() : document_count(buffer->allocation));
    return object;
}

static void fill_totals(json_t *object, const struct lipcl_plan_memory *memory) {
    document_set(object, "device_bytes", document_count(memory->device_bytes));
    document_set(object, "weight_bytes", document_count(memory->constant_bytes));
    document_set(object, "shared_bytes", document_count(memory->shared_bytes));
    document_set(object, "unshared_bytes", document_count(memory->unshared_bytes));
    document_set(object, "least_bytes", document_count(memory->least_bytes));
    document_set(object, "fullest_stage", document_count(memory->fullest_stage));
    document_set(object, "host_bytes", document_count(memory->host_bytes));
}

/* The stages from the upload to the download: "0 upload, 1 conv1 (conv3d_winograd), ...". */
static bool list_stages(struct lipcl_context *ctx, const struct lipcl_plan *plan, json_t *array) {
    size_t layers = lipcl_plan_layer_count(plan);
    if (array)
        document_append(array, document_text("upload"));
    else
        print("stages: 0 upload");
    for (size_t i = 0; i < layers; i++) {
        struct lipcl_layer_info info;
        if (lipcl_plan_layer_info(ctx, plan, i, &info) != LIPCL_OK) return false;
        if (array)
            document_append(array, document_text(info.name));
        else
            print(", %zu %s (%s)", i + 1, info.name, info.lowering);
    }
    if (array)
        document_append(array, document_text("download"));
    else
        print(", %zu download\n", layers + 1);
    return true;
}

static bool list_buffers(struct lipcl_context *ctx, const struct lipcl_plan *plan, struct table *table, json_t *array) {
    for (size_t i = 0; i < lipcl_plan_memory(plan).buffer_count; i++) {
        struct lipcl_buffer_info info;
        if (lipcl_plan_buffer_info(ctx, plan, i, &info) != LIPCL_OK) return false;
        if (array)
            document_append(array, buffer_object(&info));
        else if (info.role != LIPCL_BUFFER_CONSTANT)
            print_buffer(table, &info, lipcl_plan_layer_count(plan) + 2);
    }
    return true;
}

static bool show(struct lipcl_context *ctx, const struct lipcl_plan *plan, json_t *object) {
    struct lipcl_plan_memory memory = lipcl_plan_memory(plan);
    struct table table;
    json_t *stages = object ? document_array() : NULL, *buffers = object ? document_array() : NULL;
    if (object) {
        document_set(object, "stages", stages);
        document_set(object, "buffers", buffers);
        fill_totals(object, &memory);
    }
    table_init(&table, "llrrl");
    const char *const titles[] = {"BUFFER", "ROLE", "SIZE", "MEMORY", "IN USE, BY STAGE"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, COLOUR_NONE, "%s", titles[i]);
    bool ok = list_buffers(ctx, plan, &table, buffers);
    if (ok && !object) table_print(&table);
    ok = ok && list_stages(ctx, plan, stages);
    if (ok && !object) print_totals(&memory);
    table_finish(&table);
    return ok;
}

bool model_plan_show(struct lipcl_context *ctx, const struct lipcl_tensor_set *weights, size_t batch, size_t frames,
                     json_t *document) {
    bool ok = false;
    struct lipcl_lipnet_reader *reader = NULL;
    json_t *object = document ? document_object() : NULL;
    if (document) document_set(document, "plan", object);
    struct lipcl_lipnet_reader_params params = {.device = options.device, .plan = options_plan()};
    if (lipcl_lipnet_reader_create(ctx, &reader, weights, &params) != LIPCL_OK) goto fail;
    if (lipcl_lipnet_reader_prepare(ctx, reader, batch, frames) != LIPCL_OK) goto fail;
    const struct lipcl_device_info *device = lipcl_lipnet_reader_device(reader);
    if (object) {
        document_set(object, "device", document_device(device));
        document_set(object, "batch", document_count(batch));
        document_set(object, "frames", document_count(frames));
    } else {
        char *label = device_label(device);
        print("\nA plan for %zu x %zu frames on %s:\n", batch, frames, label);
        free(label);
    }
    ok = show(ctx, lipcl_lipnet_reader_plan(reader), object);

fail:
    lipcl_lipnet_reader_destroy(&reader);
    return ok;
}
