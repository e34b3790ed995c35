/* Many clips: batches, clips decoded ahead, and what the order given has to do with it. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lipcl/lipcl.h>

#include "support/program.h"

static char *folder;

static void set_up(void) {
    folder = test_folder_make();
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_batches, .init = set_up, .fini = tear_down);

static void expect_in(const char *part, const char *text) {
    cr_expect_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

enum { CLIPS = 9, BROKEN = 2, PAIR = 4 };

/* Clips of two, three and one frames in turns, among them one that is none and one that is a batch of two itself. */
static void put_clips(const char *paths[CLIPS]) {
    static const size_t frames[CLIPS] = {2, 3, 0, 2, 0, 2, 3, 1, 2};
    for (size_t i = 0; i < CLIPS; i++) {
        char name[32];
        snprintf(name, sizeof name, "clip%zu.npy", i);
        paths[i] = in_folder(folder, name);
        if (frames[i]) put_clip(paths[i], 7 * i, frames[i]);
    }
    put_file(paths[BROKEN], "no clip at all");
    struct lipcl_context *ctx = NULL;
    struct lipcl_tensor *pair = NULL;
    cr_assert(lipcl_context_create(&ctx, NULL) == LIPCL_OK);
    struct lipcl_shape shape = {5, {2, 3, 2, LIPCL_LIPNET_HEIGHT, LIPCL_LIPNET_WIDTH}};
    cr_assert(lipcl_tensor_create(ctx, &pair, LIPCL_F32, &shape) == LIPCL_OK);
    for (size_t i = lipcl_tensor_count(pair) / 2; i < lipcl_tensor_count(pair); i++) ((float *)pair->data)[i] = 0.5f;
    cr_assert(lipcl_npy_save(ctx, paths[PAIR], pair) == LIPCL_OK);
    lipcl_tensor_destroy(&pair);
    lipcl_context_destroy(&ctx);
}

/* `read` of those clips with two more arguments; the caller releases the document. */
static json_t *read_clips(const char *const paths[CLIPS], const char *option, const char *value) {
    const char *arguments[CLIPS + 8] = {"read", "--device", "host", "--json", option, value};
    size_t count = value ? 6 : 5;
    for (size_t i = 0; i < CLIPS; i++) arguments[count++] = paths[i];
    struct program_run run = program_run(arguments, NULL);
    cr_expect_eq(run.status, 1, "%d: %s", run.status, run.err);
    expect_in(paths[BROKEN], run.err);
    json_t *document = program_json(&run);
    program_run_finish(&run);
    return document;
}

/* Where `document` tells something else of a clip than `wanted` does, but for times and sizes of batches. */
static void expect_same(const json_t *document, const json_t *wanted, const char *const paths[CLIPS]) {
    json_t *clips = json_object_get(document, "clips"), *others = json_object_get(wanted, "clips");
    cr_assert_eq(json_array_size(clips), CLIPS);
    for (size_t i = 0; i < CLIPS; i++) {
        json_t *clip = json_array_get(clips, i), *other = json_array_get(others, i);
        cr_expect_str_eq(json_string_value(json_object_get(clip, "clip")), paths[i], "clip %zu", i);
        cr_expect_eq(json_object_get(clip, "error") != NULL, i == BROKEN, "clip %zu", i);
        if (i == BROKEN) continue;
        cr_expect(json_equal(json_object_get(clip, "texts"), json_object_get(other, "texts")), "clip %zu", i);
        cr_expect(json_equal(json_object_get(clip, "frames"), json_object_get(other, "frames")), "clip %zu", i);
        cr_expect_gt(json_real_value(json_object_get(clip, "milliseconds")), 0, "clip %zu", i);
        cr_expect_eq(json_array_size(json_object_get(clip, "texts")), i == PAIR ? 2 : 1, "clip %zu", i);
    }
    expect_in(paths[BROKEN], json_string_value(json_object_get(json_array_get(clips, BROKEN), "error")));
}

static void expect_shared_with(const json_t *document, const json_int_t shared_with[CLIPS]) {
    for (size_t i = 0; i < CLIPS; i++) {
        json_t *clip = json_array_get(json_object_get(document, "clips"), i);
        cr_expect_eq(json_integer_value(json_object_get(clip, "shared_with")), shared_with[i], "clip %zu", i);
    }
}

