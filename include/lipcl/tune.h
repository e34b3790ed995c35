/* tune.h: finding the fastest way to do each layer on the device at hand, by trying.
 *
 * A candidate is a lowering with a value for each of its knobs. Those that the layer, the device and the caller's demands allow
 * are planned alone, in the layer's real shape and layout; have to give the reference's numbers in some blocks; and are timed:
 * first every lowering as it is, then all there are where they are few, else those around the best one and random others, the
 * same ones for the same seed. The best two meet the default once more, in turns, and the winner has to give the reference's
 * numbers again. What won goes into a JSON file of the device and driver in $XDG_CACHE_HOME/lipcl, a layer at a time.
 *
 * Plans of that device use the records (unless lipcl_plan_params.no_tuning), but trust them as little as any kernel: struct
 * lipcl_layer_info tells which layers are tuned.
 */
#ifndef LIPCL_TUNE_H
#define LIPCL_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/graph.h>
#include <lipcl/plan.h>
#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The zero value is the default. */
struct lipcl_tune_params {
    struct lipcl_plan_params plan; /* as the plans that are to profit: gemm, precision, no_fusion */
    double budget_s;               /* for all layers together; 0: 60 s */
    size_t max_candidates;         /* a layer; 0: as many as the time allows */
    uint64_t seed;
    const char *import;       /* a file of records, perhaps another machine's, whose choices are tried first; NULL: none */
    bool (*stop)(void *user); /* asked between any two runs; true ends the search without a result for the layer; NULL: never */
    void *user;
};

struct lipcl_tuner;

/* Plans `graph` on `device` as it would be without records. `graph`, `weights`, `device` and the strings in `params` have to
 * outlive the tuner. Errors as of lipcl_plan_create(), and LIPCL_ERROR_UNSUPPORTED on `host`; LIPCL_ERROR_FORMAT, _IO,
 * _NOT_FOUND for the file to import. */
LIPCL_API enum lipcl_status lipcl_tuner_create(struct lipcl_context *ctx, struct lipcl_tuner **tuner,
                                               const struct lipcl_graph *graph, const struct lipcl_tensor_set *weights,
                                               struct lipcl_device *device, const struct lipcl_tune_params *params);
LIPCL_API void lipcl_tuner_destroy(struct lipcl_tuner **tuner);

LIPCL_API size_t lipcl_tuner_layer_count(const struct lipcl_tuner *tuner);

/* What came of a layer. Strings are owned by the tuner. */
struct lipcl_tuned_layer {
    const char *name;             /* as in the graph */
    const char *op;               /* "conv3d+relu+maxpool3d" */
    const char *default_lowering; /* what planning chooses by itself ... */
    uint64_t default_ns;          /* ... and the median of its time */
    const char *lowering;         /* the fastest; the default where nothing beat it */
    const char *tuning;           /* its values: "VEC=16 TILE_W=6"; "" for the lowering as it is */
    uint64_t ns;
    size_t candidates; /* how many were planned and run */
    size_t refused;    /* of them: did not compile, did not run, or gave other numbers than the reference */
    bool complete;     /* everything that there is was tried */
    bool kept;         /* a record was written; false too where the layer leaves no choice, or the search was stopped */
    bool stopped;      /* by params->stop; nothing else is known then */
};

/* Tunes one layer; go through them in ascending order, for a layer's choice may change the layout that the next one reads. The
 * context's progress callback hears of it. A layer without a choice comes back at once.
 * LIPCL_ERROR_ARGUMENT: no such layer; LIPCL_ERROR_DEVICE_LOST, _MEMORY. What a candidate does wrong is no error. */
LIPCL_API enum lipcl_status lipcl_tuner_run(struct lipcl_context *ctx, struct lipcl_tuner *tuner, size_t layer,
                                            struct lipcl_tuned_layer *result);

/* What came of CLBlast's parameters. Strings are owned by the tuner. */
struct lipcl_tuned_clblast {
    const char *file_name; /* "libclblast.so.1.5.3"; NULL: CLBlast is no candidate here, and nothing else is known */
    const char
        *values; /* "XGEMM=1 DIRECT=3 MIN_INDIRECT=128": rows of runtime/device/blast_tables.c; "": CLBlast's own parameters */
    size_t products;     /* of the graph's layers, where CLBlast could multiply */
    uint64_t default_ns; /* all of them with CLBlast's own parameters ... */
    uint64_t ns;         /* ... and with these */
    size_t candidates;   /* how many sets of parameters were run */
    size_t refused;      /* of them: CLBlast, the compiler or the comparison with the reference refused them */
    bool kept, stopped;  /* as in struct lipcl_tuned_layer */
};

/* Tries parameters for CLBlast's kernels (tiles, vectors, work-groups, and which kernel takes which sizes) on the products of
 * the graph's layers, and keeps the fastest as a record of this device, driver and CLBlast. Layers tuned from then on, and
 * plans that use records, have them. Each set has to give the reference's numbers before it counts. The budget is the tuner's.
 *
 * CLBlast's own parameters are lost to the process and this device with the first set that is tried: to tune layers afterwards,
 * call this in a process of its own, as `lipcl tune` does. Errors as of lipcl_tuner_run(). */
LIPCL_API enum lipcl_status lipcl_tuner_clblast(struct lipcl_context *ctx, struct lipcl_tuner *tuner,
                                                struct lipcl_tuned_clblast *result);

/* Whether CLBlast is there and is what layers of the graph use by default, or have to: then its parameters are worth the time.
 * On CPU devices, where lipcl's own kernel is far ahead of the best of them, it has to be asked for. */
LIPCL_API bool lipcl_tuner_wants_clblast(const struct lipcl_tuner *tuner);

/* The records of one device and driver. */
struct lipcl_tuning_record {
    const char *layer; /* operator, parameters, shapes and layouts in words */
    const char *lowering;
    const char *values;
    const char *default_lowering;
    double ms, default_ms;
    size_t candidates;
};

struct lipcl_tuning_list {
    size_t count;
    struct lipcl_tuning_record *records;
    char file[64]; /* its name in $XDG_CACHE_HOME/lipcl, whether it is there or not */
};

LIPCL_API enum lipcl_status lipcl_tuning_list_create(struct lipcl_context *ctx, struct lipcl_tuning_list **list,
                                                     const struct lipcl_device_info *info);
LIPCL_API void lipcl_tuning_list_destroy(struct lipcl_tuning_list **list);

/* Removes the records of that device with that driver. */
LIPCL_API void lipcl_tuning_forget(const struct lipcl_device_info *info);

#ifdef __cplusplus
}
#endif
#endif
