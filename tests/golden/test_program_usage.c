/* The program's command line: help, versions, exit status, what goes to stdout and what to stderr. */
#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <lipcl/lipcl.h>

#include "support/program.h"

static const char *const commands[][2] = {{"devices", NULL}, {"read", NULL},    {"verify", NULL},    {"check", NULL},
                                          {"eval", NULL},    {"run", NULL},     {"model", "info"},   {"model", "init"},
                                          {"bench", NULL},   {"profile", NULL}, {"profile", "diff"}, {"tune", NULL}};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Lines of at most `columns` characters, none of which ends with a blank; no escape sequence anywhere. */
static void expect_tidy(const char *text, size_t columns) {
    cr_expect_null(strchr(text, '\033'), "colour where there is no terminal:\n%s", text);
    cr_expect_null(strstr(text, " \n"), "a blank at a line's end:\n%s", text);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        cr_expect_leq(length, columns, "a line of %zu characters:\n%.*s", length, (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static struct program_run run_command(size_t index, const char *option) {
    const char *arguments[4] = {0};
    size_t used = 0;
    arguments[used++] = commands[index][0];
    if (commands[index][1]) arguments[used++] = commands[index][1];
    arguments[used++] = option;
    return program_run(arguments, NULL);
}

Test(program_usage, help_names_every_command) {
    static const char *const ways[] = {"--help", "-h", "help"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct program_run run = RUN(ways[i]);
        cr_expect_eq(run.status, 0);
        cr_expect_str_empty(run.err);
        expect_tidy(run.out, 100);
        for (size_t k = 0; k < COMMANDS; k++) cr_expect_not_null(strstr(run.out, commands[k][0]), "%s", commands[k][0]);
        program_run_finish(&run);
    }
}

Test(program_usage, every_command_has_help_with_examples) {
    for (size_t i = 0; i < COMMANDS; i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "Usage: lipcl %s%s%s ", commands[i][0], commands[i][1] ? " " : "",
                 commands[i][1] ? commands[i][1] : "");
        struct program_run run = run_command(i, "--help");
        cr_expect_eq(run.status, 0, "%s", usage);
        cr_expect_str_empty(run.err);
        expect_tidy(run.out, 100);
        cr_expect_eq(strncmp(run.out, usage, strlen(usage)), 0, "begins with \"%s\":\n%s", usage, run.out);
        cr_expect_not_null(strstr(run.out, "--json"), "%s", usage);
        cr_expect_not_null(strstr(run.out, "Examples:\n  lipcl "), "%s", usage);
        program_run_finish(&run);
    }
}

Test(program_usage, help_command_is_the_same) {
    struct program_run one = RUN("read", "--help"), other = RUN("help", "read");
    cr_expect_str_eq(one.out, other.out);
    program_run_finish(&one);
    program_run_finish(&other);
    one = RUN("model", "--help"), other = RUN("help", "model");
    cr_expect_str_eq(one.out, other.out);
    cr_expect_not_null(strstr(one.out, "model info"));
    cr_expect_eq(one.status, 0);
    program_run_finish(&one);
    program_run_finish(&other);
}

Test(program_usage, version) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "lipcl %s\n", lipcl_version());
    struct program_run run = RUN("--version");
    cr_expect_eq(run.status, 0);
    cr_expect_str_eq(run.out, wanted);
    program_run_finish(&run);
}

/* Exit 2, nothing on stdout, a message that contains `message`, and a hint. */
static void expect_usage_error(const char *const *arguments, const char *message) {
    struct program_run run = program_run(arguments, NULL);
    cr_expect_eq(run.status, 2, "%s: exit %d", message, run.status);
    cr_expect_str_empty(run.out, "%s", message);
    cr_expect_not_null(strstr(run.err, message), "\"%s\" is not in:\n%s", message, run.err);
    cr_expect_not_null(strstr(run.err, "--help`"), "no hint in:\n%s", run.err);
    program_run_finish(&run);
}

Test(program_usage, nonsense_is_told_apart) {
    expect_usage_error((const char *const[]){NULL}, "a command is missing");
    expect_usage_error((const char *const[]){"reed", NULL}, "reed: no such command");
    expect_usage_error((const char *const[]){"", NULL}, "no such command");
    expect_usage_error((const char *const[]){"--json", "devices", NULL}, "--json: no such option here");
    expect_usage_error((const char *const[]){"model", NULL}, "model what?");
    expect_usage_error((const char *const[]){"model", "train", NULL}, "model train: no such command");
    expect_usage_error((const char *const[]){"help", "reed", NULL}, "reed: no such command");
    expect_usage_error((const char *const[]){"devices", "extra", NULL}, "too many arguments");
    expect_usage_error((const char *const[]){"read", NULL}, "an argument is missing");
    expect_usage_error((const char *const[]){"read", "--nonsense", "x", NULL}, "--nonsense: unknown option");
    expect_usage_error((const char *const[]){"read", "x", "--device", NULL}, "--device: missing argument");
    expect_usage_error((const char *const[]){"read", "x", "--gemm", "blas", NULL}, "--gemm blas");
    expect_usage_error((const char *const[]){"read", "x", "--precision", "half", NULL}, "--precision half");
    expect_usage_error((const char *const[]){"read", "x", "--decoder", "best", NULL}, "--decoder best");
    expect_usage_error((const char *const[]){"read", "x", "--decoder", "greedy", "--grammar", "grid", NULL}, "--grammar needs");
    expect_usage_error((const char *const[]){"run", "m", "x", NULL}, "-o OUT.npy is missing");
    expect_usage_error((const char *const[]){"run", "m", "-o", "y", NULL}, "an argument is missing");
    expect_usage_error((const char *const[]){"verify", "a", "b", "c", NULL}, "too many arguments");
    expect_usage_error((const char *const[]){"verify", "a.safetensors", "--model", "b", NULL}, "two models");
    expect_usage_error((const char *const[]){"verify", "--mode", "fast", NULL}, "--mode fast");
    expect_usage_error((const char *const[]){"check", "conv3d", NULL}, "too many arguments");
    expect_usage_error((const char *const[]){"check", "--fill", "zeros", NULL}, "--fill zeros");
    expect_usage_error((const char *const[]){"check", "-n", "many", NULL}, "--n many");
    expect_usage_error((const char *const[]){"eval", NULL}, "an argument is missing");
    expect_usage_error((const char *const[]){"model", "init", "x", NULL}, "--seed S is missing");
}

