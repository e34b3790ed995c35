/* Kernels on devices that differ from this machine's: an OpenCL layer changes what the driver says (pretend_layer.c). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/program.h"

static json_int_t count_of(const json_t *row, const char *key) {
    return json_integer_value(json_object_get(row, key));
}

/* Each lowering that takes anything has to compute the reference's numbers; what the program said with -vv. */
static char *check_as(const char *const *environment, const char *op) {
    const char *arguments[] = {"check", "--device", "gpu", "--op", op, "-n", "4", "--fill", "int", "--json", "-vv", NULL};
    struct program_run run = program_run(arguments, environment);
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *rows = json_object_get(document, "rows"), *row;
    size_t index, proven = 0;
    json_array_foreach(rows, index, row) {
        const char *lowering = json_string_value(json_object_get(row, "lowering"));
        if (count_of(row, "unsupported") == count_of(row, "cases")) continue; /* made for CPUs */
        cr_expect_geq(count_of(row, "passed"), 2, "%s proved little", lowering);
        proven++;
    }
    cr_expect_geq(proven, 1, "%s: no lowering took anything", op);
    json_decref(document);
    char *said = strdup(run.err);
    program_run_finish(&run);
    cr_assert(said);
    return said;
}

#define PRETEND "OPENCL_LAYERS=" LAYER_DIR "/pretend_layer.so", "PRETEND_DEVICE=gpu"

/* A driver may run a kernel of many registers in smaller groups than the device takes. */
Test(pretend, kernels_that_run_in_small_work_groups_only) {
    const char *const environment[] = {PRETEND, "PRETEND_KERNEL_GROUP=8", NULL};
    const char *const ops[] = {"conv3d", "maxpool3d", "gru", "linear", "permute", "log_softmax"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        char *said = check_as(environment, ops[i]);
        cr_expect_not_null(strstr(said, "work-groups of 8 at most"), "%s: no launch was too large", ops[i]);
        free(said);
    }
}

Test(pretend, convolutions_in_the_smallest_sub_groups) {
    const char *const environment[] = {PRETEND, "PRETEND_SUB_GROUP=16", NULL};
    char *said = check_as(environment, "conv3d");
    cr_expect_not_null(strstr(said, " -DSUB_GROUP=16"), "of 16 and 32, 16");
    cr_expect_null(strstr(said, " -DSUB_GROUP=32"));
    free(said);
}
