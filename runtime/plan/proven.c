#include "plan/proven.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache.h"
#include "base/hash.h"
#include "device/identity.h"

enum { MAX_ENTRIES = 1024, LINE_BYTES = 80, MAX_BYTES = 2048 + LINE_BYTES * (MAX_ENTRIES + 1) };

static const char digest_format[] = "digest %016" PRIx64 "\n";

static void describe(struct proven *proven, const struct lipcl_device_info *info) {
    snprintf(proven->header, sizeof proven->header, "lipcl self-test 2\n%s", device_identity(info).text);
    snprintf(proven->name, sizeof proven->name, "self-test-%016" PRIx64 ".txt", hash_text(HASH_START, proven->header));
}

/* Takes over the entries of a file's text; false, with none, when anything about it is odd. */
static bool parse(struct proven *proven, char *text, size_t bytes) {
    size_t header = strlen(proven->header), before = proven->count;
    char digest[32];
    int tail = snprintf(digest, sizeof digest, digest_format, (uint64_t)0);
    if (bytes < header + (size_t)tail || strlen(text) != bytes || memcmp(text, proven->header, header) != 0) return false;
    char *end = text + bytes - tail;
    snprintf(digest, sizeof digest, digest_format, hash_bytes(HASH_START, text, (size_t)(end - text)));
    if (strcmp(end, digest) != 0) return false;
    *end = '\0';
    for (char *line = text + header, *next; *line; line = next) {
        uint64_t key;
        char lowering[40];
        next = strchr(line, '\n');
        if (!next || sscanf(line, "passed %16" SCNx64 " %39[^\n]", &key, lowering) != 2) {
            proven->count = before;
            return false;
        }
        proven_add(proven, key, lowering);
        next++;
    }
    return true;
}

static void load(struct proven *proven) {
    char *text;
    size_t bytes;
    bool changed = proven->changed;
    if (cache_read(&text, &bytes, proven->name, MAX_BYTES)) parse(proven, text, bytes);
    free(text);
    proven->changed = changed;
}

void proven_load(struct proven *proven, const struct lipcl_device_info *info) {
    *proven = (struct proven){0};
    describe(proven, info);
    load(proven);
}

bool proven_has(const struct proven *proven, uint64_t key) {
    for (size_t i = 0; i < proven->count; i++)
        if (proven->entries[i].key == key) return true;
    return false;
}

void proven_add(struct proven *proven, uint64_t key, const char *lowering) {
    if (proven_has(proven, key) || proven->count == MAX_ENTRIES) return;
    if (proven->count == proven->capacity) {
        size_t capacity = proven->capacity ? 2 * proven->capacity : 16;
        struct proven_entry *grown = realloc(proven->entries, capacity * sizeof *grown);
        if (!grown) return; /* tested again next time */
        proven->entries = grown;
        proven->capacity = capacity;
    }
    struct proven_entry *entry = &proven->entries[proven->count++];
    entry->key = key;
    snprintf(entry->lowering, sizeof entry->lowering, "%s", lowering);
    proven->changed = true;
}

void proven_save(struct proven *proven) {
    if (!proven->changed) return;
    load(proven);
    if (proven->count == MAX_ENTRIES) proven->count = MAX_ENTRIES / 2; /* forgets some rather than all that is to come */
    size_t limit = MAX_BYTES, used;
    char *text = malloc(limit);
    if (!text) return;
    used = (size_t)snprintf(text, limit, "%s", proven->header);
    for (size_t i = 0; i < proven->count; i++)
        used += (size_t)snprintf(text + used, limit - used, "passed %016" PRIx64 " %s\n", proven->entries[i].key,
                                 proven->entries[i].lowering);
    used += (size_t)snprintf(text + used, limit - used, digest_format, hash_bytes(HASH_START, text, used));
    cache_write(proven->name, text, used);
    proven->changed = false;
    free(text);
}

void proven_finish(struct proven *proven) {
    free(proven->entries);
    *proven = (struct proven){0};
}
