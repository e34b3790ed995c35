/* tuning.c: what ties a record to a layer: its description, its choice, its build. */
#include "plan/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "device/blast.h"
#include "device/kernel_source.h"
#include "plan/steps.h"

/* "0:75*128 1:3*1": dimension, extent, stride of every digit. */
static char *layout_text(struct arena *arena, const struct layout *layout) {
    char *text = arena_printf(arena, "%s", "");
    for (size_t i = 0; i < layout->count && text; i++)
        text = arena_printf(arena, "%s%s%zu:%zu*%zu", text, i ? " " : "", layout->digits[i].dim, layout->digits[i].extent,
                            layout->digits[i].stride);
    return text;
}

static char *append_input(struct arena *arena, char *text, const struct lower_request *request, size_t i) {
    const struct lipcl_shape *shape = request->input_shapes[i];
    if (!shape) return arena_printf(arena, "%s -", text);
    text = arena_printf(arena, "%s %s", text, shape_text(shape).chars);
    if (!text || request->parameters[i] || layout_is_row_major(&request->input_layouts[i], shape)) return text;
    char *layout = layout_text(arena, &request->input_layouts[i]);
    return layout ? arena_printf(arena, "%s (%s)", text, layout) : NULL;
}

static char *op_words(struct arena *arena, const struct op_def *op, const void *params) {
    return op->text ? op->text(arena, params) : arena_printf(arena, "%s", op->name);
}

char *tuning_layer_text(struct arena *arena, const struct op_def *op, const struct lower_request *request) {
    char *text = op_words(arena, op, request->params);
    if (text && request->epilogue.relu) text = arena_printf(arena, "%s, relu", text);
    if (text && request->epilogue.pool) {
        char *pool = op_words(arena, op_find("maxpool3d"), request->epilogue.pool);
        text = pool ? arena_printf(arena, "%s, %s", text, pool) : NULL;
    }
    if (text) text = arena_printf(arena, "%s:", text);
    for (size_t i = 0; i < request->input_count && text; i++) text = append_input(arena, text, request, i);
    if (text) text = arena_printf(arena, "%s -> %s", text, shape_text(&request->outputs[0]).chars);
    if (text && request->gemm != LIPCL_GEMM_AUTO)
        text = arena_printf(arena, "%s, gemm %s", text, request->gemm == LIPCL_GEMM_CLBLAST ? "clblast" : "own");
    if (text && request->exact) text = arena_printf(arena, "%s, exact", text);
    return text;
}

static bool find_value(const struct lowering *lowering, const struct tuning_value *wanted, struct tuning *tuning) {
    for (size_t i = 0; lowering->knobs && lowering->knobs[i].name; i++) {
        const struct tuning_knob *knob = &lowering->knobs[i];
        if (strcmp(knob->name, wanted->knob) != 0) continue;
        for (size_t k = 0; k < TUNING_MAX_VALUES && knob->values[k]; k++)
            if (knob->values[k] == wanted->value) tuning->values[i] = wanted->value;
        return tuning->values[i] != 0;
    }
    return false;
}

const struct lowering *tuning_record_choice(struct lipcl_context *ctx, const struct tuning_record *record,
                                            const struct op_def *op, const char *layer, struct tuning *tuning) {
    const struct lowering *const *lowering = op->lowerings;
    while (*lowering && strcmp((*lowering)->name, record->lowering) != 0) lowering++;
    *tuning = (struct tuning){{0}};
    if (!*lowering) {
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: the record names %s, which is no lowering of %s; ignored", layer,
                    record->lowering, op->name);
        return NULL;
    }
    for (size_t i = 0; i < record->value_count; i++) {
        if (find_value(*lowering, &record->values[i], tuning)) continue;
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: %s=%zu is no choice that %s has; the record is ignored", layer,
                    record->values[i].knob, record->values[i].value, record->lowering);
        return NULL;
    }
    return *lowering;
}

char *tuning_text(struct arena *arena, const struct lowering *lowering, const struct tuning *tuning) {
    char *text = arena_printf(arena, "%s", "");
    for (size_t i = 0; text && lowering->knobs && lowering->knobs[i].name; i++)
        if (tuning->values[i])
            text = arena_printf(arena, "%s%s%s=%zu", text, *text ? " " : "", lowering->knobs[i].name, tuning->values[i]);
    return text;
}

enum lipcl_status tuning_build(struct lipcl_context *ctx, const struct step *step, uint64_t *build) {
    *build = HASH_START;
    for (size_t i = 0; i < step->launch_count; i++) {
        const struct plan_launch *launch = &step->launches[i];
        const struct device_gemm *gemm = &launch->gemm;
        char *source;
        if (!launch->kernel) { /* the BLAS's own kernels have no name here */
            *build =
                hash_bytes(*build, (size_t[]){gemm->m, gemm->n, gemm->k, gemm->a_ld, gemm->b_transposed}, 5 * sizeof(size_t));
            if (gemm->blast) *build = hash_bytes(*build, &(uint64_t){blast_choice_hash(gemm->blast)}, sizeof *build);
            continue;
        }
        enum lipcl_status status = kernel_source(ctx, &source, launch->file);
        if (status != LIPCL_OK) return status;
        *build = hash_text(hash_text(hash_text(hash_text(*build, launch->file), launch->name), launch->options), source);
        *build = hash_bytes(hash_bytes(*build, launch->global, sizeof launch->global), launch->local, sizeof launch->local);
        free(source);
    }
    return LIPCL_OK;
}
