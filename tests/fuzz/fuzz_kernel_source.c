/* A folder of any files (see fuzz_folder()) as LIPCL_KERNEL_DIR: the includes of main.cl are resolved. */
#include "device/kernel_source.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_SOURCE_BYTES = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *source = (char *)&source;
    fuzz_folder(data, size);
    struct lipcl_context *ctx = fuzz_context(false);
    fuzz_watch_memory();
    enum lipcl_status status = kernel_source(ctx, &source, "main.cl");
    fuzz_check_memory(size);
    fuzz_check_status(ctx, status, source != NULL, "kernel");
    if (source) require(strlen(source) <= MAX_SOURCE_BYTES, "%zu bytes of source", strlen(source));
    free(source);
    lipcl_context_destroy(&ctx);
    return 0;
}
