/* A folder of any files (see fuzz_folder()) as a clip of pictures. */
#include <stdio.h>

#include "fuzz_clip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s", fuzz_folder(data, size));
    load_clip(path);
    return 0;
}
