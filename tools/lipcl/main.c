/* main.c: finds the subcommand, runs it, and makes sure that what it printed has arrived.
 *
 * Results go to stdout, messages to stderr. Exit status: 0 ok, 1 failed, 2 usage, 3 mismatch (see command.h).
 */
#include <errno.h>
#include <locale.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"

static const struct command *const commands[] = {
    &command_devices, &command_read,    &command_verify,       &command_check, &command_eval,       &command_run,
    &command_bench,   &command_profile, &command_profile_diff, &command_tune,  &command_model_info, &command_model_init,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void list_commands(FILE *stream, const char *group) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strncmp(commands[i]->name, group, strlen(group)) == 0)
            fprintf(stream, "  %-12s  %s\n", commands[i]->name, commands[i]->summary);
}

static void print_help(void) {
    printf("Usage: lipcl COMMAND [ARGUMENTS] [OPTIONS]\n\n"
           "Reads lips: computes the network LipNet on any OpenCL device, and can prove that what\n"
           "the device computed is right.\n\n"
           "Commands:\n");
    list_commands(stdout, "");
    printf("\nOptions:\n"
           "  -h, --help   this text; `lipcl COMMAND --help` tells a command's options\n"
           "  --version    the version\n\n"
           "Results go to stdout, messages to stderr. Every command takes --json, -v and -q.\n"
           "Exit status: 0 ok, 1 something failed, 2 a command line that makes no sense, 3 a device\n"
           "computed something else than the reference.\n\n"
           "Environment:\n"
           "  LIPCL_DEVICE      the device, where --device names none\n"
           "  LIPCL_DATA_DIR    a folder to look in first for the weights and the clip that ship with lipcl\n"
           "  LIPCL_KERNEL_DIR  a folder of .cl files to use instead of the built-in ones of the same name\n"
           "  LIPCL_SELF_TEST   0: trust kernels without the test before their first use\n"
           "  LIPCL_TUNING      0: choose as if `lipcl tune` had never run\n"
           "  NO_COLOR          no colours, even on a terminal\n\n"
           "Examples:\n"
           "  lipcl devices\n"
           "  lipcl read clip.mp4\n"
           "  lipcl verify\n");
}

static int print_group_help(const char *group) {
    printf("Usage: lipcl %s COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n", group);
    list_commands(stdout, group);
    printf("\n`lipcl %s COMMAND --help` tells a command's options.\n", group);
    return EXIT_DONE;
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* Takes two words or one off the command line, "profile diff" before "profile"; NULL when they name no command. *taken tells
 * how many. */
static const struct command *find_command(int argc, char **argv, int *taken) {
    for (*taken = argc > 1 ? 2 : 1; *taken > 0; (*taken)--) {
        char *name = *taken == 1 ? format_text("%s", argv[0]) : format_text("%s %s", argv[0], argv[1]);
        const struct command *found = NULL;
        for (size_t i = 0; i < COMMANDS && !found; i++)
            if (strcmp(commands[i]->name, name) == 0) found = commands[i];
        free(name);
        if (found) return found;
    }
    return NULL;
}

/* True when `word` begins commands of two words. */
static bool is_group(const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i < COMMANDS; i++)
        if (length && strncmp(commands[i]->name, word, length) == 0 && commands[i]->name[length] == ' ') return true;
    return false;
}

static int unknown_command(int argc, char **argv) {
    bool group = is_group(argv[0]);
    if (group && argc == 1)
        complain("%s what? there are:", argv[0]);
    else if (group)
        complain("%s %s: no such command; there are:", argv[0], argv[1]);
    else if (argv[0][0] == '-')
        complain("%s: no such option here; a command comes first, its options follow. There are:", argv[0]);
    else
        complain("%s: no such command; there are:", argv[0]);
    list_commands(stderr, group ? argv[0] : "");
    say("try `lipcl %s%s--help`", group ? argv[0] : "", group ? " " : "");
    return EXIT_USAGE;
}

/* The document of a run that failed says why, too. */
static void print_document(json_t *document, enum exit_code code) {
    if (code == EXIT_FAILED && !json_object_get(document, "error"))
        document_set(document, "error", document_text(latest_error()));
    document_set(document, "exit_status", document_count(code));
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text) die_of_memory();
    print("%s\n", text);
    free(text);
}

static enum exit_code run_command(const struct command *command, int argc, char **argv) {
    poptContext context = NULL;
    struct invocation invocation = {0};
    enum exit_code code = EXIT_DONE;
    enum parsed parsed = options_parse(&context, &invocation, command, argc, (const char **)argv);
    if (parsed != PARSED_RUN) {
        poptFreeContext(context);
        return parsed == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    }
    struct lipcl_context_params params = {.log = message_log, .log_level = options.log_level, .progress = progress_step};
    if (lipcl_context_create(&invocation.ctx, &params) != LIPCL_OK) die_of_memory();
    invocation.document = document_object();
    document_set(invocation.document, "command", document_text(command->name));
    document_set(invocation.document, "lipcl", document_text(lipcl_version()));
    code = command->run(&invocation);
    if (options.json && code != EXIT_USAGE) print_document(invocation.document, code);
    json_decref(invocation.document);
    lipcl_context_destroy(&invocation.ctx);
    poptFreeContext(context);
    return code;
}

static int dispatch(int argc, char **argv) {
    int taken;
    if (argc == 0) {
        complain("a command is missing; there are:");
        list_commands(stderr, "");
        say("try `lipcl --help`");
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("lipcl %s\n", lipcl_version());
        return EXIT_DONE;
    }
    if (is_help(argv[0]) && argc == 1) {
        print_help();
        return EXIT_DONE;
    }
    if (is_help(argv[0])) { /* `lipcl help read` */
        const struct command *command = find_command(argc - 1, argv + 1, &taken);
        if (!command && is_group(argv[1])) return print_group_help(argv[1]);
        char *help[] = {argv[1], "--help", NULL};
        return command ? (int)run_command(command, 2, help) : unknown_command(argc - 1, argv + 1);
    }
    const struct command *command = find_command(argc, argv, &taken);
    if (command) return run_command(command, argc - taken + 1, argv + taken - 1);
    if (argc > 1 && is_group(argv[0]) && is_help(argv[1])) return print_group_help(argv[0]);
    return unknown_command(argc, argv);
}

/* What is large goes back to the system when it is freed, rather than into a heap that never shrinks. */
static void set_up_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
#endif
}

int main(int argc, char **argv) {
    set_up_memory();
    setlocale(LC_CTYPE, ""); /* for the width of names; numbers keep their point */
    int code = dispatch(argc - 1, argv + 1);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (fclose(stdout) != 0) written = false;
    if (written) return code;
    fprintf(stderr, "lipcl: error: the results could not be written to stdout: %s\n", strerror(errno));
    return EXIT_FAILED;
}
