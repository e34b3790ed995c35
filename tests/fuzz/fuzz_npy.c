/* Any bytes as a .npy file: read, and written and read again. */
#include <lipcl/npy.h>

#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* Where the data begins, in a file that was taken. */
static size_t data_offset(const uint8_t *file) {
    size_t length = (size_t)file[8] | (size_t)file[9] << 8;
    return file[6] == 1 ? 10 + length : 12 + (length | (size_t)file[10] << 16 | (size_t)file[11] << 24);
}

static void check_good(struct lipcl_context *ctx, const struct lipcl_tensor *tensor, size_t data_bytes) {
    struct lipcl_tensor *again = NULL;
    require(lipcl_tensor_bytes(tensor) == data_bytes, "%zu bytes come from %zu", lipcl_tensor_bytes(tensor), data_bytes);
    const char *path = fuzz_path("written");
    require(lipcl_npy_save(ctx, path, tensor) == LIPCL_OK, "cannot be written again: %s", lipcl_context_error(ctx));
    require(lipcl_npy_load(ctx, &again, path) == LIPCL_OK, "cannot be read again: %s", lipcl_context_error(ctx));
    require(tensor->dtype == again->dtype && lipcl_shape_equal(&tensor->shape, &again->shape) &&
                memcmp(tensor->data, again->data, lipcl_tensor_bytes(tensor)) == 0,
            "another tensor after writing and reading");
    lipcl_tensor_destroy(&again);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    struct lipcl_context *ctx = fuzz_context(true);
    struct lipcl_tensor *tensor = (struct lipcl_tensor *)&tensor;
    fuzz_watch_memory();
    enum lipcl_status status = lipcl_npy_load(ctx, &tensor, path);
    fuzz_check_memory(size);
    fuzz_check_status(ctx, status, tensor != NULL, path);
    if (tensor) check_good(ctx, tensor, size - data_offset(data));
    lipcl_tensor_destroy(&tensor);
    lipcl_context_destroy(&ctx);
    return 0;
}
