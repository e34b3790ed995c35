/* Programs in the cache: a second start compiles nothing, and whatever a file in their place holds, the answer is the same. */
#include <criterion/criterion.h>

#include <CL/cl.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lipcl/lipcl.h>

#include "base/hash.h"
#include "support/faults.h"
#include "support/kept_messages.h"
#include "support/networks.h"
#include "support/program.h"
#include "support/sabotage.h"

enum { FRAMES = 3, MAX_FILES = 32 };

static char *cache; /* a folder */
static struct lipcl_context *ctx;
static struct lipcl_tensor_set *weights;
static struct lipcl_tensor *frames;
static struct fault_state *fault;

static void setup(void) {
    cache = test_folder_make();
    setenv("XDG_CACHE_HOME", cache, 1);
    fault = fault_layer();
    struct lipcl_context_params params = {.log = keep_message, .log_level = LIPCL_LOG_INFO};
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
    cr_assert(lipcl_lipnet_init(ctx, &weights, 3) == LIPCL_OK);
    frames = test_frames(ctx, 1, FRAMES);
}

static void teardown(void) {
    lipcl_tensor_destroy(&frames);
    lipcl_tensor_set_destroy(&weights);
    lipcl_context_destroy(&ctx);
    test_folder_remove(&cache);
}

TestSuite(program_cache, .init = setup, .fini = teardown, .timeout = 300);

/* What a start does: a device, a plan, a run. */
struct start {
    int sources, binaries, builds, launches_of_planning;
    bool on_host; /* somewhere, at least one layer */
    struct lipcl_tensor *logits;
};

static struct start start_on(const char *selector) {
    struct lipcl_lipnet_reader *reader;
    struct start start = {0};
    int before[FAULT_CALLS];
    messages[0] = '\0';
    memcpy(before, fault->count, sizeof before);
    cr_assert(lipcl_lipnet_reader_create(ctx, &reader, weights, &(struct lipcl_lipnet_reader_params){.device = selector}) ==
                  LIPCL_OK,
              "%s", messages);
    cr_assert(lipcl_lipnet_reader_prepare(ctx, reader, 1, FRAMES) == LIPCL_OK, "%s", messages);
    start.launches_of_planning = fault->count[FAULT_LAUNCH] - before[FAULT_LAUNCH];
    cr_assert(lipcl_lipnet_reader_run(ctx, reader, &start.logits, frames) == LIPCL_OK, "%s", messages);
    start.on_host = strstr(messages, "on the host") || strstr(messages, "going on with host");
    lipcl_lipnet_reader_destroy(&reader);
    start.sources = fault->count[FAULT_CREATE_PROGRAM] - before[FAULT_CREATE_PROGRAM];
    start.binaries = fault->count[FAULT_CREATE_BINARY] - before[FAULT_CREATE_BINARY];
    start.builds = fault->count[FAULT_BUILD] - before[FAULT_BUILD];
    return start;
}

static struct start start_once(void) {
    return start_on("cpu");
}

/* The answer does not depend on where the programs come from, not in one bit. */
static void expect_and_finish(struct start *start, int sources, int binaries, const struct lipcl_tensor *wanted,
                              const char *what) {
    cr_expect_eq(start->sources, sources, "%s: %d programs from source, not %d; %s", what, start->sources, sources, messages);
    cr_expect_eq(start->binaries, binaries, "%s: %d programs from binaries, not %d", what, start->binaries, binaries);
    cr_expect_not(start->on_host, "%s: %s", what, messages);
    cr_expect_eq(memcmp(start->logits->data, wanted->data, lipcl_tensor_bytes(wanted)), 0, "%s: other numbers", what);
    lipcl_tensor_destroy(&start->logits);
}

/* Paths of the cached programs, for free_files(). */
static size_t list_files(char *paths[MAX_FILES]) {
    size_t count = 0;
    DIR *folder = opendir(in_folder(cache, "lipcl"));
    cr_assert_not_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, "program-", 8) == 0) {
            cr_assert_lt(count, MAX_FILES);
            cr_assert_neq(asprintf(&paths[count++], "%s/lipcl/%s", cache, entry->d_name), -1);
        }
    closedir(folder);
    return count;
}

static void free_files(char *paths[MAX_FILES], size_t count) {
    for (size_t i = 0; i < count; i++) free(paths[i]);
}

