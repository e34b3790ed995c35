/* steps.h: the inside of a plan, a plan's values and steps.
 *
 * Every value of the graph that holds data has a buffer on the device and a layout that says where its elements lie. Views
 * (permute, reshape, dropout when evaluating) share their source's buffer under another layout and take no step at all.
 */
#ifndef LIPCL_PLAN_STEPS_H
#define LIPCL_PLAN_STEPS_H

#include <lipcl/plan.h>

#include "graph/passes.h"
#include "plan/sharing.h"
#include "tensor/compare.h"

struct plan_value {
    const char *name; /* as in the graph */
    struct lipcl_shape shape;
    struct layout layout;
    struct device_buffer *buffer;      /* NULL for parameters and for values without a reader */
    const struct lipcl_tensor *stored; /* a parameter as the weights have it, in any floating dtype */
    struct lipcl_tensor *widened;      /* the same as F32, where somebody needed that: see plan_parameter() */
};

/* A launch with its kernel built, or a matrix product. Arguments are set when their memory is there: plan_place(). */
struct plan_launch {
    struct device_kernel *kernel; /* NULL: gemm */
    const char *file, *name, *options;
    size_t global[3], local[3];
    size_t arg_count; /* of the kernel: a product's are in `gemm` */
    struct device_buffer *args[LAUNCH_MAX_ARGS];
    struct device_gemm gemm;
    size_t repeat; /* how many times in a row; see struct launch: */
    size_t first, advance, last;
    bool in_turn;
    double flops, bytes; /* each time: really computed (0: not known); its arguments once each */
    const char *tuning;  /* for profiles, which make it when first needed */
};

/* One layer on the device. */
struct step {
    const char *op_text;             /* "conv3d+relu+maxpool3d" */
    const struct lowering *lowering; /* NULL: runs as its reference on the host */
    const char *tuning;              /* the values of a record that was used; NULL: there was none */
    struct layer layer;
    size_t chain;
    bool again; /* it failed, but may do better with programs that are compiled here and now */
    struct op_cost cost;
    size_t launch_count;
    struct plan_launch *launches;
    size_t first_buffer; /* of the plan's, those that its lowering asked for */
};

struct plan_buffer {
    struct device_buffer *device;
    enum lipcl_buffer_role role;
    const char *name;
    struct memory_use use; /* stages as in struct lipcl_plan_memory */
};

/* What the kernel checker and the tuner add to a plan. */
struct plan_checks {
    bool guard;           /* every buffer gets a guard band behind it, and NaN in all that is not written yet */
    const char *op;       /* layers of this operator ... */
    const char *lowering; /* ... run by this lowering or not at all; NULL: as usual, */
    struct tuning tuning; /* ... with these values */
    bool as_gpu;          /* lowerings are told that a CPU device were none */
    bool no_views;        /* of layers of `op`: what could be a view is computed */
    bool share;           /* with `guard`: buffers share memory all the same; guard bands are then behind what they share */
    /* The tuner's: every lowering is tested, whatever has passed before, and its programs are not kept for later. */
    bool prove;
    size_t scratch_bytes;               /* for lower_request */
    bool may_fail;                      /* a plan above max_memory is no error in the log: another try follows */
    const struct layout *input_layouts; /* of the graph's inputs; NULL: row-major */
    struct blast_choice blast;          /* for products by CLBlast; zeros: what CLBlast has */
};

struct self_test;
struct plan_profile;
struct tuning_file;

struct lipcl_plan {
    struct lipcl_device *device;
    struct device_caps caps; /* what lowerings are told of it */
    struct arena arena;
    /* The graph, copied: it may be gone by the time of a run. Its names and params point into this plan's arena. */
    size_t node_count;
    struct node *nodes;
    lipcl_value *alias;
    struct lipcl_tensor_set *weights; /* shared with their owner */
    size_t value_count;
    struct plan_value *values;
    size_t step_count;
    struct step *steps;
    size_t input_count, output_count;
    lipcl_value *inputs, *outputs;
    const char **input_names, **output_names;
    struct device_buffer **output_buffers; /* output i in row-major order */
    size_t output_launch_count;
    struct plan_launch *output_launches; /* copies to row-major, where an output is not */
    size_t buffer_count;
    struct plan_buffer *buffers; /* all there are */
    size_t slot_count;
    struct device_buffer **slots; /* the memory that they share, constants excepted */
    struct lipcl_plan_memory memory;
    bool keep_values;
    size_t max_memory;
    float *staging; /* on the host, as large as the largest value: for gathering a layout */
    size_t staging_count;
    bool has_run;
    struct plan_checks checks;
    struct self_test *self_test;  /* during planning; NULL: no lowering is tested */
    struct tuning_file *tuning;   /* during planning; NULL: no records are used */
    struct blast_choice blast;    /* for products by CLBlast: the records', when the first one is planned */
    bool knows_blast;
    struct plan_profile *profile; /* profile.c; NULL: nobody looks */
};

