#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lipcl/tensor.h>

#include "base/log.h"
#include "base/memory.h"
#include "tensor/tensor_match.h"

struct entry {
    char *name;
    struct lipcl_tensor *tensor;
};

struct lipcl_tensor_set {
    struct entry *entries;
    size_t count, capacity;
    size_t *slots; /* open addressing: index + 1 of an entry, 0 = free; slot_count is a power of two */
    size_t slot_count;
    struct metadata {
        char *key, *value;
    } * metadata;
    size_t metadata_count;
    atomic_size_t shares; /* owners beside the first */
};

/* FNV-1a, 64 bit. */
static uint64_t hash_name(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

/* The slot that holds `name`, or the free one where it would go. */
static size_t *find_slot(const struct lipcl_tensor_set *set, const char *name) {
    size_t at = (size_t)hash_name(name) & (set->slot_count - 1);
    while (set->slots[at] && strcmp(set->entries[set->slots[at] - 1].name, name) != 0) at = (at + 1) & (set->slot_count - 1);
    return &set->slots[at];
}

static enum lipcl_status grow(struct lipcl_context *ctx, struct lipcl_tensor_set *set) {
    size_t capacity = set->capacity ? 2 * set->capacity : 32;
    struct entry *entries = realloc(set->entries, capacity * sizeof *entries);
    if (!entries) return fail_memory(ctx, capacity * sizeof *entries);
    set->entries = entries;
    size_t *slots = calloc(2 * capacity, sizeof *slots);
    if (!slots) return fail_memory(ctx, 2 * capacity * sizeof *slots);
    free(set->slots);
    set->slots = slots;
    set->slot_count = 2 * capacity;
    set->capacity = capacity;
    for (size_t i = 0; i < set->count; i++) *find_slot(set, set->entries[i].name) = i + 1;
    return LIPCL_OK;
}

enum lipcl_status lipcl_tensor_set_create(struct lipcl_context *ctx, struct lipcl_tensor_set **set) {
    *set = calloc(1, sizeof **set);
    return *set ? LIPCL_OK : fail_memory(ctx, sizeof **set);
}

struct lipcl_tensor_set *tensor_set_share(const struct lipcl_tensor_set *set) {
    struct lipcl_tensor_set *shared = (struct lipcl_tensor_set *)set; /* the count is no part of what is promised const */
    if (shared) atomic_fetch_add(&shared->shares, 1);
    return shared;
}

void lipcl_tensor_set_destroy(struct lipcl_tensor_set **set) {
    if (!set || !*set) return;
    if (atomic_fetch_sub(&(*set)->shares, 1) > 0) {
        *set = NULL;
        return;
    }
    for (size_t i = 0; i < (*set)->count; i++) {
        free((*set)->entries[i].name);
        lipcl_tensor_destroy(&(*set)->entries[i].tensor);
    }
    for (size_t i = 0; i < (*set)->metadata_count; i++) {
        free((*set)->metadata[i].key);
        free((*set)->metadata[i].value);
    }
    free((*set)->entries);
    free((*set)->slots);
    free((*set)->metadata);
    free(*set);
    *set = NULL;
}

enum lipcl_status lipcl_tensor_set_add(struct lipcl_context *ctx, struct lipcl_tensor_set *set, const char *name,
                                       struct lipcl_tensor **tensor) {
    enum lipcl_status status = LIPCL_OK;
    if (lipcl_tensor_set_find(set, name))
        TRY(fail(ctx, LIPCL_ERROR_ARGUMENT, "tensor set: there is already a tensor named \"%s\"", name));
    if (set->count == set->capacity) TRY(grow(ctx, set));
    char *copy = string_copy(name);
    if (!copy) TRY(fail_memory(ctx, strlen(name) + 1));
    size_t *slot = find_slot(set, name);
    set->entries[set->count++] = (struct entry){copy, *tensor};
    *slot = set->count;
    *tensor = NULL;

fail:
    return status;
}

const struct lipcl_tensor *lipcl_tensor_set_find(const struct lipcl_tensor_set *set, const char *name) {
    if (!set->slot_count) return NULL;
    size_t slot = *find_slot(set, name);
    return slot ? set->entries[slot - 1].tensor : NULL;
}

size_t lipcl_tensor_set_count(const struct lipcl_tensor_set *set) {
    return set->count;
}

const char *lipcl_tensor_set_name(const struct lipcl_tensor_set *set, size_t index) {
    return index < set->count ? set->entries[index].name : NULL;
}

const struct lipcl_tensor *lipcl_tensor_set_tensor(const struct lipcl_tensor_set *set, size_t index) {
    return index < set->count ? set->entries[index].tensor : NULL;
}

static struct metadata *find_metadata(const struct lipcl_tensor_set *set, const char *key) {
    for (size_t i = 0; i < set->metadata_count; i++)
        if (strcmp(set->metadata[i].key, key) == 0) return &set->metadata[i];
    return NULL;
}

enum lipcl_status lipcl_tensor_set_add_metadata(struct lipcl_context *ctx, struct lipcl_tensor_set *set, const char *key,
                                                const char *value) {
    char *key_copy = string_copy(key), *value_copy = string_copy(value);
    struct metadata *old = find_metadata(set, key);
    if (!key_copy || !value_copy) goto memory;
    if (!old) {
        struct metadata *metadata = realloc(set->metadata, (set->metadata_count + 1) * sizeof *metadata);
        if (!metadata) goto memory;
        set->metadata = metadata;
        metadata[set->metadata_count++] = (struct metadata){key_copy, value_copy};
        return LIPCL_OK;
    }
    free(old->value);
    free(key_copy);
    old->value = value_copy;
    return LIPCL_OK;

memory:
    free(key_copy);
    free(value_copy);
    return fail_memory(ctx, strlen(key) + strlen(value) + 2);
}

size_t lipcl_tensor_set_metadata_count(const struct lipcl_tensor_set *set) {
    return set->metadata_count;
}

const char *lipcl_tensor_set_metadata_key(const struct lipcl_tensor_set *set, size_t index) {
    return index < set->metadata_count ? set->metadata[index].key : NULL;
}

const char *lipcl_tensor_set_metadata(const struct lipcl_tensor_set *set, const char *key) {
    struct metadata *found = find_metadata(set, key);
    return found ? found->value : NULL;
}