Test(program_cache, a_second_start_compiles_nothing) {
    struct start first = start_once(), second = start_once(), third = start_once();
    struct lipcl_tensor *wanted = first.logits;
    char *paths[MAX_FILES];
    struct stat info;
    size_t count = list_files(paths);
    cr_assert_gt(first.sources, 3);
    cr_expect_eq(first.binaries, first.sources, "what was kept is planned with, and tested, at once");
    cr_expect_eq((int)count, first.sources, "each of them is kept");
    for (size_t i = 0; i < count; i++) cr_expect(stat(paths[i], &info) == 0 && (info.st_mode & 0777) == 0600);
    cr_expect_eq(second.builds, first.sources, "and the driver accepts it");
    cr_expect_gt(first.launches_of_planning, 2 * first.sources - 3);
    cr_expect_lt(second.launches_of_planning, 3, "and not again");
    expect_and_finish(&second, 0, first.sources, wanted, "second");
    cr_expect_str_eq(strstr(messages, "compiling") ? messages : "", "", "nothing to say");
    expect_and_finish(&third, 0, first.sources, wanted, "third");
    free_files(paths, count);
    lipcl_tensor_destroy(&wanted);
}

/* Starts with kernels of the folder in place of the library's. */
static struct start start_with(const char *kernels) {
    struct lipcl_context *ours = ctx;
    struct lipcl_context_params params = {.log = keep_message, .kernel_dir = kernels};
    cr_assert(lipcl_context_create(&ctx, &params) == LIPCL_OK);
    struct start start = start_once();
    lipcl_context_destroy(&ctx);
    ctx = ours;
    return start;
}

Test(program_cache, another_source_is_another_program) {
    char *kernels = test_folder_make();
    struct start first = start_once();
    sabotage(kernels, "gru_scan.cl", "(1 - z) n + z h", "n + z (h - n)"); /* a comment */
    struct start second = start_with(kernels), third = start_once(), fourth = start_with(kernels);
    cr_expect(second.sources > 0 && second.sources < first.sources, "%d", second.sources);
    expect_and_finish(&second, second.sources, first.sources, first.logits, "changed");
    expect_and_finish(&third, 0, first.sources, first.logits, "as before");
    expect_and_finish(&fourth, 0, first.sources, first.logits, "changed, again");
    lipcl_tensor_destroy(&first.logits);
    test_folder_remove(&kernels);
}

/* A file's parts: "... binary BYTES DIGEST\n" and what follows. */
struct file {
    char *data;
    size_t bytes, key_bytes, head_bytes;
};

static struct file file_read(const char *path) {
    struct file file = {0};
    struct stat info;
    FILE *stream = fopen(path, "rb");
    cr_assert(stream && fstat(fileno(stream), &info) == 0);
    file.bytes = (size_t)info.st_size;
    file.data = calloc(1, file.bytes + 1);
    cr_assert_eq(fread(file.data, 1, file.bytes, stream), file.bytes);
    fclose(stream);
    const char *line = strstr(file.data, "\nbinary ");
    cr_assert_not_null(line);
    file.key_bytes = (size_t)(line + 1 - file.data);
    file.head_bytes = (size_t)(strchr(line + 1, '\n') + 1 - file.data);
    return file;
}

/* Puts the binary of `other` into the file of `file`, with all that is around it right. */
static void plant(const char *path, const struct file *file, const struct file *other) {
    size_t bytes = other->bytes - other->head_bytes;
    const char *binary = other->data + other->head_bytes;
    uint64_t digest = hash_words(hash_bytes(HASH_START, file->data, file->key_bytes), binary, bytes);
    FILE *stream = fopen(path, "wb");
    cr_assert_not_null(stream);
    fwrite(file->data, 1, file->key_bytes, stream);
    fprintf(stream, "binary %zu %016" PRIx64 "\n", bytes, digest);
    fwrite(binary, 1, bytes, stream);
    cr_assert_eq(fclose(stream), 0);
}