/* plan.c: lipcl_plan_create() with the checker's extras. */
enum lipcl_status plan_create(struct lipcl_context *ctx, struct lipcl_plan **plan, const struct lipcl_graph *graph,
                              const struct lipcl_tensor_set *weights, struct lipcl_device *device,
                              const struct lipcl_plan_params *params, const struct plan_checks *checks);

/* LIPCL_ERROR_SHAPE unless `tensor`, called `name`, is what `value` has to be. */
enum lipcl_status plan_check_tensor(struct lipcl_context *ctx, const struct lipcl_plan *plan, const char *name,
                                    const struct lipcl_tensor *tensor, lipcl_value value);

/* Goes through launches in the order in which they run: {0} is before the first; false behind the last. */
struct launch_turn {
    size_t launch, time; /* which one, for which time */
    bool begun;
};
bool plan_next_launch(struct launch_turn *turn, const struct plan_launch *launches, size_t count);

/* Enqueues; returns at once. */
enum lipcl_status plan_launch_all(struct lipcl_plan *plan, const struct plan_launch *launches, size_t count);

/* buffers.c */

/* A buffer of the plan's; `name` lives as long as the plan. It has memory from plan_place() on. */
enum lipcl_status plan_buffer(struct lipcl_plan *plan, struct device_buffer **buffer, enum lipcl_buffer_role role,
                              const char *name, size_t bytes);
/* A buffer of constants: its content is *tensor, of which the plan becomes the owner. */
enum lipcl_status plan_constant(struct lipcl_plan *plan, struct device_buffer **buffer, struct lipcl_tensor **tensor,
                                const char *name);
/* Forgets buffers from number `first` on, which a lowering that failed had asked for, but for values. */
void plan_forget_buffers(struct lipcl_plan *plan, size_t first);
/* Lends memory to all that the plan's next step needs, so that it can run, until plan_take_back(). Nothing is lent, and *enough
 * is false, when that alone would be above the plan's limit. */
enum lipcl_status plan_lend(struct lipcl_plan *plan, const struct step *step, bool *enough);
void plan_take_back(struct lipcl_plan *plan);
/* When all steps are there: finds out which buffers can share memory, allocates it, and sets the kernels' arguments. */
enum lipcl_status plan_place(struct lipcl_plan *plan, const struct lipcl_plan_params *params);
/* How many guard bands have been written to. */
enum lipcl_status plan_check_guards(struct lipcl_plan *plan, size_t *broken);
void plan_destroy_buffers(struct lipcl_plan *plan);

/* values.c */
enum lipcl_status plan_read_value(struct lipcl_plan *plan, float *row_major, lipcl_value value);
/* Returns when `row_major` is the caller's again. */
enum lipcl_status plan_write_value(struct lipcl_plan *plan, lipcl_value value, const float *row_major);
/* Bytes that widened parameters take on the host. */
size_t plan_parameter_bytes(const struct lipcl_plan *plan);
/* Finds the graph's parameters among the weights, of which the plan becomes another owner. */
enum lipcl_status plan_load_parameters(struct lipcl_plan *plan, const struct lipcl_graph *graph,
                                       const struct lipcl_tensor_set *weights);

/* A parameter as F32: the plan's until plan_forget_parameters(). *parameter is NULL for a value that is none. */
enum lipcl_status plan_parameter(struct lipcl_plan *plan, lipcl_value value, const struct lipcl_tensor **parameter);
/* The plan's share in the weights: they have been packed, and nobody is going to look at them again. */
void plan_drop_weights(struct lipcl_plan *plan);
/* Frees what plan_parameter() widened: on a device nobody needs it, until a layer is checked. */
void plan_forget_parameters(struct lipcl_plan *plan);

/* lower.c: chooses a lowering for one layer and makes it ready to run. Appends one step or, when not all of the layer's
 * nodes can be done at once, several; or none, when the layer is a view. */
enum lipcl_status plan_add_layer(struct lipcl_plan *plan, const struct layer *layer, const struct lipcl_plan_params *params);
/* Whether a lowering, asked for by name, takes a step of a plan that is done, with these values. */
bool plan_takes(struct lipcl_plan *plan, const struct step *step, const struct lipcl_plan_params *params,
                const struct lowering *lowering, const struct tuning *tuning);
/* What the step is to the tuner's records; NULL when memory is out. */
char *plan_step_text(struct lipcl_plan *plan, const struct step *step, const struct lipcl_plan_params *params);
/* Makes output i readable in row-major order. */
enum lipcl_status plan_add_output(struct lipcl_plan *plan, size_t output);

