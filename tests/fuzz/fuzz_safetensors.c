/* Any bytes as a .safetensors file: read, matched with what a model wants, and written and read again. */
#include <lipcl/lipnet.h>
#include <lipcl/safetensors.h>

#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "tensor/shape.h"
#include "tensor/tensor_match.h"

static void check_equal(const struct lipcl_tensor_set *a, const struct lipcl_tensor_set *b) {
    require(lipcl_tensor_set_count(a) == lipcl_tensor_set_count(b), "another number of tensors after writing and reading");
    for (size_t i = 0; i < lipcl_tensor_set_count(a); i++) { /* writing sorts them by the width of their elements */
        const struct lipcl_tensor *x = lipcl_tensor_set_tensor(a, i);
        const struct lipcl_tensor *y = lipcl_tensor_set_find(b, lipcl_tensor_set_name(a, i));
        require(y && x->dtype == y->dtype && lipcl_shape_equal(&x->shape, &y->shape) &&
                    memcmp(x->data, y->data, lipcl_tensor_bytes(x)) == 0,
                "tensor %zu is another after writing and reading", i);
    }
    require(lipcl_tensor_set_metadata_count(a) == lipcl_tensor_set_metadata_count(b), "other metadata");
    for (size_t i = 0; i < lipcl_tensor_set_metadata_count(a); i++) {
        const char *key = lipcl_tensor_set_metadata_key(a, i), *value = lipcl_tensor_set_metadata(b, key);
        require(value && strcmp(lipcl_tensor_set_metadata(a, key), value) == 0, "metadata %zu is other", i);
    }
}

static void check_good(struct lipcl_context *ctx, struct lipcl_tensor_set *set, const uint8_t *file, size_t file_bytes) {
    static const struct tensor_wanted wanted[2] = {{"conv.weight", {2, {2, 3}}}, {"conv.bias", {1, {2}}}};
    const struct lipcl_tensor *found[2];
    struct lipcl_tensor_set *again = NULL;
    uint64_t bytes = 0, header_bytes;
    memcpy(&header_bytes, file, sizeof header_bytes);
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        const struct lipcl_tensor *tensor = lipcl_tensor_set_tensor(set, i);
        require(lipcl_tensor_set_find(set, lipcl_tensor_set_name(set, i)) == tensor, "tensor %zu is not found by its name", i);
        bytes += lipcl_tensor_bytes(tensor);
    }
    require(bytes == file_bytes - 8 - header_bytes, "%llu bytes of tensors come from a file of %zu with a header of %llu",
            (unsigned long long)bytes, file_bytes, (unsigned long long)header_bytes);
    if (tensor_set_match(ctx, found, set, "input", wanted, 2) == LIPCL_OK)
        require(found[0] && found[1] && lipcl_tensor_count(found[0]) == 6 && lipcl_tensor_count(found[1]) == 2, "a bad match");
    const char *path = fuzz_path("written");
    enum lipcl_status status = lipcl_safetensors_save(ctx, path, set);
    if (status == LIPCL_ERROR_ARGUMENT && file_bytes > 1 << 17) return; /* metadata may grow beyond its limit */
    require(status == LIPCL_OK, "cannot be written again: %s", lipcl_context_error(ctx));
    require(lipcl_safetensors_load(ctx, &again, path) == LIPCL_OK, "cannot be read again: %s", lipcl_context_error(ctx));
    check_equal(set, again);
    lipcl_tensor_set_destroy(&again);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    struct lipcl_context *ctx = fuzz_context(true);
    struct lipcl_tensor_set *set = (struct lipcl_tensor_set *)&set;
    fuzz_watch_memory();
    enum lipcl_status status = lipcl_safetensors_load(ctx, &set, path);
    fuzz_check_memory(size);
    fuzz_check_status(ctx, status, set != NULL, path);
    if (set) check_good(ctx, set, data, size);
    lipcl_tensor_set_destroy(&set);
    status = lipcl_lipnet_load(ctx, &set, path);
    fuzz_check_status(ctx, status, set != NULL, path);
    lipcl_tensor_set_destroy(&set);
    lipcl_context_destroy(&ctx);
    return 0;
}
