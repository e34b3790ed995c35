#include "support/faults.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>

struct fault_state *fault_layer(void) {
    setenv("OPENCL_LAYERS", LAYER_DIR "/fault_layer.so", 1);
    void *layer = dlopen(LAYER_DIR "/fault_layer.so", RTLD_NOW);
    cr_assert_not_null(layer, "%s", dlerror());
    struct fault_state *state = dlsym(layer, "fault_state");
    cr_assert_not_null(state);
    return state;
}