/* read_box.c: the value's elements in `box`, row-major; `outside` where there are none. Reads little more than that. */
enum lipcl_status plan_read_box(struct lipcl_plan *plan, float *row_major, lipcl_value value, const struct box *box,
                                float outside);

/* reference_step.c */

/* The value that output `i` of a step is. */
lipcl_value step_output(const struct lipcl_plan *plan, const struct step *step, size_t i);

/* What a layer takes from and gives to the references: tensors on the host. */
struct step_tensors {
    struct lipcl_tensor **inputs; /* of the layer's first node, parameters borrowed from the plan */
    size_t input_count, activation_count;
    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS]; /* of its last node (for several nodes only output 0) */
    double *magnitude[OP_MAX_OUTPUTS];            /* S of the outputs, or NULL */
    double kappa;                                 /* with magnitudes: as struct lipcl_layer_check has it */
};

/* Reads the step's activations from the device. */
enum lipcl_status step_tensors_init(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors);
void step_tensors_finish(struct step_tensors *tensors);

/* Runs the references of the step's nodes, one after another; `observed` as in struct ref_io. */
enum lipcl_status step_reference(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors,
                                 bool want_magnitude, const struct lipcl_tensor *observed);

/* Reads all of the step's outputs into new tensors. */
enum lipcl_status step_read_outputs(struct lipcl_plan *plan, const struct step *step,
                                    struct lipcl_tensor *outputs[OP_MAX_OUTPUTS]);

/* Compares the step's outputs in its latest run with the reference, fed with the inputs in `tensors`, which it completes.
 * `exact`: to the bit, else within the release bound. `locked`: a recurrence is compared step by step, else free-running.
 * results[i] is output i's. */
enum lipcl_status step_compare(struct lipcl_plan *plan, const struct step *step, struct step_tensors *tensors, bool exact,
                               bool locked, struct compare_result results[OP_MAX_OUTPUTS]);

/* The same with the inputs as the device holds them. */
enum lipcl_status step_check(struct lipcl_plan *plan, const struct step *step, bool exact,
                             struct compare_result results[OP_MAX_OUTPUTS]);
/* The same within the release bound, a recurrence running freely from its initial state instead of step-locked: errors carried
 * along widen the bound so fast that this says something for the first few steps only (see reference/gru_ref.c). */
enum lipcl_status step_check_free_running(struct lipcl_plan *plan, const struct step *step,
                                          struct compare_result results[OP_MAX_OUTPUTS]);

/* block.c: step_check() of one block of output 0. *block comes as what is wanted and leaves as what was compared, which is the
 * whole output where the layer's reference cannot be cut. */
enum lipcl_status step_check_block(struct lipcl_plan *plan, const struct step *step, bool exact, struct box *block,
                                   struct compare_result *result);

/* spot.c: a small block of the step's output: at the beginning along all dimensions but the innermost, where it is at the end;
 * the opposite corner (a GRU's corners are then where a direction ends, and depend on its recurrence); or drawn from `seed`. */
enum block_place { BLOCK_FIRST, BLOCK_LAST, BLOCK_DRAWN };
struct box step_block(const struct lipcl_plan *plan, const struct step *step, enum block_place place, uint64_t seed);

/* self_test.c: are lowerings tested? */
bool self_test_is_wanted(const struct lipcl_plan *plan, const struct lipcl_plan_params *params);
/* Begins and ends the tests of a plan's lowerings. */
enum lipcl_status self_test_begin(struct lipcl_plan *plan, const struct lipcl_plan_params *params);
void self_test_end(struct lipcl_plan *plan);
/* Launches a new step for the first time, unless all of its kernels came from the cache and have been tested so. Where its
 * kernels have not yet passed on this device with this driver, feeds it noise and checks some blocks: LIPCL_ERROR_MISMATCH,
 * after a warning, when one is wrong. When something fails that came from the cache, step->again. */
enum lipcl_status self_test_step(struct lipcl_plan *plan, struct step *step);

/* step_reference() between reading inputs from the device and writing outputs to it. */
enum lipcl_status step_run_reference(struct lipcl_plan *plan, const struct step *step);

/* layers.c */
enum lipcl_status plan_check_layer_index(struct lipcl_context *ctx, const struct lipcl_plan *plan, size_t layer);
/* LIPCL_ERROR_ARGUMENT unless the values of a run can be read. */
enum lipcl_status plan_check_has_run(struct lipcl_context *ctx, const struct lipcl_plan *plan);
/* The worst of `count` outputs. */
struct lipcl_layer_check layer_check(const struct compare_result *results, size_t count);

#endif