/* Each spoils a file so that it must not be used. */
static void truncate_it(const char *path) {
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(truncate(path, info.st_size - 1), 0);
}
static void cut_its_head(const char *path) {
    cr_assert_eq(truncate(path, 40), 0);
}
static void empty_it(const char *path) {
    cr_assert_eq(truncate(path, 0), 0);
}
static void extend_it(const char *path) {
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(truncate(path, info.st_size + 1), 0);
}
/* Flips a bit, `at` bytes from the end. */
static void flip(const char *path, long at) {
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, -at, SEEK_END), 0);
    int byte = fgetc(file);
    cr_assert_eq(fseek(file, -at, SEEK_END), 0);
    fputc(byte ^ 0x80, file);
    cr_assert_eq(fclose(file), 0);
}
static void flip_the_last_byte(const char *path) {
    flip(path, 1);
}
static void flip_one_in_the_middle(const char *path) {
    flip(path, 5003);
}
static void overwrite(const char *path, const char *from, const char *to) {
    FILE *file = fopen(path, "r+b");
    char head[4096];
    cr_assert_not_null(file);
    head[fread(head, 1, sizeof head - 1, file)] = '\0';
    const char *at = strstr(head, from);
    cr_assert_not_null(at);
    cr_assert_eq(fseek(file, at - head, SEEK_SET), 0);
    fputs(to, file);
    cr_assert_eq(fclose(file), 0);
}
/* Whole, but for another reader. */
static void change_the_driver(const char *path) {
    struct file file = file_read(path);
    char *driver = strstr(file.data, "\ndriver ");
    cr_assert_not_null(driver);
    driver[strlen("\ndriver ")] ^= 1;
    plant(path, &file, &file);
    free(file.data);
}
static void make_the_length_a_word(const char *path) {
    overwrite(path, "\nbinary ", "\nbinary x");
}
static void make_it_a_folder(const char *path) {
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
}
static void make_it_a_pipe(const char *path) {
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
}
static void make_it_writable_by_the_group(const char *path) {
    cr_assert_eq(chmod(path, 0660), 0);
}
static void make_it_huge(const char *path) {
    cr_assert_eq(truncate(path, 1 << 30), 0);
}

struct spoiler {
    const char *what;
    void (*spoil)(const char *path);
    bool is_silent; /* not ours to read: a miss like any other */
    bool stays;     /* it cannot be written again either */
};

static const struct spoiler spoilers[] = {
    {"one byte short", truncate_it, false, false},
    {"its head cut", cut_its_head, false, false},
    {"empty", empty_it, false, false},
    {"one byte more", extend_it, false, false},
    {"the last byte flipped", flip_the_last_byte, false, false},
    {"a byte in the middle flipped", flip_one_in_the_middle, false, false},
    {"another driver's", change_the_driver, false, false},
    {"a length that is none", make_the_length_a_word, false, false},
    {"a folder in its place", make_it_a_folder, true, true},
    {"a pipe in its place", make_it_a_pipe, true, true},
    {"writable by the group", make_it_writable_by_the_group, true, false},
    {"a gigabyte", make_it_huge, true, false},
};

Test(program_cache, an_odd_file_is_compiled_anew) {
    struct start first = start_once();
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++) {
        char *paths[MAX_FILES];
        size_t count = list_files(paths);
        spoilers[i].spoil(paths[0]);
        struct start second = start_once();
        cr_expect(spoilers[i].is_silent || (strstr(messages, "cache: program-") && strstr(messages, "compiling anew")),
                  "%s: %s", spoilers[i].what, messages);
        expect_and_finish(&second, 1, first.sources - spoilers[i].stays, first.logits, spoilers[i].what);
        struct start third = start_once();
        expect_and_finish(&third, spoilers[i].stays, first.sources - spoilers[i].stays, first.logits, spoilers[i].what);
        if (spoilers[i].stays) { /* as before */
            cr_assert_eq(remove(paths[0]), 0);
            struct start fourth = start_once();
            lipcl_tensor_destroy(&fourth.logits);
        }
        free_files(paths, count);
    }
    lipcl_tensor_destroy(&first.logits);
}

/* Are they builds of the same kernel file with the same options, from different sources? */
static bool are_twins(const struct file *a, const struct file *b) {
    const char *x = strstr(a->data, "\nfile "), *y = strstr(b->data, "\nfile ");
    const char *source_x = strstr(x, "\nsource "), *source_y = strstr(y, "\nsource ");
    return source_x - x == source_y - y && strncmp(x, y, (size_t)(source_x - x)) == 0 &&
           strncmp(source_x, source_y, (size_t)(strstr(x, "\nbinary ") - source_x)) != 0;
}

