/* The cache folder: switched off by the environment, and kept small by removing what has been unused for longest. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cache.h"
#include "base/hash.h"
#include "support/program.h"

static char *folder;

static void setup(void) {
    folder = test_folder_make();
    setenv("XDG_CACHE_HOME", folder, 1);
}

static void teardown(void) {
    test_folder_remove(&folder);
}

TestSuite(cache, .init = setup, .fini = teardown);

static bool has(const char *name) {
    char *data;
    size_t bytes;
    bool found = cache_read(&data, &bytes, name, 1000);
    free(data);
    return found;
}

/* A file of 100 bytes, last used `age` seconds before 2020. */
static void put(const char *name, long age) {
    char path[128], data[100] = "x";
    struct timespec times[2] = {{.tv_sec = 1577836800 - age}, {.tv_sec = 1577836800 - age}};
    cr_assert(cache_write(name, data, sizeof data));
    snprintf(path, sizeof path, "lipcl/%s", name);
    cr_assert_eq(utimensat(AT_FDCWD, in_folder(folder, path), times, 0), 0);
}

Test(cache, forgets_what_has_been_unused_for_longest) {
    put("a-1", 10);
    put("a-2", 40);
    put("a-3", 20);
    put("a-4", 30);
    put("b-1", 90);
    cr_assert_eq(mkdir(in_folder(folder, "lipcl/a-5"), 0700), 0);
    cache_trim("a-", 400);
    cr_expect(has("a-1") && has("a-2") && has("a-3") && has("a-4"), "they fit");
    cache_touch("a-2");
    cache_touch("nothing");
    cache_trim("a-", 399);
    cr_expect(has("a-1") && has("a-2") && has("a-3") && !has("a-4"));
    cache_trim("a-", 100);
    cr_expect(!has("a-1") && has("a-2") && !has("a-3"));
    cache_trim("a-", 0);
    cr_expect(!has("a-2") && has("b-1"));
    cache_remove("b-1");
    cache_remove("b-1");
    cr_expect_not(has("b-1"));
}

Test(cache, can_be_switched_off) {
    put("a", 0);
    setenv("LIPCL_CACHE", "0", 1);
    cr_expect_not(has("a"));
    cr_expect_not(cache_write("b", "x", 1));
    cache_trim("a", 0);
    cache_remove("a");
    setenv("LIPCL_CACHE", "1", 1);
    cr_expect(has("a") && !has("b"));
}

Test(cache, trims_where_there_is_nothing) {
    setenv("XDG_CACHE_HOME", "/proc/nonexistent", 1);
    cache_trim("a", 0);
    cache_touch("a");
    cache_remove("a");
}

Test(cache, the_hash_of_words_sees_every_bit) {
    unsigned char data[21];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(17 * i);
    uint64_t whole = hash_words(HASH_START, data, sizeof data);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_expect_neq(hash_words(HASH_START, data, sizeof data), whole, "bit %zu", bit);
        for (size_t other = bit + 1; other < 8 * sizeof data; other++) {
            data[other / 8] ^= (unsigned char)(1 << other % 8);
            cr_expect_neq(hash_words(HASH_START, data, sizeof data), whole, "bits %zu and %zu", bit, other);
            data[other / 8] ^= (unsigned char)(1 << other % 8);
        }
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    cr_expect_eq(hash_words(HASH_START, data, 7), hash_bytes(HASH_START, data, 7));
}
