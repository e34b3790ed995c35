/* tuning_blast.c: the parameters of CLBlast's kernels as a record. */
#include <stdio.h>
#include <string.h>

#include "device/blast.h"
#include "plan/tuning.h"

static const char lowering_name[] = "clblast";
static const char *const knobs[] = {"XGEMM", "DIRECT", "MIN_INDIRECT"};

enum { KNOBS = sizeof knobs / sizeof *knobs };

static void layer_text(char *layer, const struct device_caps *caps) {
    snprintf(layer, TUNING_BLAST_BYTES, "clblast: %s", caps->clblast_name());
}

/* False: other values than a choice has. */
static bool read_choice(struct blast_choice *choice, const struct tuning_record *record) {
    size_t *fields[KNOBS] = {&choice->xgemm, &choice->direct, &choice->min_indirect}, found = 0;
    for (size_t i = 0; i < record->value_count; i++)
        for (size_t k = 0; k < KNOBS; k++) {
            if (strcmp(record->values[i].knob, knobs[k]) != 0) continue;
            *fields[k] = record->values[i].value;
            found++;
        }
    return found == KNOBS && record->value_count == KNOBS;
}

void tuning_blast(struct lipcl_context *ctx, const struct tuning_file *file, const struct device_caps *caps,
                  struct blast_choice *choice) {
    char layer[TUNING_BLAST_BYTES];
    struct blast_choice read = {0};
    layer_text(layer, caps);
    const struct tuning_record *record = tuning_file_find(file, layer);
    if (!record) return;
    if (strcmp(record->lowering, lowering_name) != 0) {
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: the record names %s; ignored", layer, record->lowering);
    } else if (record->value_count == 0) {
        return;
    } else if (!read_choice(&read, record) || !blast_choice_is_valid(&read, caps)) {
        log_message(ctx, LIPCL_LOG_WARN, "tuning: %s: the record's parameters are none that this device can have; ignored",
                    layer);
    } else if (record->build != blast_choice_hash(&read)) {
        log_message(ctx, LIPCL_LOG_INFO, "tuning: %s: its parameters are not those that were measured; run `lipcl tune`",
                    layer);
    } else {
        *choice = read;
        log_message(ctx, LIPCL_LOG_INFO, "tuning: %s gets XGEMM=%zu DIRECT=%zu MIN_INDIRECT=%zu", layer, read.xgemm,
                    read.direct, read.min_indirect);
    }
}

void tuning_blast_record(struct tuning_record *record, char *layer, const struct device_caps *caps,
                         const struct blast_choice *choice) {
    const size_t values[KNOBS] = {choice->xgemm, choice->direct, choice->min_indirect};
    layer_text(layer, caps);
    *record = (struct tuning_record){.layer = layer};
    snprintf(record->lowering, sizeof record->lowering, "%s", lowering_name);
    snprintf(record->default_lowering, sizeof record->default_lowering, "%s", lowering_name);
    if (!choice->xgemm) return;
    record->build = blast_choice_hash(choice);
    for (size_t i = 0; i < KNOBS; i++) {
        struct tuning_value *value = &record->values[record->value_count++];
        snprintf(value->knob, sizeof value->knob, "%s", knobs[i]);
        value->value = values[i];
    }
}