/* On host every clip's numbers are those that it has alone, to the bit. */
Test(program_batches, any_batch_gives_the_same_in_the_order_given) {
    const char *paths[CLIPS];
    put_clips(paths);
    json_t *alone = read_clips(paths, "--no-overlap", NULL), *document = read_clips(paths, "--batch", "1");
    expect_same(alone, alone, paths);
    expect_same(document, alone, paths);
    json_decref(document);
    document = read_clips(paths, "--batch", "3");
    expect_same(document, alone, paths);
    expect_shared_with(document, (const json_int_t[CLIPS]){3, 2, 0, 3, 1, 3, 2, 1, 1});
    json_decref(document);
    document = read_clips(paths, "--batch", "8");
    expect_same(document, alone, paths);
    expect_shared_with(document, (const json_int_t[CLIPS]){4, 2, 0, 4, 1, 4, 2, 1, 4});
    json_decref(document);
    document = read_clips(paths, "--batch", "1000");
    expect_same(document, alone, paths);
    json_decref(document);
    json_decref(alone);
}

/* Five clips in batches of three are a full one and one that a blank clip fills up: there are two texts in it all the same. */
Test(program_batches, the_last_batch_is_filled_up) {
    const char *paths[5];
    for (size_t i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "clip%zu.npy", i);
        put_clip(paths[i] = in_folder(folder, name), 10 * i, 2);
    }
    const char *arguments[] = {"read",   "--device", "host",   "--batch", "3",  paths[0],
                               paths[1], paths[2],   paths[3], paths[4],  "-v", NULL};
    struct program_run run = program_run(arguments, NULL);
    cr_expect_eq(run.status, 0, "%s", run.err);
    const char *at = run.out;
    for (size_t i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "clip%zu.npy  ", i);
        cr_expect_eq(strncmp(at, name, strlen(name)), 0, "%zu: %s", i, run.out);
        at = strchr(at, '\n') + 1;
    }
    cr_expect_eq(strncmp(at, "5 clips in ", 11), 0, "%s", run.out);
    expect_in(" clips/s\n", at);
    program_run_finish(&run);
    arguments[10] = "--json";
    run = program_run(arguments, NULL);
    json_t *document = program_json(&run), *throughput = json_object_get(document, "throughput");
    cr_expect_eq(json_integer_value(json_object_get(throughput, "batch")), 3);
    cr_expect_eq(json_integer_value(json_object_get(throughput, "clips")), 5);
    cr_expect_eq(json_integer_value(json_object_get(throughput, "plans")), 1, "one for both batches");
    double seconds = json_real_value(json_object_get(throughput, "seconds"));
    double planning = json_real_value(json_object_get(throughput, "planning_seconds"));
    cr_expect(planning > 0 && planning < seconds, "%g %g", planning, seconds);
    cr_expect_float_eq(json_real_value(json_object_get(throughput, "clips_per_s")) * (seconds - planning), 5, 0.001);
    json_decref(document);
    program_run_finish(&run);
}

/* A clip of another length waits for company, but not for ever: more than four batches later it is told of, and others with it.
 */
Test(program_batches, a_lonely_clip_is_told_of_in_time) {
    enum { MANY = 24 };
    const char *arguments[MANY + 8] = {"read", "--device", "host", "--batch", "2", "--json"};
    const char *lonely = in_folder(folder, "lonely.npy"), *common = in_folder(folder, "common.npy");
    put_clip(lonely, 0, 2);
    put_clip(common, 0, 1);
    arguments[6] = lonely;
    for (size_t i = 1; i < MANY; i++) arguments[6 + i] = common;
    arguments[6 + MANY - 1] = lonely;
    struct program_run run = program_run(arguments, NULL);
    json_t *document = program_json(&run), *clips = json_object_get(document, "clips");
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(clips, 0), "shared_with")), 1);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(clips, 1), "shared_with")), 2);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(clips, MANY - 1), "shared_with")), 1);
    json_decref(document);
    program_run_finish(&run);
}

