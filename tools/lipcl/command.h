/* command.h: what a subcommand of lipcl is, and what it is handed. */
#ifndef LIPCL_TOOLS_COMMAND_H
#define LIPCL_TOOLS_COMMAND_H

#include <stddef.h>

#include <jansson.h>
#include <popt.h>

#include <lipcl/context.h>

/* The program's exit status. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,   /* something could not be done; stderr says what */
    EXIT_USAGE = 2,    /* the command line makes no sense */
    EXIT_MISMATCH = 3, /* a device computed something else than the reference, or took longer than it may */
};

/* One invocation. */
struct invocation {
    struct lipcl_context *ctx;
    const char *const *arguments; /* what is left of the command line beside the options */
    size_t argument_count;
    json_t *document; /* an object to fill in when options.json is set; printed at the end, whatever the exit status */
};

struct command {
    const char *name;                           /* one word, or two: "model init" */
    const char *summary;                        /* for the list of commands */
    const char *usage;                          /* the arguments: "CLIP... [OPTIONS]" */
    const char *description;                    /* for --help: paragraphs above the options ... */
    const char *examples;                       /* ... and lines below them */
    size_t min_arguments, max_arguments;        /* SIZE_MAX: any number */
    struct poptOption *options;                 /* its own, beside those of every command */
    enum exit_code (*run)(struct invocation *); /* results on stdout, unless options.json is set */
};

extern const struct command command_bench, command_check, command_devices, command_eval, command_model_info, command_model_init,
    command_profile, command_profile_diff, command_read, command_run, command_tune, command_verify;

#endif