Test(program_cache, a_binary_that_computes_nonsense_is_found_out) {
    char *kernels = test_folder_make(), *paths[MAX_FILES];
    struct file files[MAX_FILES];
    size_t planted = 0;
    sabotage(kernels, "winograd_output.cl", "load_v(bias", "0.25f + load_v(bias");
    sabotage(kernels, "gemm_packed.cl", "k < K;", "k < K - 1;");
    setenv("LIPCL_SELF_TEST", "0", 1);
    struct start bad = start_with(kernels);
    unsetenv("LIPCL_SELF_TEST");
    size_t bad_count = list_files(paths);
    for (size_t i = 0; i < bad_count; i++) files[i] = file_read(paths[i]);
    free_files(paths, bad_count);
    lipcl_tensor_destroy(&bad.logits);

    struct start first = start_once(), second = start_once();
    lipcl_tensor_destroy(&second.logits);
    size_t count = list_files(paths);
    for (size_t i = 0; i < count; i++) {
        struct file file = file_read(paths[i]);
        for (size_t k = 0; k < bad_count; k++)
            if (are_twins(&file, &files[k])) {
                plant(paths[i], &file, &files[k]);
                planted++;
                break;
            }
        free(file.data);
    }
    cr_assert_geq(planted, 1);
    struct start third = start_once();
    cr_expect(strstr(messages, "fails its self-test on ") && strstr(messages, "its programs did not work; compiling anew"),
              "%s", messages);
    cr_expect_not(third.on_host, "%s", messages);
    cr_expect_geq(third.sources, (int)planted);
    cr_expect_eq(memcmp(third.logits->data, first.logits->data, lipcl_tensor_bytes(first.logits)), 0, "other numbers");
    lipcl_tensor_destroy(&third.logits);
    struct start fourth = start_once();
    expect_and_finish(&fourth, 0, first.binaries, first.logits, "mended");
    for (size_t i = 0; i < bad_count; i++) free(files[i].data);
    free_files(paths, count);
    lipcl_tensor_destroy(&first.logits);
    test_folder_remove(&kernels);
}

Test(program_cache, a_driver_may_refuse_its_binaries) {
    static const int codes[] = {CL_INVALID_BINARY, CL_INVALID_VALUE, CL_OUT_OF_HOST_MEMORY, CL_INVALID_OPERATION};
    struct start first = start_once();
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        *fault = (struct fault_state){.call = FAULT_CREATE_BINARY, .at = 1, .code = codes[i]};
        struct start second = start_once();
        cr_expect(strstr(messages, "the driver does not take it; compiling anew"), "%s", messages);
        expect_and_finish(&second, first.sources, 2 * first.sources, first.logits, "refused when read, and when kept");
    }
    *fault = (struct fault_state){.call = FAULT_BUILD, .at = 1, .times = 1, .code = CL_BUILD_PROGRAM_FAILURE};
    struct start third = start_once();
    expect_and_finish(&third, 1, first.sources + 1, first.logits, "not built");
    *fault = (struct fault_state){.call = FAULT_CREATE_KERNEL, .at = 2, .times = 1, .code = CL_INVALID_KERNEL_NAME};
    struct start fourth = start_once();
    cr_expect(strstr(messages, "no kernel comes out of it; compiling anew"), "%s", messages);
    expect_and_finish(&fourth, 1, first.sources + 1, first.logits, "without its kernel");
    lipcl_tensor_destroy(&first.logits);
}

Test(program_cache, a_context_that_dies_of_a_binary_is_left_alone) {
    struct start first = start_once();
    *fault = (struct fault_state){.call = FAULT_CREATE_BINARY, .at = 2, .code = CL_OUT_OF_RESOURCES};
    struct start second = start_on(NULL);
    cr_expect_eq(fault->after_failure, 1, "%d calls on a dead context", fault->after_failure - 1);
    cr_expect(second.on_host, "%s", messages);
    lipcl_tensor_destroy(&first.logits);
    lipcl_tensor_destroy(&second.logits);
}

Test(program_cache, is_not_needed) {
    static const char *const nowhere[] = {"/proc/nonexistent", "/dev/null/below", "relative"};
    struct start first = start_once();
    setenv("LIPCL_CACHE", "0", 1);
    struct start second = start_once();
    expect_and_finish(&second, first.sources, 0, first.logits, "LIPCL_CACHE=0");
    unsetenv("LIPCL_CACHE");
    setenv("HOME", "/proc/nonexistent", 1);
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        setenv("XDG_CACHE_HOME", nowhere[i], 1);
        struct start third = start_once();
        expect_and_finish(&third, first.sources, 0, first.logits, nowhere[i]);
    }
    lipcl_tensor_destroy(&first.logits);
}