Test(program_batches, eval_counts_the_same_with_batches) {
    const char *paths[CLIPS], *manifest = in_folder(folder, "list.tsv");
    put_clips(paths);
    char list[512] = "";
    for (size_t i = 0; i < CLIPS; i++)
        if (i != PAIR) snprintf(list + strlen(list), sizeof list - strlen(list), "clip%zu.npy\tBIN BLUE\n", i);
    put_file(manifest, list);
    struct program_run one = RUN("eval", manifest, "--device", "host", "--json");
    struct program_run many = RUN("eval", manifest, "--device", "host", "--json", "--batch", "4");
    json_t *documents[] = {program_json(&one), program_json(&many)};
    cr_expect(one.status == 1 && many.status == 1);
    static const char *const same[] = {"sentences", "failed", "char_edits", "word_edits", "cer", "mean_wer"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        cr_expect(json_equal(json_object_get(documents[0], same[i]), json_object_get(documents[1], same[i])), "%s", same[i]);
    cr_expect_eq(json_integer_value(json_object_get(documents[1], "failed")), 1);
    for (size_t i = 0; i < CLIPS - 1; i++) {
        json_t *a = json_array_get(json_object_get(documents[0], "clips"), i);
        json_t *b = json_array_get(json_object_get(documents[1], "clips"), i);
        bool same_text = i == BROKEN || json_equal(json_object_get(a, "read"), json_object_get(b, "read"));
        cr_expect(same_text, "clip %zu", i);
        cr_expect(json_equal(json_object_get(a, "clip"), json_object_get(b, "clip")), "clip %zu", i);
    }
    json_decref(documents[0]);
    json_decref(documents[1]);
    program_run_finish(&one);
    program_run_finish(&many);
}

/* Trained weights and whole clips, on a device: what is read does not depend on the company. */
Test(program_batches, a_device_reads_the_same_with_any_batch) {
    static const char *const batches[] = {"1", "3", "8"};
    json_t *texts[3];
    for (size_t i = 0; i < 3; i++) {
        struct program_run run =
            RUN("eval", TEST_DATA_DIR "/clips/manifest.tsv", "--device", program_device(), "--json", "--batch", batches[i]);
        cr_assert_eq(run.status, 0, "%s", run.err);
        json_t *document = program_json(&run), *clip;
        size_t index;
        texts[i] = json_array();
        json_array_foreach(json_object_get(document, "clips"), index, clip) {
            json_array_append(texts[i], json_object_get(clip, "clip"));
            json_array_append(texts[i], json_object_get(clip, "read"));
        }
        cr_expect_eq(json_array_size(texts[i]), 16);
        cr_expect(json_equal(texts[i], texts[0]), "batch %s", batches[i]);
        json_decref(document);
        program_run_finish(&run);
    }
    for (size_t i = 0; i < 3; i++) json_decref(texts[i]);
}

/* Starts the program with its results thrown away. */
static pid_t start(const char *const *arguments) {
    extern char **environ;
    posix_spawn_file_actions_t actions;
    pid_t process;
    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    cr_assert_eq(posix_spawn(&process, LIPCL_PROGRAM, &actions, NULL, (char **)arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return process;
}

/* The most memory that reading `count` times the same clip takes, in KiB. */
static long peak_of_reading(const char *clip, size_t count) {
    const char *arguments[64] = {"lipcl", "read", "--device", program_device(), "--batch", "2"};
    struct rusage usage;
    int status;
    for (size_t i = 0; i < count; i++) arguments[6 + i] = clip;
    pid_t process = start(arguments);
    cr_assert_eq(wait4(process, &status, 0, &usage), process);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return usage.ru_maxrss;
}

/* A clip of 16 frames takes 1.5 MiB: 40 of them, decoded far faster than they run, are never there together. */
Test(program_batches, memory_does_not_grow_with_the_number_of_clips) {
    const char *clip = in_folder(folder, "clip.npy");
    put_clip(clip, 0, 16);
    setenv("ASAN_OPTIONS", "intercept_tls_get_addr=0:quarantine_size_mb=1",
           1);                /* a sanitizer keeps what was freed, which is not to count */
    peak_of_reading(clip, 2); /* compiles */
    long few = peak_of_reading(clip, 8), many = peak_of_reading(clip, 40);
    cr_expect_lt(many - few, 20 * 1024, "%ld KiB, then %ld KiB", few, many);
}

/* Interrupted amid a batch with clips ahead, the program is gone at once, and by the signal. */
Test(program_batches, an_interrupt_ends_it) {
    const char *clip = in_folder(folder, "clip.npy");
    put_clip(clip, 0, 75);
    const char *arguments[] = {"lipcl", "read", "--quiet", "--device", "host", "--batch", "2", clip, clip, clip, clip, NULL};
    pid_t process = start(arguments);
    nanosleep(&(struct timespec){1, 0}, NULL);
    cr_assert_eq(kill(process, SIGINT), 0);
    int status = 0;
    pid_t ended = 0;
    for (size_t i = 0; i < 50 && ended == 0; i++) {
        ended = waitpid(process, &status, WNOHANG);
        if (ended == 0) nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    if (ended == 0) kill(process, SIGKILL);
    cr_assert_eq(ended, process, "still there after 5 seconds");
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "%x", (unsigned)status);
}
