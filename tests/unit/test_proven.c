/* The memory of what has passed: a file that several processes add to and that never grows without end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache.h"
#include "base/hash.h"
#include "plan/proven.h"
#include "support/program.h"

static char *folder;
static const struct lipcl_device_info info = {
    .name = "A Device", .vendor = "V", .version = "OpenCL 1.2", .driver = "7.0\nbeta", .platform = "P"};

static void setup(void) {
    folder = test_folder_make();
    setenv("XDG_CACHE_HOME", in_folder(folder, "not/there/yet"), 1);
}

static void teardown(void) {
    test_folder_remove(&folder);
}

TestSuite(proven, .init = setup, .fini = teardown);

Test(proven, is_kept_and_merged) {
    struct proven first, second, third;
    proven_load(&first, &info);
    proven_load(&second, &info);
    cr_expect_eq(first.count, 0);
    proven_add(&first, 1, "conv3d_direct");
    proven_add(&first, 1, "conv3d_direct");
    proven_add(&second, UINT64_MAX, "gru packed");
    cr_expect_eq(first.count, 1);
    proven_save(&first);
    proven_save(&second); /* loaded before the other wrote: it keeps what the other found */
    proven_load(&third, &info);
    cr_expect_eq(third.count, 2);
    cr_expect(proven_has(&third, 1) && proven_has(&third, UINT64_MAX) && !proven_has(&third, 2));
    cr_expect(!third.changed, "nothing to save");
    proven_finish(&first);
    proven_finish(&second);
    proven_finish(&third);
}

Test(proven, belongs_to_one_driver) {
    struct proven proven;
    struct lipcl_device_info other = info;
    proven_load(&proven, &info);
    proven_add(&proven, 5, "x");
    proven_save(&proven);
    proven_finish(&proven);
    snprintf(other.driver, sizeof other.driver, "7.1");
    proven_load(&proven, &other);
    cr_expect_eq(proven.count, 0);
    proven_add(&proven, 6, "x");
    proven_save(&proven);
    proven_finish(&proven);
    proven_load(&proven, &info);
    cr_expect(proven.count == 1 && proven_has(&proven, 5));
    proven_finish(&proven);
}

Test(proven, stays_small) {
    struct proven proven;
    for (uint64_t round = 0; round < 4; round++) {
        proven_load(&proven, &info);
        for (uint64_t i = 0; i < 700; i++)
            proven_add(&proven, hash_bytes(HASH_START, &(uint64_t){1000 * round + i}, sizeof(uint64_t)),
                       "a name that is about as long as a lowering's can be");
        proven_save(&proven);
        proven_finish(&proven);
    }
    proven_load(&proven, &info);
    cr_expect(proven.count > 0 && proven.count <= 1024, "%zu entries", proven.count);
    proven_finish(&proven);
}

Test(proven, a_cache_file_is_bounded_and_whole) {
    char *data;
    size_t bytes;
    cr_expect_not(cache_read(&data, &bytes, "a", 100));
    cr_expect_null(data);
    cr_expect(cache_write("a", "one\0two", 7));
    cr_expect(cache_read(&data, &bytes, "a", 7));
    cr_expect(bytes == 7 && memcmp(data, "one\0two", 8) == 0);
    free(data);
    cr_expect_not(cache_read(&data, &bytes, "a", 6));
    cr_expect(cache_write("a", "", 0));
    cr_expect(cache_read(&data, &bytes, "a", 6) && bytes == 0);
    free(data);
    cr_expect_not(cache_write("no/such/folder", "x", 1));
}

Test(proven, the_hash_is_fnv_1a) {
    cr_expect_eq(hash_bytes(HASH_START, "", 0), UINT64_C(0xcbf29ce484222325));
    cr_expect_eq(hash_bytes(HASH_START, "foobar", 6), UINT64_C(0x85944171f73967e8)); /* from the authors' test vectors */
    cr_expect_neq(hash_text(hash_text(HASH_START, "ab"), "c"), hash_text(hash_text(HASH_START, "a"), "bc"));
}
