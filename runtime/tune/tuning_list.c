/* tuning_list.c: a device's records for a program to show. */
#include <stdio.h>
#include <stdlib.h>

#include "tune/tuner.h"

/* What the caller sees, and what it points into. */
struct list {
    struct lipcl_tuning_list seen;
    struct tuning_file file;
    struct arena arena;
};

static const char *values_text(struct arena *arena, const struct tuning_record *record) {
    char *text = arena_printf(arena, "%s", "");
    for (size_t i = 0; i < record->value_count && text; i++)
        text = arena_printf(arena, "%s%s%s=%zu", text, i ? " " : "", record->values[i].knob, record->values[i].value);
    return text;
}

enum lipcl_status lipcl_tuning_list_create(struct lipcl_context *ctx, struct lipcl_tuning_list **out,
                                           const struct lipcl_device_info *info) {
    enum lipcl_status status = LIPCL_OK;
    struct list *list = calloc(1, sizeof *list);
    *out = NULL;
    if (!list) return fail_memory(ctx, sizeof *list);
    *out = &list->seen;
    TRY(tuning_file_load(ctx, &list->file, info));
    snprintf(list->seen.file, sizeof list->seen.file, "%s", list->file.name);
    list->seen.records = arena_alloc(&list->arena, (list->file.count + 1) * sizeof *list->seen.records);
    if (!list->seen.records) TRY(fail_memory(ctx, list->file.count * sizeof *list->seen.records));
    for (size_t i = 0; i < list->file.count; i++) {
        const struct tuning_record *record = &list->file.records[i];
        list->seen.records[i] = (struct lipcl_tuning_record){
            .layer = record->layer,
            .lowering = record->lowering,
            .values = values_text(&list->arena, record),
            .default_lowering = record->default_lowering,
            .ms = record->ms,
            .default_ms = record->default_ms,
            .candidates = record->candidates,
        };
        if (!list->seen.records[i].values) TRY(fail_memory(ctx, 1));
    }
    list->seen.count = list->file.count;
    return LIPCL_OK;

fail:
    lipcl_tuning_list_destroy(out);
    return status;
}

void lipcl_tuning_list_destroy(struct lipcl_tuning_list **out) {
    if (!out || !*out) return;
    struct list *list = (struct list *)*out; /* its first member */
    tuning_file_finish(&list->file);
    arena_finish(&list->arena);
    free(list);
    *out = NULL;
}

void lipcl_tuning_forget(const struct lipcl_device_info *info) {
    tuning_file_forget(info);
}
