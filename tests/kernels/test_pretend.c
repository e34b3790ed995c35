/* Kernels on devices that differ from this machine's: an OpenCL layer changes what the driver says (pretend_layer.c). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/program.h"

/* Each lowering has to compute the reference's numbers; what the program said with -vv. */
static char *check_as(const char *const *environment, const char *op) {
    const char *arguments[] = {"check", "--device", "gpu", "--op", op, "-n", "4", "--fill", "int", "--json", "-vv", NULL};
    struct program_run run = program_run(arguments, environment);
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *document = program_json(&run), *rows = json_object_get(document, "rows"), *row;
    size_t index;
    cr_expect_geq(json_array_size(rows), 1);
    json_array_foreach(rows, index, row) {
        const char *lowering = json_string_value(json_object_get(row, "lowering"));
        cr_expect_geq(json_integer_value(json_object_get(row, "passed")), 2, "%s proved little", lowering);
    }
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
