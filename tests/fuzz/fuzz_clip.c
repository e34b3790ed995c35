/* Any bytes as a clip in one file: a video, or what begins as an npy file. */
#include "fuzz_clip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    load_clip(fuzz_file(data, size));
    return 0;
}
