#include <string.h>

#include "ops/op.h"

#define OP(name) extern const struct op_def name##_op;
#include "ops/ops.def"
#undef OP

const struct op_def *const op_table[] = {
#define OP(name) &name##_op,
#include "ops/ops.def"
#undef OP
    NULL,
};

const struct op_def *op_find(const char *name) {
    for (const struct op_def *const *op = op_table; *op; op++)
        if (strcmp((*op)->name, name) == 0) return *op;
    return NULL;
}
