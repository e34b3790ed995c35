#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

struct options options;

enum { OPTION_HELP = 1, OPTION_VERBOSE, OPTION_DEBUG, OPTION_QUIET, OPTION_JSON };

/* What popt writes to; options_check() turns it into `options`. Strings live as long as the program. */
static struct {
    char *device, *gemm, *precision, *model, *crop, *decoder, *grammar, *check_every, *batch, *max_memory;
    int no_fusion, no_overlap;
} raw;

static struct poptOption general_options[] = {
    {"json", '\0', POPT_ARG_NONE, NULL, OPTION_JSON, "one JSON document on stdout instead of text", NULL},
    {"verbose", 'v', POPT_ARG_NONE, NULL, OPTION_VERBOSE, "say on stderr what is being done; -vv says more", NULL},
    {"debug", '\0', POPT_ARG_NONE, NULL, OPTION_DEBUG, "the same as -vv", NULL},
    {"quiet", 'q', POPT_ARG_NONE, NULL, OPTION_QUIET, "errors only: no warnings, no progress", NULL},
    {"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "show this text", NULL},
    POPT_TABLEEND};

struct poptOption device_options[] = {
    {"device", 'd', POPT_ARG_STRING, &raw.device, 0,
     "auto, host, cpu, gpu, an index P:D of `lipcl devices`, or part of a name (default: $LIPCL_DEVICE, else auto)", "SEL"},
    POPT_TABLEEND};
struct poptOption gemm_options[] = {
    {"gemm", '\0', POPT_ARG_STRING, &raw.gemm, 0,
     "who multiplies matrices: CLBlast or lipcl's own kernel (default: clblast on GPUs, own on CPUs)", "clblast|own"},
    {"precision", '\0', POPT_ARG_STRING, &raw.precision, 0,
     "fast lets convolutions go by Winograd's filtering, with some ten times the rounding errors; exact does not (default: "
     "fast)",
     "fast|exact"},
    POPT_TABLEEND};
struct poptOption fusion_options[] = {{"no-fusion", '\0', POPT_ARG_NONE, &raw.no_fusion, 0,
                                       "every operator a layer of its own: slower, but each can be seen", NULL},
                                      POPT_TABLEEND};
struct poptOption model_options[] = {
    {"model", 'm', POPT_ARG_STRING, &raw.model, 0, "LipNet weights (default: those that ship with lipcl)", "FILE"},
    POPT_TABLEEND};
struct poptOption crop_options[] = {
    {"crop", '\0', POPT_ARG_STRING, &raw.crop, 0, "the mouth's place in a larger picture, in pixels", "X,Y,W,H"},
    POPT_TABLEEND};
struct poptOption decoder_options[] = {
    {"decoder", '\0', POPT_ARG_STRING, &raw.decoder, 0, "best class of every frame, or prefix beam search (default: greedy)",
     "greedy|beam"},
    {"grammar", '\0', POPT_ARG_STRING, &raw.grammar, 0,
     "only sentences of this grammar, by beam search: grid (the GRID corpus) or a file with a line of words a slot",
     "grid|FILE"},
    POPT_TABLEEND};

struct poptOption spot_options[] = {
    {"check-every", '\0', POPT_ARG_STRING, &raw.check_every, 0,
     "in one run of N, compute a random block of a random layer once more with the reference (16 costs below 1 %; default: 0, "
     "never)",
     "N"},
    POPT_TABLEEND};

enum { BATCH_MAX = 1024 };

struct poptOption batch_options[] = {
    {"batch", 'b', POPT_ARG_STRING, &raw.batch, 0, "clips of the same length that the device computes at a time (default: 1)",
     "N"},
    {"no-overlap", '\0', POPT_ARG_NONE, &raw.no_overlap, 0, "decode a clip when its turn has come, none ahead", NULL},
    POPT_TABLEEND};
struct poptOption memory_options[] = {
    {"max-memory", '\0', POPT_ARG_STRING, &raw.max_memory, 0,
     "bytes that the network may take on the device, such as 512M or 2G: layers and batches are computed in parts where they "
     "have to be",
     "SIZE"},
    POPT_TABLEEND};

enum exit_code usage_error(const struct command *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *sentence = format_text_va(format, args);
    va_end(args);
    complain("%s: %s", command->name, sentence);
    say("try `lipcl %s --help`", command->name);
    free(sentence);
    return EXIT_USAGE;
}

bool parse_number(const char *text, unsigned long long *number, unsigned long long max) {
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *number <= max;
}

bool parse_size(const char *text, size_t *bytes) {
    static const char units[] = "KMGT";
    char *end;
    if (*text < '0' || *text > '9') return false;
    double number = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        number *= (double)(1ull << 10 * (unit - units + 1));
        end++;
        if (*end == 'i' && end[1] == 'B') end++;
    }
    if (*end == 'B') end++;
    if (*end || !(number >= 1) || number >= (double)(SIZE_MAX / 2)) return false;
    *bytes = (size_t)number;
    return true;
}

static bool parse_crop(const char *text) {
    char copy[128];
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
    char *rest = copy;
    for (size_t i = 0; i < 4; i++) {
        char *part = strsep(&rest, ",");
        unsigned long long number;
        if (!part || !parse_number(part, &number, UINT32_MAX)) return false;
        options.crop[i] = (size_t)number;
    }
    options.has_crop = true;
    return rest == NULL && options.crop[2] > 0 && options.crop[3] > 0;
}