Test(program_usage, numbers_are_checked) {
    static const char *const crops[] = {"",        "1",        "1,2,3",    "1,2,3,4,5", "1,2,3,",
                                        "1,2,3,0", "-1,2,3,4", "1,2,3,4x", "1, 2,3,4",  "1,2,3,99999999999999999999"};
    static const char *const seeds[] = {"", "-1", "x", "1.5", "18446744073709551616", "7 "};
    static const char *const batches[] = {"", "0", "-1", "x", "2x", "1025", "99999999999999999999"};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        expect_usage_error((const char *const[]){"read", "x", "--batch", batches[i], NULL}, "--batch");
        expect_usage_error((const char *const[]){"eval", "x", "--batch", batches[i], NULL}, "--batch");
    }
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++)
        expect_usage_error((const char *const[]){"read", "x", "--crop", crops[i], NULL}, "--crop");
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        expect_usage_error((const char *const[]){"model", "init", "--seed", seeds[i], "x", NULL}, "--seed");
}

Test(program_usage, quiet_verbose_and_debug) {
    struct program_run quiet = RUN("devices", "-q"), plain = RUN("devices"), debug = RUN("devices", "--debug");
    struct program_run twice = RUN("devices", "-vv");
    cr_expect_str_empty(quiet.err);
    cr_expect_str_eq(quiet.out, plain.out);
    cr_expect_str_eq(debug.out, plain.out);
    cr_expect_str_eq(debug.err, twice.err);
    expect_tidy(plain.out, 400);
    program_run_finish(&quiet);
    program_run_finish(&plain);
    program_run_finish(&debug);
    program_run_finish(&twice);
}

Test(program_usage, devices_list_the_host_last) {
    struct program_run run = RUN("devices", "--json");
    cr_assert_eq(run.status, 0);
    json_t *document = program_json(&run), *devices = json_object_get(document, "devices");
    size_t count = json_array_size(devices);
    cr_assert_gt(count, 0);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(devices, count - 1), "select")), "host");
    cr_expect(json_is_true(json_object_get(json_array_get(devices, count - 1), "usable")));
    for (size_t i = 0; i + 1 < count; i++) {
        static const char *const keys[] = {"select", "type", "name", "platform", "opencl", "driver"};
        json_t *device = json_array_get(devices, i);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            cr_expect_gt(json_string_length(json_object_get(device, keys[k])), 0, "%s of device %zu", keys[k], i);
        if (json_is_false(json_object_get(device, "usable"))) continue;
        cr_expect_gt(json_integer_value(json_object_get(device, "compute_units")), 0);
        cr_expect_gt(json_integer_value(json_object_get(device, "memory_bytes")), 0);
        cr_expect_gt(json_integer_value(json_object_get(device, "largest_allocation_bytes")), 0);
    }
    json_decref(document);
    program_run_finish(&run);
}

Test(program_usage, devices_say_why_there_are_none) {
    static const char *const nothing[] = {"OCL_ICD_VENDORS=/nonexistent", NULL};
    struct program_run run = program_run((const char *const[]){"devices", NULL}, nothing);
    cr_expect_eq(run.status, 0);
    cr_expect_str_empty(run.err);
    cr_expect_not_null(strstr(run.out, "no OpenCL device: "), "%s", run.out);
    cr_expect_not_null(strstr(run.out, "host"), "%s", run.out);
    program_run_finish(&run);
    run = program_run((const char *const[]){"devices", "--json", NULL}, nothing);
    json_t *document = program_json(&run);
    cr_expect_eq(json_array_size(json_object_get(document, "devices")), 1);
    cr_expect_gt(json_string_length(json_object_get(document, "problem")), 0);
    cr_expect_str_eq(json_string_value(json_object_get(document, "default")), "host");
    json_decref(document);
    program_run_finish(&run);
}

Test(program_usage, a_full_stdout_is_an_error) {
    char command[1024];
    snprintf(command, sizeof command, "'%s' devices >/dev/full 2>/dev/null", LIPCL_PROGRAM);
    cr_expect_eq(WEXITSTATUS(system(command)), 1);
    snprintf(command, sizeof command, "'%s' --help >/dev/full 2>/dev/null", LIPCL_PROGRAM);
    cr_expect_eq(WEXITSTATUS(system(command)), 1);
}
