/* Where a kernel's text comes from, and how its includes are resolved. */
#include "device/kernel_source.h"

#include "bad_file.h"
#include "base/embedded.h"

static void open_folder(void) {
    scratch_open();
    lipcl_context_destroy(&ctx);
    cr_assert(lipcl_context_create(&ctx, &(struct lipcl_context_params){.kernel_dir = scratch}) == LIPCL_OK);
}

TestSuite(kernel_source, .init = open_folder, .fini = scratch_close, .timeout = 60);

static void put(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

static void expect_source(const char *wanted) {
    char *source = NULL;
    cr_assert(kernel_source(ctx, &source, "main.cl") == LIPCL_OK, "%s", lipcl_context_error(ctx));
    cr_expect(strcmp(source, wanted) == 0, "\"%s\"", source);
    free(source);
}

static void refused(enum lipcl_status wanted, const char *reason) {
    char *source = (char *)&source;
    struct watch watch = watch_start();
    expect_refused(&watch, ".cl", kernel_source(ctx, &source, "main.cl"), wanted, reason);
    cr_expect(source == NULL);
}

Test(kernel_source, includes_are_replaced_line_by_line) {
    put("main.cl", "// first\n#include \"a.clh\"\nint x; // #include \"a.clh\"\n#include \"b.clh\" // and more\nint y;");
    put("a.clh", "int a;\n");
    put("b.clh", "#include \"a.clh\"\n#include <b.h>\n");
    expect_source("// first\nint a;\n\nint x; // #include \"a.clh\"\nint a;\n\n#include <b.h>\n\nint y;");
}

Test(kernel_source, an_include_may_end_the_file) {
    put("main.cl", "#include \"a.clh\"");
    put("a.clh", "");
    expect_source("");
}

Test(kernel_source, what_the_folder_lacks_is_embedded) {
    const struct embedded_file *common = embedded_kernels;
    while (common->name && strcmp(common->name, "common.clh") != 0) common++;
    cr_assert(common->name);
    put("main.cl", "#include \"common.clh\"");
    expect_source(common->text);
}

Test(kernel_source, only_names_in_the_folder_are_included) {
    static const char text[] =
        "#include \"../main.cl\"\n#include \"/etc/passwd\"\n#include \"\"\n#include \".\"\n#include \"a.clh\n";
    put("main.cl", text);
    expect_source(text); /* left for the compiler, which opens nothing either */
}

Test(kernel_source, a_missing_file_is_named) {
    put("main.cl", "#include \"none.clh\"\n");
    char *source = NULL;
    cr_expect(kernel_source(ctx, &source, "main.cl") == LIPCL_ERROR_NOT_FOUND);
    cr_expect(strstr(lipcl_context_error(ctx), "kernel file none.clh: not in the library"));
    cr_expect(source == NULL);
}

Test(kernel_source, cycles_end) {
    put("main.cl", "#include \"main.cl\"\n");
    refused(LIPCL_ERROR_FORMAT, "kernel file main.cl: includes nest too deeply");
}

/* Two files that include the next one as often as a file can, 60,000 times. */
Test(kernel_source, many_includes_end_soon) {
    static char text[1 << 20];
    size_t used = 0;
    while (used + 32 < sizeof text) used += (size_t)sprintf(text + used, "#include \"b.clh\"\n");
    put("a.clh", text);
    for (size_t i = 10; i < used; i += 17) text[i] = 'a';
    put("main.cl", text);
    put("b.clh", "");
    refused(LIPCL_ERROR_FORMAT, "kernel file b.clh: is included after 256 others");
}

/* A mebibyte, the most that a file may have, of nothing but short lines; and five of them by way of includes. */
Test(kernel_source, large_files_take_no_second) {
    enum { LENGTH = 1 << 20 };
    static char text[LENGTH + 1];
    memset(text, '\n', LENGTH);
    put("main.cl", text);
    struct watch watch = watch_start();
    expect_source(text);
    struct timespec end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    cr_expect(!MEMORY_IS_REAL || end.tv_sec - watch.start.tv_sec < 2);
    put("a.clh", text);
    put("main.cl", "#include \"a.clh\"\n#include \"a.clh\"\n#include \"a.clh\"\n#include \"a.clh\"\n#include \"a.clh\"\n");
    char *source = NULL;
    cr_expect(kernel_source(ctx, &source, "main.cl") == LIPCL_ERROR_FORMAT);
    cr_expect(strstr(lipcl_context_error(ctx), "kernel file a.clh: with its includes it is longer than 4194304 bytes"), "%s",
              lipcl_context_error(ctx));
}

Test(kernel_source, files_that_are_no_sources) {
    write_file("main.cl", "int a;\0int b;", 13);
    refused(LIPCL_ERROR_FORMAT, "a NUL byte");
    cr_assert(unlink(scratch_path) == 0 && mkfifo(scratch_path, 0600) == 0);
    refused(LIPCL_ERROR_ARGUMENT, "is not a regular file");
}
