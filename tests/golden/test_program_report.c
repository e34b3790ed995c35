/* `lipcl profile --html`: the page holds the very document that --json prints, with a verification; --from makes one of saved
 * documents. What the page shows of it, tests/report/report_page.py asks in a browser. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/sabotage.h"

static char *folder;
static const char *clip, *page_file, *saved_file;

static void set_up(void) {
    folder = test_folder_make();
    clip = in_folder(folder, "short.npy");
    page_file = in_folder(folder, "page.html");
    saved_file = in_folder(folder, "saved.json");
    put_clip(clip, 6, 5);
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(program_report, .init = set_up, .fini = tear_down, .timeout = 240);

/* The document number `index` of the page; NULL where there is none. The caller frees it. */
static json_t *document_in(const char *page, size_t index) {
    static const char opening[] = "<script type=\"application/json\" class=\"profile\">";
    for (size_t i = 0; page && i <= index; i++) {
        page = strstr(page, opening);
        if (page) page += sizeof opening - 1;
    }
    return page ? json_loads(page, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static json_t *read_page(size_t index) {
    char *page = get_file(page_file);
    cr_assert_not_null(page);
    cr_expect(!strstr(page, ".js}}") && !strstr(page, ".css}}") && strstr(page, "--device-host:") &&
                  strstr(page, "const TERMS"),
              "a part of the page is missing");
    cr_expect(strncmp(page, "<!doctype html>", 15) == 0 && strstr(page, "</html>"));
    json_t *document = document_in(page, index);
    free(page);
    return document;
}

Test(program_report, a_page_holds_the_document_and_a_verification) {
    struct program_run run =
        RUN("profile", clip, "--device", "all,host", "--runs", "2", "--json", "--html", page_file, "--precision", "exact");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *printed = program_json(&run), *embedded = read_page(0), *device;
    cr_assert_not_null(embedded);
    cr_expect(json_equal(printed, embedded), "page and JSON disagree");
    cr_expect_null(read_page(1));
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(embedded, "options"), "precision")), "exact");
    size_t i, verified = 0;
    json_array_foreach(json_object_get(embedded, "devices"), i, device) {
        const json_t *verification = json_object_get(device, "verification"), *layers = json_object_get(device, "layers");
        const char *type = json_string_value(json_object_get(json_object_get(device, "device"), "type"));
        cr_expect_eq(json_is_null(verification), strcmp(type, "host") == 0, "`host` is what the others are held against");
        if (json_is_null(verification)) continue;
        cr_expect_str_eq(json_string_value(json_object_get(verification, "verdict")), "ok");
        cr_expect(json_is_true(json_object_get(verification, "texts_agree")));
        cr_expect_eq(json_array_size(json_object_get(verification, "layers")), json_array_size(layers));
        double share = json_number_value(json_object_get(json_array_get(layers, 1), "actual_limit_share"));
        const char *limited = json_string_value(json_object_get(json_array_get(layers, 1), "limited_by"));
        cr_expect(share > 0 && limited, "conv2 is limited by something");
        verified++;
    }
    cr_expect_gt(verified, 0);
    json_decref(printed);
    json_decref(embedded);
    program_run_finish(&run);
}

Test(program_report, a_kernel_that_is_wrong_shows) {
    sabotage(folder, "gru_cell.clh", "exp(-a)", "exp(-1.01f * a)");
    char *variable = NULL;
    cr_assert_gt(asprintf(&variable, "LIPCL_KERNEL_DIR=%s", folder), 0);
    const char *arguments[] = {"profile", clip, "--device", program_device(), "--runs", "1", "--html", page_file, NULL};
    struct program_run run = program_run(arguments, (const char *const[]){variable, "LIPCL_SELF_TEST=0", NULL});
    cr_expect_eq(run.status, 3, "%d: %s", run.status, run.err);
    cr_expect_not_null(strstr(run.out, "conv1"), "the tables are there all the same");
    json_t *embedded = read_page(0);
    const json_t *verification = json_object_get(json_array_get(json_object_get(embedded, "devices"), 0), "verification");
    cr_expect_str_eq(json_string_value(json_object_get(verification, "verdict")), "mismatch");
    cr_expect_str_eq(json_string_value(json_object_get(verification, "first_mismatch")), "gru1");
    cr_expect_eq(json_integer_value(json_object_get(embedded, "exit_status")), 3);
    json_decref(embedded);
    free(variable);
    program_run_finish(&run);
}

Test(program_report, saved_documents_make_a_page) {
    struct program_run run = RUN("profile", clip, "--device", "host", "--runs", "1", "--json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *printed = program_json(&run), *other = json_load_file(TEST_DATA_DIR "/profile.json", 0, NULL);
    put_file(saved_file, run.out);
    program_run_finish(&run);
    run = RUN("profile", "--html", page_file, "--from", saved_file, TEST_DATA_DIR "/profile.json");
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_expect_str_empty(run.out);
    json_t *first = read_page(0), *second = read_page(1);
    cr_expect(json_equal(printed, first) && json_equal(other, second));
    cr_expect(json_is_null(json_object_get(json_array_get(json_object_get(first, "devices"), 0), "verification")));
    json_decref(first);
    json_decref(second);
    json_decref(printed);
    json_decref(other);
    program_run_finish(&run);
}

static void expect_refused(struct program_run run, int status, const char *says) {
    cr_expect_eq(run.status, status, "%s", run.err);
    cr_expect_not_null(strstr(run.err, says), "%s is not in: %s", says, run.err);
    program_run_finish(&run);
}

Test(program_report, what_cannot_be_shown_is_refused) {
    expect_refused(RUN("profile", "--from", "a.json"), 2, "--html");
    expect_refused(RUN("profile", "--html", page_file, "--json", "--from", "a.json"), 2, "nothing else");
    expect_refused(RUN("profile", "--html", page_file, "--from", "/nonexistent/a.json"), 1, "/nonexistent/a.json");
    expect_refused(RUN("profile", "--no-verify"), 2, "without --html");
    expect_refused(RUN("profile", "a.safetensors", "b.mp4", "c.mp4"), 2, "c.mp4");
    put_file(saved_file, "{\"command\": \"bench\"}");
    expect_refused(RUN("profile", "--html", page_file, "--from", saved_file), 1, "it is no profile");
    put_file(saved_file, "{\"command\": \"profile\", \"format\": 2, \"devices\": []}");
    expect_refused(RUN("profile", "--html", page_file, "--from", saved_file), 1, "`format` is 1");
    put_file(saved_file, "{\"command\": ");
    expect_refused(RUN("profile", "--html", page_file, "--from", saved_file), 1, "line 1");
    expect_refused(RUN("profile", "--html", "/nonexistent/page.html", "--from", TEST_DATA_DIR "/profile.json"), 1,
                   "/nonexistent/page.html");
    cr_expect_null(get_file(page_file), "no half a page is left");
}
