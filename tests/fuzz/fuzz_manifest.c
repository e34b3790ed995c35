/* Any bytes as the manifest of `lipcl eval`. */
#include "manifest.h"

#include <string.h>

#include "fuzz.h"
#include "messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[512];
    struct manifest manifest;
    snprintf(path, sizeof path, "%s", fuzz_file(data, size));
    messages_set_level(LIPCL_LOG_DEFAULT); /* quiet */
    fuzz_watch_memory();
    bool ok = manifest_load(&manifest, path);
    fuzz_check_memory(20 * size); /* three strings an entry, whose folder is longer than many a line */
    require(!ok || manifest.count > 0, "a manifest of nothing is taken");
    require(!ok || !memchr(data, 0, size), "a manifest with a NUL byte is taken");
    require(ok || (strstr(latest_error(), path) && strlen(latest_error()) > strlen(path) + 4), "no reason: %s", latest_error());
    for (size_t i = 0; i < manifest.count; i++) {
        const struct manifest_entry *entry = &manifest.entries[i];
        require(*entry->name && *entry->name != '#' && !strpbrk(entry->name, "\t\r\n") && !strpbrk(entry->text, "\t\r\n"),
                "entry %zu is no entry", i);
        size_t length = strlen(entry->path), tail = strlen(entry->name);
        require(length >= tail && strcmp(entry->path + length - tail, entry->name) == 0, "entry %zu has another path", i);
    }
    manifest_finish(&manifest);
    return 0;
}
