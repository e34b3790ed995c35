/* tuning.h: what was measured to be the fastest way to do a layer, on one device with one driver; kept in the cache as JSON.
 *
 * A record is a hint and no more: it may come from anywhere. It counts only while the device, the driver, the version of lipcl,
 * the layer (operator, parameters, shapes, layouts, epilogue) and the kernels' sources and options are what they were; its
 * lowering and values have to be among those that there are and be supported; and its kernels pass their self-test like all
 * others.
 */
#ifndef LIPCL_PLAN_TUNING_H
#define LIPCL_PLAN_TUNING_H

#include <stdint.h>

#include "ops/op.h"

enum { TUNING_NAME_BYTES = 40 };

struct tuning_record {
    char *layer; /* tuning_layer_text() */
    char lowering[TUNING_NAME_BYTES];
    size_t value_count; /* knobs that are not the lowering's own choice */
    struct tuning_value {
        char knob[TUNING_NAME_BYTES];
        size_t value;
    } values[TUNING_MAX_KNOBS];
    uint64_t build; /* a hash of its kernels */
    double ms;
    char default_lowering[TUNING_NAME_BYTES]; /* what it was measured against */
    double default_ms;
    size_t candidates; /* how many were tried */
};

/* A device's records. */
struct tuning_file {
    char name[64]; /* in the cache */
    char *text;    /* whom it is about: device_identity(), printable ASCII */
    size_t count;
    struct tuning_record *records;
};

/* What is known of the device; empty where there is no file. What is wrong with one is a warning, and ignored. */
enum lipcl_status tuning_file_load(struct lipcl_context *ctx, struct tuning_file *file, const struct lipcl_device_info *info);
/* The same from any file that `lipcl tune` wrote, whatever device it is about. */
enum lipcl_status tuning_file_import(struct lipcl_context *ctx, struct tuning_file *file, const char *path);
void tuning_file_finish(struct tuning_file *file);

/* NULL: there is none. */
const struct tuning_record *tuning_file_find(const struct tuning_file *file, const char *layer);

/* Puts the record in place of the one of the same layer, beside what others have written since. False: could not be kept. */
bool tuning_file_put(struct lipcl_context *ctx, struct tuning_file *file, const struct lipcl_device_info *info,
                     const struct tuning_record *record);

/* Removes the device's file. */
void tuning_file_forget(const struct lipcl_device_info *info);

/* The parameters that CLBlast is to be given are a record, too, of a "layer" of CLBlast's name and lowering "clblast": none of
 * its values stand for CLBlast's own. *choice stays as it is, zeros, where there is no record or what it says is not to be had;
 * the latter is a warning. CLBlast is there: caps->has_clblast(). */
void tuning_blast(struct lipcl_context *ctx, const struct tuning_file *file, const struct device_caps *caps,
                  struct blast_choice *choice);
/* The record of a choice; zeros: CLBlast's own parameters. `layer` is the record's text, of at least TUNING_BLAST_BYTES. */
enum { TUNING_BLAST_BYTES = 80 };
void tuning_blast_record(struct tuning_record *record, char *layer, const struct device_caps *caps,
                         const struct blast_choice *choice);

/* What a layer is to its records, in one line: operator, parameters, epilogue, shapes, layouts, and what the caller demands. */
char *tuning_layer_text(struct arena *arena, const struct op_def *op, const struct lower_request *request);

/* The record's lowering among those of `op`, and its values for it. NULL after a warning: it is none that there is. */
const struct lowering *tuning_record_choice(struct lipcl_context *ctx, const struct tuning_record *record,
                                            const struct op_def *op, const char *layer, struct tuning *tuning);

/* "VEC=16 TILE_T=2"; "" where all is the lowering's own choice. */
char *tuning_text(struct arena *arena, const struct lowering *lowering, const struct tuning *tuning);

struct step;
/* A hash of what a step launches: kernels' names, options, sources and sizes. */
enum lipcl_status tuning_build(struct lipcl_context *ctx, const struct step *step, uint64_t *build);

#endif
