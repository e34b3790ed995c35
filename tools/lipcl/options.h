/* options.h: the options that several subcommands share, spelled and checked in one place. */
#ifndef LIPCL_TOOLS_OPTIONS_H
#define LIPCL_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <popt.h>

#include <lipcl/context.h>
#include <lipcl/plan.h>

#include "command.h"

enum decoder { DECODER_GREEDY = 0, DECODER_BEAM };

/* What the command line said; the zero value is what it says when empty. Filled in once, by options_parse(). */
struct options {
    bool json;
    enum lipcl_log_level log_level;
    const char *device; /* NULL: $LIPCL_DEVICE, else auto */
    enum lipcl_gemm gemm;
    enum lipcl_precision precision;
    bool no_fusion;
    bool no_self_test; /* set by commands that check everything themselves and want to see what fails */
    const char *model; /* NULL: the weights that ship with lipcl */
    bool has_crop;
    size_t crop[4]; /* x, y, width, height in pixels of the clip */
    enum decoder decoder;
    const char *grammar; /* NULL: none */
    size_t batch;        /* clips a run of the device; 0 stands for 1 */
    bool no_overlap;     /* decode a clip only when its turn has come */
    size_t check_every;  /* a spot check in one run of so many; 0: never */
    size_t max_memory;   /* bytes on the device; 0: no limit */
    bool keep_values;    /* set by commands that look at layers after a run */
};
extern struct options options;

/* Groups for a command's own table: {NULL, 0, POPT_ARG_INCLUDE_TABLE, device_options, 0, "Device:", NULL}. */
extern struct poptOption device_options[], gemm_options[], fusion_options[], model_options[], crop_options[], decoder_options[],
    spot_options[], batch_options[], memory_options[];

enum parsed {
    PARSED_RUN,   /* the command is to be run with what is left, see `invocation` */
    PARSED_HELP,  /* --help was asked for, and printed on stdout */
    PARSED_USAGE, /* stderr says what is wrong */
};

/* Takes the command line from behind the command's name. *context owns the strings; the caller frees it with
 * poptFreeContext() when the command is done. */
enum parsed options_parse(poptContext *context, struct invocation *invocation, const struct command *command, int argc,
                          const char **argv);

/* How the command line wants a model planned. */
struct lipcl_plan_params options_plan(void);

/* Says on stderr what is wrong with the command line and where help is; returns EXIT_USAGE. */
enum exit_code usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a size such as 1000000, 64K, 512M or 1.5G (of 1024), with or without a final B or iB; false when it is none or 0. */
bool parse_size(const char *text, size_t *bytes);

/* Reads a whole decimal number without sign; false when it is anything else or too large. */
bool parse_number(const char *text, unsigned long long *number, unsigned long long max);

#endif