struct lipcl_plan_params options_plan(void) {
    return (struct lipcl_plan_params){.gemm = options.gemm,
                                      .precision = options.precision,
                                      .no_fusion = options.no_fusion,
                                      .no_self_test = options.no_self_test,
                                      .keep_values = options.keep_values,
                                      .max_memory = options.max_memory};
}

/* Turns what popt left in `raw` into `options`; false after a usage error. */
static bool options_check(const struct command *command) {
    options.device = raw.device;
    options.model = raw.model;
    options.grammar = raw.grammar;
    options.no_fusion = raw.no_fusion != 0;
    options.no_overlap = raw.no_overlap != 0;
    if (raw.gemm) {
        bool clblast = strcmp(raw.gemm, "clblast") == 0;
        if (!clblast && strcmp(raw.gemm, "own") != 0) {
            usage_error(command, "--gemm %s: it is clblast or own", raw.gemm);
            return false;
        }
        options.gemm = clblast ? LIPCL_GEMM_CLBLAST : LIPCL_GEMM_OWN;
    }
    if (raw.precision) {
        bool exact = strcmp(raw.precision, "exact") == 0;
        if (!exact && strcmp(raw.precision, "fast") != 0) {
            usage_error(command, "--precision %s: it is fast or exact", raw.precision);
            return false;
        }
        options.precision = exact ? LIPCL_PRECISION_EXACT : LIPCL_PRECISION_FAST;
    }
    if (raw.crop && !parse_crop(raw.crop)) {
        usage_error(command, "--crop %s: it is four whole numbers X,Y,W,H, with W and H above 0", raw.crop);
        return false;
    }
    unsigned long long every = 0;
    if (raw.check_every && !parse_number(raw.check_every, &every, SIZE_MAX)) {
        usage_error(command, "--check-every %s: it is a whole number, such as 16", raw.check_every);
        return false;
    }
    options.check_every = (size_t)every;
    unsigned long long batch = 0;
    if (raw.batch && (!parse_number(raw.batch, &batch, BATCH_MAX) || batch == 0)) {
        usage_error(command, "--batch %s: it is a whole number from 1 to %d, such as 8", raw.batch, BATCH_MAX);
        return false;
    }
    options.batch = (size_t)batch;
    if (every) options.keep_values = true;
    if (raw.max_memory && !parse_size(raw.max_memory, &options.max_memory)) {
        usage_error(command, "--max-memory %s: it is a size such as 512M or 2G", raw.max_memory);
        return false;
    }
    if (raw.decoder) {
        bool beam = strcmp(raw.decoder, "beam") == 0;
        if (!beam && strcmp(raw.decoder, "greedy") != 0) {
            usage_error(command, "--decoder %s: it is greedy or beam", raw.decoder);
            return false;
        }
        if (!beam && raw.grammar) {
            usage_error(command, "--grammar needs --decoder beam, which it implies");
            return false;
        }
        options.decoder = beam ? DECODER_BEAM : DECODER_GREEDY;
    }
    if (raw.grammar) options.decoder = DECODER_BEAM;
    return true;
}

/* popt prints "Usage: ..." and the options; the description goes in between. */
static void print_help(poptContext context, const struct command *command) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream) die_of_memory();
    poptPrintHelp(context, stream, 0);
    if (fclose(stream) != 0) die_of_memory();
    const char *table = strchr(text, '\n');
    printf("Usage: lipcl %s %s\n\n%s%s%s", command->name, command->usage, command->description,
           command->options ? "\nOptions:\n" : "", table ? table + 1 : "");
    if (command->examples) printf("\nExamples:\n%s", command->examples);
    free(text);
}

static void set_log_level(enum lipcl_log_level level) {
    options.log_level = level;
    messages_set_level(level);
}

enum parsed options_parse(poptContext *context, struct invocation *invocation, const struct command *command, int argc,
                          const char **argv) {
    static struct poptOption none[] = {POPT_TABLEEND}; /* static: the context keeps pointers to the tables */
    static struct poptOption table[] = {
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, none, 0, NULL, NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, general_options, 0, "Options of every command:", NULL},
        POPT_TABLEEND};
    if (command->options) table[0].arg = command->options;
    *context = poptGetContext("lipcl", argc, argv, table, 0);
    if (!*context) die_of_memory();
    int option;
    while ((option = poptGetNextOpt(*context)) > 0) {
        switch (option) {
        case OPTION_HELP: print_help(*context, command); return PARSED_HELP;
        case OPTION_JSON: options.json = true; break;
        case OPTION_QUIET: set_log_level(LIPCL_LOG_ERROR); break;
        case OPTION_DEBUG: set_log_level(LIPCL_LOG_DEBUG); break;
        case OPTION_VERBOSE: set_log_level(options.log_level == LIPCL_LOG_INFO ? LIPCL_LOG_DEBUG : LIPCL_LOG_INFO); break;
        default: break;
        }
    }
    if (option < -1) {
        usage_error(command, "%s: %s", poptBadOption(*context, POPT_BADOPTION_NOALIAS), poptStrerror(option));
        return PARSED_USAGE;
    }
    if (!options_check(command)) return PARSED_USAGE;
    const char **arguments = poptGetArgs(*context);
    size_t count = 0;
    while (arguments && arguments[count]) count++;
    if (count < command->min_arguments || count > command->max_arguments) {
        usage_error(command, "%s: lipcl %s %s",
                    count < command->min_arguments ? "an argument is missing" : "there are too many arguments", command->name,
                    command->usage);
        return PARSED_USAGE;
    }
    invocation->arguments = arguments;
    invocation->argument_count = count;
    return PARSED_RUN;
}
